//! The last stage of a run: writes batches, deals with write errors, moves the offset (PU12-PU14, R31-R35).

use super::commit::{Append, Produced, Writes};
use super::failure::RunFailure;
use super::figures::Figures;
use super::ledger::Ledger;
use super::plan::Plan;
use super::retry_queue::RetryQueue;
use super::single_versions::without_updates;
use super::step::Output;
use super::stepper::MadeBatch;
use crate::pass_over::Passed;
use crate::shared::Shared;
use crate::sink::{Sink, WriteError};
use crate::source::{SinceValue, Strategy};
use sluice_config::{PreventMultipleVersions, Pump};
use sluice_dataset::{AppendOptions, Change, FullRun, PreparedEntity};
use sluice_entity::Entity;
use sluice_store::Dataset;
use std::collections::BTreeSet;
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
    /// The run is full and reads the source from its beginning.
    pub is_whole: bool,
    /// Queued ids that had their try in this run.
    pub tried: BTreeSet<String>,
    /// Ids that were produced and could not be written, for the next commit.
    pub unwritten: Vec<String>,
    /// Ids that were produced and did not get outside in this run.
    pub undelivered: BTreeSet<String>,
}

impl Writer {
    pub(super) fn pump(&self) -> &Pump {
        &self.plan.pipe.pump
    }

    pub(super) fn pipe(&self) -> &str {
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
        let mut passed = Vec::new();
        let mut rejected = Vec::new();
        for batch in group {
            self.figures.read += batch.read;
            self.figures.source_time = batch.source_time;
            self.figures.transform_time += batch.time;
            self.figures.hops.add(batch.hops);
            self.figures.largest_batch = self.figures.largest_batch.max(batch.bytes as u64);
            self.figures.most_in_flight = self.figures.most_in_flight.max(batch.held.in_flight());
            self.unsaved_batches += 1;
            since = batch.since.or(since);
            held.push(batch.held);
            rejected.extend(batch.stepped.rejected);
            let written_before = prepared.len();
            passed.extend(batch.passed.into_iter().map(|passed| {
                let before = written_before + passed.before;
                passed.behind(before)
            }));
            match batch.stepped.output {
                Output::Prepared(entities) => prepared.extend(entities),
                Output::Entities(entities) => self.deliver(entities).await?,
            }
        }
        for (entity, error) in rejected {
            self.refuse(&entity, &error)?;
        }
        if matches!(self.destination, Destination::Dataset { .. }) {
            self.append(prepared.into(), passed.into(), since).await?;
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
        prepared: Arc<[PreparedEntity]>,
        passed: Arc<[Passed]>,
        since: Option<SinceValue>,
    ) -> Result<(), RunFailure> {
        let mark = self.ledger.mark();
        self.heal_written(&prepared, &passed).await?;
        self.note_since(since);
        let mut tries = 0;
        let changes = loop {
            match self.try_append(&prepared, &passed).await {
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
        self.unwritten.clear();
        self.figures.succeeded += changes.len() as u64;
        self.figures.changes += changes.iter().filter(|change| change.is_appended()).count() as u64;
        if !changes.is_empty() {
            self.consecutive_errors = 0;
        }
        Ok(())
    }

    pub(super) async fn try_append(
        &mut self,
        prepared: &Arc<[PreparedEntity]>,
        passed: &Arc<[Passed]>,
    ) -> Result<Vec<Change>, RunFailure> {
        let Destination::Dataset {
            dataset,
            run,
            versions,
        } = &self.destination
        else {
            return Ok(Vec::new());
        };
        let (dataset, run, versions) = (dataset.clone(), run.clone(), *versions);
        let options = AppendOptions {
            run: run.as_ref().map(|run| run.number),
            ..AppendOptions::default()
        };
        let entities = match versions {
            PreventMultipleVersions::Off => prepared.clone(),
            kind => without_updates(&dataset, prepared, kind).await?.into(),
        };
        let append = Append {
            passed: passed.clone(),
            options,
            ..Append::new(&dataset, entities)
        };
        let produced = run
            .filter(|_| !self.unwritten.is_empty())
            .map(|run| Produced {
                dataset: dataset.clone(),
                run,
                ids: self.unwritten.clone(),
            });
        let done = self
            .ledger
            .commit(Writes {
                appends: vec![append],
                produced,
                ..Writes::default()
            })
            .await?;
        Ok(done.changes.into_iter().next().unwrap_or_default())
    }

    /// R31: the batch, the batch again, then one by one.
    async fn deliver(&mut self, entities: Vec<Entity>) -> Result<(), RunFailure> {
        let entities = self.without_settled(entities);
        if entities.is_empty() {
            return Ok(());
        }
        let mut tries = 0;
        let error = loop {
            match self.deliver_once(&entities).await {
                Ok(()) => return self.delivered(&entities).await,
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
                self.fail_delivery(entity, &error)?;
            }
            return Ok(());
        }
        for entity in entities {
            match self.deliver_once(std::slice::from_ref(&entity)).await {
                Ok(()) => self.delivered(std::slice::from_ref(&entity)).await?,
                Err(error) if error.ends_run => return Err((&error).into()),
                Err(error) => {
                    self.fail_delivery(&entity, &error)?;
                    self.pause_before_retry().await;
                }
            }
        }
        Ok(())
    }

    pub(super) async fn deliver_once(&mut self, entities: &[Entity]) -> Result<(), WriteError> {
        match &mut self.destination {
            Destination::Outside(sink) => sink.deliver(entities).await,
            Destination::Dataset { .. } => Ok(()),
        }
    }

    async fn delivered(&mut self, entities: &[Entity]) -> Result<(), RunFailure> {
        self.consecutive_errors = 0;
        self.figures.succeeded += entities.len() as u64;
        self.figures.changes += entities.len() as u64;
        if !self.queue.is_empty() {
            for entity in entities {
                let id = entity.id().unwrap_or_default();
                self.undelivered.remove(id);
                self.heal(id, Some(entity)).await?;
            }
        }
        Ok(())
    }

    fn fail_delivery(&mut self, entity: &Entity, error: &WriteError) -> Result<(), RunFailure> {
        let id = entity.id().unwrap_or_default();
        self.undelivered.insert(id.to_owned());
        self.fail(entity, error)
    }

    async fn pause_before_retry(&mut self) {
        tokio::time::sleep(Duration::from_secs_f64(
            self.pump().write_retry_delay.clamp(0.0, 86_400.0),
        ))
        .await;
    }
}
