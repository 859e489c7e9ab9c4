//! One dataset inside a transaction: its state moved on, and what of the batch later steps must see.

use crate::codec::IdEntry;
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::gate::Passage;
use crate::records::Marks;
use crate::registry::{DatasetState, Entry};
use crate::transaction::CommittedDataset;
use crate::{Result, keys};
use rocksdb::WriteBatch;
use sluice_dataset::{DatasetNumber, Error, Offset};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Owns the dataset's write lock until the transaction ends.
pub(crate) struct Writing {
    pub(crate) entry: Arc<Entry>,
    /// Becomes the committed state.
    pub(crate) state: DatasetState,
    pub(crate) record_changed: bool,
    /// Primary index entries of this transaction, by key.
    pub(crate) pending: HashMap<Vec<u8>, IdEntry>,
    /// Keys of ids in secondary indexes as this transaction leaves them.
    pub(crate) pending_keys: HashMap<(u32, String), Vec<Vec<u8>>>,
    marks: BTreeMap<u64, OpenMarks>,
    /// True if marks in the database belong to an earlier run, to be deleted by this transaction.
    pub(crate) marks_dropped: bool,
    pub(crate) report: CommittedDataset,
    _passage: Passage,
}

struct OpenMarks {
    marks: Marks,
    changed: bool,
}

impl Writing {
    pub(crate) fn begin(entry: &Arc<Entry>) -> Result<Self> {
        let passage = entry.gate.pass();
        entry.check_not_deleted()?;
        let state = entry.committed.lock().clone();
        let report = CommittedDataset {
            name: entry.name.clone(),
            appended: 0,
            deleted: 0,
            unchanged: 0,
            max_offset: state.record.max_offset,
        };
        Ok(Self {
            entry: Arc::clone(entry),
            state,
            record_changed: false,
            pending: HashMap::new(),
            pending_keys: HashMap::new(),
            marks: BTreeMap::new(),
            marks_dropped: false,
            report,
            _passage: passage,
        })
    }

    pub(crate) fn number(&self) -> DatasetNumber {
        self.entry.number
    }

    /// An error unless this run is the one under way.
    pub(crate) fn check_run(&self, number: u64) -> Result<()> {
        match &self.state.run {
            Some(record) if record.run.number == number => Ok(()),
            _ => Err(Error::RunReplaced {
                dataset: self.entry.name.clone(),
                number,
            }),
        }
    }

    /// Remembers that the run under way has seen the id whose latest version is at `offset`. What is written during the run
    /// needs no mark: it lies behind the run's start.
    pub(crate) fn mark_seen(&mut self, engine: &Engine, offset: Offset) -> Result<()> {
        if self
            .state
            .run
            .as_ref()
            .is_none_or(|record| offset >= record.run.start)
        {
            return Ok(());
        }
        let open = self.open_marks(engine, Marks::chunk_of(offset))?;
        open.changed |= open.marks.set(offset);
        Ok(())
    }

    pub(crate) fn is_marked(&mut self, engine: &Engine, offset: Offset) -> Result<bool> {
        Ok(self
            .open_marks(engine, Marks::chunk_of(offset))?
            .marks
            .contains(offset))
    }

    fn open_marks(&mut self, engine: &Engine, chunk: u64) -> Result<&mut OpenMarks> {
        if !self.marks.contains_key(&chunk) {
            let marks = if self.marks_dropped {
                Marks::default()
            } else {
                read_marks(engine, &self.entry, chunk)?
            };
            self.marks.insert(
                chunk,
                OpenMarks {
                    marks,
                    changed: false,
                },
            );
        }
        Ok(self.marks.get_mut(&chunk).expect("inserted above"))
    }

    /// Forgets all marks, stored ones included.
    pub(crate) fn drop_marks(&mut self, engine: &Engine, batch: &mut WriteBatch) {
        let range = keys::marks(self.number());
        batch.delete_range_cf(&engine.family(Family::Default), range.from, range.to);
        self.marks.clear();
        self.marks_dropped = true;
    }

    /// Puts what changed besides versions into the batch.
    pub(crate) fn write_records(&mut self, engine: &Engine, batch: &mut WriteBatch) {
        let family = engine.family(Family::Default);
        for (chunk, open) in self.marks.iter().filter(|(_, open)| open.changed) {
            let key = keys::marks_chunk(self.number(), *chunk);
            batch.put_cf(&family, &key, open.marks.write(&key));
        }
        if self.record_changed {
            let key = keys::dataset_record(self.number());
            batch.put_cf(&family, &key, self.state.record.write(&key));
        }
    }

    /// After the batch is written: others may go on from here.
    pub(crate) fn publish(self) -> CommittedDataset {
        if !self.pending.is_empty() {
            self.entry.ids_written();
        }
        *self.entry.committed.lock() = self.state;
        CommittedDataset {
            max_offset: self.entry.committed.lock().record.max_offset,
            ..self.report
        }
    }
}

/// A stored chunk of marks; empty if there is none.
pub(crate) fn read_marks(engine: &Engine, entry: &Entry, chunk: u64) -> Result<Marks> {
    let key = keys::marks_chunk(entry.number, chunk);
    let sealed = engine
        .db
        .get_pinned_cf(&engine.family(Family::Default), &key)
        .map_err(|error| storage("read seen marks", error))?;
    sealed.map_or(Ok(Marks::default()), |sealed| {
        Marks::read(&key, &sealed).map_err(|flaw| {
            crate::codec::damaged(format!("dataset {}, seen marks {chunk}", entry.name), flaw)
        })
    })
}
