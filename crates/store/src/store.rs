//! [`Store`]: the handle everybody has a clone of.

use crate::compaction::Pass;
use crate::engine::{Engine, Space, storage};
use crate::families::Family;
use crate::open::{self, OpenError};
use crate::records::DatasetRecord;
use crate::registry::{DatasetState, Entry, Registry};
use crate::{Dataset, Result, Settings, Snapshot, StateKey, Transaction};
use crate::{keys, marker};
use parking_lot::Mutex;
use rocksdb::WriteBatch;
use sluice_dataset::{DatasetName, DatasetNumber, Error};
use sluice_entity::HashKey;
use sluice_format::Format;
use std::path::Path;
use std::sync::Arc;

/// An open store; cloning shares it. It closes when the last clone, dataset and snapshot is gone.
#[derive(Clone)]
pub struct Store {
    pub(crate) engine: Arc<Engine>,
    pub(crate) registry: Arc<Registry>,
    /// Held while datasets are made or deleted.
    pub(crate) creation: Arc<Mutex<()>>,
}

impl Store {
    /// Opens the store in a folder, or makes one. Fails while another process has it open, and on a later format.
    pub fn open(path: impl AsRef<Path>, settings: &Settings) -> Result<Self, OpenError> {
        open::open(path.as_ref(), settings)
    }

    pub(crate) fn new(engine: Engine, registry: Registry) -> Self {
        Self {
            engine: Arc::new(engine),
            registry: Arc::new(registry),
            creation: Arc::default(),
        }
    }

    /// The key of the content hash: made with the store, never changed.
    pub fn hash_key(&self) -> &HashKey {
        &self.engine.hash_key
    }

    /// What is read here, and what is written now.
    pub fn format(&self) -> &Format {
        &self.engine.format
    }

    /// Puts the store into a later format: from now on versions that do not read it refuse it, politely and without a change. An
    /// earlier one than it has changes nothing.
    pub fn raise_format(&self, to: u32) -> Result<()> {
        let _creation = self.creation.lock();
        if to <= self.format().writes() {
            return Ok(());
        }
        const TRIED: &str = "raise the format of a store";
        let failed = |source: Box<dyn std::error::Error + Send + Sync>| Error::Storage {
            tried: TRIED,
            source,
        };
        let reads = self.format().reads();
        reads.check(to).map_err(|source| failed(source.into()))?;
        // In this order: what the record says is always said in the folder too, and nothing is written before both say so.
        marker::write(&self.engine.path, to).map_err(|source| failed(source.into()))?;
        open::put_store_record(&self.engine, to)?;
        self.format()
            .raise(to)
            .map_err(|source| failed(source.into()))?;
        tracing::info!(store = %self.engine.path.display(), format = to, "the store has another format");
        Ok(())
    }

    /// The dataset of that name, made with the given number if there is none. The number must be new.
    pub fn create_dataset(&self, name: &DatasetName, number: DatasetNumber) -> Result<Dataset> {
        let _creation = self.creation.lock();
        if let Some(entry) = self.registry.get(name) {
            return Ok(Dataset::new(self.clone(), entry));
        }
        let all = self.registry.all();
        if number.0 == keys::STORE
            || keys::is_replica(number)
            || all.values().any(|entry| entry.number == number)
        {
            return Err(Error::NumberTaken {
                number: number.0,
                dataset: name.clone(),
            });
        }
        let record = DatasetRecord::new(name.as_str());
        let key = keys::dataset_record(number);
        let mut batch = WriteBatch::default();
        batch.put_cf(
            &self.engine.family(Family::Default),
            &key,
            record.write(&key),
        );
        self.engine.write(batch, Space::Takes)?;
        let state = DatasetState {
            record,
            run: None,
            indexes: Vec::new(),
            copy: None,
            is_deleted: false,
        };
        let entry = Arc::new(Entry::new(name.clone(), number, state));
        self.registry.insert(Arc::clone(&entry));
        Ok(Dataset::new(self.clone(), entry))
    }

    /// The dataset of that name.
    pub fn dataset(&self, name: &DatasetName) -> Option<Dataset> {
        self.registry
            .get(name)
            .map(|entry| Dataset::new(self.clone(), entry))
    }

    /// All datasets, by name.
    pub fn datasets(&self) -> Vec<Dataset> {
        self.registry
            .all()
            .values()
            .map(|entry| Dataset::new(self.clone(), Arc::clone(entry)))
            .collect()
    }

    /// Deletes a dataset with everything in it, durably; false if there is none. Made again, it has another generation and must
    /// get another number.
    pub fn delete_dataset(&self, name: &DatasetName) -> Result<bool> {
        let _creation = self.creation.lock();
        let Some(entry) = self.registry.get(name) else {
            return Ok(false);
        };
        let _passage = entry.gate.pass();
        let keys::KeyRange { from, to } = keys::dataset(entry.number);
        let mut batch = WriteBatch::default();
        for family in Family::ALL {
            batch.delete_range_cf(&self.engine.family(family), &from, &to);
        }
        let ticket = self.engine.write(batch, Space::Frees)?;
        entry.committed.lock().is_deleted = true;
        self.registry.remove(name);
        self.engine.sync(ticket)?;
        Ok(true)
    }

    /// Begins a transaction that may write to these datasets, and to any state. Waits for other writers of them; all locks are
    /// taken here, in the order of the datasets' numbers, so that transactions cannot wait for one another in a circle.
    pub fn transaction(&self, datasets: &[&Dataset]) -> Result<Transaction> {
        Transaction::begin(self, datasets)
    }

    /// One instant of all datasets and state. Cheap; keep it for at most a minute, since it keeps old data from being removed.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::take(self)
    }

    /// A record of state.
    pub fn state(&self, key: &StateKey) -> Result<Option<Vec<u8>>> {
        self.snapshot().state(key)
    }

    /// Records of state of `prefix`'s owner whose names begin with its name: at most `limit`, those after `after`.
    pub fn state_scan(
        &self,
        prefix: &StateKey,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Result<Vec<(StateKey, Vec<u8>)>> {
        self.snapshot().state_scan(prefix, after, limit)
    }

    /// Makes everything written so far durable.
    pub fn sync(&self) -> Result<()> {
        self.engine.sync(self.engine.latest_ticket())
    }

    /// An error if a failure has stopped the store (see [`Error::Stopped`]).
    pub fn health(&self) -> Result<()> {
        self.engine.check_running()
    }

    /// Bytes of all files in the store's folder.
    pub fn disk_usage(&self) -> std::io::Result<u64> {
        std::fs::read_dir(&self.engine.path)?
            .map(|file| match file.and_then(|file| file.metadata()) {
                Ok(metadata) => Ok(metadata.len()),
                // RocksDB removes files while we list them.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(0),
                Err(error) => Err(error),
            })
            .sum()
    }

    /// Writes the memtables out, so that the next opening replays nothing. Closing needs no such call.
    pub fn flush(&self) -> Result<()> {
        for family in Family::ALL {
            self.engine
                .db
                .flush_cf(&self.engine.family(family))
                .map_err(|error| storage("flush a family", error))?;
        }
        Ok(())
    }

    pub(crate) fn creation(&self) -> parking_lot::MutexGuard<'_, ()> {
        self.creation.lock()
    }

    pub(crate) fn compaction_pass<'a>(&'a self, dataset: &'a Dataset) -> Pass<'a> {
        Pass::new(self, dataset)
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("path", &self.engine.path)
            .finish_non_exhaustive()
    }
}
