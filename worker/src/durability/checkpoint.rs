//! Making a checkpoint: look whether something changed, write what is new, name it in a manifest, tell the storage node.

use super::error::{Error, Result, chain};
use super::fetching::FILE_MAX;
use super::known::{Kept, Known, LogFacts};
use super::manifest::{DatasetFiles, File, LogFile, Manifest, Place};
use super::segments::{self, FILE_BYTES, Segment};
use super::{Durability, PipeDurability};
use crate::blocking;
use crate::deployed::Deployed;
use crate::execution_log;
use crate::pipe::state::{Control, Progress, Record, owner};
use crate::shared::Shared;
use bytes::Bytes;
use sluice_dataset::DatasetName;
use sluice_protocol::{Checkpoint, Epoch, Report};
use sluice_store::{Durability as Sync, Mark, Snapshot, StateKey};
use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Manifests that stay.
const STAY: usize = 2;
/// Objects of the push log behind the newest checkpoint that are reason enough for the next one.
const LOG_OBJECTS: u64 = 64;
/// Records of state per page.
const PAGE: usize = 1_000;

/// Of which pipe a checkpoint is made.
#[derive(Clone, Debug)]
pub(crate) struct Subject {
    pub pipe: String,
    /// Under which it is this worker's.
    pub epoch: Epoch,
    /// What it writes.
    pub datasets: Vec<DatasetName>,
    /// Data comes to it that nobody can repeat.
    pub is_pushed_to: bool,
}

impl Subject {
    pub(crate) fn of(pipe: &Deployed) -> Self {
        let settings = pipe.settings();
        let log = execution_log::dataset_name(&pipe.id).ok();
        // The pipe's own, not one that it shares with others.
        let own = format!(":{}", pipe.id);
        let dead = settings.pump.dead_letter_dataset.as_deref();
        let dead = dead.filter(|name| name.starts_with("system:") && name.ends_with(&own));
        let names = settings.sink_dataset.as_deref().into_iter().chain(dead);
        let names = names.filter_map(|name| DatasetName::existing(name).ok());
        Subject {
            pipe: pipe.id.clone(),
            epoch: pipe.epoch(),
            datasets: names.chain(log).collect(),
            is_pushed_to: matches!(settings.source, sluice_config::Source::HttpEndpoint(_)),
        }
    }
}

/// What was written to the local disk to be uploaded.
struct Exported {
    /// What it was written in.
    format: u32,
    fingerprint: String,
    records: (File, Bytes),
    datasets: Vec<DatasetFiles>,
    /// By content.
    files: Vec<(File, PathBuf)>,
}

impl Durability {
    /// Makes a checkpoint if the pipe's state changed since the last one; answers the newest one.
    pub(crate) async fn checkpoint(
        &self,
        shared: &Arc<Shared>,
        subject: &Subject,
    ) -> Result<Option<Checkpoint>> {
        let pipe = self.pipe(&subject.pipe);
        let mut known = pipe.making.lock().await;
        let begun = shared.clock.now();
        let before = known.as_ref().map(|known| known.number);
        let made = self.make(shared, subject, &pipe, &mut known).await;
        let mut shown = pipe.shown.lock();
        match &made {
            Ok(checkpoint) => {
                shown.problem = None;
                shown.checkpoint = checkpoint.or(shown.checkpoint);
                if let Some(checkpoint) = checkpoint {
                    let manifest = known.as_ref().and_then(|known| known.manifest.as_ref());
                    shown.made = manifest.map(|manifest| manifest.made);
                    shown.whole = Some(begun);
                    if before != Some(checkpoint.number) {
                        shared.metrics.checkpoint_made();
                    }
                }
            }
            Err(error) => {
                shown.problem = Some(chain(error));
                shared.metrics.checkpoint_failed();
            }
        }
        made
    }

