//! The handle of one dataset: reads of the present, and each writing step as a transaction of its own.

use crate::index::IndexReading;
use crate::reading::Reading;
use crate::registry::Entry;
use crate::{Durability, Result, Store, Transaction};
use sluice_dataset::{
    AppendOptions, Approval, Change, Compacted, DatasetName, DatasetNumber, DatasetStatus,
    DeleteProgress, FullRun, IndexKeys, Offset, PreparedEntity, ReadOptions, Retention, Unseen,
    Version, VersionBatch, WritableDataset,
};
use std::sync::Arc;

/// A dataset of an open store; cloning shares it. Each read sees the instant at which it begins.
#[derive(Clone)]
pub struct Dataset {
    pub(crate) store: Store,
    pub(crate) entry: Arc<Entry>,
}

impl Dataset {
    pub(crate) fn new(store: Store, entry: Arc<Entry>) -> Self {
        Self { store, entry }
    }

    /// Its name.
    pub fn name(&self) -> &DatasetName {
        &self.entry.name
    }

    /// Its number in the hub.
    pub fn number(&self) -> DatasetNumber {
        self.entry.number
    }

    /// Under which epochs it was written, each with its first offset, ascending; the last is the present one. Of long ago only
    /// those are named that began with a gap.
    pub fn epochs(&self) -> Vec<(u64, Offset)> {
        self.entry.committed.lock().record.epochs.clone()
    }

    /// The full run whose marks are kept, after an interruption too.
    pub fn run_under_way(&self) -> Option<FullRun> {
        self.entry
            .committed
            .lock()
            .run
            .as_ref()
            .map(|record| record.run.clone())
    }

    pub(crate) fn reading<T>(&self, read: impl FnOnce(&Reading<'_>) -> Result<T>) -> Result<T> {
        self.entry.check_not_deleted()?;
        let engine = &*self.store.engine;
        let snapshot = engine.db.snapshot();
        read(&Reading {
            engine,
            snapshot: &snapshot,
            name: &self.entry.name,
            number: self.entry.number,
        })
    }

    fn write<T>(&self, write: impl FnOnce(&mut Transaction) -> Result<T>) -> Result<T> {
        let mut transaction = self.store.transaction(&[self])?;
        let value = write(&mut transaction)?;
        transaction.commit(Durability::Synced)?;
        Ok(value)
    }
}

impl std::fmt::Debug for Dataset {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Dataset")
            .field("name", self.name())
            .field("number", &self.number())
            .finish_non_exhaustive()
    }
}

impl sluice_dataset::Dataset for Dataset {
    fn status(&self) -> Result<DatasetStatus> {
        self.entry.status()
    }

    fn read(&self, options: &ReadOptions, max_bytes: usize) -> Result<VersionBatch> {
        self.reading(|reading| reading.page(options, max_bytes))
    }

    fn get(&self, id: &str) -> Result<Option<Version>> {
        self.reading(|reading| reading.latest(id))
    }

    fn get_many(&self, ids: &[&str]) -> Result<Vec<Option<Version>>> {
        self.reading(|reading| reading.latest_of_many(ids))
    }

    fn get_at(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        self.reading(|reading| reading.at(id, offset))
    }

    fn before(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        self.reading(|reading| reading.before(id, offset))
    }

    fn lookup(
        &self,
        index: &str,
        key: &[u8],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.reading(|reading| IndexReading::open(reading, index)?.ids(key, after, limit))
    }

    fn index_keys_of(&self, index: &str, id: &str) -> Result<Vec<Vec<u8>>> {
        self.reading(|reading| IndexReading::open(reading, index)?.keys_of(id))
    }
}

impl WritableDataset for Dataset {
    fn append(
        &self,
        entities: &[PreparedEntity],
        now_micros: u64,
        options: &AppendOptions,
    ) -> Result<Vec<Change>> {
        self.write(|transaction| transaction.append(self, entities, now_micros, options))
    }

    fn repost(&self, ids: &[&str], now_micros: u64) -> Result<u64> {
        self.write(|transaction| transaction.repost(self, ids, now_micros))
    }

    fn mark_populated(&self) -> Result<()> {
        self.write(|transaction| transaction.mark_populated(self))
    }

    fn begin_run(&self, token: &str) -> Result<FullRun> {
        self.write(|transaction| transaction.begin_run(self, token))
    }

    fn active_run(&self) -> Result<Option<FullRun>> {
        self.entry.check_not_deleted()?;
        Ok(self.run_under_way())
    }

    fn unseen(&self, run: &FullRun) -> Result<Unseen> {
        self.count_unseen(run)
    }

    fn approve_deletions(&self, run: &FullRun, allow_mass_delete: bool) -> Result<Approval> {
        let run = self.check_run(run)?;
        let populated = self.entry.committed.lock().record.populated;
        Approval::decide(
            &self.entry.name,
            run.clone(),
            populated,
            allow_mass_delete,
            || self.count_unseen(&run),
        )
    }

    fn delete_unseen(
        &self,
        approval: &Approval,
        now_micros: u64,
        limit: usize,
    ) -> Result<DeleteProgress> {
        self.write(|transaction| transaction.delete_unseen(self, approval, now_micros, limit))
    }

    fn end_run(&self, run: &FullRun) -> Result<()> {
        self.write(|transaction| transaction.end_run(self, run))
    }

    fn compact(
        &self,
        retention: &Retention,
        from: Option<Offset>,
        budget: u64,
    ) -> Result<Compacted> {
        self.store
            .compaction_pass(self)
            .run(retention, from, budget)
    }

    fn ensure_index(&self, keys: Arc<dyn IndexKeys>) -> Result<()> {
        self.build_index(keys)
    }

    fn drop_index(&self, name: &str) -> Result<()> {
        self.write(|transaction| transaction.drop_index(self, name))
    }
}
