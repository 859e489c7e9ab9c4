//! Secondary indexes: kept in the batch of the data, read in both directions (IX1, IX3).

use crate::codec::{self, damaged};
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::keys::{self, MAX_INDEX_KEY_BYTES};
use crate::reading::Reading;
use crate::records::{IndexRecord, IndexStage};
use crate::registry::OpenIndex;
use crate::transaction::Writing;
use crate::{Dataset, Result, Transaction};
use highway::{HighwayHash, HighwayHasher, Key};
use rocksdb::WriteBatch;
use sluice_dataset::{Error, IndexKeys, Offset, PreparedEntity};
use sluice_entity::{Entity, HashKey};
use std::sync::Arc;

/// Brings all indexes of the dataset up to date with an entity that is about to be the latest of its id.
pub(crate) fn keep(
    writing: &mut Writing,
    engine: &Engine,
    batch: &mut WriteBatch,
    entity: &PreparedEntity,
    is_known: bool,
) -> Result<()> {
    for position in 0..writing.state.indexes.len() {
        let index = &mut writing.state.indexes[position];
        let Some(expression) = index.keys.clone() else {
            mark_stale(index, writing.entry.number, engine, batch);
            continue;
        };
        let number = index.record.number;
        let new = keys_of(&*expression, entity, &engine.hash_key);
        let old = if is_known {
            old_keys(writing, engine, number, entity.id())?
        } else {
            Vec::new()
        };
        replace(writing, engine, batch, number, entity.id(), &old, new);
    }
    Ok(())
}

/// Writes the difference of two sorted key lists.
pub(crate) fn replace(
    writing: &mut Writing,
    engine: &Engine,
    batch: &mut WriteBatch,
    number: u32,
    id: &str,
    old: &[Vec<u8>],
    new: Vec<Vec<u8>>,
) {
    if old == new {
        return;
    }
    let dataset = writing.number();
    let family = engine.family(Family::Index);
    for gone in old.iter().filter(|key| new.binary_search(key).is_err()) {
        batch.delete_cf(&family, keys::index_entry(dataset, number, gone, id));
    }
    for added in new.iter().filter(|key| old.binary_search(key).is_err()) {
        batch.put_cf(&family, keys::index_entry(dataset, number, added, id), []);
    }
    let key = keys::index_keys_of_id(dataset, number, id);
    if new.is_empty() {
        batch.delete_cf(&family, &key);
    } else {
        batch.put_cf(&family, &key, codec::write_key_list(&key, &new));
    }
    writing.pending_keys.insert((number, id.to_owned()), new);
}

/// Keys of an entity that is about to be written; none if it is deleted.
pub(crate) fn keys_of(
    expression: &dyn IndexKeys,
    entity: &PreparedEntity,
    hash_key: &HashKey,
) -> Vec<Vec<u8>> {
    if entity.is_deleted() {
        return Vec::new();
    }
    Entity::new(entity.body().clone())
        .map_or_else(Vec::new, |entity| live_keys(expression, &entity, hash_key))
}

/// Keys of a live entity: shortened, sorted, distinct.
pub(crate) fn live_keys(
    expression: &dyn IndexKeys,
    entity: &Entity,
    hash_key: &HashKey,
) -> Vec<Vec<u8>> {
    let mut keys = Vec::new();
    expression.keys(entity, &mut keys);
    keys.iter_mut().for_each(|key| shorten(key, hash_key));
    keys.sort_unstable();
    keys.dedup();
    keys
}

/// A key too long for RocksDB keeps its beginning and gets a keyed digest of all of it.
fn shorten(key: &mut Vec<u8>, hash_key: &HashKey) {
    if key.len() > MAX_INDEX_KEY_BYTES {
        let [low, high] = HighwayHasher::new(Key(hash_key.0)).hash128(key);
        key.truncate(MAX_INDEX_KEY_BYTES - 16);
        key.extend_from_slice(&low.to_le_bytes());
        key.extend_from_slice(&high.to_le_bytes());
    }
}

/// What an id stands under now, changes of this transaction included.
pub(crate) fn old_keys(
    writing: &Writing,
    engine: &Engine,
    number: u32,
    id: &str,
) -> Result<Vec<Vec<u8>>> {
    if let Some(keys) = writing.pending_keys.get(&(number, id.to_owned())) {
        return Ok(keys.clone());
    }
    let key = keys::index_keys_of_id(writing.number(), number, id);
    let sealed = engine
        .db
        .get_pinned_cf(&engine.family(Family::Index), &key)
        .map_err(|error| storage("read the keys of an id", error))?;
    sealed.map_or(Ok(Vec::new()), |sealed| {
        codec::read_key_list(&key, &sealed).map_err(|flaw| {
            damaged(
                format!("dataset {}, index {number}, id {id:?}", writing.entry.name),
                flaw,
            )
        })
    })
}

