//! A transaction: one RocksDB write batch over datasets, their indexes and counters, and state.

mod append;
mod copy;
pub(crate) mod epoch;
mod rewind;
mod writing;

pub use epoch::{Continuity, GAP};
pub use rewind::Rewound;
pub(crate) use writing::Writing;

use crate::engine::Space;
use crate::families::Family;
use crate::{Dataset, Result, StateKey, Store, codec, keys};
use rocksdb::WriteBatch;
use sluice_dataset::{AppendOptions, Change, DatasetName, Error, Offset, PreparedEntity, Version};

/// When a commit answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// When it survives a power loss; the sync is shared with whoever else waits.
    Synced,
    /// When it survives the end of the process. A power loss takes away the newest commits, never one from between others.
    Buffered,
}

/// What a commit did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    /// Per dataset of the transaction, by number.
    pub datasets: Vec<CommittedDataset>,
}

/// What a commit did to one dataset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedDataset {
    /// Its name.
    pub name: DatasetName,
    /// Versions appended, deleted ones included.
    pub appended: u64,
    /// Deleted versions appended to live ids.
    pub deleted: u64,
    /// Entities that changed nothing.
    pub unchanged: u64,
    /// The newest offset after the commit.
    pub max_offset: Option<Offset>,
}

/// Open changes of some datasets and of state; dropped without [`commit`](Self::commit) it leaves nothing behind.
///
/// It holds the write locks of its datasets and its batch in memory: a caller bounds the entities per transaction by bytes.
pub struct Transaction {
    store: Store,
    batch: WriteBatch,
    writing: Vec<Writing>,
    space: Space,
}

impl Transaction {
    pub(crate) fn begin(store: &Store, datasets: &[&Dataset]) -> Result<Self> {
        store.engine.check_running()?;
        let mut sorted: Vec<&Dataset> = datasets.to_vec();
        sorted.sort_unstable_by_key(|dataset| dataset.number());
        sorted.dedup_by_key(|dataset| dataset.number());
        let writing = sorted
            .into_iter()
            .map(|dataset| Writing::begin(&dataset.entry))
            .collect::<Result<_>>()?;
        Ok(Self {
            store: store.clone(),
            batch: WriteBatch::default(),
            writing,
            space: Space::Takes,
        })
    }

    /// Appends the entities that are new or changed against the latest version (R2, R3), earlier entities of this transaction
    /// included, in order. Answers one [`Change`] per entity. `_ts` is `now_micros`, or more where the dataset is ahead (U10).
    pub fn append(
        &mut self,
        dataset: &Dataset,
        entities: &[PreparedEntity],
        now_micros: u64,
        options: &AppendOptions,
    ) -> Result<Vec<Change>> {
        let engine = std::sync::Arc::clone(&self.store.engine);
        let (writing, batch) = self.writing(dataset)?;
        if writing.state.copy.is_some() {
            return Err(Error::Replica {
                dataset: dataset.name().clone(),
            });
        }
        writing.append(&engine, batch, entities, now_micros, options)
    }

    /// Appends the latest versions of the ids once more (DS11); answers how many there were.
    pub fn repost(&mut self, dataset: &Dataset, ids: &[&str], now_micros: u64) -> Result<u64> {
        let latest = dataset.reading(|reading| reading.latest_of_many(ids))?;
        let (writing, _) = self.writing(dataset)?;
        let again: Vec<PreparedEntity> = ids
            .iter()
            .zip(latest)
            // What this transaction has appended needs no second time.
            .filter(|(id, _)| {
                !writing
                    .pending
                    .contains_key(&keys::id(dataset.number(), id))
            })
            .filter_map(|(id, version)| {
                let Version { body, generated } = version?;
                Some(PreparedEntity::again(
                    id,
                    body,
                    generated.hash,
                    generated.deleted,
                ))
            })
            .collect();
        let options = AppendOptions {
            force: true,
            run: None,
        };
        self.append(dataset, &again, now_micros, &options)?;
        Ok(again.len() as u64)
    }

    /// Sets the populated flag (DS4).
    pub fn mark_populated(&mut self, dataset: &Dataset) -> Result<()> {
        let (writing, _) = self.writing(dataset)?;
        if !writing.state.record.populated {
            writing.state.record.populated = true;
            writing.record_changed = true;
        }
        Ok(())
    }

    /// Sets a record of state.
    pub fn put_state(&mut self, key: &StateKey, value: &[u8]) {
        let key = key.key();
        let mut sealed = value.to_vec();
        codec::seal(&key, &mut sealed);
        self.batch
            .put_cf(&self.store.engine.family(Family::Default), key, sealed);
    }

    /// Removes a record of state.
    pub fn delete_state(&mut self, key: &StateKey) {
        self.batch
            .delete_cf(&self.store.engine.family(Family::Default), key.key());
    }

    /// Removes all records of `prefix`'s owner whose names begin with its name.
    pub fn delete_state_range(&mut self, prefix: &StateKey) {
        let range = prefix.range();
        self.batch.delete_range_cf(
            &self.store.engine.family(Family::Default),
            range.from,
            range.to,
        );
    }

    /// Bytes of the batch so far.
    pub fn bytes(&self) -> usize {
        self.batch.size_in_bytes()
    }

    /// Writes everything at once. After an error nothing of it is visible, with one exception: a failed sync stops the store,
    /// and whether the transaction is there shows when the store is opened again.
    pub fn commit(mut self, durability: Durability) -> Result<Committed> {
        let engine = std::sync::Arc::clone(&self.store.engine);
        for writing in &mut self.writing {
            writing.write_records(&engine, &mut self.batch);
        }
        let ticket = if self.batch.is_empty() {
            // Nothing to write, but what the caller found unchanged may have been written a moment ago and not be safe yet.
            engine.check_running()?;
            engine.latest_ticket()
        } else {
            engine.write(std::mem::take(&mut self.batch), self.space)?
        };
        let datasets = self.writing.drain(..).map(Writing::publish).collect();
        if durability == Durability::Synced {
            engine.sync(ticket)?;
        }
        Ok(Committed { datasets })
    }

    /// The open changes of a dataset, and the batch they go to.
    pub(crate) fn writing(&mut self, dataset: &Dataset) -> Result<(&mut Writing, &mut WriteBatch)> {
        let number = dataset.number();
        let writing = self
            .writing
            .iter_mut()
            .find(|writing| writing.number() == number)
            .ok_or_else(|| Error::NotInTransaction {
                dataset: dataset.name().clone(),
            })?;
        Ok((writing, &mut self.batch))
    }

    /// Says that this transaction removes data, so that it may run on a full disk.
    pub(crate) fn frees_space(&mut self) {
        self.space = Space::Frees;
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }
}
