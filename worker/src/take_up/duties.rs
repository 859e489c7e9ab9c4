//! Doing what an assignment asks: pipes that are closed, given back, begun, or go on under another epoch.

use super::{TakeUp, forget};
use crate::answer;
use crate::assignment::changes::{Change, changes};
use crate::assignment::held::{self, HeldRecord};
use crate::assignment::{Held, OwnedDatasets};
use crate::blocking;
use crate::deployed::Deployed;
use crate::durability::Subject;
use crate::emptying;
use crate::execution_log;
use crate::pipe::state::Progress;
use crate::replicas::Need;
use futures::future::join_all;
use sluice_config::{Configuration, Pipe};
use sluice_dataset::Dataset as _;
use sluice_protocol::{Duty, Epoch, Report, Result, Start};
use sluice_store::Durability;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How long the last checkpoint of a pipe that is given back may take.
const LAST_CHECKPOINT: Duration = Duration::from_secs(20);

/// Pipes that begin, or go on, with the disk's memory of them as it is to be.
pub(super) struct Beginning {
    pipes: Vec<(String, Epoch, Start)>,
    known: BTreeMap<String, HeldRecord>,
}

impl TakeUp {
    /// Closes every pipe as it is: what it remembers stays, nothing is said to anybody.
    pub(super) async fn close_all(&self) {
        // What an owner has lost is told to open pipes only.
        let (shared, deployment) = (&self.shared, &self.deployment);
        shared.replicas.keep(shared, deployment, &Need::new()).await;
        let pipes = self.deployment.pipes().into_iter();
        join_all(pipes.map(|pipe| self.close(pipe))).await;
        // Followers learn that nothing is said here any more.
        shared.signals.everything_may_have_changed();
    }

    async fn close(&self, pipe: Arc<Deployed>) {
        pipe.set_removing();
        pipe.stop();
        let _no_more_runs = pipe.run_lock.lock().await;
        let _no_more_pushes = pipe.push_lock.write().await;
        self.deployment.remove(&pipe.id);
    }

    /// Does away with what this worker has no more; answers what it has instead.
    pub(super) async fn let_go(
        &self,
        configuration: &Configuration,
        held: &Held,
    ) -> Result<Beginning> {
        let store = self.shared.store.clone();
        let known = blocking::run(move || held::pipes(&store)).await;
        let known = known.map_err(answer::dataset)?;
        let open = self.deployment.pipes().into_iter();
        let open = open.map(|pipe| (pipe.id.clone(), pipe.epoch())).collect();
        let is_configured = |pipe: &str| configuration.pipes.contains_key(pipe);
        self.arrivals.keep_only(|pipe, epoch| {
            let duty = held.assigned.pipes.get(pipe);
            duty.is_some_and(|duty| duty.owned() == Some(epoch))
        });
        let duty = |pipe: &str| held.assigned.pipes.get(pipe);
        self.arrivals.keep_following(
            |pipe| matches!(duty(pipe), Some(Duty::Follow { .. })),
            |pipe| duty(pipe).is_some_and(|duty| duty.owned().is_some()),
        );
        let can_bring = self.arrivals.are_possible();
        let changes = changes(held, &open, &known, is_configured, can_bring);
        let going_on = changes.iter().filter_map(|(pipe, change)| match change {
            Change::GoOn { epoch, .. } => Some((configuration.pipes.get(pipe)?, *epoch)),
            _ => None,
        });
        self.own(going_on);
        let (mut pipes, mut leaving) = (Vec::new(), Vec::new());
        for (pipe, change) in changes {
            match change {
                Change::GoOn { epoch, start } => {
                    self.forget_durability(&pipe);
                    if let Some(open) = self.deployment.get(&pipe) {
                        open.set_epoch(epoch, start == Start::Local);
                    }
                    pipes.push((pipe, epoch, start));
                }
                Change::Begin { epoch, start } => {
                    self.forget_durability(&pipe);
                    pipes.push((pipe, epoch, start));
                }
                Change::Bring { epoch, source } => {
                    if let Some(open) = self.deployment.get(&pipe) {
                        self.close(open).await;
                    }
                    let settings = configuration.pipes.get(&pipe);
                    let dataset = settings.and_then(|settings| settings.sink_dataset.clone());
                    let record = known.get(&pipe).cloned().unwrap_or_default();
                    self.arrivals.begin(&pipe, epoch, source, dataset, record);
                }
                Change::Follow => {
                    self.arrivals.follow(&pipe);
                }
                other => leaving.push((pipe, other)),
            }
        }
        join_all(leaving.into_iter().map(|(pipe, change)| {
            let record = known.get(&pipe).cloned().unwrap_or_default();
            self.leave(pipe, change, record)
        }))
        .await
        .into_iter()
        .collect::<Result<()>>()?;
        Ok(Beginning { pipes, known })
    }

