//! Building a secondary index for what a dataset already holds (IX4).
//!
//! From its definition on every write keeps the index, wherever the builder is. The builder walks the ids in slices, each under
//! the dataset's write lock and in one transaction with its cursor; a slice repeated after a crash changes nothing.

use crate::codec::{IdEntry, damaged, to_version};
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::records::{IndexRecord, IndexStage};
use crate::registry::OpenIndex;
use crate::transaction::Writing;
use crate::{Dataset, Durability, Result, index, keys};
use rocksdb::{ReadOptions, WriteBatch};
use sluice_dataset::IndexKeys;
use std::sync::Arc;

/// Ids per slice, and bytes of bodies read per slice: what a writer waits for at most.
const SLICE_IDS: usize = 1_000;
const SLICE_BYTES: usize = 4 << 20;

impl Dataset {
    /// Takes up the index if it is complete or under way, defines it anew if it is missing or stale, and builds what is left.
    pub(crate) fn build_index(&self, expression: Arc<dyn IndexKeys>) -> Result<()> {
        self.define_index(&expression)?;
        while !self.build_slice(&expression)? {}
        Ok(())
    }

    fn define_index(&self, expression: &Arc<dyn IndexKeys>) -> Result<()> {
        let engine = &*self.store.engine;
        let mut transaction = self.store.transaction(&[self])?;
        let (writing, batch) = transaction.writing(self)?;
        let name: Arc<str> = expression.name().into();
        let known = writing
            .state
            .indexes
            .iter_mut()
            .find(|index| index.name == name);
        match known {
            Some(index) if index.record.stage != IndexStage::Stale => {
                index.keys = Some(Arc::clone(expression))
            }
            _ => {
                let number = writing.state.record.next_index;
                writing.state.record.next_index += 1;
                writing.record_changed = true;
                if let Some(stale) = writing
                    .state
                    .indexes
                    .iter()
                    .position(|index| index.name == name)
                {
                    let stale = writing.state.indexes.remove(stale);
                    index::delete_entries(self, stale.record.number, engine, batch);
                }
                let record = IndexRecord {
                    number,
                    stage: IndexStage::Building(None),
                };
                index::put_record(self.number(), &name, &record, engine, batch);
                writing.state.indexes.push(OpenIndex {
                    name,
                    record,
                    keys: Some(Arc::clone(expression)),
                });
                writing.state.indexes.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
        transaction.commit(Durability::Buffered)?;
        Ok(())
    }

    /// True when the index is complete.
    fn build_slice(&self, expression: &Arc<dyn IndexKeys>) -> Result<bool> {
        let engine = &*self.store.engine;
        let mut transaction = self.store.transaction(&[self])?;
        let (writing, batch) = transaction.writing(self)?;
        let found = writing
            .state
            .indexes
            .iter()
            .find(|index| &*index.name == expression.name());
        let (number, cursor) = match found.map(|index| (index.record.number, &index.record.stage)) {
            Some((number, IndexStage::Building(cursor))) => (number, cursor.clone()),
            // Ready, or dropped by somebody else meanwhile.
            _ => return Ok(true),
        };
        let reached = self.index_slice(engine, writing, batch, &**expression, number, cursor)?;
        let is_done = reached.is_none();
        let stage = reached.map_or(IndexStage::Ready, |id| IndexStage::Building(Some(id)));
        let record = IndexRecord { number, stage };
        index::put_record(self.number(), expression.name(), &record, engine, batch);
        for index in writing
            .state
            .indexes
            .iter_mut()
            .filter(|index| index.record.number == number)
        {
            index.record = record.clone();
        }
        transaction.commit(Durability::Buffered)?;
        Ok(is_done)
    }

    /// Indexes the ids after `cursor`; answers the last id of the slice, or `None` at the end.
    fn index_slice(
        &self,
        engine: &Engine,
        writing: &mut Writing,
        batch: &mut WriteBatch,
        expression: &dyn IndexKeys,
        number: u32,
        cursor: Option<String>,
    ) -> Result<Option<String>> {
        let mut range = keys::dataset(self.number());
        if let Some(cursor) = cursor {
            range.from = [keys::id(self.number(), &cursor), vec![0]].concat();
        }
        let mut options = ReadOptions::default();
        options.set_iterate_lower_bound(range.from);
        options.set_iterate_upper_bound(range.to);
        let mut ids = engine
            .db
            .raw_iterator_cf_opt(&engine.family(Family::Ids), options);
        ids.seek_to_first();
        let (mut count, mut bytes, mut last) = (0, 0, None);
        while let Some((key, sealed)) = ids.item() {
            if count >= SLICE_IDS || bytes >= SLICE_BYTES {
                return Ok(last);
            }
            let place = || format!("dataset {}, primary index", self.name());
            let id = keys::id_of(key).ok_or_else(|| damaged(place(), "an id that is not UTF-8"))?;
            let entry = IdEntry::read(key, sealed)
                .map_err(|flaw| damaged(format!("{}, id {id:?}", place()), flaw))?;
            if !entry.deleted {
                let key = keys::version(self.number(), entry.offset);
                let value = engine
                    .db
                    .get_pinned_cf(&engine.family(Family::Log), key)
                    .map_err(|error| storage("read a version to index", error))?
                    .ok_or_else(|| index::missing_version(self, entry.offset))?;
                let version = to_version(&key, entry.offset, &value).map_err(|flaw| {
                    damaged(
                        format!("dataset {}, log, offset {}", self.name(), entry.offset),
                        flaw,
                    )
                })?;
                let new = index::live_keys(expression, &version.to_entity(), &engine.hash_key);
                let old = index::old_keys(writing, engine, number, id)?;
                index::replace(writing, engine, batch, number, id, &old, new);
                bytes += value.len();
            }
            count += 1;
            last = Some(id.to_owned());
            ids.next();
        }
        ids.status()
            .map_err(|error| storage("walk the ids", error))?;
        Ok(None)
    }
}
