//! What a run wants to have written beside its data: its progress, its log, its retry queue. Goes out with the next commit.

use super::commit::{Append, Done, Writes};
use super::failure::RunFailure;
use super::state::{Progress, Record};
use crate::deployed::Deployed;
use crate::execution_log::{self, RunEvents};
use crate::shared::Shared;
use sluice_dataset::PreparedEntity;
use sluice_store::{Dataset, Durability, StateKey};
use std::sync::Arc;

/// A state of a [`Ledger`] to come back to.
pub(super) struct Mark {
    progress: Progress,
    started_logged: bool,
    pending: usize,
    records: usize,
    beside: usize,
}

/// The pen of one run.
pub(super) struct Ledger {
    shared: Arc<Shared>,
    deployed: Arc<Deployed>,
    /// What will be remembered, once written.
    pub progress: Progress,
    /// What all events of the run have in common.
    pub events: RunEvents,
    pending: Vec<PreparedEntity>,
    records: Vec<(StateKey, Option<Vec<u8>>)>,
    beside: Vec<(Dataset, PreparedEntity)>,
    log: Option<Dataset>,
    started_logged: bool,
    /// Offset of `pump-started` once it is written.
    pub started_location: Option<u64>,
    saved: Progress,
}

impl Ledger {
    /// For a run that begins.
    pub(super) fn new(shared: &Arc<Shared>, deployed: &Arc<Deployed>, events: RunEvents) -> Self {
        let progress = deployed.progress.lock().clone();
        Ledger {
            shared: shared.clone(),
            deployed: deployed.clone(),
            saved: progress.clone(),
            progress,
            events,
            pending: Vec::new(),
            records: Vec::new(),
            beside: Vec::new(),
            log: None,
            started_logged: false,
            started_location: None,
        }
    }

    /// An event for the log; the first one of a run brings `pump-started` along.
    pub(super) fn log(&mut self, event: PreparedEntity) {
        self.log_started();
        self.pending.push(event);
    }

    /// An event that says what was done to the pipe before its run: it does not make the run worth a line.
    pub(super) fn note(&mut self, event: PreparedEntity) {
        self.pending.push(event);
    }

    /// `pump-started`, once.
    pub(super) fn log_started(&mut self) {
        if !self.started_logged {
            self.started_logged = true;
            self.pending.push(self.events.started());
        }
    }

    /// Whether anything of this run is in the log or on its way there.
    pub(super) fn is_logged(&self) -> bool {
        self.started_logged
    }

    /// A record to keep or, with `None`, to drop.
    pub(super) fn keep(&mut self, key: StateKey, value: Option<Vec<u8>>) {
        self.records.push((key, value));
    }

    /// What the next commit does to a record: keep these bytes or, with an inner `None`, drop it. `None`: nothing.
    pub(super) fn kept(&self, key: &StateKey) -> Option<Option<&[u8]>> {
        let noted = self.records.iter().rev().find(|(noted, _)| noted == key)?;
        Some(noted.1.as_deref())
    }

    /// A version for a dataset beside the sink: a dead letter, or its end.
    pub(super) fn append_beside(&mut self, dataset: &Dataset, entity: PreparedEntity) {
        self.beside.push((dataset.clone(), entity));
    }

    /// Where the ledger stands, to come back to with [`roll_back`](Self::roll_back).
    pub(super) fn mark(&self) -> Mark {
        Mark {
            progress: self.progress.clone(),
            started_logged: self.started_logged,
            pending: self.pending.len(),
            records: self.records.len(),
            beside: self.beside.len(),
        }
    }

    /// Forgets what was noted since `mark`: the data it belonged to was not written.
    pub(super) fn roll_back(&mut self, mark: Mark) {
        self.progress = mark.progress;
        self.started_logged = mark.started_logged;
        self.pending.truncate(mark.pending);
        self.records.truncate(mark.records);
        self.beside.truncate(mark.beside);
    }

    /// Writes `writes` and everything that is pending in one transaction. After an error all of it is still pending.
    pub(super) async fn commit(&mut self, mut writes: Writes) -> Result<Done, RunFailure> {
        let data = writes.appends.len();
        for (dataset, entity) in &self.beside {
            writes
                .appends
                .push(Append::new(dataset, vec![entity.clone()]));
        }
        let log_position = writes.appends.len();
        if !self.pending.is_empty() {
            let log = self.log_dataset().await?;
            writes.appends.push(Append::new(&log, self.pending.clone()));
        }
        writes.records.extend(self.records.iter().cloned());
        if self.progress != self.saved {
            let key = Progress::key(&self.deployed.id)
                .map_err(|source| RunFailure::store("name a record", source))?;
            writes.records.push((key, Some(self.progress.to_bytes())));
        }
        if writes.is_empty() {
            return Ok(Done::default());
        }
        let mut done = self
            .shared
            .commit(writes)
            .await
            .map_err(|source| RunFailure::store("write a batch", source))?;
        if self.started_location.is_none() && self.started_logged && !self.pending.is_empty() {
            let newest = done.max_offsets.get(log_position).copied().flatten();
            let is_start = |event: &PreparedEntity| event.id() == "pump-started";
            let position = self.pending.iter().position(is_start).unwrap_or_default();
            self.started_location = newest.map(|newest| {
                (newest + 1 + position as u64).saturating_sub(self.pending.len() as u64)
            });
        }
        done.changes.truncate(data);
        self.pending.clear();
        self.records.clear();
        self.beside.clear();
        self.saved = self.progress.clone();
        *self.deployed.progress.lock() = self.progress.clone();
        Ok(done)
    }

    /// Writes `pump-started` if it is not yet written: the event of the end says where it stands.
    pub(super) async fn flush_started(&mut self) -> Result<(), RunFailure> {
        self.log_started();
        if self.started_location.is_some() {
            Ok(())
        } else {
            self.flush().await
        }
    }

    /// Writes what is pending, with nothing else.
    pub(super) async fn flush(&mut self) -> Result<(), RunFailure> {
        self.commit(Writes {
            durability: Durability::Buffered,
            ..Writes::default()
        })
        .await
        .map(|_| ())
    }

    async fn log_dataset(&mut self) -> Result<Dataset, RunFailure> {
        if let Some(log) = &self.log {
            return Ok(log.clone());
        }
        let name = execution_log::dataset_name(&self.deployed.id);
        let log = self
            .shared
            .internal_dataset(name)
            .await
            .map_err(RunFailure::protocol)?;
        self.log = Some(log.clone());
        Ok(log)
    }
}
