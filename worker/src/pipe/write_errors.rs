//! What a run does with entities that could not be written: queue, log, try again, give up (PU13, PU14, R32-R34).

use super::failure::{RunFailure, causes};
use super::retry_queue::{self, RetryQueue, Waiting};
use super::writer::{Destination, Writer};
use crate::execution_log::{Standing, WriteErrorEvent};
use crate::pass_over::Passed;
use crate::sink::WriteError;
use sluice_dataset::PreparedEntity;
use sluice_entity::{Builder, Entity, ValueBuf};
use std::sync::Arc;

impl Writer {
    pub(super) async fn heal_written(
        &mut self,
        prepared: &[PreparedEntity],
        passed: &[Passed],
    ) -> Result<(), RunFailure> {
        if self.queue.is_empty() {
            return Ok(());
        }
        for entity in prepared {
            if self.queue.standing(entity.id()).is_some() {
                let by = as_written(entity);
                self.heal(entity.id(), by.as_ref()).await?;
            }
        }
        for passed in passed {
            if self.queue.standing(passed.id()).is_some() {
                let read = passed.read(self.shared.store.hash_key());
                let by = as_written(&read.map_err(queue_failure)?);
                self.heal(passed.id(), by.as_ref()).await?;
            }
        }
        Ok(())
    }

    /// R33: a success makes an older error of the same id a thing of the past. `by`: what was written, where it is not the queued
    /// entity itself.
    pub(super) async fn heal(&mut self, id: &str, by: Option<&Entity>) -> Result<(), RunFailure> {
        let Some(Waiting { attempts, dead, .. }) = self.queue.standing(id).cloned() else {
            return Ok(());
        };
        let failed = self.queued(id).await?;
        let record = self
            .queue
            .remove(&self.plan.pipe.id, id)
            .map_err(queue_failure)?;
        self.ledger.keep(record.0, record.1);
        let key = *self.shared.store.hash_key();
        let is_letter = dead && self.pump().track_dead_letters;
        if let Some(dead_letters) = self.dead_letters.as_ref().filter(|_| is_letter) {
            // A delete keeps what the letter said (EM3).
            let letter = failed
                .as_ref()
                .map_or_else(|| only_id(id), Entity::stored_body);
            let gone = PreparedEntity::delete_of(id, letter, &key);
            self.ledger.append_beside(dead_letters, gone);
        }
        let content = |entity: &Entity| PreparedEntity::new(entity, &key).map(|made| made.hash());
        let message = if dead {
            "a newer version was written after this one was given up"
        } else {
            "written"
        };
        let is_other = |by: &&Entity| failed.as_ref().and_then(content) != content(by);
        let event = self.ledger.events.write_error(&WriteErrorEvent {
            entity_id: id,
            entity: failed.as_ref(),
            resolved_entity: by.filter(is_other),
            kind: crate::source::FailureKind::Entity,
            attempts,
            standing: Standing::Resolved,
            message,
            causes: &[],
            now: self.shared.clock.now(),
        });
        self.ledger.log(event);
        Ok(())
    }

    /// A queued entity as it was to be written; what this run has noted counts, written or not.
    async fn queued(&mut self, id: &str) -> Result<Option<Entity>, RunFailure> {
        let key = retry_queue::key(self.pipe(), id).map_err(queue_failure)?;
        if let Some(noted) = self.ledger.kept(&key) {
            return noted
                .map_or(Ok(None), |bytes| retry_queue::entity_of(&key, bytes))
                .map_err(queue_failure);
        }
        let store = self.shared.store.clone();
        let entity = crate::blocking::run(move || RetryQueue::entity(&store, &key)).await;
        entity.map_err(queue_failure)
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
            self.put(entity, attempts, false)?;
            self.tried.insert(id);
        }
        if !fits || self.consecutive_errors >= self.pump().max_consecutive_write_errors {
            return Err(RunFailure::from(error).with_entity(entity.clone()));
        }
        Ok(())
    }

    fn put(&mut self, entity: &Entity, attempts: u64, dead: bool) -> Result<(), RunFailure> {
        let content = self.content(entity);
        let waiting = Waiting {
            attempts,
            dead,
            content,
        };
        let record = self.queue.put(&self.plan.pipe.id, entity, waiting);
        let (key, value) = record.map_err(queue_failure)?;
        self.ledger.keep(key, value);
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
        let causes = causes(error);
        for cause in &causes {
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
            causes: &causes,
            now,
        });
        self.ledger.log(event);
    }

    /// Tries everything in the queue again, oldest id first (PU13), unless the source is about to bring it by itself.
    pub(super) async fn retry_queued(&mut self) -> Result<(), RunFailure> {
        if self.brings_everything() {
            return Ok(());
        }
        let ids: Vec<(String, u64)> = self
            .queue
            .retryable()
            .map(|(id, waiting)| (id.clone(), waiting.attempts))
            .collect();
        for (id, attempts) in ids {
            let Some(entity) = self.queued(&id).await? else {
                continue;
            };
            match self.write_one(&entity).await? {
                Ok(()) => {
                    self.figures.succeeded += 1;
                    self.figures.retries_succeeded += 1;
                    self.heal(&id, None).await?;
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

    pub(super) fn failed_again(
        &mut self,
        id: &str,
        entity: &Entity,
        error: &WriteError,
        attempts: u64,
    ) -> Result<(), RunFailure> {
        if attempts < self.pump().max_retries_per_entity {
            self.figures.failed_retries += 1;
            return self.note_error(entity, error, attempts);
        }
        self.figures.write_errors += 1;
        self.figures.failed += 1;
        self.figures.dead += 1;
        self.log_write_error(id, entity, error, attempts, Standing::Dead);
        self.put(entity, attempts, true)?;
        let letter = PreparedEntity::new(entity, self.shared.store.hash_key());
        if let Some((dead_letters, letter)) = self.dead_letters.as_ref().zip(letter) {
            self.ledger.append_beside(dead_letters, letter);
        }
        Ok(())
    }
}

/// What a dataset has of an entity that was just written to it.
fn as_written(entity: &PreparedEntity) -> Option<Entity> {
    let body = entity.body();
    let Some(dict) = body.value().as_dict().filter(|_| entity.is_deleted()) else {
        return Entity::new(body.clone());
    };
    let mut builder = Builder::new();
    builder.begin_dict();
    for (name, value) in dict.iter() {
        builder.name(name);
        builder.value(value);
    }
    builder.name("_deleted");
    builder.bool(true);
    builder.end();
    Entity::new(builder.finish())
}

fn only_id(id: &str) -> ValueBuf {
    let mut builder = Builder::new();
    builder.begin_dict();
    builder.name("_id");
    builder.str(id);
    builder.end();
    builder.finish()
}

pub(super) fn queue_failure(source: sluice_dataset::Error) -> RunFailure {
    RunFailure::store("keep the retry queue", source)
}
