//! One instant of the whole store, and a dataset as of that instant.

use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::index::IndexReading;
use crate::keys;
use crate::reading::{RawSnapshot, Reading};
use crate::records::{CopyRecord, DatasetRecord};
use crate::registry::{self, Entries, Entry, OpenIndex};
use crate::{Result, StateKey, Store, codec};
use parking_lot::Mutex;
use sluice_dataset::{
    DatasetName, DatasetNumber, DatasetStatus, IndexState, Offset, ReadOptions, Version,
    VersionBatch,
};
use std::sync::Arc;

self_cell::self_cell!(
    /// A RocksDB snapshot together with the database that it borrows.
    struct Held {
        owner: Arc<Engine>,
        #[covariant]
        dependent: RawSnapshot,
    }
);

/// Consistent reads over many datasets and state. Clones share the instant.
#[derive(Clone)]
pub struct Snapshot {
    held: Arc<Held>,
    datasets: Arc<Entries>,
    replicas: Arc<Entries>,
}

impl Snapshot {
    pub(crate) fn take(store: &Store) -> Self {
        // First the names, then the instant: what is deleted in between is then missing from the instant, which `dataset` sees.
        let (datasets, replicas) = (store.registry.all(), store.registry.replicas());
        let held = Arc::new(Held::new(Arc::clone(&store.engine), |engine| {
            engine.db.snapshot()
        }));
        Self {
            held,
            datasets,
            replicas,
        }
    }

    /// The dataset as of this instant; `None` if it did not exist.
    pub fn dataset(&self, name: &DatasetName) -> Result<Option<DatasetView>> {
        self.view(self.datasets.get(name))
    }

    /// The replica of that name as of this instant; `None` if there was none.
    pub fn replica(&self, name: &DatasetName) -> Result<Option<DatasetView>> {
        self.view(self.replicas.get(name))
    }

    fn view(&self, entry: Option<&Arc<Entry>>) -> Result<Option<DatasetView>> {
        let Some(entry) = entry else {
            return Ok(None);
        };
        let view = DatasetView {
            snapshot: self.clone(),
            entry: Arc::clone(entry),
            ready_indexes: Arc::default(),
        };
        Ok(view.record()?.is_some().then_some(view))
    }

    /// A record of state.
    pub fn state(&self, key: &StateKey) -> Result<Option<Vec<u8>>> {
        let key_bytes = key.key();
        let sealed = self
            .raw()
            .get_pinned_cf(&self.engine().family(Family::Default), &key_bytes)
            .map_err(|error| storage("read state", error))?;
        sealed
            .map(|sealed| unseal(key, &key_bytes, &sealed))
            .transpose()
    }

    /// See [`Store::state_scan`].
    pub fn state_scan(
        &self,
        prefix: &StateKey,
        after: Option<&StateKey>,
        limit: usize,
    ) -> Result<Vec<(StateKey, Vec<u8>)>> {
        let keys::KeyRange { mut from, to } = prefix.range();
        if let Some(after) = after {
            from = from.max([after.key(), vec![0]].concat());
        }
        let mut options = rocksdb::ReadOptions::default();
        options.set_iterate_lower_bound(from);
        options.set_iterate_upper_bound(to);
        let mut iterator = self
            .raw()
            .raw_iterator_cf_opt(&self.engine().family(Family::Default), options);
        iterator.seek_to_first();
        let mut found = Vec::new();
        while let Some((key, sealed)) = iterator.item().filter(|_| found.len() < limit) {
            let name = StateKey::of(key)
                .ok_or_else(|| codec::damaged("state", "a key of unknown form"))?;
            let value = unseal(&name, key, sealed)?;
            found.push((name, value));
            iterator.next();
        }
        iterator
            .status()
            .map_err(|error| storage("read state", error))?;
        Ok(found)
    }

    pub(crate) fn engine(&self) -> &Engine {
        self.held.borrow_owner()
    }

    pub(crate) fn raw(&self) -> &RawSnapshot<'_> {
        self.held.borrow_dependent()
    }
}

