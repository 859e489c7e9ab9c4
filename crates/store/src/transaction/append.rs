//! Appending with change tracking.
//!
//! The primary index is asked once per batch, sorted; index entries are written once per id, sorted, whatever a batch does to
//! the id in between.

use crate::codec::{self, IdEntry, damaged};
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::keys::{self, MAX_ID_BYTES};
use crate::transaction::Writing;
use crate::{Result, index};
use rocksdb::WriteBatch;
use sluice_dataset::{AppendOptions, Change, Error, PreparedEntity};
use sluice_entity::Generated;

/// An id of the batch with its latest version, before and while the batch is worked through.
pub(super) struct Slot<'e> {
    pub(super) id: &'e str,
    pub(super) key: Vec<u8>,
    pub(super) latest: Option<IdEntry>,
    pub(super) changed: bool,
}

impl Writing {
    pub(crate) fn append(
        &mut self,
        engine: &Engine,
        batch: &mut WriteBatch,
        entities: &[PreparedEntity],
        now_micros: u64,
        options: &AppendOptions,
    ) -> Result<Vec<Change>> {
        if let Some(run) = options.run {
            self.check_run(run)?;
        }
        if batch.is_empty() {
            // In one piece: a batch that grows is copied over and over.
            *batch = WriteBatch::with_capacity_bytes(entities.iter().map(batch_bytes).sum());
        }
        let (mut slots, slot_of) = self.slots(engine, entities.iter().map(PreparedEntity::id))?;
        let mut stored = Vec::new();
        let mut changes = Vec::with_capacity(entities.len());
        for (entity, position) in entities.iter().zip(slot_of) {
            let slot = &mut slots[position];
            let change = change(entity, slot.latest.as_ref(), options.force);
            if change.is_appended() {
                self.append_one(engine, batch, entity, slot, change, now_micros, &mut stored)?;
            } else {
                self.report.unchanged += 1;
                self.keep_unchanged(engine, entity, slot, options)?;
            }
            changes.push(change);
        }
        self.put_ids(engine, batch, slots);
        Ok(changes)
    }

    /// Writes the primary index entries of what changed.
    pub(super) fn put_ids(
        &mut self,
        engine: &Engine,
        batch: &mut WriteBatch,
        slots: Vec<Slot<'_>>,
    ) {
        let family = engine.family(Family::Ids);
        let mut stored = Vec::new();
        self.pending.reserve(slots.len());
        for slot in slots {
            if let Some(entry) = slot.latest.filter(|_| slot.changed) {
                entry.write(&slot.key, &mut stored);
                batch.put_cf(&family, &slot.key, &stored);
                self.pending.insert(slot.key, entry);
            }
        }
    }

    /// Marks the latest versions of ids as seen. No dataset has an id that is too long for one.
    pub(crate) fn mark_ids(&mut self, engine: &Engine, run: u64, ids: &[&str]) -> Result<()> {
        self.check_run(run)?;
        let possible = ids.iter().copied().filter(|id| id.len() <= MAX_ID_BYTES);
        let (slots, _) = self.slots(engine, possible)?;
        for latest in slots.into_iter().filter_map(|slot| slot.latest) {
            self.mark_seen(engine, latest.offset)?;
        }
        Ok(())
    }

