//! A dataset in memory, written to be believed: everything is derived from one list of versions by looking at all of it.
//!
//! It is the model of the store's property test, so it shares no idea with the store: no counters, no index entries, no marks.

use crate::{
    AppendOptions, Approval, Change, Compacted, Counters, Dataset, DatasetName, DatasetNumber,
    DatasetStatus, DeleteProgress, Error, FullRun, Generation, IndexKeys, IndexState, Offset,
    PreparedEntity, ReadOptions, Result, Retention, Unseen, Version, VersionBatch, WritableDataset,
};
use parking_lot::Mutex;
use sluice_entity::{Generated, HashKey};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The in-memory dataset. Cloning copies it.
pub struct Memory {
    name: DatasetName,
    number: DatasetNumber,
    generation: Generation,
    hash_key: HashKey,
    state: Mutex<State>,
}

#[derive(Clone, Default)]
struct State {
    /// All versions ever appended, compacted ones as `None`; the position is the offset.
    log: Vec<Option<Stored>>,
    last_ts: u64,
    populated: bool,
    runs: u64,
    run: Option<Run>,
    indexes: BTreeMap<String, Arc<dyn IndexKeys>>,
}

#[derive(Clone)]
struct Stored {
    id: String,
    version: Version,
}

#[derive(Clone)]
struct Run {
    full: FullRun,
    /// Produced by the run.
    seen: BTreeSet<String>,
    /// Dealt with by its deletes.
    dealt_with: BTreeSet<String>,
}

impl Memory {
    /// An empty dataset.
    pub fn new(
        name: DatasetName,
        number: DatasetNumber,
        generation: Generation,
        hash_key: HashKey,
    ) -> Self {
        Self {
            name,
            number,
            generation,
            hash_key,
            state: Mutex::default(),
        }
    }
}

impl Clone for Memory {
    fn clone(&self) -> Self {
        Self {
            name: self.name.clone(),
            number: self.number,
            generation: self.generation,
            hash_key: self.hash_key,
            state: Mutex::new(self.state.lock().clone()),
        }
    }
}

impl State {
    fn stored(&self) -> impl DoubleEndedIterator<Item = &Stored> {
        self.log.iter().flatten()
    }

    fn of_id<'a>(&'a self, id: &'a str) -> impl DoubleEndedIterator<Item = &'a Version> {
        self.stored()
            .filter(move |stored| stored.id == id)
            .map(|stored| &stored.version)
    }

    fn latest(&self, id: &str) -> Option<&Version> {
        self.stored()
            .rev()
            .find(|stored| stored.id == id)
            .map(|stored| &stored.version)
    }

    fn latest_of_all(&self) -> BTreeMap<&str, &Version> {
        self.stored()
            .map(|stored| (stored.id.as_str(), &stored.version))
            .collect()
    }

    fn is_latest(&self, stored: &Stored) -> bool {
        self.latest(&stored.id)
            .is_some_and(|latest| latest.offset() == stored.version.offset())
    }

    fn unseen(&self) -> Vec<String> {
        let Some(run) = &self.run else {
            return Vec::new();
        };
        self.latest_of_all()
            .into_iter()
            .filter(|(id, version)| {
                !version.is_deleted()
                    && version.offset() < run.full.start
                    && !run.seen.contains(*id)
            })
            .map(|(id, _)| id.to_owned())
            .collect()
    }

    fn append(
        &mut self,
        entity: &PreparedEntity,
        now_micros: u64,
        options: &AppendOptions,
    ) -> Change {
        let latest = self.latest(entity.id()).map(|version| version.generated);
        let known = latest.as_ref().map(|latest| (latest.hash, latest.deleted));
        let change = match entity.change_against(known) {
            Change::Unchanged if options.force => Change::Changed,
            change => change,
        };
        if let Some(run) = self.run.as_mut().filter(|_| options.run.is_some()) {
            run.seen.insert(entity.id().to_owned());
        }
        if change.is_appended() {
            let generated = Generated {
                updated: self.log.len() as Offset,
                previous: latest.map(|latest| latest.updated),
                ts: now_micros.max(self.last_ts + 1),
                hash: entity.hash(),
                deleted: entity.is_deleted(),
            };
            self.last_ts = generated.ts;
            let version = Version {
                body: entity.body().clone(),
                generated,
            };
            self.log.push(Some(Stored {
                id: entity.id().to_owned(),
                version,
            }));
        }
        change
    }

    fn counters(&self) -> Counters {
        let latest = self.latest_of_all();
        let deleted_versions = self
            .stored()
            .filter(|stored| stored.version.is_deleted())
            .count();
        let deleted_ids = latest
            .values()
            .filter(|version| version.is_deleted())
            .count();
        Counters {
            log_exists: (self.stored().count() - deleted_versions) as u64,
            log_deleted: deleted_versions as u64,
            index_exists: (latest.len() - deleted_ids) as u64,
            index_deleted: deleted_ids as u64,
            bytes: self
                .stored()
                .map(|stored| stored.version.body.value().encoded().len() as u64)
                .sum(),
        }
    }