fn unseal(name: &StateKey, key: &[u8], sealed: &[u8]) -> Result<Vec<u8>> {
    let value = codec::unseal(key, sealed).map_err(|flaw| {
        codec::damaged(
            format!("state {} {}", name.owner(), name.name().escape_ascii()),
            flaw,
        )
    })?;
    Ok(value.to_vec())
}

/// A dataset at the instant of a [`Snapshot`].
#[derive(Clone)]
pub struct DatasetView {
    snapshot: Snapshot,
    entry: Arc<Entry>,
    /// Numbers of indexes that were asked for and are ready. At one instant that does not change, and each look-up wants it.
    ready_indexes: Arc<Mutex<Vec<(String, u32)>>>,
}

impl DatasetView {
    /// Its name.
    pub fn name(&self) -> &DatasetName {
        &self.entry.name
    }

    /// Everything that its owner had at some moment is here; true for what is no replica.
    pub fn is_level(&self) -> Result<bool> {
        if !keys::is_replica(self.entry.number) {
            return Ok(true);
        }
        let key = keys::copy_record(self.entry.number);
        let reading = self.reading();
        let sealed = reading.get(Family::Default, &key)?;
        let copy = sealed
            .map(|sealed| CopyRecord::read(&key, &sealed))
            .transpose()
            .map_err(|flaw| reading.flaw("copy record", flaw))?;
        Ok(copy.is_some_and(|copy| copy.is_level))
    }

    /// Its number in the hub.
    pub fn number(&self) -> DatasetNumber {
        self.entry.number
    }

    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading {
            engine: self.snapshot.engine(),
            snapshot: self.snapshot.raw(),
            name: &self.entry.name,
            number: self.entry.number,
        }
    }

    fn index<'a>(&self, reading: &'a Reading<'a>, name: &str) -> Result<IndexReading<'a>> {
        let mut ready = self.ready_indexes.lock();
        if let Some((_, number)) = ready.iter().find(|(known, _)| known == name) {
            return Ok(IndexReading::new(reading, *number));
        }
        let index = IndexReading::open(reading, name)?;
        ready.push((name.to_owned(), index.number()));
        Ok(index)
    }

    pub(crate) fn record(&self) -> Result<Option<DatasetRecord>> {
        let key = keys::dataset_record(self.entry.number);
        let reading = self.reading();
        let sealed = reading.get(Family::Default, &key)?;
        sealed
            .map(|sealed| DatasetRecord::read(&key, &sealed))
            .transpose()
            .map_err(|flaw| reading.flaw("record", flaw))
    }

    fn indexes(&self) -> Result<Vec<OpenIndex>> {
        let mut options = rocksdb::ReadOptions::default();
        options.set_snapshot(self.snapshot.raw());
        registry::load_indexes(self.snapshot.engine(), options, self.entry.number)
    }
}

impl sluice_dataset::Dataset for DatasetView {
    fn status(&self) -> Result<DatasetStatus> {
        let record = self
            .record()?
            .ok_or_else(|| self.reading().flaw("record", "missing"))?;
        let indexes = self
            .indexes()?
            .into_iter()
            .map(|index| IndexState {
                name: index.name.to_string(),
                ready: index.is_ready(),
            })
            .collect();
        Ok(registry::status(
            &self.entry.name,
            self.entry.number,
            &record,
            indexes,
        ))
    }

    fn read(&self, options: &ReadOptions, max_bytes: usize) -> Result<VersionBatch> {
        self.reading().page(options, max_bytes)
    }

    fn get(&self, id: &str) -> Result<Option<Version>> {
        self.reading().latest(id)
    }

    fn get_many(&self, ids: &[&str]) -> Result<Vec<Option<Version>>> {
        self.reading().latest_of_many(ids)
    }

    fn get_at(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        self.reading().at(id, offset)
    }

    fn before(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        self.reading().before(id, offset)
    }

    fn lookup(
        &self,
        index: &str,
        key: &[u8],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        self.index(&self.reading(), index)?.ids(key, after, limit)
    }

    fn index_keys_of(&self, index: &str, id: &str) -> Result<Vec<Vec<u8>>> {
        self.index(&self.reading(), index)?.keys_of(id)
    }
}