    async fn make(
        &self,
        shared: &Arc<Shared>,
        subject: &Subject,
        pipe: &PipeDurability,
        known: &mut Option<Known>,
    ) -> Result<Option<Checkpoint>> {
        let place = self.place(&subject.pipe);
        let (store, id) = (shared.store.clone(), subject.pipe.clone());
        let kept = blocking::run(move || Kept::load(&store, &id)).await?;
        if kept
            .as_ref()
            .is_some_and(|kept| kept.replay_behind.is_some())
        {
            // The state is not whole yet.
            return Ok(None);
        }
        let before = match known.take() {
            Some(known) => known,
            None => self.look(&place, subject, kept).await?,
        };
        // First this, then the instant: what is in the log by now was committed before.
        let pushes = match pipe.log.get() {
            Some(log) => log.contained(),
            None if subject.is_pushed_to => self.push_log(subject).await?.contained(),
            None => before.log.contained(),
        };
        let snapshot = shared.slice_snapshot().await;
        let folder = self.folder.join(uuid::Uuid::new_v4().to_string());
        let exported = {
            let (shared, subject, folder) = (shared.clone(), subject.clone(), folder.clone());
            let before = before.clone();
            blocking::run(move || export(&shared, &snapshot, &subject, &before, pushes, &folder))
                .await
        };
        let made = match exported {
            Ok(Some(exported)) => {
                let made = self.publish(shared, subject, &place, &before, exported, pushes);
                made.await.map(Some)
            }
            Ok(None) => Ok(None),
            Err(error) => Err(error),
        };
        let _ = blocking::run(move || std::fs::remove_dir_all(folder)).await;
        match made {
            Ok(Some(new)) => {
                let checkpoint = new.checkpoint();
                let oldest = before.manifest.as_ref().map_or(0, |before| before.pushes);
                self.tidy(&place, &new, oldest).await;
                *known = Some(new);
                Ok(Some(checkpoint))
            }
            Ok(None) => {
                let checkpoint = before.checkpoint();
                *known = Some(before);
                Ok(Some(checkpoint))
            }
            Err(error) => Err(error),
        }
    }

    /// What is there, at the first time.
    async fn look(&self, place: &Place, subject: &Subject, kept: Option<Kept>) -> Result<Known> {
        let newest = place.newest().await?;
        let number = place.numbers().await?.last().copied().unwrap_or_default();
        let Some((newest_number, manifest)) = newest else {
            return Ok(Known {
                number,
                manifest: None,
                log: LogFacts::default(),
            });
        };
        if manifest.epoch > subject.epoch.number() {
            return Err(Error::Superseded {
                pipe: subject.pipe.clone(),
                by: Epoch::from_number(manifest.epoch),
            });
        }
        // Only what this very state goes on from may lend it its files.
        let is_ours =
            kept.is_some_and(|kept| kept.number == newest_number && kept.epoch == manifest.epoch);
        Ok(Known {
            number: number.max(newest_number),
            log: LogFacts::of(&manifest),
            manifest: is_ours.then_some(manifest),
        })
    }

    async fn publish(
        &self,
        shared: &Arc<Shared>,
        subject: &Subject,
        place: &Place,
        before: &Known,
        exported: Exported,
        pushes: u64,
    ) -> Result<Known> {
        let there: HashSet<&File> = before.manifest.iter().flat_map(Manifest::files).collect();
        let written = exported.files.iter().map(|(file, _)| file);
        refuse_larger(written.chain([&exported.records.0]), FILE_MAX)?;
        let (records, content) = exported.records;
        if !there.contains(&records) {
            place
                .objects
                .put(&place.file(&records.hash), content)
                .await?;
        }
        for (file, path) in &exported.files {
            let content = tokio::fs::read(path).await;
            let content = content.map_err(Error::folder("read a file"))?;
            place
                .objects
                .put(&place.file(&file.hash), content.into())
                .await?;
        }
        let manifest = Manifest {
            format: exported.format,
            pipe: subject.pipe.clone(),
            epoch: subject.epoch.number(),
            begun: Vec::new(),
            nonce: uuid::Uuid::new_v4().to_string(),
            made: shared.clock.now(),
            pushes,
            take_overs: before.log.take_overs.clone(),
            fingerprint: exported.fingerprint,
            records,
            datasets: exported.datasets,
        };
        self.lease.check().map_err(sluice_dataset::Error::from)?;
        let number = place.create(before.number + 1, &manifest).await?;
        let known = Known {
            number,
            log: LogFacts::of(&manifest),
            manifest: Some(manifest),
        };
        self.keep(shared, subject, known.checkpoint()).await?;
        Ok(known)
    }

    /// Notes which checkpoint the state on this disk goes on from, and tells the storage node.
    async fn keep(
        &self,
        shared: &Arc<Shared>,
        subject: &Subject,
        checkpoint: Checkpoint,
    ) -> Result<()> {
        let kept = Kept {
            number: checkpoint.number,
            format: checkpoint.format,
            epoch: subject.epoch.number(),
            replay_behind: None,
        };
        let (shared_here, id) = (shared.clone(), subject.pipe.clone());
        let noted = blocking::run(move || {
            let mut transaction = shared_here.store.transaction(&[])?;
            transaction.put_state(&Kept::key(&id)?, &kept.bytes());
            let lease = &shared_here.assignment.lease;
            lease.commit(transaction, Sync::Buffered)
        });
        noted.await?;
        let report = Report::Checkpointed {
            pipe: subject.pipe.clone(),
            epoch: subject.epoch,
            checkpoint,
        };
        shared
            .assignment
            .report(report)
            .await
            .map_err(Error::Report)
    }

