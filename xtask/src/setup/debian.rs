//! Debian packages: installed where we may, unpacked into the cache folder where we may not.
//! Unpacking needs no rights: the package lists it reads are fetched into the cache folder too.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::libclang;
use super::prerequisites::Prerequisite;
use crate::cache::Cache;
use crate::command::{is_available, output, run};
use crate::steps::step;

/// The version asked for where the release does not say which it prefers.
const FALLBACK_CLANG: &str = "14";

pub(crate) struct Debian {
    unpacked: PathBuf,
    install: bool,
    has_apt: bool,
    is_root: bool,
}

impl Debian {
    /// Looks at the machine; changes nothing.
    pub(crate) fn of_this_machine(cache: &Cache, install: bool) -> Result<Self> {
        let is_root = output(Command::new("id").arg("-u"))?.trim() == "0";
        let unpacked = cache.debian(&release());
        Ok(Self {
            unpacked,
            install,
            has_apt: is_available("apt-get", "--version"),
            is_root,
        })
    }

    /// Whether packages are installed rather than unpacked.
    pub(crate) fn may_install(&self) -> bool {
        self.install && self.is_root && self.has_apt
    }

    /// The folder that stands for `/` in unpacked packages.
    pub(crate) fn unpacked(&self) -> &Path {
        &self.unpacked
    }

    /// Brings every prerequisite that is missing, or says what a person has to do.
    pub(crate) fn provide(&self, wanted: &[Prerequisite]) -> Result<()> {
        let missing = self.missing(wanted);
        if missing.is_empty() {
            println!("    all there: {}", names(wanted));
            return Ok(());
        }
        if self.has_apt {
            let brought = if self.may_install() {
                self.install(&missing)
            } else {
                self.unpack(&missing)
            };
            // libclang has a second way, tried by its own module.
            if let Err(cause) = brought {
                if missing != [Prerequisite::Libclang] {
                    return Err(cause);
                }
                println!("    {cause:#}");
            }
        }
        let still: Vec<_> = self
            .missing(wanted)
            .into_iter()
            .filter(|one| *one != Prerequisite::Libclang)
            .collect();
        if !still.is_empty() {
            let advice: Vec<_> = still.iter().map(|one| one.advice()).collect();
            bail!("this machine lacks: {}", advice.join("; "));
        }
        Ok(())
    }

    /// Where programs and libraries of unpacked packages are found.
    pub(crate) fn search_paths(&self) -> Vec<(&'static str, std::ffi::OsString)> {
        let programs: Vec<PathBuf> = ["usr/bin", "usr/sbin", "sbin"]
            .iter()
            .map(|folder| self.unpacked().join(folder))
            .filter(|folder| folder.is_dir())
            .collect();
        let mut variables = Vec::new();
        if !programs.is_empty() {
            variables.push(("PATH", appended("PATH", &programs)));
        }
        let libraries = library_folders(self.unpacked());
        if !libraries.is_empty() {
            variables.push(("LD_LIBRARY_PATH", appended("LD_LIBRARY_PATH", &libraries)));
        }
        variables
    }

    fn missing(&self, wanted: &[Prerequisite]) -> Vec<Prerequisite> {
        wanted
            .iter()
            .copied()
            .filter(|one| !one.is_present(self.unpacked()))
            .collect()
    }

    fn install(&self, missing: &[Prerequisite]) -> Result<()> {
        step(&format!("install for {}", names(missing)), || {
            run(apt_get(&[]).args(["update", "-q"]))?;
            run(apt_get(&[])
                .args(["install", "-q", "-y", "--no-install-recommends"])
                .args(packages(missing, &self.preferred_clang(&[]))))
        })
    }

    fn unpack(&self, missing: &[Prerequisite]) -> Result<()> {
        step(
            &format!(
                "unpack into {} for {}",
                self.unpacked().display(),
                names(missing)
            ),
            || {
                if missing.contains(&Prerequisite::Compiler) {
                    bail!(
                        "{} cannot be unpacked: install it",
                        Prerequisite::Compiler.advice()
                    );
                }
                let options = self.private_lists()?;
                run(apt_get(&options).args(["update", "-q"]))?;
                let wanted = packages(missing, &self.preferred_clang(&options));
                let simulation = output(
                    apt_get(&options)
                        .args(["install", "--simulate", "-y", "--no-install-recommends"])
                        .args(wanted),
                )?;
                let closure = simulated_installs(&simulation);
                println!("    {} packages: {}", closure.len(), closure.join(" "));
                let archives = self.beside("archives");
                fs::create_dir_all(&archives)
                    .with_context(|| format!("could not make {}", archives.display()))?;
                run(apt_get(&options)
                    .current_dir(&archives)
                    .args(["download", "-q"])
                    .args(&closure))?;
                for archive in fs::read_dir(&archives)
                    .with_context(|| format!("could not list {}", archives.display()))?
                {
                    let archive = archive
                        .with_context(|| format!("could not list {}", archives.display()))?
                        .path();
                    run(Command::new("dpkg")
                        .arg("-x")
                        .arg(&archive)
                        .arg(self.unpacked()))?;
                }
                fs::remove_dir_all(&archives)
                    .with_context(|| format!("could not remove {}", archives.display()))?;
                Cache::mark_used(self.unpacked())
            },
        )
    }

