//! Before a pipe is handed over: what its newest checkpoint has comes here while its owner goes on, and what of that will stay as
//! it is goes into the store. So writes wait for what was written since, and not for all there is.

use super::error::{Error, Result};
use super::fetching::fetch;
use super::manifest::{LogFile, Manifest, Place};
use super::{Durability, segments};
use crate::blocking;
use crate::pipe::state::owner;
use crate::shared::Shared;
use sluice_dataset::{DatasetName, DatasetNumber};
use sluice_store::Import;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// How often the newest checkpoint is looked for again: a big one takes so long that there is a newer one.
const LOOKS: usize = 4;

/// What has come so far.
pub(super) struct Ahead {
    /// Where the files are that wait.
    pub(super) folder: PathBuf,
    /// Their names.
    pub(super) fetched: HashSet<String>,
    /// Bytes of all that was fetched.
    pub(super) bytes: u64,
    pub(super) begun: Option<Begun>,
}

/// What is in the store already, where nobody sees it.
pub(super) struct Begun {
    pub(super) import: Import,
    datasets: BTreeMap<u64, Part>,
}

/// Of one dataset.
struct Part {
    name: String,
    generation: String,
    files: Vec<LogFile>,
}

impl Ahead {
    /// Nothing yet.
    pub(super) fn new(durability: &Durability) -> Self {
        Ahead {
            folder: durability.folder.join(uuid::Uuid::new_v4().to_string()),
            fetched: HashSet::new(),
            bytes: 0,
            begun: None,
        }
    }

    /// Brings what there is; `None`: nothing was ever kept there. Nothing is said to anybody, and nothing of it is this worker's.
    pub(super) async fn make(
        durability: &Durability,
        shared: &Arc<Shared>,
        pipe: &str,
        stop: &CancellationToken,
    ) -> Result<Option<Ahead>> {
        let place = durability.place(pipe);
        let mut ahead = Ahead::new(durability);
        match ahead.come(durability, shared, &place, stop).await {
            Ok(true) => Ok(Some(ahead)),
            Ok(false) => Ok(None),
            Err(error) => {
                ahead.give_up().await;
                Err(error)
            }
        }
    }

    async fn come(
        &mut self,
        durability: &Durability,
        shared: &Arc<Shared>,
        place: &Place,
        stop: &CancellationToken,
    ) -> Result<bool> {
        let mut seen: Option<(u64, Manifest)> = None;
        for _ in 0..LOOKS {
            let Some((number, manifest)) = place.newest().await? else {
                return Ok(false);
            };
            if seen.as_ref().is_some_and(|(known, _)| *known == number) {
                break;
            }
            let wanted = manifest
                .files()
                .filter(|file| !self.fetched.contains(&file.hash));
            let fetched = fetch(place, wanted, &self.folder, stop, |_| async { Ok(()) }).await;
            match fetched {
                Ok(bytes) => self.bytes += bytes,
                // Its owner has made two more since.
                Err(Error::Missing { .. }) => continue,
                Err(error) => return Err(error),
            }
            let hashes = manifest.files().map(|file| file.hash.clone());
            self.fetched.extend(hashes);
            seen = Some((number, manifest));
        }
        let Some((_, manifest)) = seen else {
            return Ok(false);
        };
        durability
            .lease
            .check()
            .map_err(sluice_dataset::Error::from)?;
        let (shared, folder, stop) = (shared.clone(), self.folder.clone(), stop.clone());
        self.begun = blocking::run(move || begin(&shared, &manifest, &folder, &stop)).await?;
        let begun = self.begun.iter().flat_map(|begun| begun.datasets.values());
        for file in begun.flat_map(|part| &part.files) {
            // It was moved into the store.
            self.fetched.remove(&file.file.hash);
        }
        Ok(true)
    }

    /// Keeps of what is in the store only what a checkpoint goes on from.
    pub(super) async fn keep_for(&mut self, manifest: &Manifest) {
        if self
            .begun
            .as_ref()
            .is_some_and(|begun| !begun.fits(manifest))
        {
            self.drop_begun().await;
        }
    }

    async fn drop_begun(&mut self) {
        let Some(begun) = self.begun.take() else {
            return;
        };
        let given_up = blocking::run(move || begun.import.give_up()).await;
        if let Err(error) = given_up {
            tracing::warn!(%error, "what was brought ahead goes with the next start");
        }
    }

    /// What has come goes.
    pub(super) async fn give_up(&mut self) {
        self.drop_begun().await;
        let folder = self.folder.clone();
        let _ = blocking::run(move || std::fs::remove_dir_all(folder)).await;
    }
}

impl Begun {
    /// Whether a checkpoint goes on from what is in the store.
    pub(super) fn fits(&self, manifest: &Manifest) -> bool {
        let fits = |dataset: &super::manifest::DatasetFiles| {
            self.datasets.get(&dataset.number).is_some_and(|part| {
                part.name == dataset.name
                    && part.generation == dataset.generation
                    && dataset.files.starts_with(&part.files)
            })
        };
        self.datasets.len() == manifest.datasets.len() && manifest.datasets.iter().all(fits)
    }

    /// How many of a dataset's files are in the store.
    pub(super) fn taken(&self, dataset: u64) -> usize {
        self.datasets
            .get(&dataset)
            .map_or(0, |part| part.files.len())
    }
}

/// Puts the files into the store that later checkpoints keep as they are; `None`: there are none. For blocking threads.
fn begin(
    shared: &Shared,
    manifest: &Manifest,
    folder: &Path,
    stop: &CancellationToken,
) -> Result<Option<Begun>> {
    let (mut names, mut datasets) = (Vec::new(), BTreeMap::new());
    for dataset in &manifest.datasets {
        let name = DatasetName::existing(&dataset.name)
            .map_err(|source| Error::damaged("manifest", source))?;
        names.push((name, DatasetNumber(dataset.number)));
        let part = Part {
            name: dataset.name.clone(),
            generation: dataset.generation.clone(),
            files: segments::lasting(&dataset.files).to_vec(),
        };
        datasets.insert(dataset.number, part);
    }
    if datasets.values().all(|part| part.files.is_empty()) {
        return Ok(None);
    }
    let mut import = shared.store.begin_import(&owner(&manifest.pipe), names)?;
    for (number, part) in &datasets {
        let files = part.files.iter();
        let files: Vec<PathBuf> = files.map(|log| folder.join(&log.file.hash)).collect();
        let ingested = match stop.is_cancelled() {
            true => Err(sluice_dataset::Error::LeaseEnded),
            false => {
                let last = part.files.last().map(|log| log.last);
                import.ingest(DatasetNumber(*number), files, last)
            }
        };
        if let Err(error) = ingested {
            import.give_up()?;
            return Err(error.into());
        }
    }
    Ok(Some(Begun { import, datasets }))
}

#[cfg(test)]
mod tests;
