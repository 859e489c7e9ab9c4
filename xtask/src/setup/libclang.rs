//! Finds libclang, with which bindgen reads RocksDB's header, or unpacks the wheel that carries it.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::debian::Debian;
use super::{given, inside};
use crate::cache::Cache;
use crate::command::{output, run};
use crate::steps::step;

const WHEEL_VERSION: &str = "18.1.1";

/// Where a libclang is and what bindgen must be told to use it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Libclang {
    /// None where bindgen finds it by itself.
    folder: Option<PathBuf>,
    /// It lies beside no compiler headers, so bindgen needs the C compiler's.
    lacks_headers: bool,
}

/// The variables that let bindgen find libclang; the last resort is the wheel.
pub(crate) fn variables(debian: &Debian, cache: &Cache) -> Result<Vec<(&'static str, OsString)>> {
    let found = match find(debian.unpacked()) {
        Some(found) => found,
        None => Libclang::elsewhere(wheel(cache)?),
    };
    let mut variables = Vec::new();
    if let Some(folder) = found.folder {
        variables.push(("LIBCLANG_PATH", folder.into_os_string()));
    }
    if found.lacks_headers && given("BINDGEN_EXTRA_CLANG_ARGS").is_none() {
        let headers = output(Command::new("cc").arg("-print-file-name=include"))?;
        variables.push((
            "BINDGEN_EXTRA_CLANG_ARGS",
            format!("-I{}", headers.trim()).into(),
        ));
    }
    Ok(variables)
}

/// Looks where the caller says, then in the system, then among the unpacked packages.
pub(crate) fn find(unpacked: &Path) -> Option<Libclang> {
    if let Some(folder) = given("LIBCLANG_PATH") {
        return holds_libclang(&folder).then(|| Libclang::elsewhere(folder));
    }
    if let Some(folder) = search(Path::new("/")) {
        let lacks_headers = !has_headers(&folder);
        return Some(Libclang {
            folder: None,
            lacks_headers,
        });
    }
    search(unpacked).map(Libclang::elsewhere)
}

impl Libclang {
    /// Outside the system a libclang does not find its headers, even where they lie beside it.
    fn elsewhere(folder: PathBuf) -> Self {
        Self {
            folder: Some(folder),
            lacks_headers: true,
        }
    }
}

/// The version in the line `Depends: libclang-14-dev` of `apt-cache depends`.
pub(crate) fn version_in(depends: &str) -> Option<String> {
    let version = |line: &str| {
        let version = line
            .trim()
            .strip_prefix("Depends: libclang-")?
            .strip_suffix("-dev")?;
        version
            .bytes()
            .all(|byte| byte.is_ascii_digit())
            .then(|| version.to_owned())
    };
    depends.lines().find_map(version)
}

/// The folder below `root` that holds a libclang; the versioned ones first, for they have headers beside them.
fn search(root: &Path) -> Option<PathBuf> {
    let libraries = inside(root, "/usr/lib");
    let mut folders: Vec<PathBuf> = fs::read_dir(&libraries)
        .ok()?
        .flatten()
        .map(|entry| entry.path())
        .collect();
    folders.sort();
    let (versioned, others): (Vec<_>, Vec<_>) = folders.into_iter().partition(|folder| {
        folder
            .file_name()
            .is_some_and(|name| name.to_string_lossy().starts_with("llvm-"))
    });
    let versioned = versioned.into_iter().rev().map(|folder| folder.join("lib"));
    let beside = [
        libraries,
        inside(root, "/usr/lib64"),
        inside(root, "/usr/local/lib"),
    ];
    versioned
        .chain(others)
        .chain(beside)
        .find(|folder| holds_libclang(folder))
}

fn holds_libclang(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else {
        return false;
    };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let versioned = name
            .strip_prefix("libclang-")
            .is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()));
        (versioned || name.starts_with("libclang.so"))
            && name.contains(".so")
            && entry.path().exists()
    })
}

/// Whether clang's own headers lie where this libclang looks for them: `clang/VERSION/include` beside it.
fn has_headers(folder: &Path) -> bool {
    let Ok(versions) = fs::read_dir(folder.join("clang")) else {
        return false;
    };
    versions
        .flatten()
        .any(|version| version.path().join("include/stddef.h").exists())
}

fn wheel(cache: &Cache) -> Result<PathBuf> {
    let folder = cache.wheel("libclang", WHEEL_VERSION);
    let library = folder.join(format!(
        "libclang-{WHEEL_VERSION}.data/platlib/clang/native"
    ));
    if !holds_libclang(&library) {
        step(
            &format!("unpack the libclang wheel into {}", folder.display()),
            || {
                fs::create_dir_all(&folder)
                    .with_context(|| format!("could not make {}", folder.display()))?;
                let python = |arguments: &[&str]| {
                    run(Command::new("python3")
                        .current_dir(&folder)
                        .arg("-m")
                        .args(arguments))
                };
                let requirement = format!("libclang=={WHEEL_VERSION}");
                python(&[
                    "pip",
                    "download",
                    "--quiet",
                    "--no-deps",
                    "--only-binary",
                    ":all:",
                    "--dest",
                    ".",
                    &requirement,
                ])?;
                let archive = fs::read_dir(&folder)
                    .with_context(|| format!("could not list {}", folder.display()))?
                    .flatten()
                    .map(|entry| entry.path())
                    .find(|path| path.extension().is_some_and(|extension| extension == "whl"))
                    .context("pip downloaded no wheel")?;
                python(&["zipfile", "-e", &archive.to_string_lossy(), "."])?;
                fs::remove_file(&archive)
                    .with_context(|| format!("could not remove {}", archive.display()))
            },
        )?;
    }
    if !holds_libclang(&library) {
        bail!("the libclang wheel has no library in {}", library.display());
    }
    Cache::mark_used(&folder)?;
    Ok(library)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(root: &Path, file: &str) {
        let path = inside(root, file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
    }

    #[test]
    fn newest_versioned_folder_is_preferred_and_the_cpp_library_is_not_mistaken_for_it() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "/usr/lib/x86_64-linux-gnu/libclang-cpp.so.14");
        assert_eq!(search(root.path()), None);
        put(root.path(), "/usr/lib/llvm-14/lib/libclang-14.so.1");
        put(root.path(), "/usr/lib/llvm-16/lib/libclang.so.1");
        assert_eq!(
            search(root.path()),
            Some(root.path().join("usr/lib/llvm-16/lib"))
        );
    }

    #[test]
    fn headers_count_only_beside_the_library() {
        let root = tempfile::tempdir().unwrap();
        put(root.path(), "/usr/lib/llvm-14/lib/libclang.so.1");
        let folder = root.path().join("usr/lib/llvm-14/lib");
        assert!(!has_headers(&folder));
        put(
            root.path(),
            "/usr/lib/llvm-14/lib/clang/14.0.6/include/stddef.h",
        );
        assert!(has_headers(&folder));
    }

    #[test]
    fn version_is_read_from_what_the_release_prefers() {
        assert_eq!(
            version_in("libclang-dev\n  Depends: libclang-14-dev\n"),
            Some("14".to_owned())
        );
        assert_eq!(
            version_in("libclang-dev\n  Depends: libclang-dev-tools\n"),
            None
        );
    }
}
