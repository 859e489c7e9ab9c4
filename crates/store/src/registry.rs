//! The datasets of an open store: per dataset a small struct in memory and a lock for its writer.

use crate::Result;
use crate::codec::damaged;
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::gate::Gate;
use crate::keys::{self, KeyRange};
use crate::records::{CopyRecord, DatasetRecord, IndexRecord, IndexStage, RunRecord};
use parking_lot::{Mutex, RwLock};
use rocksdb::ReadOptions;
use sluice_dataset::{DatasetName, DatasetNumber, DatasetStatus, Error, IndexKeys, IndexState};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A dataset in memory.
pub(crate) struct Entry {
    pub(crate) name: DatasetName,
    pub(crate) number: DatasetNumber,
    pub(crate) gate: Arc<Gate>,
    /// As of the last committed transaction.
    pub(crate) committed: Mutex<DatasetState>,
    /// Transactions that wrote entries of the primary index since the store was opened.
    id_writes: AtomicU64,
}

/// What a transaction starts from and replaces when it commits.
#[derive(Clone)]
pub(crate) struct DatasetState {
    pub(crate) record: DatasetRecord,
    pub(crate) run: Option<RunRecord>,
    pub(crate) indexes: Vec<OpenIndex>,
    /// Only of a replica.
    pub(crate) copy: Option<CopyRecord>,
    pub(crate) is_deleted: bool,
}

/// A secondary index, with its expression once somebody has brought it.
#[derive(Clone)]
pub(crate) struct OpenIndex {
    pub(crate) name: Arc<str>,
    pub(crate) record: IndexRecord,
    pub(crate) keys: Option<Arc<dyn IndexKeys>>,
}

impl OpenIndex {
    pub(crate) fn is_ready(&self) -> bool {
        self.record.stage == IndexStage::Ready
    }
}

impl Entry {
    pub(crate) fn new(name: DatasetName, number: DatasetNumber, state: DatasetState) -> Self {
        Self {
            name,
            number,
            gate: Arc::default(),
            committed: Mutex::new(state),
            id_writes: AtomicU64::new(0),
        }
    }

    /// Grows with each transaction that wrote entries of the primary index, after it has written them.
    pub(crate) fn id_writes(&self) -> u64 {
        self.id_writes.load(Ordering::Acquire)
    }

    pub(crate) fn ids_written(&self) {
        self.id_writes.fetch_add(1, Ordering::Release);
    }

    pub(crate) fn status(&self) -> Result<DatasetStatus> {
        let state = self.committed.lock();
        if state.is_deleted {
            return Err(Error::Deleted {
                dataset: self.name.clone(),
            });
        }
        let indexes = state
            .indexes
            .iter()
            .map(|index| IndexState {
                name: index.name.to_string(),
                ready: index.is_ready(),
            })
            .collect();
        Ok(status(&self.name, self.number, &state.record, indexes))
    }

    pub(crate) fn check_not_deleted(&self) -> Result<()> {
        if self.committed.lock().is_deleted {
            Err(Error::Deleted {
                dataset: self.name.clone(),
            })
        } else {
            Ok(())
        }
    }
}

pub(crate) fn status(
    name: &DatasetName,
    number: DatasetNumber,
    record: &DatasetRecord,
    indexes: Vec<IndexState>,
) -> DatasetStatus {
    DatasetStatus {
        name: name.clone(),
        number: keys::number_of(number),
        generation: record.generation,
        populated: record.populated,
        max_offset: record.max_offset,
        epoch: record.epoch(),
        counters: record.counters,
        last_modified: record.last_ts,
        indexes,
    }
}

/// Datasets by name.
pub(crate) type Entries = BTreeMap<DatasetName, Arc<Entry>>;

/// All datasets by name, replicas of other stores' datasets apart. Readers take a whole map at once; it is copied when a dataset
/// is made or deleted.
#[derive(Default)]
pub(crate) struct Registry {
    map: RwLock<Arc<Entries>>,
    replicas: RwLock<Arc<Entries>>,
}

