//! The last stage of a run: writes batches, deals with write errors, moves the offset (PU12-PU14, R31-R35).

use super::commit::{Append, Writes};
use super::failure::{RunFailure, causes};
use super::figures::Figures;
use super::ledger::Ledger;
use super::plan::Plan;
use super::retry_queue::{RetryQueue, Waiting};
use super::step::Output;
use super::stepper::MadeBatch;
use crate::execution_log::{Standing, WriteErrorEvent};
use crate::shared::Shared;
use crate::sink::{Sink, WriteError};
use crate::source::{SinceValue, Strategy};
use sluice_config::{PreventMultipleVersions, Pump};
use sluice_dataset::{AppendOptions, Change, FullRun, PreparedEntity};
use sluice_entity::{Entity, ValueBuf};
use sluice_store::Dataset;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Bytes of source entities that one transaction takes, where several batches wait.
const GROUP_BYTES: usize = 1 << 20;

/// Where a run writes.
pub(super) enum Destination {
    /// A dataset, with the full run that marks what it has seen.
    Dataset {
        dataset: Dataset,
        run: Option<FullRun>,
        versions: PreventMultipleVersions,
    },
    /// A target outside.
    Outside(Box<dyn Sink>),
}

/// Writes for one run.
pub(super) struct Writer {
    /// The worker.
    pub shared: Arc<Shared>,
    /// The configuration of the run.
    pub plan: Arc<Plan>,
    /// Where to.
    pub destination: Destination,
    /// What goes along.
    pub ledger: Ledger,
    /// Who waits.
    pub queue: RetryQueue,
    /// Counts.
    pub figures: Figures,
    /// How the since value is kept.
    pub strategy: Strategy,
    /// Where dead letters go, if anywhere.
    pub dead_letters: Option<Dataset>,
    /// Write errors since the last success.
    pub consecutive_errors: u64,
    /// Batches since the offset was saved.
    pub unsaved_batches: u64,
}

impl Writer {
    fn pump(&self) -> &Pump {
        &self.plan.pipe.pump
    }

    fn pipe(&self) -> &str {
        &self.plan.pipe.id
    }

    /// Whether more batches should be waited for before writing.
    pub(super) fn takes_more(&self, group: &[MadeBatch]) -> bool {
        matches!(self.destination, Destination::Dataset { .. })
            && group.iter().map(|batch| batch.bytes).sum::<usize>() < GROUP_BYTES
            && group.iter().all(|batch| batch.stepped.rejected.is_empty())
    }

    /// Writes batches in order and moves the offset behind them.
    pub(super) async fn write(&mut self, group: Vec<MadeBatch>) -> Result<(), RunFailure> {
        let begun = Instant::now();
        let mut since = None;
        let mut held = Vec::new();
        let mut prepared = Vec::new();
        let mut rejected = Vec::new();
        for batch in group {
            self.figures.read += batch.read;
            self.figures.transform_time += batch.time;
            self.figures.largest_batch = self.figures.largest_batch.max(batch.bytes as u64);
            self.unsaved_batches += 1;
            since = batch.since.or(since);
            held.push(batch.held);
            rejected.extend(batch.stepped.rejected);
            match batch.stepped.output {
                Output::Prepared(entities) => prepared.extend(entities),
                Output::Entities(entities) => self.deliver(entities).await?,
            }
        }
        for (entity, error) in rejected {
            self.note_error(&entity, &error, 0)?;
        }
        if matches!(self.destination, Destination::Dataset { .. }) {
            self.append(prepared, since).await?;
        } else {
            self.note_since(since);
            if self.unsaved_batches >= self.plan.pipe.checkpoint_interval {
                self.save().await?;
            }
        }
        self.figures.sink_time += begun.elapsed();
        Ok(())
    }

    /// Saves offset, log and queue now.
    pub(super) async fn save(&mut self) -> Result<(), RunFailure> {
        self.unsaved_batches = 0;
        self.ledger.flush().await
    }

