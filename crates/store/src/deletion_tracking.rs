//! Deletion tracking in the store: the run's record, its marks, its deletes in bounded steps (DE1, DE2, R26, R27, R63).
//!
//! A mark is one bit per offset below the run's start, set where the run finds that version unchanged. Everything the run (or
//! anybody else) appends lies behind the start and needs none. So an id is unseen if its latest version is live, lies below the
//! start and has no mark.

use crate::codec::{IdEntry, damaged, to_version};
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::keys::KeyRange;
use crate::reading::Reading;
use crate::records::{Marks, RunRecord};
use crate::registry::Entry;
use crate::transaction::Writing;
use crate::{Dataset, Result, Transaction, keys};
use rocksdb::ReadOptions;
use sluice_dataset::{
    AppendOptions, Approval, DeleteProgress, Error, FullRun, Offset, PreparedEntity, Unseen,
};
use sluice_entity::ValueBuf;
use std::collections::HashMap;
use std::sync::Arc;

/// A step looks at no more ids and takes up no more bytes than this, however few of them it deletes.
const STEP_IDS: usize = 100_000;
const STEP_BYTES: usize = 4 << 20;

impl Transaction {
    /// Begins a full run of which the dataset keeps marks. An active one is replaced: it can delete nothing any more (R63).
    pub fn begin_run(&mut self, dataset: &Dataset, token: &str) -> Result<FullRun> {
        let engine = Arc::clone(&self.store().engine);
        let (writing, batch) = self.writing(dataset)?;
        writing.drop_marks(&engine, batch);
        let record = &mut writing.state.record;
        record.runs += 1;
        let run = FullRun {
            number: record.runs,
            token: token.to_owned(),
            start: record.next_offset,
            deleting: false,
        };
        writing.record_changed = true;
        put_run(
            writing,
            &engine,
            batch,
            RunRecord {
                run: run.clone(),
                cursor: None,
            },
        );
        Ok(run)
    }

    /// Appends at most `limit` deleted versions for ids that the run has not seen. They keep their properties (R4).
    /// When it answers `done`, end the run in the same transaction.
    pub fn delete_unseen(
        &mut self,
        dataset: &Dataset,
        approval: &Approval,
        now_micros: u64,
        limit: usize,
    ) -> Result<DeleteProgress> {
        let engine = Arc::clone(&self.store().engine);
        let (writing, batch) = self.writing(dataset)?;
        let number = approval.run().number;
        writing.check_run(number)?;
        let mut record = writing
            .state
            .run
            .clone()
            .expect("checked: it is the run under way");
        let (deletes, reached) = unseen_after(writing, &engine, &record, approval, limit)?;
        writing.append(
            &engine,
            batch,
            &deletes,
            now_micros,
            &AppendOptions::default(),
        )?;
        record.run.deleting = true;
        let done = reached.is_none();
        if let Some(reached) = reached {
            record.cursor = Some(reached);
        }
        put_run(writing, &engine, batch, record);
        Ok(DeleteProgress {
            deleted: deletes.len() as u64,
            done,
        })
    }

    /// Marks ids as seen by a run although nothing is written for them: it produced them, and they could not be written.
    pub fn mark_seen(&mut self, dataset: &Dataset, run: &FullRun, ids: &[&str]) -> Result<()> {
        let engine = Arc::clone(&self.store().engine);
        let (writing, _) = self.writing(dataset)?;
        writing.mark_ids(&engine, run.number, ids)
    }

    /// Ends a run and drops its marks.
    pub fn end_run(&mut self, dataset: &Dataset, run: &FullRun) -> Result<()> {
        let engine = Arc::clone(&self.store().engine);
        let (writing, batch) = self.writing(dataset)?;
        writing.check_run(run.number)?;
        writing.drop_marks(&engine, batch);
        batch.delete_cf(
            &engine.family(Family::Default),
            keys::run_record(dataset.number()),
        );
        writing.state.run = None;
        Ok(())
    }
}

impl Dataset {
    pub(crate) fn check_run(&self, run: &FullRun) -> Result<FullRun> {
        self.entry.check_not_deleted()?;
        match self.run_under_way() {
            Some(active) if active.number == run.number => Ok(active),
            _ => Err(Error::RunReplaced {
                dataset: self.name().clone(),
                number: run.number,
            }),
        }
    }

    pub(crate) fn count_unseen(&self, run: &FullRun) -> Result<Unseen> {
        let mut unseen = Unseen::default();
        self.walk_live(run, |_, _, is_unseen| {
            unseen.live += 1;
            unseen.unseen += u64::from(is_unseen);
            Ok(())
        })?;
        Ok(unseen)
    }

    /// Those of the ids that the run has not seen that were live before the log came to `offset`. Where compaction took the
    /// version of that time away, an id counts as live.
    pub fn unseen_from_before(&self, run: &FullRun, offset: Offset) -> Result<u64> {
        let mut count = 0;
        self.walk_live(run, |reading, latest, is_unseen| {
            count += u64::from(is_unseen && was_live_before(reading, latest, offset)?);
            Ok(())
        })?;
        Ok(count)
    }

