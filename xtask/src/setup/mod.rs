//! Puts what building and testing need into place and says with which variables cargo is to run.
//! Asks nothing: as root it installs Debian packages; otherwise, or when told not to, it unpacks them into the cache folder.

mod debian;
mod libclang;
mod prerequisites;
mod rocksdb;
mod tools;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::steps::step;
use crate::workspace::{self, Metadata};
use debian::Debian;
pub(crate) use prerequisites::Prerequisite;

/// What the caller allows.
#[derive(Clone, Copy)]
pub(crate) struct Choice {
    /// May install Debian packages where we are root.
    pub(crate) install: bool,
}

/// What the machine is prepared for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Compile the workspace.
    Build,
    /// Compile, and run every test.
    Test,
    /// Compile, and run the hub with the sample on real data.
    Sample,
    /// As for the sample, and the existing command line client.
    Client,
}

/// A machine that is ready: how to call cargo, and where unpacked packages lie.
pub(crate) struct Prepared {
    pub(crate) root: PathBuf,
    pub(crate) cache: Cache,
    variables: Vec<(&'static str, OsString)>,
    unpacked: PathBuf,
}

/// Prepares the machine. A second checkout waits here until the first is done.
pub(crate) fn prepare(choice: Choice, purpose: Purpose) -> Result<Prepared> {
    let root = workspace::root()?;
    let cache = Cache::open()?;
    let held = cache.lock()?;
    cache.keep_small(&held)?;

    let debian = Debian::of_this_machine(&cache, choice.install)?;
    let mut variables = step("build prerequisites", || {
        let wanted = prerequisites::wanted(purpose, debian.may_install());
        debian.provide(&wanted)?;
        libclang::variables(&debian, &cache)
    })?;
    variables.extend(debian.search_paths());

    let toolchain = workspace::toolchain(&root)?;
    let target = given("CARGO_TARGET_DIR").unwrap_or_else(|| cache.target(&toolchain));
    Cache::mark_used(&target)?;
    let library = match given("ROCKSDB_LIB_DIR") {
        Some(folder) => folder,
        None => {
            let metadata = step("sources of the dependencies", || Metadata::read(&root))?;
            rocksdb::provide(&cache, &toolchain, &metadata)?
        }
    };
    println!(
        "    target folder {}, RocksDB library {}",
        target.display(),
        library.display()
    );
    variables.push(("CARGO_TARGET_DIR", target.into()));
    variables.push(("ROCKSDB_LIB_DIR", library.into()));
    variables.push(("ROCKSDB_STATIC", "1".into()));
    // Checkouts share the target folder. Build scripts that read files of theirs run again in another checkout: by the times
    // of the files alone cargo would take what was made from the other one's.
    variables.push(("BUILD_CHECKOUT", root.clone().into()));
    Ok(Prepared {
        root,
        cache,
        variables,
        unpacked: debian.unpacked().to_path_buf(),
    })
}

impl Prepared {
    /// Cargo in the workspace's root, with everything it needs to find.
    pub(crate) fn cargo(&self) -> Command {
        self.program(workspace::cargo())
    }

    /// Any program, with the same variables and folder as cargo.
    pub(crate) fn program(&self, mut command: Command) -> Command {
        command.current_dir(&self.root);
        for (name, _) in std::env::vars_os() {
            let shown = name.to_string_lossy();
            // What cargo set for xtask itself would say the wrong thing to a cargo below it.
            if shown.starts_with("CARGO_PKG_")
                || shown.starts_with("CARGO_MANIFEST_")
                || shown == "CARGO_CRATE_NAME"
            {
                command.env_remove(&name);
            }
        }
        command.envs(self.variables.iter().map(|(name, value)| (*name, value)));
        command
    }

    /// The value of one of the variables that cargo gets.
    pub(crate) fn variable(&self, name: &str) -> Result<&OsString> {
        let found = self
            .variables
            .iter()
            .find(|(candidate, _)| *candidate == name);
        Ok(&found
            .with_context(|| format!("the set-up does not set {name}"))?
            .1)
    }

    /// The hub's binary, compiled now if it is not current. With the features that dependencies have for the tests, so that they
    /// are not compiled a second time.
    pub(crate) fn hub_binary(&self) -> Result<PathBuf> {
        self.binary("sluice")
    }

    /// Any program of the workspace, in the same way.
    pub(crate) fn binary(&self, name: &str) -> Result<PathBuf> {
        let build = ["build", "--workspace", "--locked", "--bin", name];
        step(&format!("compile {name}"), || {
            crate::command::run(self.cargo().args(build))
        })?;
        let binary = Path::new(self.variable("CARGO_TARGET_DIR")?)
            .join("debug")
            .join(name);
        if !binary.is_file() {
            bail!("cargo built no {}", binary.display());
        }
        Ok(binary)
    }

    /// A file that a Debian package brings, where it is installed or where it was unpacked.
    pub(crate) fn package_file(&self, absolute: &str) -> PathBuf {
        let installed = PathBuf::from(absolute);
        if installed.exists() {
            installed
        } else {
            inside(&self.unpacked, absolute)
        }
    }
}

/// A variable that the caller set: it wins over ours.
fn given(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// An absolute path as it lies below `folder`.
fn inside(folder: &Path, absolute: &str) -> PathBuf {
    folder.join(absolute.trim_start_matches('/'))
}

/// For commands that start programs of packages but compile nothing: where each was found, as a path, and the variables with
/// which it finds the others.
pub(crate) struct Programs {
    unpacked: PathBuf,
    pub(crate) variables: Vec<(&'static str, OsString)>,
}

impl Programs {
    pub(crate) fn provide(choice: Choice, wanted: &[Prerequisite]) -> Result<Self> {
        let cache = Cache::open()?;
        let _held = cache.lock()?;
        let debian = Debian::of_this_machine(&cache, choice.install)?;
        debian.provide(wanted)?;
        Ok(Self {
            unpacked: debian.unpacked().to_path_buf(),
            variables: debian.search_paths(),
        })
    }

    /// A file that a package brings, where it is installed or where it was unpacked.
    pub(crate) fn file(&self, absolute: &str) -> PathBuf {
        let installed = PathBuf::from(absolute);
        if installed.exists() {
            installed
        } else {
            inside(&self.unpacked, absolute)
        }
    }
}

/// For commands that need files of packages but compile nothing.
pub(crate) fn provide_files(choice: Choice) -> Result<impl Fn(&str) -> PathBuf> {
    let cache = Cache::open()?;
    let _held = cache.lock()?;
    let debian = Debian::of_this_machine(&cache, choice.install)?;
    debian.provide(Prerequisite::SAMPLE_TABLES)?;
    let unpacked = debian.unpacked().to_path_buf();
    Ok(move |absolute: &str| {
        let installed = PathBuf::from(absolute);
        if installed.exists() {
            installed
        } else {
            inside(&unpacked, absolute)
        }
    })
}