impl Registry {
    /// Reads every dataset record, jumping from one dataset to the next.
    pub(crate) fn load(engine: &Engine) -> Result<Self> {
        const TRIED: &str = "read the dataset records";
        let (mut map, mut replicas) = (BTreeMap::new(), BTreeMap::new());
        let mut iterator = engine.db.raw_iterator_cf(&engine.family(Family::Default));
        let mut from = Vec::new();
        loop {
            iterator.seek(&from);
            iterator.status().map_err(|error| storage(TRIED, error))?;
            let Some(number) = iterator
                .key()
                .and_then(keys::dataset_of)
                .filter(|number| *number != keys::STORE)
            else {
                break;
            };
            let number = DatasetNumber(number);
            let entry = load_dataset(engine, number)?;
            let map = match keys::is_replica(number) {
                true => &mut replicas,
                false => &mut map,
            };
            map.insert(entry.name.clone(), Arc::new(entry));
            from = keys::dataset(number).to;
        }
        Ok(Self {
            map: RwLock::new(Arc::new(map)),
            replicas: RwLock::new(Arc::new(replicas)),
        })
    }

    pub(crate) fn all(&self) -> Arc<Entries> {
        Arc::clone(&self.map.read())
    }

    pub(crate) fn replicas(&self) -> Arc<Entries> {
        Arc::clone(&self.replicas.read())
    }

    pub(crate) fn get(&self, name: &DatasetName) -> Option<Arc<Entry>> {
        self.map.read().get(name).cloned()
    }

    pub(crate) fn insert(&self, entry: Arc<Entry>) {
        let mut map = self.map.write();
        Arc::make_mut(&mut map).insert(entry.name.clone(), entry);
    }

    pub(crate) fn remove(&self, name: &DatasetName) {
        let mut map = self.map.write();
        Arc::make_mut(&mut map).remove(name);
    }

    /// Puts a replica in the place of whatever was there.
    pub(crate) fn set_replica(&self, name: &DatasetName, entry: Option<Arc<Entry>>) {
        let mut map = self.replicas.write();
        let map = Arc::make_mut(&mut map);
        match entry {
            Some(entry) => map.insert(name.clone(), entry),
            None => map.remove(name),
        };
    }
}

fn load_dataset(engine: &Engine, number: DatasetNumber) -> Result<Entry> {
    let get = |key: &[u8]| {
        engine
            .db
            .get_cf(&engine.family(Family::Default), key)
            .map_err(|error| storage("read the record of a dataset", error))
    };
    let key = keys::dataset_record(number);
    let place = || format!("record of dataset number {number}");
    let record = get(&key)?.ok_or_else(|| damaged(place(), "missing"))?;
    let record = DatasetRecord::read(&key, &record).map_err(|flaw| damaged(place(), flaw))?;
    let name = DatasetName::existing(&record.name).map_err(|source| Error::Name {
        name: record.name.clone(),
        source,
    })?;
    let key = keys::run_record(number);
    let run = get(&key)?
        .map(|sealed| RunRecord::read(&key, &sealed))
        .transpose()
        .map_err(|flaw| damaged(format!("full run of dataset {name}"), flaw))?;
    let indexes = load_indexes(engine, ReadOptions::default(), number)?;
    let key = keys::copy_record(number);
    let copy = get(&key)?
        .map(|sealed| CopyRecord::read(&key, &sealed))
        .transpose()
        .map_err(|flaw| damaged(format!("copy record of dataset {name}"), flaw))?;
    Ok(Entry::new(
        name,
        number,
        DatasetState {
            record,
            run,
            indexes,
            copy,
            is_deleted: false,
        },
    ))
}

/// The definitions of a dataset's indexes, as of what `options` read.
pub(crate) fn load_indexes(
    engine: &Engine,
    mut options: ReadOptions,
    number: DatasetNumber,
) -> Result<Vec<OpenIndex>> {
    let KeyRange { from, to } = keys::index_records(number);
    options.set_iterate_lower_bound(from);
    options.set_iterate_upper_bound(to);
    let mut iterator = engine
        .db
        .raw_iterator_cf_opt(&engine.family(Family::Default), options);
    iterator.seek_to_first();
    let mut indexes = Vec::new();
    while let Some((key, value)) = iterator.item() {
        let place = || format!("index definition of dataset number {number}");
        let name = keys::index_name_of(key).ok_or_else(|| damaged(place(), "name is not UTF-8"))?;
        let record = IndexRecord::read(key, value).map_err(|flaw| damaged(place(), flaw))?;
        indexes.push(OpenIndex {
            name: name.into(),
            record,
            keys: None,
        });
        iterator.next();
    }
    iterator
        .status()
        .map_err(|error| storage("read the index definitions", error))?;
    Ok(indexes)
}