    /// Walks the live ids at one instant, without the write lock: the offset of each, and whether the run has yet to see it.
    fn walk_live(
        &self,
        run: &FullRun,
        mut visit: impl FnMut(&Reading<'_>, Offset, bool) -> Result<()>,
    ) -> Result<()> {
        let run = self.check_run(run)?;
        self.reading(|reading| {
            let marks = self.load_marks(reading)?;
            let mut ids = reading.iterator(Family::Ids, &keys::dataset(self.number()));
            ids.seek_to_first();
            while let Some((key, sealed)) = ids.item() {
                let (_, entry) = read_id(&self.entry, key, sealed)?;
                let is_marked = |offset| {
                    marks
                        .get(&Marks::chunk_of(offset))
                        .is_some_and(|marks| marks.contains(offset))
                };
                if !entry.deleted {
                    let is_unseen = entry.offset < run.start && !is_marked(entry.offset);
                    visit(reading, entry.offset, is_unseen)?;
                }
                ids.next();
            }
            ids.status().map_err(|error| storage("walk the ids", error))
        })
    }

    /// One bit per version: a dataset of a hundred million versions takes 12.5 MB while it is counted.
    fn load_marks(&self, reading: &Reading<'_>) -> Result<HashMap<u64, Marks>> {
        let mut chunks = HashMap::new();
        let mut iterator = reading.iterator(Family::Default, &keys::marks(self.number()));
        iterator.seek_to_first();
        while let Some((key, sealed)) = iterator.item() {
            let flaw = |flaw| reading.flaw("seen marks", flaw);
            let chunk =
                keys::marks_chunk_of(key).ok_or_else(|| flaw("a key of the wrong length"))?;
            chunks.insert(chunk, Marks::read(key, sealed).map_err(flaw)?);
            iterator.next();
        }
        iterator
            .status()
            .map_err(|error| storage("read seen marks", error))?;
        Ok(chunks)
    }
}

/// Whether the id with this latest version, live now, was live before the log came to `offset`.
fn was_live_before(reading: &Reading<'_>, latest: Offset, offset: Offset) -> Result<bool> {
    let mut at = latest;
    while let Some(version) = reading.version(at)? {
        match version.generated.previous {
            _ if at < offset => return Ok(!version.is_deleted()),
            Some(previous) => at = previous,
            None => return Ok(false),
        }
    }
    Ok(true)
}

/// The next unseen ids as deleted versions, and the last id looked at; `None` at the end.
fn unseen_after(
    writing: &mut Writing,
    engine: &Engine,
    record: &RunRecord,
    approval: &Approval,
    limit: usize,
) -> Result<(Vec<PreparedEntity>, Option<String>)> {
    let KeyRange { mut from, to } = keys::dataset(writing.number());
    if let Some(cursor) = &record.cursor {
        from = [keys::id(writing.number(), cursor), vec![0]].concat();
    }
    let mut options = ReadOptions::default();
    options.set_iterate_lower_bound(from);
    options.set_iterate_upper_bound(to);
    let mut ids = engine
        .db
        .raw_iterator_cf_opt(&engine.family(Family::Ids), options);
    ids.seek_to_first();
    let (mut deletes, mut looked_at, mut bytes, mut last) =
        (Vec::new(), 0, 0, record.cursor.clone());
    while let Some((key, sealed)) = ids.item() {
        if deletes.len() >= limit || looked_at >= STEP_IDS || bytes >= STEP_BYTES {
            return Ok((deletes, last));
        }
        let (id, stored) = read_id(&writing.entry, key, sealed)?;
        let entry = writing.pending.get(key).copied().unwrap_or(stored);
        if !entry.deleted
            && entry.offset < record.run.start
            && !writing.is_marked(engine, entry.offset)?
        {
            let body = body_at(writing, engine, entry.offset)?;
            let delete = approval.delete_of(id, body, &engine.hash_key);
            bytes += delete.body().value().encoded().len();
            deletes.push(delete);
        }
        looked_at += 1;
        last = Some(id.to_owned());
        ids.next();
    }
    ids.status()
        .map_err(|error| storage("walk the ids", error))?;
    Ok((deletes, None))
}

fn body_at(writing: &Writing, engine: &Engine, offset: Offset) -> Result<ValueBuf> {
    let key = keys::version(writing.number(), offset);
    let place = || format!("dataset {}, log, offset {offset}", writing.entry.name);
    let value = engine
        .db
        .get_pinned_cf(&engine.family(Family::Log), key)
        .map_err(|error| storage("read a version to delete", error))?
        .ok_or_else(|| damaged(place(), "the log entry is missing"))?;
    let version = to_version(&key, offset, &value).map_err(|flaw| damaged(place(), flaw))?;
    Ok(version.body)
}

fn read_id<'k>(dataset: &Entry, key: &'k [u8], sealed: &[u8]) -> Result<(&'k str, IdEntry)> {
    let place = || format!("dataset {}, primary index", dataset.name);
    let id = keys::id_of(key).ok_or_else(|| damaged(place(), "an id that is not UTF-8"))?;
    let entry = IdEntry::read(key, sealed)
        .map_err(|flaw| damaged(format!("{}, id {id:?}", place()), flaw))?;
    Ok((id, entry))
}

fn put_run(
    writing: &mut Writing,
    engine: &Engine,
    batch: &mut rocksdb::WriteBatch,
    record: RunRecord,
) {
    let key = keys::run_record(writing.number());
    batch.put_cf(&engine.family(Family::Default), &key, record.write(&key));
    writing.state.run = Some(record);
}
