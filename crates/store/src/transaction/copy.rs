//! Copying versions into a replica: with the offsets, times and hashes that their owner gave them.

use super::{Transaction, Writing};
use crate::codec::{self, IdEntry, damaged};
use crate::engine::Engine;
use crate::families::Family;
use crate::{Dataset, Result, index, keys};
use rocksdb::WriteBatch;
use sluice_dataset::{PreparedEntity, VersionBatch, VersionRef};
use sluice_entity::ValueBuf;

impl Transaction {
    /// Writes what the owner's log has behind what the replica has; what it has already is passed over. Answers how many versions
    /// were written. The page must be one of the log with history, oldest first.
    pub fn copy(&mut self, replica: &Dataset, versions: &VersionBatch) -> Result<u64> {
        let engine = std::sync::Arc::clone(&self.store().engine);
        let (writing, batch) = self.writing(replica)?;
        writing.check_replica()?;
        writing.copy(&engine, batch, versions)
    }
}

impl Writing {
    fn copy(
        &mut self,
        engine: &Engine,
        batch: &mut WriteBatch,
        versions: &VersionBatch,
    ) -> Result<u64> {
        let known = self.state.record.max_offset;
        let news = versions
            .iter()
            .filter(|version| Some(version.generated.updated) > known);
        let news: Vec<VersionRef<'_>> = news.collect();
        let ids: Vec<&str> = news.iter().map(VersionRef::id).collect();
        let (mut slots, slot_of) = self.slots(engine, ids.into_iter())?;
        let mut stored = Vec::new();
        for (version, position) in news.iter().zip(slot_of) {
            let slot = &mut slots[position];
            let latest = slot.latest;
            self.copy_one(engine, batch, *version, slot.id, latest, &mut stored)?;
            slot.latest = Some(IdEntry {
                offset: version.generated.updated,
                hash: version.generated.hash,
                deleted: version.generated.deleted,
                raw_hash: None,
            });
            slot.changed = true;
        }
        self.put_ids(engine, batch, slots);
        Ok(news.len() as u64)
    }

    fn copy_one(
        &mut self,
        engine: &Engine,
        batch: &mut WriteBatch,
        version: VersionRef<'_>,
        id: &str,
        latest: Option<IdEntry>,
        stored: &mut Vec<u8>,
    ) -> Result<()> {
        let generated = version.generated;
        let offset = generated.updated;
        let place = || format!("dataset {}, version {offset} to copy", self.entry.name);
        if Some(offset) <= self.state.record.max_offset {
            return Err(damaged(place(), "not in the order of offsets"));
        }
        if id.is_empty() {
            return Err(damaged(place(), "without an _id"));
        }
        let key = keys::version(self.entry.number, offset);
        let body = version.body.encoded();
        codec::write_version(&key, generated, body, stored)
            .map_err(|flaw| damaged(place(), flaw))?;
        batch.put_cf(&engine.family(Family::Log), key, &*stored);
        if let Some(latest) = latest {
            let key = keys::version(self.entry.number, latest.offset);
            let next = codec::write_next(&key, offset);
            batch.put_cf(&engine.family(Family::Superseded), key, next);
        }
        let record = &mut self.state.record;
        record.max_offset = Some(offset);
        record.next_offset = offset.saturating_add(1);
        record.last_ts = generated.ts;
        let counters = &mut record.counters;
        counters.bytes += body.len() as u64;
        let (log, ids) = match generated.deleted {
            true => (&mut counters.log_deleted, &mut counters.index_deleted),
            false => (&mut counters.log_exists, &mut counters.index_exists),
        };
        *log += 1;
        *ids += 1;
        match latest {
            Some(latest) if latest.deleted => counters.index_deleted -= 1,
            Some(_) => counters.index_exists -= 1,
            None => {}
        }
        self.record_changed = true;
        self.report.appended += 1;
        if self.state.indexes.is_empty() {
            return Ok(());
        }
        let body = ValueBuf::from_encoded(body.to_vec());
        let entity = PreparedEntity::again(id, body, generated.hash, generated.deleted);
        index::keep(self, engine, batch, &entity, latest.is_some())
    }
}