/// Nobody can keep this index now: whoever needs it next builds it anew.
fn mark_stale(
    index: &mut OpenIndex,
    dataset: sluice_dataset::DatasetNumber,
    engine: &Engine,
    batch: &mut WriteBatch,
) {
    if index.record.stage != IndexStage::Stale {
        index.record.stage = IndexStage::Stale;
        put_record(dataset, &index.name, &index.record, engine, batch);
    }
}

pub(crate) fn put_record(
    dataset: sluice_dataset::DatasetNumber,
    name: &str,
    record: &IndexRecord,
    engine: &Engine,
    batch: &mut WriteBatch,
) {
    let key = keys::index_record(dataset, name);
    batch.put_cf(&engine.family(Family::Default), &key, record.write(&key));
}

impl Transaction {
    /// Removes an index and its definition.
    pub fn drop_index(&mut self, dataset: &Dataset, name: &str) -> Result<()> {
        let engine = Arc::clone(&self.store().engine);
        let (writing, batch) = self.writing(dataset)?;
        let indexes = &mut writing.state.indexes;
        let position = indexes
            .iter()
            .position(|index| &*index.name == name)
            .ok_or_else(|| Error::UnknownIndex {
                dataset: dataset.name().clone(),
                index: name.to_owned(),
            })?;
        let index = indexes.remove(position);
        delete_entries(dataset, index.record.number, &engine, batch);
        batch.delete_cf(
            &engine.family(Family::Default),
            keys::index_record(dataset.number(), name),
        );
        Ok(())
    }
}

pub(crate) fn delete_entries(
    dataset: &Dataset,
    number: u32,
    engine: &Engine,
    batch: &mut WriteBatch,
) {
    let range = keys::index(dataset.number(), number);
    batch.delete_range_cf(&engine.family(Family::Index), range.from, range.to);
}

/// A secondary index that is ready, at an instant.
pub(crate) struct IndexReading<'a> {
    reading: &'a Reading<'a>,
    number: u32,
}

impl<'a> IndexReading<'a> {
    pub(crate) fn open(reading: &'a Reading<'a>, name: &str) -> Result<Self> {
        let key = keys::index_record(reading.number, name);
        let sealed = reading
            .get(Family::Default, &key)?
            .ok_or_else(|| Error::UnknownIndex {
                dataset: reading.name.clone(),
                index: name.to_owned(),
            })?;
        let record = IndexRecord::read(&key, &sealed)
            .map_err(|flaw| reading.flaw(&format!("index definition {name}"), flaw))?;
        if record.stage != IndexStage::Ready {
            return Err(Error::IndexNotReady {
                dataset: reading.name.clone(),
                index: name.to_owned(),
            });
        }
        Ok(Self::new(reading, record.number))
    }

    /// An index that is known to be ready.
    pub(crate) fn new(reading: &'a Reading<'a>, number: u32) -> Self {
        Self { reading, number }
    }

    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Ids under a key, in order.
    pub(crate) fn ids(&self, key: &[u8], after: Option<&str>, limit: usize) -> Result<Vec<String>> {
        let mut key = key.to_vec();
        shorten(&mut key, &self.reading.engine.hash_key);
        let prefix = keys::index_key(self.reading.number, self.number, &key);
        let mut range = keys::with_prefix(prefix);
        if let Some(after) = after {
            range.from.extend_from_slice(after.as_bytes());
            range.from.push(0);
        }
        let mut iterator = self.reading.iterator(Family::Index, &range);
        iterator.seek_to_first();
        let mut ids = Vec::new();
        while let Some(entry) = iterator.key().filter(|_| ids.len() < limit) {
            let (_, _, id) = keys::index_entry_of(entry)
                .ok_or_else(|| self.reading.flaw("index", "a key of unknown form"))?;
            ids.push(id.to_owned());
            iterator.next();
        }
        iterator
            .status()
            .map_err(|error| storage("read an index", error))?;
        Ok(ids)
    }

    /// Keys of an id, sorted. Keys over 1,024 bytes come back shortened.
    pub(crate) fn keys_of(&self, id: &str) -> Result<Vec<Vec<u8>>> {
        let key = keys::index_keys_of_id(self.reading.number, self.number, id);
        self.reading
            .get(Family::Index, &key)?
            .map_or(Ok(Vec::new()), |sealed| {
                codec::read_key_list(&key, &sealed)
                    .map_err(|flaw| self.reading.flaw(&format!("index, id {id:?}"), flaw))
            })
    }
}

/// The offset at which a builder reads the latest version of an id.
pub(crate) fn missing_version(dataset: &Dataset, offset: Offset) -> Error {
    damaged(
        format!("dataset {}, log, offset {offset}", dataset.name()),
        "the log entry is missing",
    )
}