    async fn leave(&self, pipe: String, change: Change, record: HeldRecord) -> Result<()> {
        let mut last = None;
        if let Some(open) = self.deployment.get(&pipe)
            && !matches!(change, Change::Refuse { .. })
        {
            last = Some((Subject::of(&open), open.settings()));
            self.close(open).await;
        }
        match change {
            Change::Remove { epoch } => {
                // What a removed pipe remembered goes with it; its dataset stays (client contract 1.4).
                forget(&self.shared, &pipe).await?;
                self.give_back(pipe.clone(), epoch, record).await?;
                // It was heard, so that the epoch cannot come again.
                let records = BTreeMap::from([(pipe, None)]);
                self.remember(records, Durability::Buffered).await
            }
            Change::GiveBack { epoch } | Change::SayAgain { epoch } => {
                if let Some((subject, settings)) = last {
                    self.leave_behind(subject).await;
                    // Its next owner writes as soon as it hears of this.
                    let datasets = written(&settings);
                    self.shared.assignment.disown(datasets);
                }
                self.give_back(pipe, epoch, record).await
            }
            Change::Refuse { epoch, how } => {
                tracing::warn!(pipe, how, "the pipe cannot begin here");
                let reason = how.to_owned();
                let report = Report::CannotStart {
                    pipe,
                    epoch,
                    reason,
                };
                self.say(report).await
            }
            Change::Close
            | Change::GoOn { .. }
            | Change::Begin { .. }
            | Change::Bring { .. }
            | Change::Follow => Ok(()),
        }
    }

    /// What is known of a pipe's checkpoints and push log belongs to an epoch.
    fn forget_durability(&self, pipe: &str) {
        if let Some(durability) = &self.shared.durability {
            durability.forget(pipe);
        }
    }

