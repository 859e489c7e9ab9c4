//! The files of the hub's image: put together by `image/assemble.sh`, which the Dockerfile runs too, and read back here.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::archive::{Content, Entry};
use crate::command::run;

/// Fills `root` with what the image holds.
pub(super) fn assemble(repository: &Path, binary: &Path, root: &Path) -> Result<()> {
    run(Command::new("sh")
        .arg(repository.join("image/assemble.sh"))
        .arg(binary)
        .arg(root))
}

/// Everything below `root`, sorted by path. Owners are not read: all belongs to root.
pub(super) fn entries(root: &Path) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    collect(root, root, &mut found)?;
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Entry>) -> Result<()> {
    let listing =
        fs::read_dir(folder).with_context(|| format!("could not list {}", folder.display()))?;
    for entry in listing {
        let path = entry
            .with_context(|| format!("could not list {}", folder.display()))?
            .path();
        let look = fs::symlink_metadata(&path)
            .with_context(|| format!("could not look at {}", path.display()))?;
        let inside = path
            .strip_prefix(root)
            .with_context(|| format!("{} is elsewhere", path.display()))?;
        let content = if look.is_dir() {
            collect(root, &path, found)?;
            Content::Folder
        } else if look.is_file() {
            Content::File(path.clone())
        } else {
            bail!(
                "{} is neither a file nor a folder: an image has only these",
                path.display()
            );
        };
        found.push(Entry {
            path: inside.to_string_lossy().into_owned(),
            mode: look.permissions().mode() & 0o7777,
            owner: 0,
            content,
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn image_of_a_program_of_this_machine_holds_it_its_libraries_and_the_listed_files() {
        let scratch = tempfile::tempdir().unwrap();
        let root = scratch.path().join("root");
        let repository = crate::workspace::root().unwrap();
        assemble(&repository, Path::new("/bin/sh"), &root).unwrap();
        let entries = entries(&root).unwrap();
        let mode = |path: &str| {
            let found = entries.iter().find(|entry| entry.path == path);
            found.map(|entry| entry.mode)
        };
        assert_eq!(mode("usr/bin/sluice"), Some(0o755));
        assert_eq!(mode("etc/passwd"), Some(0o644));
        assert_eq!(mode("etc/ssl/certs/ca-certificates.crt"), Some(0o644));
        assert_eq!(mode("tmp"), Some(0o1777));
        let has_library = |name: &str| {
            let mut paths = entries.iter().map(|entry| entry.path.as_str());
            paths.any(|path| {
                path.rsplit('/')
                    .next()
                    .is_some_and(|file| file.starts_with(name))
            })
        };
        assert!(has_library("libc.so") && has_library("ld-linux"));
        assert!(entries.is_sorted_by(|one, other| one.path < other.path));
    }

    #[test]
    fn dockerfile_is_made_of_the_same_list() {
        let repository = crate::workspace::root().unwrap();
        let dockerfile = fs::read_to_string(repository.join("Dockerfile")).unwrap();
        assert!(dockerfile.contains("image/assemble.sh"));
        assert!(dockerfile.contains("ENTRYPOINT [\"/usr/bin/sluice\"]"));
        assert!(dockerfile.contains("USER 65532:65532"));
    }
}
