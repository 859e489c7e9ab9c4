//! Replicas: copies of datasets that another store has, with its generation and its offsets.
//!
//! A replica lies beside what this store has of the dataset itself, which may be old and is never touched; it is in no list of
//! datasets. It is read as a dataset is, and written by [`Transaction::copy`] alone. It is *level* once everything that its owner
//! had at some moment is in it; before that nobody should read it as the dataset.

use crate::codec::damaged;
use crate::engine::{Engine, Space};
use crate::families::Family;
use crate::keys::{self, KeyRange};
use crate::records::{CopyRecord, DatasetRecord};
use crate::registry::{DatasetState, Entry};
use crate::transaction::{GAP, Writing};
use crate::{Dataset, Result, Store, Transaction};
use rocksdb::WriteBatch;
use sluice_dataset::{DatasetName, DatasetNumber, Error, Generation, Offset};
use std::sync::Arc;

/// What the owner of a dataset says of it beside its versions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OwnerFacts {
    /// Present epoch of its offsets.
    pub epoch: u64,
    /// It has consumed all of its source once.
    pub populated: bool,
    /// Its newest offset, if all versions up to there were copied.
    pub level_at: Option<Option<Offset>>,
}

/// Up to where a reader has read a dataset: an offset that it saw under an epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    /// Of the owner that served it.
    pub epoch: u64,
    /// The last offset that it has.
    pub offset: Offset,
}

impl Store {
    /// The replica of that name and generation, begun if there is none; one of another generation or number goes. The number is
    /// the dataset's own.
    pub fn begin_replica(
        &self,
        name: &DatasetName,
        number: DatasetNumber,
        generation: Generation,
    ) -> Result<Dataset> {
        let number = keys::replica_of(number);
        let _creation = self.creation();
        if let Some(there) = self.registry.replicas().get(name) {
            let is_same = there.committed.lock().record.generation == generation;
            if is_same && there.number == number {
                return Ok(Dataset::new(self.clone(), Arc::clone(there)));
            }
        }
        self.begin_anew(name, number, generation)
    }

    /// Empties a replica: it is not level any more, and everything has to be copied again.
    pub fn empty_replica(&self, replica: &Dataset) -> Result<Dataset> {
        let _creation = self.creation();
        let generation = replica.entry.committed.lock().record.generation;
        self.begin_anew(replica.name(), replica.number(), generation)
    }

    fn begin_anew(
        &self,
        name: &DatasetName,
        number: DatasetNumber,
        generation: Generation,
    ) -> Result<Dataset> {
        if !keys::is_replica(number) {
            return Err(Error::NumberTaken {
                number: number.0,
                dataset: name.clone(),
            });
        }
        let all = self.registry.replicas();
        let mut others = all.iter().filter(|(other, _)| *other != name);
        if others.any(|(_, entry)| entry.number == number) {
            return Err(Error::NumberTaken {
                number: number.0,
                dataset: name.clone(),
            });
        }
        let before = all.get(name).cloned();
        let _passage = before.as_ref().map(|before| before.gate.pass());
        let mut batch = WriteBatch::default();
        if let Some(before) = &before {
            delete_everything(&self.engine, before.number, &mut batch);
        }
        let record = DatasetRecord {
            generation,
            ..DatasetRecord::new(name.as_str())
        };
        let copy = CopyRecord::default();
        let family = self.engine.family(Family::Default);
        let key = keys::dataset_record(number);
        batch.put_cf(&family, &key, record.write(&key));
        let key = keys::copy_record(number);
        batch.put_cf(&family, &key, copy.write(&key));
        self.engine.write(batch, Space::Takes)?;
        if let Some(before) = &before {
            before.committed.lock().is_deleted = true;
        }
        let state = DatasetState {
            record,
            run: None,
            indexes: Vec::new(),
            copy: Some(copy),
            is_deleted: false,
        };
        let entry = Arc::new(Entry::new(name.clone(), number, state));
        self.registry.set_replica(name, Some(Arc::clone(&entry)));
        Ok(Dataset::new(self.clone(), entry))
    }

    /// The replica of that name.
    pub fn replica(&self, name: &DatasetName) -> Option<Dataset> {
        let entry = self.registry.replicas().get(name).cloned();
        entry.map(|entry| Dataset::new(self.clone(), entry))
    }

