//! The folder of one cluster, which holds everything it writes, and its lock. Only this file knows the paths in it.

use std::fs::{self, File, TryLockError};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context, Result, bail};

use crate::cache::Cache;
use crate::steps::step;

/// The name of a cluster. It is part of names that the whole machine shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Id(String);

impl FromStr for Id {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let is_plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        if (1..=20).contains(&text.len()) && text.bytes().all(is_plain) {
            Ok(Self(text.to_owned()))
        } else {
            Err("an id has 1 to 20 lower-case letters, digits and hyphens".to_owned())
        }
    }
}

impl std::fmt::Display for Id {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.0)
    }
}

/// `<cache>/clusters/<id>`
#[derive(Clone)]
pub(super) struct Folder(PathBuf);

/// While it lives, no other command changes the cluster.
pub(super) struct FolderLock {
    _file: File,
}

impl Folder {
    pub(super) fn of(id: &Id) -> Result<Self> {
        Ok(Self(Cache::open()?.clusters().join(&id.0)))
    }

    pub(super) fn at(path: &Path) -> Self {
        Self(path.to_path_buf())
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn exists(&self) -> bool {
        self.0.exists()
    }

    pub(super) fn state(&self) -> PathBuf {
        self.0.join("cluster.json")
    }

    /// Where the supervisor takes requests.
    pub(super) fn control(&self) -> PathBuf {
        self.0.join("control")
    }

    /// Locked by the supervisor as long as it lives.
    pub(super) fn supervisor_lock(&self) -> PathBuf {
        self.0.join("supervisor.lock")
    }

    pub(super) fn certificates(&self) -> PathBuf {
        self.0.join("certificates")
    }

    /// A file of ours that a component is configured with.
    pub(super) fn config(&self, name: &str) -> PathBuf {
        self.0.join("config").join(name)
    }

    /// Data of a component of the control plane.
    pub(super) fn component(&self, name: &str) -> PathBuf {
        self.0.join("data").join(name)
    }

    pub(super) fn logs(&self) -> PathBuf {
        self.0.join("logs")
    }

    pub(super) fn log(&self, name: &str) -> PathBuf {
        self.logs().join(format!("{name}.log"))
    }

    pub(super) fn images(&self) -> PathBuf {
        self.0.join("images")
    }

    /// For the machine's users and for tests.
    pub(super) fn kubeconfig(&self) -> PathBuf {
        self.0.join("kubeconfig")
    }

    /// For those inside.
    pub(super) fn kubeconfig_of(&self, user: &str) -> PathBuf {
        self.config(&format!("{user}.kubeconfig"))
    }

    /// The address on which the forwarder listens, once it does.
    pub(super) fn forwarded(&self) -> PathBuf {
        self.0.join("api-address")
    }

    /// There once the API server has answered.
    pub(super) fn api_is_ready(&self) -> PathBuf {
        self.0.join("api-is-ready")
    }

    pub(super) fn node(&self, name: &str) -> PathBuf {
        self.0.join("nodes").join(name)
    }

    /// Makes the folders that do not depend on nodes.
    pub(super) fn make(&self) -> Result<()> {
        let parts = [
            self.certificates(),
            self.config(""),
            self.component(""),
            self.logs(),
            self.images(),
        ];
        for part in parts {
            fs::create_dir_all(&part)
                .with_context(|| format!("could not make {}", part.display()))?;
        }
        Ok(())
    }

    /// Waits until no other command works on the cluster, and says so while it waits. Makes the folder.
    pub(super) fn lock(&self) -> Result<FolderLock> {
        loop {
            fs::create_dir_all(&self.0)
                .with_context(|| format!("could not make {}", self.0.display()))?;
            let file = File::open(&self.0)
                .with_context(|| format!("could not open {}", self.0.display()))?;
            match file.try_lock() {
                Ok(()) => {}
                Err(TryLockError::WouldBlock) => {
                    step("wait: another command works on this cluster", || {
                        file.lock()
                            .with_context(|| format!("could not lock {}", self.0.display()))
                    })?;
                }
                Err(TryLockError::Error(cause)) => {
                    return Err(cause)
                        .with_context(|| format!("could not lock {}", self.0.display()));
                }
            }
            // Who held it may have removed the folder; then what is locked is no longer there.
            let locked = file.metadata().map(|found| found.ino()).ok();
            let there = fs::metadata(&self.0).map(|found| found.ino()).ok();
            if locked == there {
                return Ok(FolderLock { _file: file });
            }
        }
    }

    /// Whether the supervisor of this cluster lives.
    pub(super) fn is_supervised(&self) -> Result<bool> {
        let path = self.supervisor_lock();
        match File::open(&path) {
            Err(_) => Ok(false),
            Ok(file) => match file.try_lock() {
                Ok(()) => Ok(false),
                Err(TryLockError::WouldBlock) => Ok(true),
                Err(TryLockError::Error(cause)) => {
                    Err(cause).with_context(|| format!("could not lock {}", path.display()))
                }
            },
        }
    }

    /// Nodes cover some folders of the machine with their own: what lies there they would not see.
    pub(super) fn is_seen_by_nodes(&self) -> Result<()> {
        for covered in ["/run", "/var/lib", "/var/log", "/var/run"] {
            if self.0.starts_with(covered) {
                bail!(
                    "the cache folder lies in {covered}, which every node covers with its own: set XDG_CACHE_HOME to a folder elsewhere"
                );
            }
        }
        let text = self.0.to_string_lossy();
        if text.contains(['"', '\\', '\'', ',', ' ']) {
            bail!(
                "the cache folder's name {text} cannot stand in the components' configuration: set XDG_CACHE_HOME to a plain one"
            );
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn id_is_plain_and_short() {
        assert!("ci-2".parse::<Id>().is_ok());
        for wrong in ["", "A", "a/b", "a b", "a123456789012345678901"] {
            assert!(wrong.parse::<Id>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn folder_that_nodes_cover_is_refused() {
        assert!(
            Folder::at(Path::new("/var/lib/x"))
                .is_seen_by_nodes()
                .is_err()
        );
        assert!(
            Folder::at(Path::new("/home/x y"))
                .is_seen_by_nodes()
                .is_err()
        );
        assert!(Folder::at(Path::new("/home/x")).is_seen_by_nodes().is_ok());
    }

    #[test]
    fn lock_is_of_the_folder_that_is_there_now() {
        let scratch = tempfile::tempdir().unwrap();
        let folder = Folder::at(&scratch.path().join("c"));
        let held = folder.lock().unwrap();
        std::thread::scope(|scope| {
            let second = scope.spawn(|| folder.lock().map(drop));
            fs::remove_dir(folder.path()).unwrap();
            drop(held);
            second.join().unwrap().unwrap();
        });
        assert!(folder.exists());
    }
}
