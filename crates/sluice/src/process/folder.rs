//! The data folder belongs to one process at a time.

use anyhow::{Context, Result, bail};
use std::fs::{File, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::Path;

const LOCK: &str = "hub.lock";

/// A locked data folder. The operating system lets go when the process ends, however it ends.
#[derive(Debug)]
pub(crate) struct DataFolder {
    _lock: File,
}

impl DataFolder {
    /// Locks the folder for a hub; makes it if it is not there.
    pub(crate) fn lock(data: &Path) -> Result<Self> {
        sluice_identity::create_private_folder(data)?;
        lock(data)
    }

    /// Locks a folder that must be there and hold a hub's data.
    pub(crate) fn lock_existing(data: &Path) -> Result<Self> {
        if !data.join(LOCK).exists() {
            bail!("{} is not the data folder of a hub", data.display());
        }
        lock(data)
    }
}

fn lock(data: &Path) -> Result<DataFolder> {
    let path = data.join(LOCK);
    let open = File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(&path);
    let mut file = open.with_context(|| format!("cannot open {}", path.display()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = Some(holder.trim())
                .filter(|text| !text.is_empty())
                .unwrap_or("unknown");
            bail!(
                "the data folder {} is in use by another hub or check (process {holder}); stop it first",
                data.display()
            );
        }
        Err(TryLockError::Error(error)) => {
            return Err(error).with_context(|| format!("cannot lock {}", path.display()));
        }
    }
    // For the message above only: a failure to write it is no reason not to start.
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(DataFolder { _lock: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_in_use_is_refused_with_the_process_that_uses_it() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("a/b");
        let held = DataFolder::lock(&data).unwrap();
        let refused = DataFolder::lock(&data).unwrap_err().to_string();
        assert!(
            refused.contains(&format!("process {}", std::process::id())),
            "{refused}"
        );
        drop(held);
        DataFolder::lock(&data).unwrap();
    }

    #[test]
    fn only_the_folder_of_a_hub_is_checked() {
        let folder = tempfile::tempdir().unwrap();
        assert!(DataFolder::lock_existing(folder.path()).is_err());
        assert!(DataFolder::lock_existing(&folder.path().join("nowhere")).is_err());
        drop(DataFolder::lock(folder.path()).unwrap());
        DataFolder::lock_existing(folder.path()).unwrap();
    }
}