    /// R21: chronological saves as it goes; the others at the end.
    pub(super) fn note_since(&mut self, since: Option<SinceValue>) {
        let Some(since) = since.filter(|_| self.strategy == Strategy::Chronological) else {
            return;
        };
        let progress = &mut self.ledger.progress;
        match &mut progress.full {
            Some(full) => {
                full.since = Some((&since).into());
                // A rescan leaves the offset of the incremental runs where it is until it has ended.
                if !full.is_rescan {
                    progress.since = Some((&since).into());
                }
            }
            None => progress.since = Some((&since).into()),
        }
    }

    async fn append(
        &mut self,
        prepared: Vec<PreparedEntity>,
        since: Option<SinceValue>,
    ) -> Result<(), RunFailure> {
        let mark = self.ledger.mark();
        self.heal_prepared(&prepared)?;
        self.note_since(since);
        let mut tries = 0;
        let changes = loop {
            match self.try_append(&prepared).await {
                Ok(changes) => break changes,
                Err(failure)
                    if failure.reason == "disk-full" && tries < self.pump().batch_retries =>
                {
                    tries += 1;
                    self.figures.write_errors += 1;
                    self.pause_before_retry().await;
                }
                Err(failure) => {
                    self.ledger.roll_back(mark);
                    return Err(failure);
                }
            }
        };
        self.unsaved_batches = 0;
        self.figures.succeeded += changes.len() as u64;
        self.figures.changes += changes.iter().filter(|change| change.is_appended()).count() as u64;
        if !changes.is_empty() {
            self.consecutive_errors = 0;
        }
        Ok(())
    }

    async fn try_append(&mut self, prepared: &[PreparedEntity]) -> Result<Vec<Change>, RunFailure> {
        let Destination::Dataset {
            dataset,
            run,
            versions,
        } = &self.destination
        else {
            return Ok(Vec::new());
        };
        let (dataset, versions) = (dataset.clone(), *versions);
        let options = AppendOptions {
            run: run.as_ref().map(|run| run.number),
            ..AppendOptions::default()
        };
        let entities = match versions {
            PreventMultipleVersions::Off => prepared.to_vec(),
            kind => without_updates(&dataset, prepared, kind).await?,
        };
        let append = Append {
            options,
            ..Append::new(&dataset, entities)
        };
        let done = self
            .ledger
            .commit(Writes {
                appends: vec![append],
                ..Writes::default()
            })
            .await?;
        Ok(done.changes.into_iter().next().unwrap_or_default())
    }

    /// R31: the batch, the batch again, then one by one.
    async fn deliver(&mut self, entities: Vec<Entity>) -> Result<(), RunFailure> {
        if entities.is_empty() {
            return Ok(());
        }
        let mut tries = 0;
        let error = loop {
            match self.deliver_once(&entities).await {
                Ok(()) => return self.delivered(&entities),
                Err(error) if error.ends_run => return Err((&error).into()),
                Err(error) if tries < self.pump().batch_retries => {
                    tries += 1;
                    tracing::debug!(pipe = %self.pipe(), reason = error.reason, tries, "delivering a batch again");
                    self.pause_before_retry().await;
                }
                Err(error) => break error,
            }
        };
        if entities.len() == 1 || !self.pump().fallback_to_single_entities_on_batch_fail {
            for entity in &entities {
                self.note_error(entity, &error, 0)?;
            }
            return Ok(());
        }
        for entity in entities {
            match self.deliver_once(std::slice::from_ref(&entity)).await {
                Ok(()) => self.delivered(std::slice::from_ref(&entity))?,
                Err(error) if error.ends_run => return Err((&error).into()),
                Err(error) => {
                    self.note_error(&entity, &error, 0)?;
                    self.pause_before_retry().await;
                }
            }
        }
        Ok(())
    }

    async fn deliver_once(&mut self, entities: &[Entity]) -> Result<(), WriteError> {
        match &mut self.destination {
            Destination::Outside(sink) => sink.deliver(entities).await,
            Destination::Dataset { .. } => Ok(()),
        }
    }

    fn delivered(&mut self, entities: &[Entity]) -> Result<(), RunFailure> {
        self.consecutive_errors = 0;
        self.figures.succeeded += entities.len() as u64;
        self.figures.changes += entities.len() as u64;
        if !self.queue.is_empty() {
            for entity in entities {
                self.heal(entity.id().unwrap_or_default(), Some(entity))?;
            }
        }
        Ok(())
    }

