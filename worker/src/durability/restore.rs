//! Bringing a pipe's state here from the object store.
//!
//! 1. Find the newest checkpoint; nobody has a later epoch.
//! 2. Say in the push log and among the manifests that this epoch goes on from it: from here on an earlier owner finds its next
//!    numbers taken, and whoever restores after us leaves out every offset that we may give.
//! 3. Fetch the files and look whether they are what they are called.
//! 4. Put them into the store: the last write lets everything be seen, with the worker's own record of the pipe.
//! 5. Tell the storage node that the newest state is here.
//!
//! What was pushed after the checkpoint is taken again when the pipe is open, before anybody else may push.

use super::Durability;
use super::error::{Error, Result};
use super::known::{Kept, Known};
use super::manifest::{FORMAT, Manifest, Place, numbers};
use super::push_log::PushLog;
use crate::assignment::held::{self, HeldRecord};
use crate::blocking;
use crate::pipe::state::owner;
use crate::shared::Shared;
use futures::{StreamExt, TryStreamExt};
use sluice_dataset::{DatasetName, DatasetNumber};
use sluice_protocol::{Checkpoint, Epoch, Report};
use sluice_store::Continuity;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// Files fetched at a time.
const AT_ONCE: usize = 4;
/// Largest file that is fetched. One entry can be larger than a file should be.
const FILE_MAX: u64 = 1 << 30;

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
}

impl Restore {
    /// All of it; answers the bytes that were fetched.
    pub(super) async fn run(&self) -> Result<u64> {
        let durability = self.durability.pipe(&self.pipe);
        let mut known = durability.making.lock().await;
        *known = None;
        let place = Place::new(&self.durability.objects, &self.pipe);
        let (number, manifest) = self.find(&place).await?;
        let (number, manifest) = self.take_over(&place, number, manifest).await?;
        let folder = self
            .durability
            .folder
            .join(uuid::Uuid::new_v4().to_string());
        let fetched = self.fetch(&place, &manifest, &folder).await;
        let imported = match fetched {
            Ok(bytes) => self
                .import(number, &manifest, &folder)
                .await
                .map(|()| bytes),
            Err(error) => Err(error),
        };
        let _ = blocking::run(move || std::fs::remove_dir_all(folder)).await;
        let bytes = imported?;
        self.report(Report::Committed {
            pipe: self.pipe.clone(),
            epoch: self.epoch,
        })
        .await?;
        let checkpoint = Checkpoint {
            number,
            format: FORMAT,
        };
        self.report(Report::Checkpointed {
            pipe: self.pipe.clone(),
            epoch: self.epoch,
            checkpoint,
        })
        .await?;
        *known = Some(Known {
            number,
            manifest: Some(manifest),
        });
        Ok(bytes)
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
        if let Some(last) = pushes.last() {
            let (lease, tasks) = (self.durability.lease.clone(), self.durability.tasks.clone());
            let log = PushLog::new(place.clone(), self.epoch, lease, tasks, *last);
            manifest.take_overs.push(log.take_over().await?);
        }
        let is_whole = self.is_whole(&manifest);
        manifest.epoch = self.epoch.number();
        if !is_whole {
            manifest.begun.push(self.epoch.number());
        }
        manifest.nonce = uuid::Uuid::new_v4().to_string();
        let number = place.create(number + 1, &manifest).await?;
        Ok((number, manifest))
    }

    async fn fetch(&self, place: &Place, manifest: &Manifest, folder: &Path) -> Result<u64> {
        tokio::fs::create_dir_all(folder)
            .await
            .map_err(Error::folder("make a folder"))?;
        let total: u64 = manifest.files().map(|file| file.bytes).sum();
        let fetched = AtomicU64::new(0);
        let fetching = futures::stream::iter(manifest.files().cloned().map(|file| {
            let fetched = &fetched;
            async move {
                let name = place.file(&file.hash);
                if self.stop.is_cancelled() {
                    return Err(sluice_dataset::Error::LeaseEnded.into());
                }
                let content = place.objects.get_at_most(&name, FILE_MAX).await?;
                let content = content.ok_or(Error::Missing { name: name.clone() })?;
                let path = folder.join(&file.hash);
                let bytes = content.len() as u64;
                blocking::run(move || {
                    if sluice_objects::digest(&content) != file.hash {
                        return Err(Error::damaged(&name, "its content does not match its name"));
                    }
                    std::fs::write(path, &content).map_err(Error::folder("write a file"))
                })
                .await?;
                let so_far = fetched.fetch_add(bytes, Ordering::Relaxed) + bytes;
                self.report(Report::Restoring {
                    pipe: self.pipe.clone(),
                    epoch: self.epoch,
                    fetched: so_far,
                    total,
                })
                .await
            }
        }));
        fetching
            .buffer_unordered(AT_ONCE)
            .try_collect::<Vec<()>>()
            .await?;
        Ok(fetched.into_inner())
    }

    async fn import(&self, number: u64, manifest: &Manifest, folder: &Path) -> Result<()> {
        let record = HeldRecord {
            epoch: self.epoch,
            dataset: self.dataset.clone(),
            released: self.record.released,
        };
        let kept = Kept {
            number,
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
        let (shared, folder, manifest) = (self.shared.clone(), folder.to_owned(), manifest.clone());
        let (lease, stop) = (self.durability.lease.clone(), self.stop.clone());
        let names = blocking::run(move || {
            let may_go_on = || match stop.is_cancelled() {
                true => Err(sluice_dataset::Error::LeaseEnded),
                false => lease.check().map_err(Into::into),
            };
            may_go_on()?;
            import(&shared, &manifest, &folder, &epochs, &further, may_go_on)
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
    let mut import = shared
        .store
        .begin_import(&owner(&manifest.pipe), datasets)?;
    for dataset in &manifest.datasets {
        let files = dataset.files.iter();
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
