//! Removing superseded versions (CO2, CO3, CO8, R61). The family superseded is the list of candidates, in offset order, so a pass
//! costs in proportion to what was superseded, not to the dataset.

use crate::codec::{damaged, read_next, read_version};
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::keys::KeyRange;
use crate::transaction::Writing;
use crate::{Dataset, Durability, Result, Store, keys};
use rocksdb::{ReadOptions, WriteBatch};
use sluice_dataset::{Compacted, Offset, Retention};

/// Versions per slice: what a writer waits for at most.
const SLICE: u64 = 1_000;

/// Works from `from` on, `budget` versions at most, in slices that each say where the next begins.
pub(crate) fn in_slices(
    from: Option<Offset>,
    budget: u64,
    mut slice: impl FnMut(Option<Offset>, u64) -> Result<Compacted>,
) -> Result<Compacted> {
    let mut total = Compacted {
        resume: from,
        ..Compacted::default()
    };
    loop {
        let left = budget - total.examined;
        if left == 0 {
            return Ok(total);
        }
        let done = slice(total.resume, left.min(SLICE))?;
        total.removed += done.removed;
        total.examined += done.examined;
        total.resume = done.resume;
        if total.resume.is_none() {
            return Ok(total);
        }
    }
}

/// One pass over a dataset.
pub(crate) struct Pass<'a> {
    store: &'a Store,
    dataset: &'a Dataset,
}

impl<'a> Pass<'a> {
    pub(crate) fn new(store: &'a Store, dataset: &'a Dataset) -> Self {
        Self { store, dataset }
    }

    /// Looks at no more than `budget` candidates from `from` on, slice by slice, each in a transaction of its own.
    pub(crate) fn run(
        &self,
        retention: &Retention,
        from: Option<Offset>,
        budget: u64,
    ) -> Result<Compacted> {
        in_slices(from, budget, |from, left| self.slice(retention, from, left))
    }

    fn slice(&self, retention: &Retention, from: Option<Offset>, budget: u64) -> Result<Compacted> {
        let engine = &*self.store.engine;
        let mut transaction = self.store.transaction(&[self.dataset])?;
        transaction.frees_space();
        let (writing, batch) = transaction.writing(self.dataset)?;
        if !writing.state.record.populated {
            return Ok(Compacted::default());
        }
        let KeyRange { from: first, to } = keys::dataset(self.dataset.number());
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(from.map_or(first, |offset| {
            keys::version(self.dataset.number(), offset).to_vec()
        }));
        options.set_iterate_upper_bound(to);
        let mut candidates = engine
            .db
            .raw_iterator_cf_opt(&engine.family(Family::Superseded), options);
        candidates.seek_to_first();
        let mut done = Compacted::default();
        while let Some((key, sealed)) = candidates.item() {
            let offset =
                keys::offset_of(key).ok_or_else(|| self.flaw(0, "a key of the wrong length"))?;
            if done.examined == budget {
                done.resume = Some(offset);
                break;
            }
            let next = read_next(key, sealed).map_err(|flaw| self.flaw(offset, flaw))?;
            // Offsets grow, and with them `next` mostly does; but an old version may be superseded by a very new one, so go on.
            if retention.consumed.is_none_or(|consumed| next <= consumed)
                && self.has_newer(engine, next, retention.keep_versions)?
            {
                done.removed += u64::from(self.remove(engine, writing, batch, offset, retention)?);
            }
            done.examined += 1;
            candidates.next();
        }
        candidates
            .status()
            .map_err(|error| storage("walk the superseded versions", error))?;
        drop(candidates);
        transaction.commit(Durability::Buffered)?;
        Ok(done)
    }

    /// True if a version whose next one is `next` has at least `wanted` newer ones.
    fn has_newer(&self, engine: &Engine, mut next: Offset, wanted: u32) -> Result<bool> {
        for _ in 1..wanted {
            let key = keys::version(self.dataset.number(), next);
            let after = engine
                .db
                .get_pinned_cf(&engine.family(Family::Superseded), key)
                .map_err(|error| storage("follow a superseded version", error))?;
            match after {
                Some(sealed) => {
                    next = read_next(&key, &sealed).map_err(|flaw| self.flaw(next, flaw))?
                }
                // The newest of its id, unless an earlier pass removed it; then it had enough newer ones, and so has ours.
                None => return Ok(self.version_bytes(engine, next)?.is_none()),
            }
        }
        Ok(true)
    }

    /// Removes a version unless it is too young.
    fn remove(
        &self,
        engine: &Engine,
        writing: &mut Writing,
        batch: &mut WriteBatch,
        offset: Offset,
        retention: &Retention,
    ) -> Result<bool> {
        let key = keys::version(self.dataset.number(), offset);
        let value = self
            .version_bytes(engine, offset)?
            .ok_or_else(|| self.flaw(offset, "the log entry is missing"))?;
        let (generated, body) =
            read_version(&key, offset, &value).map_err(|flaw| self.flaw(offset, flaw))?;
        if retention
            .keep_since
            .is_some_and(|since| generated.ts >= since)
        {
            return Ok(false);
        }
        batch.delete_cf(&engine.family(Family::Log), key);
        batch.delete_cf(&engine.family(Family::Superseded), key);
        let counters = &mut writing.state.record.counters;
        counters.bytes = counters.bytes.saturating_sub(body.len() as u64);
        let versions = if generated.deleted {
            &mut counters.log_deleted
        } else {
            &mut counters.log_exists
        };
        *versions = versions.saturating_sub(1);
        writing.record_changed = true;
        Ok(true)
    }

    fn version_bytes<'e>(
        &self,
        engine: &'e Engine,
        offset: Offset,
    ) -> Result<Option<rocksdb::DBPinnableSlice<'e>>> {
        engine
            .db
            .get_pinned_cf(
                &engine.family(Family::Log),
                keys::version(self.dataset.number(), offset),
            )
            .map_err(|error| storage("read a superseded version", error))
    }

    fn flaw(&self, offset: Offset, flaw: crate::codec::Flaw) -> sluice_dataset::Error {
        damaged(
            format!("dataset {}, log, offset {offset}", self.dataset.name()),
            flaw,
        )
    }
}