    /// All replicas, by name.
    pub fn replicas(&self) -> Vec<Dataset> {
        let all = self.registry.replicas();
        let entries = all.values();
        entries
            .map(|entry| Dataset::new(self.clone(), Arc::clone(entry)))
            .collect()
    }

    /// Deletes a replica with everything in it; false if there is none.
    pub fn drop_replica(&self, name: &DatasetName) -> Result<bool> {
        let _creation = self.creation();
        let Some(entry) = self.registry.replicas().get(name).cloned() else {
            return Ok(false);
        };
        let _passage = entry.gate.pass();
        let mut batch = WriteBatch::default();
        delete_everything(&self.engine, entry.number, &mut batch);
        self.engine.write(batch, Space::Frees)?;
        entry.committed.lock().is_deleted = true;
        self.registry.set_replica(name, None);
        Ok(true)
    }
}

fn delete_everything(engine: &Engine, number: DatasetNumber, batch: &mut WriteBatch) {
    let KeyRange { from, to } = keys::dataset(number);
    for family in Family::ALL {
        batch.delete_range_cf(&engine.family(family), &from, &to);
    }
}

impl Dataset {
    /// True for a copy of what another store has.
    pub fn is_replica(&self) -> bool {
        keys::is_replica(self.entry.number)
    }

    /// Everything that its owner had at some moment is here; true for what is no replica.
    pub fn is_level(&self) -> bool {
        let state = self.entry.committed.lock();
        state.copy.is_none_or(|copy| copy.is_level)
    }

    /// Where a replica goes on; `None` at its beginning.
    pub fn position(&self) -> Option<Position> {
        let state = self.entry.committed.lock();
        let offset = state.record.max_offset?;
        Some(Position {
            epoch: state.record.epoch(),
            offset,
        })
    }

    /// For a reader that stands at `position`: `None` if everything that it has is here; otherwise what the dataset had there was
    /// lost since, by a restore or a power loss, and this offset is all that the reader may keep (`Some(None)`: nothing).
    pub fn kept_of(&self, position: Position) -> Option<Option<Offset>> {
        let state = self.entry.committed.lock();
        let record = &state.record;
        let later = record
            .epochs
            .windows(2)
            .filter(|pair| pair[1].0 > position.epoch);
        let mut ends = later.map(|pair| match pair[1].1 - pair[0].1 {
            GAP.. => pair[1].1 - GAP,
            _ => pair[1].1,
        });
        if let Some(end) = ends.find(|end| position.offset >= *end) {
            return Some(end.checked_sub(1));
        }
        (Some(position.offset) > record.max_offset).then_some(record.max_offset)
    }
}

impl Transaction {
    /// Notes what the owner says.
    pub fn note_owner(&mut self, replica: &Dataset, facts: &OwnerFacts) -> Result<()> {
        let engine = Arc::clone(&self.store().engine);
        let (writing, batch) = self.writing(replica)?;
        writing.check_replica()?;
        let record = &mut writing.state.record;
        record.populated = facts.populated;
        // A replica's list says of its own position only under which epoch it was seen.
        record.epochs = vec![(facts.epoch, 0)];
        writing.record_changed = true;
        let Some(newest) = facts.level_at else {
            return Ok(());
        };
        if newest > record.max_offset {
            // Versions that are gone: nothing was between.
            record.max_offset = newest;
            record.next_offset = newest.map_or(0, |newest| newest.saturating_add(1));
        }
        writing.set_level(&engine, batch, true);
        Ok(())
    }
}

impl Writing {
    pub(crate) fn check_replica(&self) -> Result<()> {
        match self.state.copy {
            Some(_) => Ok(()),
            None => Err(damaged(
                format!("dataset {}", self.entry.name),
                "it is no replica",
            )),
        }
    }

    pub(crate) fn set_level(&mut self, engine: &Engine, batch: &mut WriteBatch, is_level: bool) {
        let copy = CopyRecord { is_level };
        if self.state.copy != Some(copy) {
            self.state.copy = Some(copy);
            let key = keys::copy_record(self.number());
            batch.put_cf(&engine.family(Family::Default), &key, copy.write(&key));
        }
    }
}