    /// Removes manifests before the last two with the files that only they need, and what of the push log both contain. The
    /// storage node has just confirmed that the pipe is ours. What is left behind by a failure costs space and nothing else.
    async fn tidy(&self, place: &Place, newest: &Known, pushes: u64) {
        if let Err(error) = self.try_tidy(place, newest, pushes).await {
            tracing::warn!(
                pipe = place.pipe,
                error = chain(&error),
                "old checkpoints are not removed"
            );
        }
    }

    async fn try_tidy(&self, place: &Place, newest: &Known, pushes: u64) -> Result<()> {
        let numbers = place.numbers().await?;
        let stay = numbers.len().saturating_sub(STAY);
        let (old, young) = numbers.split_at(stay);
        if old.is_empty() {
            return Ok(());
        }
        let mut needed: HashSet<String> = HashSet::new();
        let mut gone: HashSet<String> = HashSet::new();
        for number in young {
            // It stays, so nothing goes before it is known what it needs.
            if let Some(manifest) = place.read(*number).await? {
                needed.extend(manifest.files().map(|file| file.hash.clone()));
            }
        }
        for number in old {
            // One that cannot be read keeps nothing from going on: its files stay.
            if let Ok(Some(manifest)) = place.read(*number).await {
                gone.extend(manifest.files().map(|file| file.hash.clone()));
            }
        }
        let Some(manifest) = &newest.manifest else {
            return Ok(());
        };
        needed.extend(manifest.files().map(|file| file.hash.clone()));
        self.lease.check().map_err(sluice_dataset::Error::from)?;
        let manifests: Vec<String> = old.iter().map(|number| place.manifest(*number)).collect();
        place.objects.delete(&manifests).await?;
        let files = gone.difference(&needed).map(|hash| place.file(hash));
        place.objects.delete(&files.collect::<Vec<_>>()).await?;
        if pushes > 0 {
            let numbers = super::manifest::numbers(&place.objects, &place.pushes()).await?;
            // The last one stays: who looks at the log has to see which numbers were given.
            let last = numbers.last().copied();
            let contained = numbers.into_iter();
            let contained = contained.filter(|number| *number <= pushes && Some(*number) != last);
            let contained = contained.filter(|number| !manifest.take_overs.contains(number));
            let contained: Vec<String> = contained.map(|number| place.push(number)).collect();
            place.objects.delete(&contained).await?;
        }
        Ok(())
    }
}

/// A checkpoint is of use only if it can be fetched.
fn refuse_larger<'a>(files: impl IntoIterator<Item = &'a File>, at_most: u64) -> Result<()> {
    let sizes = files.into_iter().map(|file| file.bytes);
    match sizes.max().filter(|bytes| *bytes > at_most) {
        Some(bytes) => Err(Error::FileTooLarge { bytes, at_most }),
        None => Ok(()),
    }
}

/// Writes what is new to files on the local disk; `None`: nothing is. For blocking threads.
fn export(
    shared: &Shared,
    snapshot: &Snapshot,
    subject: &Subject,
    before: &Known,
    pushes: u64,
    folder: &Path,
) -> Result<Option<Exported>> {
    let mut marks = Vec::new();
    for name in &subject.datasets {
        if let Some(mark) = snapshot.mark(name)? {
            marks.push((name.clone(), mark));
        }
    }
    let fingerprint = fingerprint(snapshot, &subject.pipe, &marks)?;
    let known = before.manifest.as_ref();
    // Pushes that change nothing lie in the log all the same, until a checkpoint says that it contains them.
    let is_log_short = |manifest: &Manifest| pushes.saturating_sub(manifest.pushes) < LOG_OBJECTS;
    // One of an earlier format is made again as it is: sooner or later nobody reads that any more.
    let written = shared.store.format().writes();
    let is_there =
        |manifest: &Manifest| manifest.fingerprint == fingerprint && manifest.format >= written;
    if known.is_some_and(|manifest| is_there(manifest) && is_log_short(manifest)) {
        return Ok(None);
    }
    // A checkpoint must not know more than the disk does after a power loss.
    shared.store.sync()?;
    std::fs::create_dir_all(folder).map_err(Error::folder("make a folder"))?;
    let (mut datasets, mut files) = (Vec::new(), Vec::new());
    for (name, mark) in &marks {
        let old = before.manifest.as_ref().and_then(|manifest| {
            manifest.datasets.iter().find(|dataset| {
                dataset.number == mark.number.0 && dataset.generation == mark.generation.to_string()
            })
        });
        let old = old.map_or(&[][..], |old| &old.files);
        let logs = export_log(snapshot, name, mark, old, folder, &mut files)?;
        datasets.push(DatasetFiles {
            name: name.as_str().to_owned(),
            number: mark.number.0,
            generation: mark.generation.to_string(),
            max_offset: mark.max_offset,
            files: logs,
        });
    }
    let names: Vec<DatasetName> = marks.into_iter().map(|(name, _)| name).collect();
    let records = Bytes::from(snapshot.export_records(&names, &owner(&subject.pipe))?);
    let file = File {
        hash: sluice_objects::digest(&records),
        bytes: records.len() as u64,
    };
    Ok(Some(Exported {
        format: written,
        fingerprint,
        records: (file, records),
        datasets,
        files,
    }))
}

