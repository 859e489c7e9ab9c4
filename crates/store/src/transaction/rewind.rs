//! Taking the end of a replica's log away again: its owner was restored to an earlier offset, and what it had behind that is lost.

use super::{Transaction, Writing};
use crate::codec::{self, Flaw, IdEntry, damaged};
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::{Dataset, Result, index, keys};
use rocksdb::{ReadOptions, WriteBatch};
use sluice_dataset::{Offset, PreparedEntity, Version};
use std::collections::BTreeSet;

/// Versions, and bytes of bodies, that one step takes away at most.
const STEP: usize = 1_000;
const STEP_BYTES: usize = 4 << 20;

/// What a step took away.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rewound {
    /// Ids of the versions that are gone.
    pub ids: BTreeSet<String>,
    /// Nothing is left behind the kept offset.
    pub is_done: bool,
    /// Each of the ids is as it was at the kept offset. Otherwise an older version, which the owner may still have, was removed
    /// from the replica before: it has to be copied anew.
    pub is_whole: bool,
}

impl Transaction {
    /// Takes away the newest versions of a replica behind `kept` (all of them without it), as many as fit into a step, and says
    /// that it is not level any more. The replica is what its owner's log was at an earlier offset after every step.
    pub fn rewind(&mut self, replica: &Dataset, kept: Option<Offset>) -> Result<Rewound> {
        let engine = std::sync::Arc::clone(&self.store().engine);
        let (writing, batch) = self.writing(replica)?;
        writing.check_replica()?;
        writing.set_level(&engine, batch, false);
        writing.rewind(&engine, batch, kept)
    }
}

impl Writing {
    fn rewind(
        &mut self,
        engine: &Engine,
        batch: &mut WriteBatch,
        kept: Option<Offset>,
    ) -> Result<Rewound> {
        let range = keys::dataset(self.number());
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(range.from);
        options.set_iterate_upper_bound(range.to);
        let log = engine.family(Family::Log);
        let mut newest = engine.db.raw_iterator_cf_opt(&log, options);
        newest.seek_to_last();
        let mut rewound = Rewound {
            ids: BTreeSet::new(),
            is_done: true,
            is_whole: true,
        };
        let (mut count, mut bytes) = (0, 0);
        let mut left = None;
        while let Some((key, value)) = newest.item() {
            let offset =
                keys::offset_of(key).ok_or_else(|| self.flaw(0, "a key of the wrong length"))?;
            let version =
                codec::to_version(key, offset, value).map_err(|flaw| self.flaw(offset, flaw))?;
            left = Some((offset, version.generated.ts));
            if Some(offset) <= kept {
                break;
            }
            if count >= STEP || bytes >= STEP_BYTES {
                rewound.is_done = false;
                break;
            }
            let id = self.id_of(&version)?.to_owned();
            rewound.is_whole &= self.take_back(engine, batch, &id, &version)?;
            rewound.ids.insert(id);
            count += 1;
            bytes += value.len();
            left = None;
            newest.prev();
        }
        newest
            .status()
            .map_err(|error| storage("walk the log backwards", error))?;
        let record = &mut self.state.record;
        record.max_offset = match rewound.is_done {
            true => record.max_offset.min(kept),
            false => left.map(|(offset, _)| offset),
        };
        record.next_offset = record.max_offset.map_or(0, |max| max.saturating_add(1));
        record.last_ts = left.map_or(0, |(_, ts)| ts);
        self.record_changed = true;
        Ok(rewound)
    }

    /// Removes the newest version of an id; the one before it is its latest again. False if that one is missing.
    fn take_back(
        &mut self,
        engine: &Engine,
        batch: &mut WriteBatch,
        id: &str,
        version: &Version,
    ) -> Result<bool> {
        let generated = &version.generated;
        let number = self.number();
        batch.delete_cf(
            &engine.family(Family::Log),
            keys::version(number, generated.updated),
        );
        let before = match generated.previous {
            Some(previous) => self.superseded_by(engine, previous, generated.updated)?,
            None => None,
        };
        let counters = &mut self.state.record.counters;
        let bytes = version.body.value().encoded().len() as u64;
        counters.bytes = counters.bytes.saturating_sub(bytes);
        let (log, ids) = match generated.deleted {
            true => (&mut counters.log_deleted, &mut counters.index_deleted),
            false => (&mut counters.log_exists, &mut counters.index_exists),
        };
        *log = log.saturating_sub(1);
        *ids = ids.saturating_sub(1);
        let id_key = keys::id(number, id);
        let family = engine.family(Family::Ids);
        let is_whole = generated.previous.is_none() || before.is_some();
        let Some(before) = before else {
            batch.delete_cf(&family, id_key);
            for position in 0..self.state.indexes.len() {
                let number = self.state.indexes[position].record.number;
                let keys = index::old_keys(self, engine, number, id)?;
                index::replace(self, engine, batch, number, id, &keys, Vec::new());
            }
            return Ok(is_whole);
        };
        match before.generated.deleted {
            true => counters.index_deleted += 1,
            false => counters.index_exists += 1,
        }
        batch.delete_cf(
            &engine.family(Family::Superseded),
            keys::version(number, before.generated.updated),
        );
        let entry = IdEntry {
            offset: before.generated.updated,
            hash: before.generated.hash,
            deleted: before.generated.deleted,
            raw_hash: None,
        };
        let mut stored = Vec::new();
        entry.write(&id_key, &mut stored);
        batch.put_cf(&family, id_key, stored);
        let generated = before.generated;
        let entity = PreparedEntity::again(id, before.body, generated.hash, generated.deleted);
        index::keep(self, engine, batch, &entity, true)?;
        Ok(is_whole)
    }

    /// The version at `offset`, if it is there and the one at `next` came after it.
    fn superseded_by(
        &self,
        engine: &Engine,
        offset: Offset,
        next: Offset,
    ) -> Result<Option<Version>> {
        const TRIED: &str = "read the version before";
        let key = keys::version(self.number(), offset);
        let mark = engine
            .db
            .get_pinned_cf(&engine.family(Family::Superseded), key)
            .map_err(|error| storage(TRIED, error))?;
        let Some(mark) = mark else { return Ok(None) };
        let found = codec::read_next(&key, &mark).map_err(|flaw| self.flaw(offset, flaw))?;
        if found != next {
            return Ok(None);
        }
        let value = engine
            .db
            .get_pinned_cf(&engine.family(Family::Log), key)
            .map_err(|error| storage(TRIED, error))?
            .ok_or_else(|| self.flaw(offset, "the log entry is missing"))?;
        codec::to_version(&key, offset, &value)
            .map(Some)
            .map_err(|flaw| self.flaw(offset, flaw))
    }

    fn id_of<'v>(&self, version: &'v Version) -> Result<&'v str> {
        let id = version.body.value().get("_id").and_then(|id| id.as_str());
        id.ok_or_else(|| self.flaw(version.offset(), "a version without an id"))
    }

    fn flaw(&self, offset: Offset, flaw: Flaw) -> sluice_dataset::Error {
        damaged(
            format!("dataset {}, log, offset {offset}", self.entry.name),
            flaw,
        )
    }
}
