//! From a log to everything that follows from it: the primary index, which versions are superseded, the counters.

use crate::codec::{self, Flaw, IdEntry, damaged};
use crate::engine::{Engine, Space, storage};
use crate::families::Family;
use crate::{Result, keys};
use rocksdb::{ReadOptions, WriteBatch};
use sluice_dataset::{Counters, DatasetNumber, Offset, Version};
use sluice_entity::{Limits, ValueBuf};
use std::collections::HashMap;

/// Entries per batch, and bytes of them.
const BATCH: usize = 2_000;
const BATCH_BYTES: usize = 8 << 20;

/// How far a dataset's log was worked through, and what was found.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Derived {
    /// Offset of the last entry.
    pub(super) last: Option<Offset>,
    pub(super) counters: Counters,
}

struct Found {
    offset: Offset,
    previous: Option<Offset>,
    id_key: Vec<u8>,
    entry: IdEntry,
    bytes: u64,
}

impl Derived {
    /// Goes on behind the last entry to the end of the log.
    pub(super) fn go_on(&mut self, engine: &Engine, number: DatasetNumber) -> Result<()> {
        loop {
            let found = self.next(engine, number)?;
            if found.is_empty() {
                return Ok(());
            }
            self.write(engine, number, &found)?;
        }
    }

    /// The next entries. They come from outside this store: each is checked in full.
    fn next(&self, engine: &Engine, number: DatasetNumber) -> Result<Vec<Found>> {
        let mut range = keys::dataset(number);
        if let Some(last) = self.last {
            let Some(after) = last.checked_add(1) else {
                return Ok(Vec::new());
            };
            range.from = keys::version(number, after).to_vec();
        }
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(range.from);
        options.set_iterate_upper_bound(range.to);
        let mut log = engine
            .db
            .raw_iterator_cf_opt(&engine.family(Family::Log), options);
        log.seek_to_first();
        let (mut found, mut bytes) = (Vec::new(), 0);
        while let Some((key, value)) = log.item() {
            if found.len() >= BATCH || bytes >= BATCH_BYTES {
                return Ok(found);
            }
            let offset = keys::offset_of(key).unwrap_or_default();
            let flaw = |flaw: Flaw| {
                damaged(
                    format!("moved log of dataset {number}, offset {offset}"),
                    flaw,
                )
            };
            found.push(read(engine, number, offset, key, value).map_err(flaw)?);
            bytes += value.len();
            log.next();
        }
        log.status()
            .map_err(|error| storage("read a moved log", error))?;
        Ok(found)
    }

    fn write(&mut self, engine: &Engine, number: DatasetNumber, found: &[Found]) -> Result<()> {
        let mut keys: Vec<&[u8]> = found.iter().map(|found| &*found.id_key).collect();
        keys.sort_unstable();
        keys.dedup();
        let (ids, superseded) = (
            engine.family(Family::Ids),
            engine.family(Family::Superseded),
        );
        let mut latest = HashMap::with_capacity(keys.len());
        let stored = engine.db.batched_multi_get_cf(&ids, &keys, true);
        for (key, sealed) in keys.iter().copied().zip(stored) {
            let sealed = sealed.map_err(|error| storage("look up ids", error))?;
            let entry = sealed.map(|sealed| IdEntry::read(key, &sealed)).transpose();
            let entry =
                entry.map_err(|flaw| damaged(format!("moved dataset {number}, an id"), flaw))?;
            latest.insert(key, entry);
        }
        let mut batch = WriteBatch::default();
        for one in found {
            if let Some(older) = latest.insert(&*one.id_key, Some(one.entry)).flatten() {
                if one.previous == Some(older.offset) {
                    let key = crate::keys::version(number, older.offset);
                    batch.put_cf(&superseded, key, codec::write_next(&key, one.offset));
                } else {
                    self.forget(engine, number, older.offset, &mut batch)?;
                }
                *index_count(&mut self.counters, older.deleted) -= 1;
            }
            *log_count(&mut self.counters, one.entry.deleted) += 1;
            *index_count(&mut self.counters, one.entry.deleted) += 1;
            self.counters.bytes += one.bytes;
            self.last = Some(one.offset);
        }
        let mut written = Vec::new();
        for (key, entry) in latest {
            if let Some(entry) = entry {
                entry.write(key, &mut written);
                batch.put_cf(&ids, key, &written);
            }
        }
        engine.write(batch, Space::Takes).map(drop)
    }

    /// What follows a version says that another came in between, which is not there: it was removed, and older ones go first. This
    /// one and those before it come from a file that was written before that.
    fn forget(
        &mut self,
        engine: &Engine,
        number: DatasetNumber,
        offset: Offset,
        batch: &mut WriteBatch,
    ) -> Result<()> {
        let (log, superseded) = (
            engine.family(Family::Log),
            engine.family(Family::Superseded),
        );
        let mut next = Some(offset);
        while let Some(offset) = next {
            let key = keys::version(number, offset);
            let value = engine
                .db
                .get_pinned_cf(&log, key)
                .map_err(|error| storage("read a moved log", error))?;
            let Some(value) = value else { break };
            let (generated, body) = codec::read_version(&key, offset, &value).map_err(|flaw| {
                damaged(
                    format!("moved log of dataset {number}, offset {offset}"),
                    flaw,
                )
            })?;
            batch.delete_cf(&log, key);
            batch.delete_cf(&superseded, key);
            *log_count(&mut self.counters, generated.deleted) -= 1;
            self.counters.bytes -= body.len() as u64;
            next = generated.previous;
        }
        Ok(())
    }
}

fn log_count(counters: &mut Counters, is_deleted: bool) -> &mut u64 {
    if is_deleted {
        &mut counters.log_deleted
    } else {
        &mut counters.log_exists
    }
}

fn index_count(counters: &mut Counters, is_deleted: bool) -> &mut u64 {
    if is_deleted {
        &mut counters.index_deleted
    } else {
        &mut counters.index_exists
    }
}

fn read(
    engine: &Engine,
    number: DatasetNumber,
    offset: Offset,
    key: &[u8],
    value: &[u8],
) -> Result<Found, Flaw> {
    let (generated, body) = codec::read_version(key, offset, value)?;
    let body_bytes = body.len() as u64;
    let body = ValueBuf::from_encoded(body.to_vec());
    body.value()
        .check(&Limits::WIDEST)
        .map_err(|_| "a body that is no value")?;
    let entity = Version { body, generated }.to_entity();
    if entity.content_hash(&engine.hash_key) != generated.hash {
        return Err("the content does not match its hash: it is of another hub, or damaged");
    }
    let id = entity.id().ok_or("a version without an id")?;
    let id_key = keys::id(number, id);
    let entry = IdEntry {
        offset,
        hash: generated.hash,
        deleted: generated.deleted,
        raw_hash: None,
    };
    Ok(Found {
        offset,
        previous: generated.previous,
        id_key,
        entry,
        bytes: body_bytes,
    })
}
