//! A disk that forgets what was not synced: an in-memory file system mounted through FUSE.
//!
//! Power is cut with [`Disk::cut_power`]: every later operation fails, and what a mount after it shows is each file's synced
//! content plus, where the loss is torn, a random prefix of what was written since. Names follow the same rule:
//! a created, renamed or removed entry lasts only from its directory's sync on.

mod fuse;
mod tree;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
pub(crate) use tree::Loss;
use tree::Tree;

/// The disk's content, which outlives mounts.
#[derive(Clone)]
pub(crate) struct Disk {
    tree: Arc<Mutex<Tree>>,
}

/// A mounted disk; unmounts when dropped.
pub(crate) struct Mount {
    session: Option<fuser::BackgroundSession>,
    path: PathBuf,
}

impl Disk {
    /// An empty disk.
    pub(crate) fn new() -> Self {
        Disk {
            tree: Arc::new(Mutex::new(Tree::new())),
        }
    }

    /// Shows the disk at `path`, an existing empty folder.
    pub(crate) fn mount(&self, path: &Path) -> std::io::Result<Mount> {
        self.lock().power_on();
        let session =
            fuser::spawn_mount2(fuse::Volatile::new(self.clone()), path, &fuse::options())?;
        Ok(Mount {
            session: Some(session),
            path: path.to_owned(),
        })
    }

    /// From now on every operation fails with EIO, as if the machine were off.
    pub(crate) fn cut_power(&self) {
        self.lock().cut();
    }

    /// Decides what survived. `random` gives numbers below its argument.
    pub(crate) fn lose(&self, loss: Loss, random: &mut dyn FnMut(usize) -> usize) {
        self.lock().lose(loss, random);
    }

    /// Writes since the last sync, over all files: tells a test that it cut at an interesting moment.
    pub(crate) fn unsynced_operations(&self) -> usize {
        self.lock().unsynced_operations()
    }

    fn lock(&self) -> MutexGuard<'_, Tree> {
        self.tree.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Mount {
    /// Where the disk is shown.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        if let Some(session) = self.session.take() {
            // A failed unmount leaves the folder busy; the next mount reports it.
            let _ = session.umount_and_join();
        }
    }
}
