//! Removing versions by age, the latest of their ids too (CO4): for logs, whose entities are events and not things.
//!
//! `_ts` grows with the offset, so what is old is the beginning of the log: a pass costs in proportion to what it removes. It goes
//! in the order of offsets; an id whose latest version goes has no older one left, and a mark of a superseded version never
//! outlives the version it leads to, wherever a pass stops.

use crate::codec::{Flaw, damaged, read_version};
use crate::compaction::in_slices;
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::keys::{self, KeyRange};
use crate::transaction::Writing;
use crate::{Dataset, Durability, Result, index};
use rocksdb::{ReadOptions, WriteBatch};
use sluice_dataset::{Compacted, Offset};
use sluice_entity::{Generated, ValueBuf};

/// Which versions a pass removes.
#[derive(Clone, Copy)]
pub struct Trimming<'a> {
    /// Those with an earlier `_ts`, microseconds since 1970 UTC.
    pub before: u64,
    /// True for an id whose latest version stays whatever its age.
    pub stays: &'a dyn Fn(&str) -> bool,
}

impl Dataset {
    /// Removes what is old enough, looking at no more than `budget` versions from offset `from` on. Each slice is a transaction of
    /// its own; a pass that was broken off is simply begun again.
    ///
    /// # Errors
    ///
    /// What a write can meet, and [`sluice_dataset::Error::Damaged`] with the place.
    pub fn trim(
        &self,
        trimming: Trimming<'_>,
        from: Option<Offset>,
        budget: u64,
    ) -> Result<Compacted> {
        in_slices(from, budget, |from, left| {
            self.trim_slice(trimming, from, left)
        })
    }

    fn trim_slice(
        &self,
        trimming: Trimming<'_>,
        from: Option<Offset>,
        budget: u64,
    ) -> Result<Compacted> {
        let engine = &*self.store.engine;
        let mut transaction = self.store.transaction(&[self])?;
        transaction.frees_space();
        let (writing, batch) = transaction.writing(self)?;
        let KeyRange { from: first, to } = keys::dataset(self.number());
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from.map_or(first, |offset| {
            keys::version(self.number(), offset).to_vec()
        }));
        options.set_iterate_upper_bound(to);
        let mut log = engine
            .db
            .raw_iterator_cf_opt(&engine.family(Family::Log), options);
        log.seek_to_first();
        let mut done = Compacted::default();
        while let Some((key, value)) = log.item() {
            let offset =
                keys::offset_of(key).ok_or_else(|| self.flaw(0, "a key of the wrong length"))?;
            let (generated, body) =
                read_version(key, offset, value).map_err(|flaw| self.flaw(offset, flaw))?;
            if generated.ts >= trimming.before {
                break;
            }
            if done.examined == budget {
                done.resume = Some(offset);
                break;
            }
            let old = Old {
                dataset: self,
                engine,
                generated,
                body,
            };
            done.removed += u64::from(old.remove(trimming, writing, batch)?);
            done.examined += 1;
            log.next();
        }
        log.status()
            .map_err(|error| storage("walk the log", error))?;
        drop(log);
        transaction.commit(Durability::Buffered)?;
        Ok(done)
    }

    fn flaw(&self, offset: Offset, flaw: Flaw) -> sluice_dataset::Error {
        damaged(
            format!("dataset {}, log, offset {offset}", self.name()),
            flaw,
        )
    }
}

/// A version old enough to go.
struct Old<'a> {
    dataset: &'a Dataset,
    engine: &'a Engine,
    generated: Generated,
    body: &'a [u8],
}

impl Old<'_> {
    fn remove(
        &self,
        trimming: Trimming<'_>,
        writing: &mut Writing,
        batch: &mut WriteBatch,
    ) -> Result<bool> {
        let key = keys::version(self.dataset.number(), self.generated.updated);
        let superseded = self.engine.family(Family::Superseded);
        let mark = self
            .engine
            .db
            .get_pinned_cf(&superseded, key)
            .map_err(|error| storage("look for a superseded version", error))?;
        if mark.is_some() {
            batch.delete_cf(&superseded, key);
        } else if !self.forget_id(trimming, writing, batch)? {
            return Ok(false);
        }
        batch.delete_cf(&self.engine.family(Family::Log), key);
        let counters = &mut writing.state.record.counters;
        counters.bytes = counters.bytes.saturating_sub(self.body.len() as u64);
        let versions = if self.generated.deleted {
            &mut counters.log_deleted
        } else {
            &mut counters.log_exists
        };
        *versions = versions.saturating_sub(1);
        writing.record_changed = true;
        Ok(true)
    }

    /// Takes the id out of all indexes, unless it stays.
    fn forget_id(
        &self,
        trimming: Trimming<'_>,
        writing: &mut Writing,
        batch: &mut WriteBatch,
    ) -> Result<bool> {
        let body = ValueBuf::from_encoded(self.body.to_vec());
        let id = body.value().get("_id").and_then(|id| id.as_str());
        let id = id.ok_or_else(|| {
            self.dataset
                .flaw(self.generated.updated, "a version without an id")
        })?;
        if (trimming.stays)(id) {
            return Ok(false);
        }
        for position in 0..writing.state.indexes.len() {
            let number = writing.state.indexes[position].record.number;
            let keys = index::old_keys(writing, self.engine, number, id)?;
            index::replace(writing, self.engine, batch, number, id, &keys, Vec::new());
        }
        let key = keys::id(self.dataset.number(), id);
        batch.delete_cf(&self.engine.family(Family::Ids), key);
        let counters = &mut writing.state.record.counters;
        let ids = if self.generated.deleted {
            &mut counters.index_deleted
        } else {
            &mut counters.index_exists
        };
        *ids = ids.saturating_sub(1);
        Ok(true)
    }
}
