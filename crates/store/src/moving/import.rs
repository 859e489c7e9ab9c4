//! Into a store: ingest, derive, and last, in one write, let it be seen.
//!
//! Until the last step the datasets are in no list, and a store that is opened after a crash removes what came of them.

use super::derive::Derived;
use super::export::record_of;
use super::records::Records;
use crate::codec::{self, damaged};
use crate::engine::{Space, storage};
use crate::families::Family;
use crate::keys;
use crate::records::RunRecord;
use crate::registry::{DatasetState, Entry};
use crate::transaction::epoch;
use crate::{Continuity, Dataset, Durability, Result, StateKey, Store};
use rocksdb::{IngestExternalFileOptions, WriteBatch};
use sluice_dataset::{DatasetName, DatasetNumber, Error, Offset};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

/// Owner of the records that name imports under way.
const OWNER: &str = "import";
/// Bytes of state per write.
const BATCH_BYTES: usize = 4 << 20;

/// State of one owner on its way into a store.
pub struct Import {
    store: Store,
    owner: String,
    datasets: BTreeMap<DatasetNumber, (DatasetName, Derived)>,
}

/// What an import made.
#[derive(Clone, Debug)]
pub struct Imported {
    /// The datasets, open.
    pub datasets: Vec<Dataset>,
}

impl Store {
    /// Begins an import: whatever this store has under these names and numbers goes, and all state of the owner.
    pub fn begin_import(
        &self,
        owner: &str,
        datasets: Vec<(DatasetName, DatasetNumber)>,
    ) -> Result<Import> {
        for (name, number) in &datasets {
            let all = self.registry.all();
            let same = all.values().filter(|entry| entry.number == *number);
            let same: Vec<DatasetName> = same.map(|entry| entry.name.clone()).collect();
            for old in same.iter().chain([name]) {
                self.delete_dataset(old)?;
            }
        }
        let mut transaction = self.transaction(&[])?;
        transaction.delete_state_range(&StateKey::new(owner, "")?);
        for (_, number) in &datasets {
            transaction.put_state(&mark(*number)?, &[]);
        }
        transaction.commit(Durability::Synced)?;
        let begun = datasets
            .into_iter()
            .map(|(name, number)| (number, (name, Derived::default())));
        let import = Import {
            store: self.clone(),
            owner: owner.to_owned(),
            datasets: begun.collect(),
        };
        import.clear()?;
        Ok(import)
    }

    /// Removes what imports left that never ended. To be called before any begins.
    pub fn remove_unfinished_imports(&self) -> Result<u64> {
        let marks = self.state_scan(&StateKey::new(OWNER, "")?, None, usize::MAX)?;
        for (key, _) in &marks {
            let number = key.name().try_into().map(u64::from_be_bytes);
            let number = number.map_err(|_| damaged("an unfinished import", "no number"))?;
            clear(self, DatasetNumber(number))?;
            let mut transaction = self.transaction(&[])?;
            transaction.delete_state(key);
            transaction.commit(Durability::Buffered)?;
        }
        Ok(marks.len() as u64)
    }
}

impl Import {
    /// Takes log files over, each behind what there is. The files are moved away. `last` is the offset of the last entry that there is then.
    pub fn ingest(
        &mut self,
        number: DatasetNumber,
        files: Vec<PathBuf>,
        last: Option<Offset>,
    ) -> Result<()> {
        let engine = &*self.store.engine;
        engine.check_running()?;
        let (_, derived) = self
            .datasets
            .get_mut(&number)
            .ok_or_else(|| damaged(format!("moved dataset {number}"), "nobody asked for it"))?;
        if !files.is_empty() {
            let mut options = IngestExternalFileOptions::default();
            options.set_move_files(true);
            engine
                .db
                .ingest_external_file_cf_opts(&engine.family(Family::Log), &options, files)
                .map_err(|error| storage("take files of log entries over", error))?;
        }
        derived.go_on(engine, number)?;
        if derived.last != last {
            let place = format!("moved log of dataset {number}");
            return Err(damaged(place, "it ends elsewhere than it should"));
        }
        Ok(())
    }

    /// Offset of the last entry that was taken over.
    pub fn last(&self, number: DatasetNumber) -> Option<Offset> {
        self.datasets.get(&number)?.1.last
    }