    async fn pause_before_retry(&mut self) {
        tokio::time::sleep(Duration::from_secs_f64(
            self.pump().write_retry_delay.clamp(0.0, 86_400.0),
        ))
        .await;
    }

    fn heal_prepared(&mut self, prepared: &[PreparedEntity]) -> Result<(), RunFailure> {
        if !self.queue.is_empty() {
            for entity in prepared {
                self.heal(entity.id(), None)?;
            }
        }
        Ok(())
    }

    /// R33: a success makes an older error of the same id a thing of the past.
    fn heal(&mut self, id: &str, by: Option<&Entity>) -> Result<(), RunFailure> {
        let Some(Waiting { attempts, dead }) = self.queue.standing(id).cloned() else {
            return Ok(());
        };
        let record = self
            .queue
            .remove(&self.plan.pipe.id, id)
            .map_err(queue_failure)?;
        self.ledger.keep(record.0, record.1);
        if let Some(dead_letters) = self.dead_letters.as_ref().filter(|_| dead) {
            let gone = PreparedEntity::delete_of(id, only_id(id), self.shared.store.hash_key());
            self.ledger.append_beside(dead_letters, gone);
        }
        let event = self.ledger.events.write_error(&WriteErrorEvent {
            entity_id: id,
            entity: None,
            resolved_entity: by,
            kind: crate::source::FailureKind::Entity,
            attempts,
            standing: Standing::Resolved,
            message: if dead {
                "a newer version was written after this one was given up"
            } else {
                "written"
            },
            now: self.shared.clock.now(),
        });
        self.ledger.log(event);
        Ok(())
    }

    /// An entity could not be written: queue it, give it up, or end the run.
    fn note_error(
        &mut self,
        entity: &Entity,
        error: &WriteError,
        attempts: u64,
    ) -> Result<(), RunFailure> {
        self.figures.write_errors += 1;
        self.figures.failed += 1;
        self.consecutive_errors += 1;
        let limit = self.pump().max_write_errors_in_retry_dataset;
        let id = entity.id().unwrap_or_default().to_owned();
        let is_known = self
            .queue
            .standing(&id)
            .is_some_and(|waiting| !waiting.dead);
        let fits = is_known || self.queue.len() < limit;
        let standing = if fits {
            Standing::Retryable
        } else {
            Standing::Final
        };
        self.log_write_error(&id, entity, error, attempts, standing);
        if fits {
            let pipe = self.pipe().to_owned();
            let record = self
                .queue
                .put(
                    &pipe,
                    entity,
                    Waiting {
                        attempts,
                        dead: false,
                    },
                )
                .map_err(queue_failure)?;
            self.ledger.keep(record.0, record.1);
        }
        if !fits || self.consecutive_errors >= self.pump().max_consecutive_write_errors {
            return Err(RunFailure::from(error).with_entity(entity.clone()));
        }
        Ok(())
    }

    fn log_write_error(
        &mut self,
        id: &str,
        entity: &Entity,
        error: &WriteError,
        attempts: u64,
        standing: Standing,
    ) {
        let mut message = error.message.clone();
        for cause in causes(error) {
            message.push_str(&format!("\ncaused by: {cause}"));
        }
        let now = self.shared.clock.now();
        let event = self.ledger.events.write_error(&WriteErrorEvent {
            entity_id: id,
            entity: Some(entity),
            resolved_entity: None,
            kind: error.kind,
            attempts,
            standing,
            message: &message,
            now,
        });
        self.ledger.log(event);
    }

    /// Tries everything in the queue again, oldest id first (PU13).
    pub(super) async fn retry_queued(&mut self) -> Result<(), RunFailure> {
        let ids: Vec<(String, u64)> = self
            .queue
            .retryable()
            .map(|(id, waiting)| (id.clone(), waiting.attempts))
            .collect();
        for (id, attempts) in ids {
            let (store, pipe, wanted) = (
                self.shared.store.clone(),
                self.pipe().to_owned(),
                id.clone(),
            );
            let entity =
                crate::blocking::run(move || RetryQueue::entity(&store, &pipe, &wanted)).await;
            let Some(entity) = entity.map_err(queue_failure)? else {
                continue;
            };
            match self.write_one(&entity).await? {
                Ok(()) => {
                    self.figures.succeeded += 1;
                    self.heal(&id, None)?;
                }
                Err(error) if error.ends_run => return Err((&error).into()),
                Err(error) => self.failed_again(&id, &entity, &error, attempts + 1)?,
            }
            self.save().await?;
        }
        Ok(())
    }

