//! Bringing a pipe's state here from the object store.
//!
//! 1. Find the newest checkpoint; nobody has a later epoch.
//! 2. Say in the push log and among the manifests that this epoch goes on from it: from here on an earlier owner finds its next
//!    numbers taken, and whoever restores after us leaves out every offset that we may give.
//! 3. Fetch the files that did not come ahead and look whether they are what they are called.
//! 4. Put them into the store: the last write lets everything be seen, with the worker's own record of the pipe.
//! 5. Tell the storage node that the newest state is here.
//!
//! What was pushed after the checkpoint is taken again when the pipe is open, before anybody else may push.

use super::Durability;
use super::ahead::{Ahead, Begun};
use super::error::{Error, Result};
use super::fetching::fetch;
use super::known::{Kept, Known, LogFacts};
use super::manifest::{DatasetFiles, Manifest, Place, numbers};
use super::push_log::PushLog;
use crate::assignment::held::{self, HeldRecord};
use crate::blocking;
use crate::pipe::state::owner;
use crate::shared::Shared;
use parking_lot::Mutex;
use sluice_dataset::{DatasetName, DatasetNumber};
use sluice_protocol::{Checkpoint, Epoch, Report};
use sluice_store::Continuity;
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Where a pipe's state comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    /// Its owner is gone; this is the newest checkpoint that it told of.
    Checkpoint(Checkpoint),
    /// Its owner has stopped in good order, at this offset.
    HandOver { offset: Option<u64> },
}

/// A pipe on its way here.
pub(super) struct Restore {
    pub(super) durability: Arc<Durability>,
    pub(super) shared: Arc<Shared>,
    pub(super) pipe: String,
    pub(super) epoch: Epoch,
    pub(super) source: Source,
    /// The dataset it writes.
    pub(super) dataset: Option<String>,
    /// What the disk remembers of it.
    pub(super) record: HeldRecord,
    pub(super) stop: CancellationToken,
    /// What came before its owner stopped.
    pub(super) aheads: Arc<Mutex<BTreeMap<String, Ahead>>>,
}

impl Restore {
    /// All of it; answers the bytes that were fetched.
    pub(super) async fn run(&self) -> Result<u64> {
        let durability = self.durability.pipe(&self.pipe);
        let mut known = durability.making.lock().await;
        *known = None;
        let ahead = self.aheads.lock().remove(&self.pipe);
        let mut ahead = ahead.unwrap_or_else(|| Ahead::new(&self.durability));
        let restored = self.restore(&mut ahead).await;
        ahead.give_up().await;
        let (number, manifest) = restored?;
        let bytes = ahead.bytes;
        self.report(Report::Committed {
            pipe: self.pipe.clone(),
            epoch: self.epoch,
        })
        .await?;
        let checkpoint = Checkpoint {
            number,
            format: manifest.format,
        };
        self.report(Report::Checkpointed {
            pipe: self.pipe.clone(),
            epoch: self.epoch,
            checkpoint,
        })
        .await?;
        *known = Some(Known {
            number,
            log: LogFacts::of(&manifest),
            manifest: Some(manifest),
        });
        Ok(bytes)
    }

    async fn restore(&self, ahead: &mut Ahead) -> Result<(u64, Manifest)> {
        let place = self.durability.place(&self.pipe);
        let (number, manifest) = self.find(&place).await?;
        let (number, manifest) = self.take_over(&place, number, manifest).await?;
        ahead.keep_for(&manifest).await;
        self.fetch(&place, &manifest, ahead).await?;
        self.import(number, &manifest, ahead).await?;
        Ok((number, manifest))
    }

    async fn find(&self, place: &Place) -> Result<(u64, Manifest)> {
        let newest = place.newest().await?;
        let missing = |number| Error::Missing {
            name: place.manifest(number),
        };
        let (number, manifest) = match (newest, &self.source) {
            (Some((number, _)), Source::Checkpoint(told)) if number < told.number => {
                return Err(missing(told.number));
            }
            (Some(newest), _) => newest,
            (None, Source::Checkpoint(told)) => return Err(missing(told.number)),
            (None, Source::HandOver { .. }) => return Err(missing(1)),
        };
        if manifest.epoch > self.epoch.number() {
            return Err(Error::Superseded {
                pipe: self.pipe.clone(),
                by: Epoch::from_number(manifest.epoch),
            });
        }
        Ok((number, manifest))
    }

    /// Whether the checkpoint is all that was ever written.
    fn is_whole(&self, manifest: &Manifest) -> bool {
        let Source::HandOver { offset } = self.source else {
            return false;
        };
        let own = manifest
            .datasets
            .iter()
            .find(|dataset| Some(&dataset.name) == self.dataset.as_ref());
        manifest.begun.is_empty() && own.and_then(|own| own.max_offset) == offset
    }