    /// The distinct ids, sorted, with their latest versions; and for each given id the position of its slot.
    pub(super) fn slots<'e>(
        &self,
        engine: &Engine,
        ids: impl Iterator<Item = &'e str>,
    ) -> Result<(Vec<Slot<'e>>, Vec<usize>)> {
        let mut order: Vec<(&str, usize)> = ids.zip(0..).collect();
        order.sort_unstable();
        let mut slots: Vec<Slot<'e>> = Vec::with_capacity(order.len());
        let mut slot_of = vec![0; order.len()];
        for (id, position) in order {
            if slots.last().is_none_or(|last| last.id != id) {
                if id.len() > MAX_ID_BYTES {
                    let what = sluice_dataset::NameError::TooLong;
                    return Err(Error::Name {
                        name: id.chars().take(100).collect(),
                        source: what,
                    });
                }
                slots.push(Slot {
                    id,
                    key: keys::id(self.number(), id),
                    latest: None,
                    changed: false,
                });
            }
            slot_of[position] = slots.len() - 1;
        }
        self.load_latest(engine, &mut slots)?;
        Ok((slots, slot_of))
    }

    fn load_latest(&self, engine: &Engine, slots: &mut [Slot<'_>]) -> Result<()> {
        let mut unknown = Vec::with_capacity(slots.len());
        for slot in slots.iter_mut() {
            match self.pending.get(&slot.key) {
                Some(entry) => slot.latest = Some(*entry),
                None => unknown.push(slot),
            }
        }
        let family = engine.family(Family::Ids);
        let found =
            engine
                .db
                .batched_multi_get_cf(&family, unknown.iter().map(|slot| &slot.key), true);
        for (slot, sealed) in unknown.into_iter().zip(found) {
            if let Some(sealed) = sealed.map_err(|error| storage("look up ids", error))? {
                let entry = IdEntry::read(&slot.key, &sealed).map_err(|flaw| {
                    damaged(
                        format!(
                            "dataset {}, primary index, id {:?}",
                            self.entry.name, slot.id
                        ),
                        flaw,
                    )
                })?;
                slot.latest = Some(entry);
            }
        }
        Ok(())
    }

    #[allow(
        clippy::too_many_arguments,
        reason = "the parts of one write; a struct for them would live for one call"
    )]
    fn append_one(
        &mut self,
        engine: &Engine,
        batch: &mut WriteBatch,
        entity: &PreparedEntity,
        slot: &mut Slot<'_>,
        change: Change,
        now_micros: u64,
        stored: &mut Vec<u8>,
    ) -> Result<()> {
        let record = &mut self.state.record;
        let generated = Generated {
            updated: record.next_offset,
            previous: slot.latest.map(|latest| latest.offset),
            ts: now_micros.max(record.last_ts + 1),
            hash: entity.hash(),
            deleted: entity.is_deleted(),
        };
        let offset = generated.updated;
        let key = keys::version(self.entry.number, offset);
        let body = entity.body().value().encoded();
        codec::write_version(&key, &generated, body, stored)
            .map_err(|flaw| damaged(format!("dataset {}, new version", self.entry.name), flaw))?;
        batch.put_cf(&engine.family(Family::Log), key, &*stored);
        if let Some(latest) = slot.latest {
            let key = keys::version(self.entry.number, latest.offset);
            batch.put_cf(
                &engine.family(Family::Superseded),
                key,
                codec::write_next(&key, offset),
            );
        }
        record.next_offset += 1;
        record.max_offset = Some(offset);
        record.last_ts = generated.ts;
        let counters = &mut record.counters;
        counters.bytes += body.len() as u64;
        let (log, index) = match generated.deleted {
            true => (&mut counters.log_deleted, &mut counters.index_deleted),
            false => (&mut counters.log_exists, &mut counters.index_exists),
        };
        *log += 1;
        *index += 1;
        match slot.latest {
            Some(latest) if latest.deleted => counters.index_deleted -= 1,
            Some(_) => counters.index_exists -= 1,
            None => {}
        }
        self.record_changed = true;
        self.report.appended += 1;
        self.report.deleted += u64::from(change == Change::Deleted);
        index::keep(self, engine, batch, entity, slot.latest.is_some())?;
        slot.latest = Some(IdEntry {
            offset,
            hash: generated.hash,
            deleted: generated.deleted,
            raw_hash: entity.raw_hash,
        });
        slot.changed = true;
        Ok(())
    }

    /// An unchanged id is seen; if its bytes are new, the next comparison of bytes shall hit.
    fn keep_unchanged(
        &mut self,
        engine: &Engine,
        entity: &PreparedEntity,
        slot: &mut Slot<'_>,
        options: &AppendOptions,
    ) -> Result<()> {
        let Some(latest) = &mut slot.latest else {
            return Ok(());
        };
        if entity.raw_hash.is_some() && latest.raw_hash != entity.raw_hash && !entity.is_filtered()
        {
            latest.raw_hash = entity.raw_hash;
            slot.changed = true;
        }
        let offset = latest.offset;
        if options.run.is_some() {
            self.mark_seen(engine, offset)
        } else {
            Ok(())
        }
    }
}

/// About what a new entity takes in a batch: body, header, index entry, keys.
fn batch_bytes(entity: &PreparedEntity) -> usize {
    entity.body().value().encoded().len() + entity.id().len() + 150
}

fn change(entity: &PreparedEntity, latest: Option<&IdEntry>, force: bool) -> Change {
    match entity.change_against(latest.map(|latest| (latest.hash, latest.deleted))) {
        Change::Unchanged if force => Change::Changed,
        change => change,
    }
}