    fn keys(&self, index: &str, version: &Version) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        if let Some(expression) = self.indexes.get(index).filter(|_| !version.is_deleted()) {
            expression.keys(&version.to_entity(), &mut keys);
        }
        keys.sort();
        keys.dedup();
        keys
    }
}

impl Memory {
    fn check_index(&self, state: &State, index: &str) -> Result<()> {
        if state.indexes.contains_key(index) {
            Ok(())
        } else {
            Err(Error::UnknownIndex {
                dataset: self.name.clone(),
                index: index.to_owned(),
            })
        }
    }

    fn check_run(&self, state: &State, number: u64) -> Result<FullRun> {
        match &state.run {
            Some(run) if run.full.number == number => Ok(run.full.clone()),
            _ => Err(Error::RunReplaced {
                dataset: self.name.clone(),
                number,
            }),
        }
    }
}

impl Dataset for Memory {
    fn status(&self) -> Result<DatasetStatus> {
        let state = self.state.lock();
        let indexes = state
            .indexes
            .keys()
            .map(|name| IndexState {
                name: name.clone(),
                ready: true,
            })
            .collect();
        Ok(DatasetStatus {
            name: self.name.clone(),
            number: self.number,
            generation: self.generation,
            populated: state.populated,
            max_offset: (state.log.len() as Offset).checked_sub(1),
            epoch: 0,
            counters: state.counters(),
            last_modified: state.last_ts,
            indexes,
        })
    }

    fn read(&self, options: &ReadOptions, max_bytes: usize) -> Result<VersionBatch> {
        let state = self.state.lock();
        let mut rest: Vec<&Stored> = state
            .stored()
            .filter(|stored| match options.since {
                None => true,
                Some(since) if options.reverse => stored.version.offset() < since,
                Some(since) => stored.version.offset() > since,
            })
            .collect();
        if options.reverse {
            rest.reverse();
        }
        let limit = options.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut page = VersionBatch::new();
        let mut resume = options.since;
        let mut at_end = true;
        for stored in rest {
            if page.len() >= limit || page.bytes() >= max_bytes {
                at_end = false;
                break;
            }
            resume = Some(stored.version.offset());
            if options.shows(state.is_latest(stored), stored.version.is_deleted()) {
                page.push(
                    stored.version.body.value().encoded(),
                    stored.version.generated,
                );
            }
        }
        page.finish(resume, at_end && limit > 0);
        Ok(page)
    }

    fn get(&self, id: &str) -> Result<Option<Version>> {
        Ok(self.state.lock().latest(id).cloned())
    }

    fn get_at(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        Ok(self
            .state
            .lock()
            .of_id(id)
            .find(|version| version.offset() == offset)
            .cloned())
    }

    fn before(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        let state = self.state.lock();
        let below = |version: &&Version| version.offset() < offset;
        let Some(found) = state.of_id(id).rev().find(below) else {
            return Ok(None);
        };
        Ok(Some(found.clone()))
    }

    fn lookup(
        &self,
        index: &str,
        key: &[u8],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        let state = self.state.lock();
        self.check_index(&state, index)?;
        Ok(state
            .latest_of_all()
            .into_iter()
            .filter(|(id, _)| after.is_none_or(|after| *id > after))
            .filter(|(_, version)| state.keys(index, version).iter().any(|found| found == key))
            .map(|(id, _)| id.to_owned())
            .take(limit)
            .collect())
    }

    fn index_keys_of(&self, index: &str, id: &str) -> Result<Vec<Vec<u8>>> {
        let state = self.state.lock();
        self.check_index(&state, index)?;
        Ok(state
            .latest(id)
            .map_or_else(Vec::new, |version| state.keys(index, version)))
    }
}

impl WritableDataset for Memory {
    fn append(
        &self,
        entities: &[PreparedEntity],
        now_micros: u64,
        options: &AppendOptions,
    ) -> Result<Vec<Change>> {
        let mut state = self.state.lock();
        if let Some(run) = options.run {
            self.check_run(&state, run)?;
        }
        Ok(entities
            .iter()
            .map(|entity| state.append(entity, now_micros, options))
            .collect())
    }

    fn repost(&self, ids: &[&str], now_micros: u64) -> Result<u64> {
        let mut state = self.state.lock();
        let mut count = 0;
        for id in ids {
            let Some(Version { body, generated }) = state.latest(id).cloned() else {
                continue;
            };
            let again = PreparedEntity::again(id, body, generated.hash, generated.deleted);
            state.append(
                &again,
                now_micros,
                &AppendOptions {
                    force: true,
                    run: None,
                },
            );
            count += 1;
        }
        Ok(count)
    }

