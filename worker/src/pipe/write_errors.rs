//! What a run does with entities that could not be written: queue, log, try again, give up (PU13, PU14, R32-R34).

use super::failure::{RunFailure, causes};
use super::retry_queue::{RetryQueue, Waiting};
use super::writer::{Destination, Writer};
use crate::execution_log::{Standing, WriteErrorEvent};
use crate::sink::WriteError;
use sluice_dataset::PreparedEntity;
use sluice_entity::{Entity, ValueBuf};
use std::sync::Arc;

impl Writer {
    pub(super) fn heal_written<'a>(
        &mut self,
        ids: impl Iterator<Item = &'a str>,
    ) -> Result<(), RunFailure> {
        if !self.queue.is_empty() {
            for id in ids {
                self.heal(id, None)?;
            }
        }
        Ok(())
    }

    /// R33: a success makes an older error of the same id a thing of the past.
    pub(super) fn heal(&mut self, id: &str, by: Option<&Entity>) -> Result<(), RunFailure> {
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
    pub(super) fn note_error(
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
        let fits = is_known || self.queue.waiting() < limit;
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
                let changes = self
                    .try_append(&Arc::from([prepared]), &Arc::default())
                    .await?;
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