fn export_log(
    snapshot: &Snapshot,
    name: &DatasetName,
    mark: &Mark,
    old: &[LogFile],
    folder: &Path,
    files: &mut Vec<(File, PathBuf)>,
) -> Result<Vec<LogFile>> {
    let Some(last) = mark.max_offset else {
        return Ok(Vec::new());
    };
    let live = match segments::is_worth_a_look(old, mark.entries) {
        true => {
            let count = |file: &LogFile| snapshot.count_log(name, file.first, file.last);
            Some(old.iter().map(count).collect::<Result<Vec<u64>, _>>()?)
        }
        false => None,
    };
    let mut logs = Vec::new();
    for segment in segments::segments(old, last, live.as_deref()) {
        let (first, last) = match segment {
            Segment::Keep(file) => {
                logs.push(file);
                continue;
            }
            Segment::Write { first, last } => (first, last),
        };
        let folder = folder.join(files.len().to_string());
        std::fs::create_dir_all(&folder).map_err(Error::folder("make a folder"))?;
        for written in snapshot.export_log(name, first, last, &folder, FILE_BYTES)? {
            let content = std::fs::read(&written.path).map_err(Error::folder("read a file"))?;
            let file = File {
                hash: sluice_objects::digest(&content),
                bytes: content.len() as u64,
            };
            logs.push(LogFile {
                file: file.clone(),
                first: written.first,
                last: written.last,
                entries: written.entries,
            });
            files.push((file, written.path));
        }
    }
    Ok(logs)
}

/// Changes with everything that is worth a checkpoint, and not with what every look of an idle pipe at its source changes.
fn fingerprint(snapshot: &Snapshot, pipe: &str, marks: &[(DatasetName, Mark)]) -> Result<String> {
    let mut text = String::new();
    let log = execution_log::dataset_name(pipe).ok();
    for (name, mark) in marks.iter().filter(|(name, _)| Some(name) != log.as_ref()) {
        let Mark {
            number,
            generation,
            max_offset,
            populated,
            ..
        } = mark;
        text += &format!("{name} {number} {generation} {max_offset:?} {populated}\n");
    }
    let all = StateKey::new(&owner(pipe), "")?;
    let mut after = None;
    loop {
        let page = snapshot.state_scan(&all, after.as_ref(), PAGE)?;
        for (key, value) in &page {
            let value = match key.name() {
                name if name == Progress::NAME.as_bytes() => steady_progress(value),
                name if name == Control::NAME.as_bytes() => steady_control(value),
                _ => sluice_objects::digest(value),
            };
            text += &format!("{} {value}\n", key.name().escape_ascii());
        }
        match page.into_iter().last() {
            Some((last, _)) => after = Some(last),
            None => break,
        }
    }
    Ok(sluice_objects::digest(text.as_bytes()))
}

fn steady_progress(bytes: &[u8]) -> String {
    let Ok(mut progress) = serde_json::from_slice::<Progress>(bytes) else {
        return sluice_objects::digest(bytes);
    };
    progress.last_started = None;
    progress.last_run = None;
    progress.durations.clear();
    progress.last_logged = None;
    progress.runs_since_full = 0;
    progress.runs_since_partial = 0;
    sluice_objects::digest(&progress.to_bytes())
}

fn steady_control(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Control>(bytes) {
        Ok(control) => control.disabled.to_string(),
        Err(_) => sluice_objects::digest(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_checkpoint_that_nobody_could_fetch_is_refused() {
        let file = |bytes| File {
            hash: "00".into(),
            bytes,
        };
        assert!(refuse_larger(&[file(1), file(9)], 9).is_ok());
        let refused = refuse_larger(&[file(1), file(10), file(2)], 9).unwrap_err();
        assert!(refused.to_string().contains("of 10 bytes"), "{refused}");
    }
}