    fn mark_populated(&self) -> Result<()> {
        self.state.lock().populated = true;
        Ok(())
    }

    fn begin_run(&self, token: &str) -> Result<FullRun> {
        let mut state = self.state.lock();
        state.runs += 1;
        let start = state.log.len() as Offset;
        let full = FullRun {
            number: state.runs,
            token: token.to_owned(),
            start,
            deleting: false,
        };
        state.run = Some(Run {
            full: full.clone(),
            seen: BTreeSet::new(),
            dealt_with: BTreeSet::new(),
        });
        Ok(full)
    }

    fn active_run(&self) -> Result<Option<FullRun>> {
        Ok(self.state.lock().run.as_ref().map(|run| run.full.clone()))
    }

    fn unseen(&self, run: &FullRun) -> Result<Unseen> {
        let state = self.state.lock();
        self.check_run(&state, run.number)?;
        Ok(Unseen {
            live: state.counters().index_exists,
            unseen: state.unseen().len() as u64,
        })
    }

    fn approve_deletions(&self, run: &FullRun, allow_mass_delete: bool) -> Result<Approval> {
        let (run, populated) = {
            let state = self.state.lock();
            (self.check_run(&state, run.number)?, state.populated)
        };
        Approval::decide(
            &self.name,
            run.clone(),
            populated,
            allow_mass_delete,
            || self.unseen(&run),
        )
    }

    fn delete_unseen(
        &self,
        approval: &Approval,
        now_micros: u64,
        limit: usize,
    ) -> Result<DeleteProgress> {
        let mut state = self.state.lock();
        self.check_run(&state, approval.run().number)?;
        let dealt_with = state
            .run
            .as_ref()
            .map(|run| run.dealt_with.clone())
            .unwrap_or_default();
        let left: Vec<String> = state
            .unseen()
            .into_iter()
            .filter(|id| !dealt_with.contains(id))
            .collect();
        for id in left.iter().take(limit) {
            let Some(version) = state.latest(id).cloned() else {
                continue;
            };
            let delete = PreparedEntity::delete_of(id, version.body, &self.hash_key);
            state.append(&delete, now_micros, &AppendOptions::default());
        }
        if let Some(run) = &mut state.run {
            run.full.deleting = true;
            run.dealt_with.extend(left.iter().take(limit).cloned());
        }
        Ok(DeleteProgress {
            deleted: left.len().min(limit) as u64,
            done: left.len() <= limit,
        })
    }

    fn end_run(&self, run: &FullRun) -> Result<()> {
        let mut state = self.state.lock();
        self.check_run(&state, run.number)?;
        state.run = None;
        Ok(())
    }

    fn compact(
        &self,
        retention: &Retention,
        from: Option<Offset>,
        _budget: u64,
    ) -> Result<Compacted> {
        let mut state = self.state.lock();
        if !state.populated {
            return Ok(Compacted::default());
        }
        let mut done = Compacted::default();
        let candidates: Vec<Stored> = state
            .stored()
            .filter(|stored| {
                stored.version.offset() >= from.unwrap_or(0) && !state.is_latest(stored)
            })
            .cloned()
            .collect();
        let before = state.clone();
        for Stored { id, version } in candidates {
            done.examined += 1;
            let newer: Vec<&Version> = before
                .of_id(&id)
                .filter(|other| other.offset() > version.offset())
                .collect();
            let enough = newer.len() as u64 >= u64::from(retention.keep_versions.max(1));
            let consumed = retention
                .consumed
                .is_none_or(|consumed| newer[0].offset() <= consumed);
            let old = retention
                .keep_since
                .is_none_or(|since| version.generated.ts < since);
            if enough && consumed && old {
                let position =
                    usize::try_from(version.offset()).expect("an offset is a position in the log");
                state.log[position] = None;
                done.removed += 1;
            }
        }
        Ok(done)
    }

    fn ensure_index(&self, keys: Arc<dyn IndexKeys>) -> Result<()> {
        self.state
            .lock()
            .indexes
            .insert(keys.name().to_owned(), keys);
        Ok(())
    }

    fn drop_index(&self, name: &str) -> Result<()> {
        let mut state = self.state.lock();
        self.check_index(&state, name)?;
        state.indexes.remove(name);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_memory_dataset_behaves_as_datasets_do() {
        crate::suite::run_all(&|hash_key| {
            let name = DatasetName::new("suite").unwrap();
            Box::new(Memory::new(
                name,
                DatasetNumber(1),
                Generation::new_random(),
                *hash_key,
            ))
        });
    }
}