    /// A last checkpoint, from which the next owner goes on. Without it that one goes on from an earlier one: what was pushed is
    /// in the push log, and what was pulled can be pulled again.
    async fn leave_behind(&self, subject: Subject) {
        let Some(durability) = &self.shared.durability else {
            return;
        };
        let making = durability.checkpoint(&self.shared, &subject);
        match tokio::time::timeout(LAST_CHECKPOINT, making).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => {
                tracing::warn!(pipe = subject.pipe, %error, "the pipe is given back without a last checkpoint");
            }
            Err(_) => {
                tracing::warn!(
                    pipe = subject.pipe,
                    "the pipe is given back without a last checkpoint: it took too long"
                );
            }
        }
    }

    /// Remembers that the epoch is over, then says so: in the other order the pipe could begin again under it.
    async fn give_back(&self, pipe: String, epoch: Epoch, record: HeldRecord) -> Result<()> {
        let offset = record.dataset.as_deref().and_then(|name| {
            let status = self.shared.existing(name)?.status().ok()?;
            status.max_offset
        });
        let record = HeldRecord {
            released: record.released.max(epoch),
            ..record
        };
        let records = BTreeMap::from([(pipe.clone(), Some(record))]);
        self.remember(records, Durability::Synced).await?;
        let report = Report::Released {
            pipe,
            epoch,
            offset,
        };
        self.say(report).await
    }

    /// What the storage node has an own view of by now (`stale-epoch`) need not be said again.
    async fn say(&self, report: Report) -> Result<()> {
        match self.shared.assignment.report(report).await {
            Err(error) if error.reason == "stale-epoch" => Ok(()),
            said => said,
        }
    }

    async fn remember(
        &self,
        records: BTreeMap<String, Option<HeldRecord>>,
        durability: Durability,
    ) -> Result<()> {
        let shared = self.shared.clone();
        let remembered = blocking::run(move || {
            held::remember(
                &shared.store,
                &shared.assignment.lease,
                &records,
                durability,
            )
        });
        remembered.await.map_err(answer::dataset)
    }

    /// Opens the pipes that begin.
    pub(super) async fn begin(
        &self,
        configuration: &Configuration,
        beginning: Beginning,
    ) -> Result<()> {
        let Beginning { pipes, mut known } = beginning;
        let (mut records, mut inherited) = (BTreeMap::new(), Vec::new());
        let configured = |(id, epoch, start)| Some((configuration.pipes.get(id)?, epoch, start));
        let begun: Vec<_> = pipes
            .iter()
            .map(|(id, epoch, start)| (id, *epoch, start))
            .filter_map(configured)
            .collect();
        for (settings, _, start) in &begun {
            if **start == Start::StartOver {
                self.empty(settings).await?;
            }
        }
        if let Some(durability) = &self.shared.durability {
            let ids = begun.iter().map(|(settings, ..)| settings.id.clone());
            let recalled = durability.recall(&self.shared.store, ids.collect()).await;
            recalled.map_err(answer::dataset)?;
        }
        let (mut opened, mut owed) = (Vec::new(), Vec::new());
        for (settings, epoch, start) in &begun {
            if self.deployment.get(&settings.id).is_some() {
                continue;
            }
            let loaded = crate::scheduler::load_pipe(&self.shared, (*settings).clone()).await;
            let pipe = loaded.map_err(answer::dataset)?;
            pipe.set_epoch(*epoch, **start == Start::Local);
            if let Some(owes) = self.owes(&pipe).await? {
                // Nobody reads it before it has what was acknowledged.
                let datasets = settings.sink_dataset.clone().into_iter();
                self.shared.assignment.note_restored(datasets, &pipe);
                owed.push((pipe.clone(), owes));
            }
            if **start == Start::Fresh && self.has_data(&pipe) {
                inherited.push(pipe.clone());
            }
            opened.push(pipe);
        }
        self.own(begun.iter().map(|(settings, epoch, _)| (*settings, *epoch)));
        opened
            .into_iter()
            .for_each(|pipe| self.deployment.insert(pipe));
        for (pipe, owes) in owed {
            self.replay(pipe, owes);
        }
        for (settings, epoch, _) in begun {
            let id = &settings.id;
            let record = known.remove(id).unwrap_or_default();
            let record = HeldRecord {
                epoch,
                dataset: settings.sink_dataset.clone(),
                ..record
            };
            records.insert(id.clone(), Some(record));
        }
        if !records.is_empty() {
            // Not synced: the storage node knows it, and what a power loss takes back is an older epoch of the same disk.
            self.remember(records, Durability::Buffered).await?;
        }
        // Of a hub from before there were assignments: the storage node has yet to hear that their data is here.
        let inherited = inherited.iter();
        join_all(inherited.map(|pipe| self.shared.assignment.begin_writing(pipe)))
            .await
            .into_iter()
            .collect()
    }

    fn has_data(&self, pipe: &Deployed) -> bool {
        let settings = pipe.settings();
        let dataset = settings.sink_dataset.as_deref();
        let dataset = dataset.and_then(|name| self.shared.existing(name));
        let status = dataset.and_then(|dataset| dataset.status().ok());
        *pipe.progress.lock() != Progress::default()
            || status.is_some_and(|status| status.max_offset.is_some())
    }

    /// Whatever an earlier owner left here is not the pipe's state any more.
    async fn empty(&self, settings: &Pipe) -> Result<()> {
        if let Some(open) = self.deployment.get(&settings.id) {
            self.close(open).await;
        }
        tracing::warn!(pipe = %settings.id, "the pipe starts over: its state was lost");
        if let Some(name) = &settings.sink_dataset {
            emptying::delete(&self.shared, name).await?;
        }
        forget(&self.shared, &settings.id).await
    }

    /// What these pipes write is this worker's under these epochs, before the pipes are.
    fn own<'a>(&self, pipes: impl Iterator<Item = (&'a Arc<Pipe>, Epoch)>) {
        let datasets =
            pipes.flat_map(|(pipe, epoch)| written(pipe).map(move |dataset| (dataset, epoch)));
        self.shared.assignment.own(datasets);
    }

    /// Which datasets are this worker's, and under which epoch: what its pipes write, and their logs.
    pub(super) fn name_datasets(&self, configuration: &Configuration) {
        let mut owned = OwnedDatasets::default();
        for pipe in self.deployment.pipes() {
            for dataset in written(&pipe.settings()) {
                let epoch = owned.epochs.entry(dataset).or_default();
                *epoch = pipe.epoch().max(*epoch);
            }
            if pipe.replaying().is_some() {
                let datasets = pipe.settings().sink_dataset.clone().into_iter();
                let restored = datasets.map(|dataset| (dataset, pipe.clone()));
                owned.restored.extend(restored);
            }
        }
        let elsewhere = configuration.pipes.values();
        let elsewhere = elsewhere.filter(|pipe| self.deployment.get(&pipe.id).is_none());
        let theirs = elsewhere.flat_map(|pipe| written(pipe));
        owned.elsewhere = theirs
            .filter(|dataset| !owned.epochs.contains_key(dataset))
            .collect();
        self.shared.assignment.set_owned(owned);
        self.shared.signals.everything_may_have_changed();
    }
}

/// The datasets that a pipe writes: its own, and its log.
fn written(pipe: &Pipe) -> impl Iterator<Item = String> + use<> {
    let log = execution_log::dataset_name(&pipe.id).ok();
    let log = log.map(|name| name.as_str().to_owned());
    pipe.sink_dataset.clone().into_iter().chain(log)
}
