//! RocksDB with our rules around it: which failures stop the store, when a full disk refuses a write, how syncs are shared.

use crate::Result;
use crate::families::Family;
use crate::group_sync::{GroupSync, Ticket};
use crate::lock::FolderLock;
use parking_lot::Mutex;
use rocksdb::{BoundColumnFamily, DB, ErrorKind, WriteBatch};
use sluice_dataset::Error;
use sluice_entity::HashKey;
use sluice_format::Format;
use std::path::PathBuf;
use std::sync::Arc;

/// What a batch does to the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Space {
    /// Refused when the disk is as good as full.
    Takes,
    /// Removes data: allowed as long as RocksDB can write at all.
    Frees,
}

/// The open database. The lock comes last, so that it is let go after the database is closed.
pub(crate) struct Engine {
    pub(crate) db: DB,
    pub(crate) path: PathBuf,
    pub(crate) hash_key: HashKey,
    pub(crate) format: Format,
    reserve_bytes: u64,
    stopped: Mutex<Option<String>>,
    group: GroupSync,
    _lock: FolderLock,
}

/// What opening a folder gave.
pub(crate) struct Opened {
    pub(crate) db: DB,
    pub(crate) path: PathBuf,
    pub(crate) hash_key: HashKey,
    pub(crate) format: Format,
    pub(crate) lock: FolderLock,
}

impl Engine {
    pub(crate) fn new(opened: Opened, reserve_bytes: u64) -> Self {
        let Opened {
            db,
            path,
            hash_key,
            format,
            lock,
        } = opened;
        let (stopped, group) = (Mutex::default(), GroupSync::default());
        Self {
            db,
            path,
            hash_key,
            format,
            reserve_bytes,
            stopped,
            group,
            _lock: lock,
        }
    }

    pub(crate) fn family(&self, family: Family) -> Arc<BoundColumnFamily<'_>> {
        self.db
            .cf_handle(family.name())
            .expect("a store is opened with all its families")
    }

    /// Writes a batch into log and memtables, all or nothing. Not durable yet.
    pub(crate) fn write(&self, batch: WriteBatch, space: Space) -> Result<Ticket> {
        const TRIED: &str = "write a batch";
        self.check_running()?;
        if space == Space::Takes && self.available_bytes()? < self.reserve_bytes {
            return Err(Error::DiskFull { tried: TRIED });
        }
        match self.db.write(batch) {
            Ok(()) => Ok(self.group.written()),
            Err(error) => Err(self.failed(TRIED, error)),
        }
    }

    /// Returns when everything up to `ticket` survives a power loss.
    pub(crate) fn sync(&self, ticket: Ticket) -> Result<()> {
        self.group.wait(ticket, || {
            self.check_running()?;
            self.db.flush_wal(true).map_err(|error| {
                // What of the log reached the disk is unknown now, whatever the cause, a full disk included.
                self.stop(&error);
                storage("sync the write-ahead log", error)
            })
        })
    }

    /// A ticket for everything written so far.
    pub(crate) fn latest_ticket(&self) -> Ticket {
        self.group.latest()
    }

    pub(crate) fn check_running(&self) -> Result<()> {
        match &*self.stopped.lock() {
            Some(cause) => Err(Error::Stopped {
                cause: cause.clone(),
            }),
            None => Ok(()),
        }
    }

    /// A write that failed because the disk is full left nothing behind and RocksDB goes on by itself when there is space.
    /// After any other failure the log may hold half of what we think it holds: writing on top of that is not safe.
    fn failed(&self, tried: &'static str, error: rocksdb::Error) -> Error {
        if !is_disk_full(&error) {
            self.stop(&error);
        }
        storage(tried, error)
    }

    fn stop(&self, error: &rocksdb::Error) {
        let mut stopped = self.stopped.lock();
        if stopped.is_none() {
            tracing::error!(store = %self.path.display(), %error, "the store stops writing until it is opened again");
            *stopped = Some(error.to_string());
        }
    }

    fn available_bytes(&self) -> Result<u64> {
        fs4::available_space(&self.path).map_err(|error| Error::Storage {
            tried: "ask for free disk space",
            source: Box::new(error),
        })
    }
}

/// A failure of RocksDB in our words.
pub(crate) fn storage(tried: &'static str, error: rocksdb::Error) -> Error {
    if is_disk_full(&error) {
        Error::DiskFull { tried }
    } else if error.kind() == ErrorKind::Corruption {
        Error::Damaged {
            place: "the database files".to_owned(),
            what: error.into_string(),
        }
    } else {
        Error::Storage {
            tried,
            source: Box::new(error),
        }
    }
}

fn is_disk_full(error: &rocksdb::Error) -> bool {
    error.as_ref().contains("No space left on device")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Settings, Store};
    use rocksdb::Options;
    use sluice_dataset::{DatasetName, DatasetNumber, ReadOptions};

    /// A failure that is not a full disk.
    fn failure() -> rocksdb::Error {
        let nowhere = DB::open(&Options::default(), "/dev/null/nowhere");
        nowhere.err().unwrap()
    }

    #[test]
    fn after_an_unknown_failure_nothing_is_written_until_the_store_is_opened_again() {
        let folder = tempfile::tempdir().unwrap();
        let name = DatasetName::new("people").unwrap();
        {
            let store = Store::open(folder.path(), &Settings::small()).unwrap();
            let people = store.create_dataset(&name, DatasetNumber(1)).unwrap();
            assert!(store.health().is_ok());
            assert!(matches!(
                store.engine.failed("write a batch", failure()),
                Error::Storage { .. }
            ));
            assert!(matches!(store.health(), Err(Error::Stopped { .. })));
            assert!(matches!(
                store.transaction(&[&people]),
                Err(Error::Stopped { .. })
            ));
            assert!(matches!(store.sync(), Err(Error::Stopped { .. })));
            assert!(matches!(
                store.delete_dataset(&name),
                Err(Error::Stopped { .. })
            ));
            let read = sluice_dataset::Dataset::read(&people, &ReadOptions::default(), 1);
            assert!(read.is_ok_and(|page| page.is_empty()), "reads go on");
        }
        let store = Store::open(folder.path(), &Settings::small()).unwrap();
        assert!(store.health().is_ok());
        assert!(store.delete_dataset(&name).unwrap());
    }
}
