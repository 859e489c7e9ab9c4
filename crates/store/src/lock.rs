//! The folder lock: one process at a time, the checker included.

use std::fs::{File, TryLockError};
use std::io;
use std::path::Path;

const FILE: &str = "store.lock";

/// Held as long as it lives; the operating system lets go when the process dies.
#[derive(Debug)]
pub(crate) struct FolderLock {
    _file: File,
}

/// `Ok(None)` if another process (or another handle in this one) holds it.
pub(crate) fn acquire(folder: &Path) -> io::Result<Option<FolderLock>> {
    let file = File::options()
        .create(true)
        .truncate(false)
        .write(true)
        .open(folder.join(FILE))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(FolderLock { _file: file })),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}