    /// Options that make apt-get keep lists and cache in our folder, which needs no rights.
    fn private_lists(&self) -> Result<Vec<String>> {
        let state = self.beside("apt");
        Cache::mark_used(&state)?;
        for part in ["lists/partial", "cache/archives/partial"] {
            let folder = state.join(part);
            fs::create_dir_all(&folder)
                .with_context(|| format!("could not make {}", folder.display()))?;
        }
        let mut options = vec![
            format!("Dir::State::Lists={}", state.join("lists").display()),
            format!("Dir::Cache={}", state.join("cache").display()),
            "Debug::NoLocking=true".to_owned(),
        ];
        if self.is_root {
            // The unprivileged user that apt would switch to may not write into root's cache folder.
            options.push("APT::Sandbox::User=root".to_owned());
        }
        Ok(options)
    }

    /// A folder that must not be mistaken for part of an unpacked package.
    fn beside(&self, name: &str) -> PathBuf {
        self.unpacked.with_extension(name)
    }

    /// The version that the release's `libclang-dev` stands for.
    fn preferred_clang(&self, options: &[String]) -> String {
        let mut command = Command::new("apt-cache");
        for option in options {
            command.args(["-o", option]);
        }
        output(command.args(["depends", "libclang-dev"]))
            .ok()
            .and_then(|depends| libclang::version_in(&depends))
            .unwrap_or_else(|| FALLBACK_CLANG.to_owned())
    }
}

fn apt_get(options: &[String]) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    for option in options {
        command.args(["-o", option]);
    }
    command
}

fn packages(missing: &[Prerequisite], clang: &str) -> Vec<String> {
    missing.iter().flat_map(|one| one.packages(clang)).collect()
}

fn names(prerequisites: &[Prerequisite]) -> String {
    prerequisites
        .iter()
        .map(|one| format!("{one:?}"))
        .collect::<Vec<_>>()
        .join(", ")
}

/// The names in the lines `Inst NAME (…)` of `apt-get install --simulate`.
fn simulated_installs(simulation: &str) -> Vec<String> {
    let name = |line: &str| {
        line.strip_prefix("Inst ")?
            .split_whitespace()
            .next()
            .map(str::to_owned)
    };
    simulation.lines().filter_map(name).collect()
}

/// The release and the architecture, as a folder name: files of one do not run on another.
fn release() -> String {
    let text = fs::read_to_string("/etc/os-release").unwrap_or_default();
    let field = |wanted: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(wanted)?.strip_prefix('='))
            .map(|value| value.trim_matches('"').to_owned())
    };
    let id = field("ID").unwrap_or_else(|| "linux".to_owned());
    let version = field("VERSION_ID").unwrap_or_else(|| "rolling".to_owned());
    format!("{id}-{version}-{}", std::env::consts::ARCH).replace('.', "_")
}

/// The folders of shared libraries below an unpacked root.
fn library_folders(root: &Path) -> Vec<PathBuf> {
    let mut folders = Vec::new();
    for base in ["usr/lib", "lib"] {
        let Ok(entries) = fs::read_dir(root.join(base)) else {
            continue;
        };
        folders.extend(entries.flatten().map(|entry| entry.path()).filter(|path| {
            path.is_dir()
                && path
                    .file_name()
                    .is_some_and(|name| name.to_string_lossy().ends_with("-linux-gnu"))
        }));
    }
    folders
}

fn appended(name: &str, folders: &[PathBuf]) -> std::ffi::OsString {
    let mut value = std::env::var_os(name).unwrap_or_default();
    for folder in folders {
        if !value.is_empty() {
            value.push(":");
        }
        value.push(folder);
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn simulation_names_every_package_it_would_install() {
        let simulation = "Reading package lists...\nInst libllvm14 (1:14.0.6-12 Debian:12.5/stable [amd64])\n\
            Inst libclang1-14 (1:14.0.6-12 Debian:12.5/stable [amd64])\nConf libllvm14 (1:14.0.6-12)\n";
        assert_eq!(
            simulated_installs(simulation),
            ["libllvm14", "libclang1-14"]
        );
    }

    #[test]
    fn only_folders_of_an_architecture_hold_shared_libraries() {
        let root = tempfile::tempdir().unwrap();
        for folder in [
            "usr/lib/x86_64-linux-gnu",
            "usr/lib/llvm-14",
            "lib/x86_64-linux-gnu",
        ] {
            fs::create_dir_all(root.path().join(folder)).unwrap();
        }
        let found = library_folders(root.path());
        assert_eq!(
            found,
            [
                root.path().join("usr/lib/x86_64-linux-gnu"),
                root.path().join("lib/x86_64-linux-gnu")
            ]
        );
    }
}