    async fn take_over(
        &self,
        place: &Place,
        number: u64,
        mut manifest: Manifest,
    ) -> Result<(u64, Manifest)> {
        if manifest.epoch == self.epoch.number() && manifest.begun.last() == Some(&manifest.epoch) {
            // An earlier try came so far.
            return Ok((number, manifest));
        }
        let pushes = numbers(&place.objects, &place.pushes()).await?;
        // Whether or not anything was ever pushed: an earlier owner may be about to take the next number.
        let last = pushes.last().copied().unwrap_or_default();
        let last = last.max(manifest.pushes);
        let (lease, tasks) = (self.durability.lease.clone(), self.durability.tasks.clone());
        let log = PushLog::new(place.clone(), self.epoch, lease, tasks, last);
        manifest.take_overs.push(log.take_over().await?);
        let is_whole = self.is_whole(&manifest);
        manifest.format = place.format.writes();
        manifest.epoch = self.epoch.number();
        if !is_whole {
            manifest.begun.push(self.epoch.number());
        }
        manifest.nonce = uuid::Uuid::new_v4().to_string();
        let number = place.create(number + 1, &manifest).await?;
        Ok((number, manifest))
    }

    /// What did not come ahead.
    async fn fetch(&self, place: &Place, manifest: &Manifest, ahead: &mut Ahead) -> Result<()> {
        let mut there: HashSet<&str> = ahead.fetched.iter().map(String::as_str).collect();
        if let Some(begun) = &ahead.begun {
            for dataset in &manifest.datasets {
                let taken = dataset.files.iter().take(begun.taken(dataset.number));
                there.extend(taken.map(|log| log.file.hash.as_str()));
            }
        }
        let missing = manifest.files();
        let missing: Vec<_> = missing
            .filter(|file| !there.contains(file.hash.as_str()))
            .collect();
        let total: u64 = missing.iter().map(|file| file.bytes).sum();
        let tell = |fetched| {
            self.report(Report::Restoring {
                pipe: self.pipe.clone(),
                epoch: self.epoch,
                fetched,
                total,
            })
        };
        let missing = missing.into_iter();
        let fetched = fetch(place, missing, &ahead.folder, &self.stop, tell).await?;
        ahead.bytes += fetched;
        Ok(())
    }

    async fn import(&self, number: u64, manifest: &Manifest, ahead: &mut Ahead) -> Result<()> {
        let record = HeldRecord {
            epoch: self.epoch,
            dataset: self.dataset.clone(),
            released: self.record.released,
        };
        let kept = Kept {
            number,
            format: manifest.format,
            epoch: manifest.epoch,
            replay_behind: Some(manifest.pushes),
        };
        let further = vec![
            held::entry(&self.pipe, &record)?,
            (Kept::key(&self.pipe)?, kept.bytes()),
        ];
        let mut epochs: Vec<(u64, Continuity)> = manifest
            .begun
            .iter()
            .map(|epoch| (*epoch, Continuity::Restored))
            .collect();
        if epochs.last().map(|(epoch, _)| *epoch) != Some(self.epoch.number()) {
            epochs.push((self.epoch.number(), Continuity::Seamless));
        }
        let (folder, begun) = (ahead.folder.clone(), ahead.begun.take());
        let (shared, manifest) = (self.shared.clone(), manifest.clone());
        let (lease, stop) = (self.durability.lease.clone(), self.stop.clone());
        let names = blocking::run(move || {
            let may_go_on = || match stop.is_cancelled() {
                true => Err(sluice_dataset::Error::LeaseEnded),
                false => lease.check().map_err(Into::into),
            };
            may_go_on()?;
            import(
                &shared, &manifest, &folder, begun, &epochs, &further, may_go_on,
            )
        })
        .await?;
        for name in names {
            self.shared.signals.dataset_changed(name.as_str());
        }
        Ok(())
    }

    async fn report(&self, report: Report) -> Result<()> {
        let reported = self.shared.assignment.report(report).await;
        reported.map_err(Error::Report)
    }
}

/// For blocking threads.
fn import(
    shared: &Shared,
    manifest: &Manifest,
    folder: &Path,
    begun: Option<Begun>,
    epochs: &[(u64, Continuity)],
    further: &[(sluice_store::StateKey, Vec<u8>)],
    may_commit: impl Fn() -> sluice_dataset::Result<()>,
) -> Result<Vec<DatasetName>> {
    let mut datasets = Vec::new();
    for dataset in &manifest.datasets {
        let name = DatasetName::existing(&dataset.name)
            .map_err(|source| Error::damaged("manifest", source))?;
        datasets.push((name, DatasetNumber(dataset.number)));
    }
    let names = datasets.iter().map(|(name, _)| name.clone()).collect();
    let taken = |dataset: &DatasetFiles| {
        let begun = begun.as_ref();
        begun.map_or(0, |begun| begun.taken(dataset.number))
    };
    let taken: Vec<usize> = manifest.datasets.iter().map(taken).collect();
    let mut import = match begun {
        Some(begun) => begun.import,
        None => {
            let owner = owner(&manifest.pipe);
            shared.store.begin_import(&owner, datasets)?
        }
    };
    for (dataset, taken) in manifest.datasets.iter().zip(taken) {
        let files = dataset.files.iter().skip(taken);
        let files: Vec<PathBuf> = files.map(|log| folder.join(&log.file.hash)).collect();
        let last = dataset.files.last().map(|log| log.last);
        let ingested = import.ingest(DatasetNumber(dataset.number), files, last);
        if let Err(error) = ingested.and_then(|()| may_commit()) {
            import.give_up()?;
            return Err(error.into());
        }
    }
    let path = folder.join(&manifest.records.hash);
    let records = std::fs::read(path).map_err(Error::folder("read a file"))?;
    import.finish(&records, epochs, further, may_commit)?;
    Ok(names)
}