    /// Writes one queued entity. The outer error is the store's, the inner one the entity's.
    async fn write_one(&mut self, entity: &Entity) -> Result<Result<(), WriteError>, RunFailure> {
        if matches!(self.destination, Destination::Outside(_)) {
            let written = self.deliver_once(std::slice::from_ref(entity)).await;
            self.figures.changes += u64::from(written.is_ok());
            return Ok(written);
        }
        let sink = match &self.plan.pipe.sink {
            sluice_config::Sink::Dataset(settings) => crate::sink::DatasetSink::new(settings),
            _ => return Ok(Ok(())),
        };
        match sink.prepare(entity, self.shared.store.hash_key()) {
            Ok(prepared) => {
                let changes = self.try_append(&[prepared]).await?;
                self.figures.changes +=
                    changes.iter().filter(|change| change.is_appended()).count() as u64;
                Ok(Ok(()))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    fn failed_again(
        &mut self,
        id: &str,
        entity: &Entity,
        error: &WriteError,
        attempts: u64,
    ) -> Result<(), RunFailure> {
        if attempts < self.pump().max_retries_per_entity {
            return self.note_error(entity, error, attempts);
        }
        self.figures.write_errors += 1;
        self.figures.failed += 1;
        self.log_write_error(id, entity, error, attempts, Standing::Dead);
        let pipe = self.pipe().to_owned();
        let record = if self.pump().track_dead_letters {
            self.queue.put(
                &pipe,
                entity,
                Waiting {
                    attempts,
                    dead: true,
                },
            )
        } else {
            self.queue.remove(&pipe, id)
        };
        let record = record.map_err(queue_failure)?;
        self.ledger.keep(record.0, record.1);
        let letter = PreparedEntity::new(entity, self.shared.store.hash_key());
        if let Some((dead_letters, letter)) = self.dead_letters.as_ref().zip(letter) {
            self.ledger.append_beside(dead_letters, letter);
        }
        Ok(())
    }
}

fn only_id(id: &str) -> ValueBuf {
    let mut builder = sluice_entity::Builder::new();
    builder.begin_dict();
    builder.name("_id");
    builder.str(id);
    builder.end();
    builder.finish()
}

fn queue_failure(source: sluice_dataset::Error) -> RunFailure {
    RunFailure::store("keep the retry queue", source)
}

/// `prevent_multiple_versions`: what is known already is skipped, or fails the run.
async fn without_updates(
    dataset: &Dataset,
    prepared: &[PreparedEntity],
    versions: PreventMultipleVersions,
) -> Result<Vec<PreparedEntity>, RunFailure> {
    let (dataset, prepared) = (dataset.clone(), prepared.to_vec());
    crate::blocking::run(move || {
        use sluice_dataset::Dataset as _;
        let ids: Vec<&str> = prepared.iter().map(PreparedEntity::id).collect();
        let known = dataset
            .get_many(&ids)
            .map_err(|source| RunFailure::store("look for earlier versions", source))?;
        let mut allowed = Vec::with_capacity(prepared.len());
        let mut taken = std::collections::BTreeSet::new();
        for (entity, known) in prepared.iter().zip(known) {
            let latest = known
                .as_ref()
                .map(|version| (version.generated.hash, version.generated.deleted));
            let is_first = taken.insert(entity.id());
            match known {
                None if is_first => allowed.push(entity.clone()),
                Some(_) if !entity.change_against(latest).is_appended() => {
                    allowed.push(entity.clone())
                }
                _ if versions == PreventMultipleVersions::Fail => {
                    let message = "the sink does not take a second version of an entity";
                    return Err(RunFailure::new("multiple-versions", message));
                }
                // The version there takes its place, so that deletion tracking counts the id as seen.
                Some(kept) => {
                    let (hash, deleted) = (kept.generated.hash, kept.is_deleted());
                    allowed.push(PreparedEntity::again(entity.id(), kept.body, hash, deleted));
                }
                None => {}
            }
        }
        Ok(allowed)
    })
    .await
}
