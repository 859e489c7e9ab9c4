//! A dataset in memory, written to be believed: everything is derived from one list of versions by looking at all of it.
//!
//! It is the model of the store's property test, so it shares no idea with the store: no counters, no index entries, no marks.

mod reading;
mod writing;

use crate::{
    AppendOptions, Change, Counters, DatasetName, DatasetNumber, Error, FullRun, Generation,
    IndexKeys, Offset, PreparedEntity, Result, Version,
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