    /// Lets everything be seen at once, under the last of these epochs, together with further records. The epochs before it began
    /// with the same state and may have given offsets that nobody may give again. `may_commit` is asked right before.
    pub fn finish(
        mut self,
        records: &[u8],
        epochs: &[(u64, Continuity)],
        further: &[(StateKey, Vec<u8>)],
        may_commit: impl FnOnce() -> Result<()>,
    ) -> Result<Imported> {
        let store = self.store.clone();
        let engine = &*store.engine;
        let family = engine.family(Family::Default);
        let records = Records::read(records).map_err(|flaw| damaged("moved records", flaw))?;
        let owned = StateKey::new(&self.owner, "")?.range();
        let (mut state, mut last) = (WriteBatch::default(), WriteBatch::default());
        let mut entries: BTreeMap<u64, DatasetState> = BTreeMap::new();
        for (key, sealed) in records {
            if key >= &*owned.from && key < &*owned.to {
                state.put_cf(&family, key, sealed);
                if state.size_in_bytes() >= BATCH_BYTES {
                    engine.write(std::mem::take(&mut state), Space::Takes)?;
                }
                continue;
            }
            let number = keys::dataset_of(key).filter(|number| *number != keys::STORE);
            let known = number.and_then(|number| {
                let (name, derived) = self.datasets.get(&DatasetNumber(number))?;
                Some((DatasetNumber(number), name, derived))
            });
            let Some((number, name, derived)) = known else {
                return Err(damaged("moved records", "one of somebody else"));
            };
            if keys::is_dataset_record(key) {
                let mut record = record_of(key, sealed)?;
                if record.name != name.as_str() {
                    return Err(damaged(
                        format!("moved dataset {number}"),
                        "of another name",
                    ));
                }
                if derived.last > record.max_offset {
                    let flaw = "its log goes beyond its end";
                    return Err(damaged(format!("moved dataset {number}"), flaw));
                }
                record.counters = derived.counters;
                let mut dataset = DatasetState {
                    record,
                    run: None,
                    indexes: Vec::new(),
                    copy: None,
                    is_deleted: false,
                };
                for (epoch, continuity) in epochs {
                    epoch::begin(&mut dataset, *epoch, *continuity);
                }
                last.put_cf(&family, key, dataset.record.write(key));
                entries.insert(number.0, dataset);
                continue;
            }
            if key == keys::run_record(number) {
                let run = RunRecord::read(key, sealed);
                let run = run.map_err(|flaw| damaged("moved full run", flaw))?;
                if let Some(dataset) = entries.get_mut(&number.0) {
                    dataset.run = Some(run);
                }
            }
            last.put_cf(&family, key, sealed);
        }
        if entries.len() != self.datasets.len() {
            return Err(damaged(
                "moved records",
                "the record of a dataset is missing",
            ));
        }
        engine.write(state, Space::Takes)?;
        for (key, value) in further {
            let key = key.key();
            let mut sealed = value.clone();
            codec::seal(&key, &mut sealed);
            last.put_cf(&family, key, sealed);
        }
        for number in self.datasets.keys() {
            last.delete_cf(&family, mark(*number)?.key());
        }
        may_commit()?;
        let _creation = store.creation.lock();
        let ticket = engine.write(last, Space::Takes)?;
        let mut imported = Imported {
            datasets: Vec::new(),
        };
        for (number, state) in entries {
            let number = DatasetNumber(number);
            let Some((name, _)) = self.datasets.remove(&number) else {
                continue;
            };
            let entry = Arc::new(Entry::new(name, number, state));
            store.registry.insert(Arc::clone(&entry));
            imported.datasets.push(Dataset::new(store.clone(), entry));
        }
        engine.sync(ticket)?;
        Ok(imported)
    }

    /// Gives it up: what came of it goes.
    pub fn give_up(self) -> Result<()> {
        self.clear()?;
        let mut transaction = self.store.transaction(&[])?;
        for number in self.datasets.keys() {
            transaction.delete_state(&mark(*number)?);
        }
        transaction.commit(Durability::Buffered).map(drop)
    }

    fn clear(&self) -> Result<()> {
        let mut numbers = self.datasets.keys();
        numbers.try_for_each(|number| clear(&self.store, *number))
    }
}

fn clear(store: &Store, number: DatasetNumber) -> Result<()> {
    let keys::KeyRange { from, to } = keys::dataset(number);
    let mut batch = WriteBatch::default();
    for family in Family::ALL {
        batch.delete_range_cf(&store.engine.family(family), &from, &to);
    }
    let _creation = store.creation.lock();
    if store
        .registry
        .all()
        .values()
        .any(|entry| entry.number == number)
    {
        // It was let to be seen after all.
        return Ok(());
    }
    store.engine.write(batch, Space::Frees).map(drop)
}

fn mark(number: DatasetNumber) -> Result<StateKey, Error> {
    StateKey::new(OWNER, number.0.to_be_bytes())
}
