//! The logs of a worker's disk, read after its process has ended.

use super::effects::{Dataset, Entry, Log};
use anyhow::Result;
use sluice_dataset::{Dataset as _, ReadOptions};
use sluice_store::{Settings, Store};
use std::collections::BTreeMap;
use std::path::Path;

const PAGE_BYTES: usize = 4 << 20;

/// Everything that the datasets of a store have; replicas of other workers' datasets are not among them.
pub(super) fn read(store: &Path) -> Result<BTreeMap<Dataset, Log>> {
    let store = Store::open(store, &Settings::small())?;
    let datasets = store.datasets().into_iter();
    datasets
        .map(|dataset| Ok((dataset.name().to_string(), log(&dataset)?)))
        .collect()
}

fn log(dataset: &sluice_store::Dataset) -> Result<Log> {
    Ok(Log {
        generation: dataset.status()?.generation.to_string(),
        entries: entries(dataset)?,
    })
}

fn entries(dataset: &sluice_store::Dataset) -> Result<Vec<Entry>> {
    let epochs = dataset.epochs();
    let epoch_of = |offset| {
        let begun = epochs.iter().filter(|(_, first)| *first <= offset);
        begun.max_by_key(|(_, first)| *first)
    };
    let (mut entries, mut since) = (Vec::new(), None);
    loop {
        let page = dataset.read(&ReadOptions::default().after(since), PAGE_BYTES)?;
        entries.extend(page.iter().map(|version| {
            let offset = version.generated.updated;
            Entry {
                offset,
                id: version.id().to_owned(),
                hash: version.generated.hash.to_string(),
                epoch: epoch_of(offset).map_or(0, |(epoch, _)| *epoch),
                time: version.generated.ts,
            }
        }));
        if page.at_end() {
            return Ok(entries);
        }
        since = page.resume();
    }
}
