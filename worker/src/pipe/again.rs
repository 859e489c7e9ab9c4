//! What a run does with an entity that could not be written and comes from the source once more (DE1, R33).
//!
//! The same version is no news: it has one try per run, and one that was given up has none until there is another version. A full
//! run brings everything by itself, so there the source's own entity is the retry, and what it does not bring is gone.

use super::failure::RunFailure;
use super::retry_queue::Waiting;
use super::write_errors::queue_failure;
use super::writer::{Destination, Writer};
use crate::execution_log::{Standing, WriteErrorEvent};
use crate::sink::WriteError;
use sluice_dataset::PreparedEntity;
use sluice_entity::Entity;

/// What the queue knows of an entity from the source.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// Nothing of this version.
    New,
    /// It waits for its try in this run, after so many.
    Due(u64),
    /// It had its try, or was given up.
    Settled,
}

impl Writer {
    /// Names the content of an entity, for comparisons with what is queued.
    pub(super) fn content(&self, entity: &Entity) -> String {
        PreparedEntity::new(entity, self.shared.store.hash_key())
            .map(|prepared| prepared.hash().to_string())
            .unwrap_or_default()
    }

    fn known(&self, entity: &Entity) -> Known {
        let id = entity.id().unwrap_or_default();
        let Some(waiting) = self.queue.standing(id) else {
            return Known::New;
        };
        if waiting.content != self.content(entity) {
            return Known::New;
        }
        match waiting {
            Waiting { dead: true, .. } => Known::Settled,
            _ if self.tried.contains(id) => Known::Settled,
            Waiting { attempts, .. } => Known::Due(*attempts),
        }
    }

    /// Without those that failed in this version and are not to be delivered again now.
    pub(super) fn without_settled(&mut self, entities: Vec<Entity>) -> Vec<Entity> {
        if self.queue.is_empty() {
            return entities;
        }
        let is_settled = |entity: &Entity| self.known(entity) == Known::Settled;
        let (settled, entities): (Vec<_>, Vec<_>) = entities.into_iter().partition(is_settled);
        let ids = settled.iter().filter_map(Entity::id).map(str::to_owned);
        self.undelivered.extend(ids);
        entities
    }

    /// What the sink refuses as such. The run did produce it, so deletion tracking leaves what is there of its id alone.
    pub(super) fn refuse(&mut self, entity: &Entity, error: &WriteError) -> Result<(), RunFailure> {
        self.unwritten.extend(entity.id().map(str::to_owned));
        self.fail(entity, error)
    }

    /// An entity from the source could not be written.
    pub(super) fn fail(&mut self, entity: &Entity, error: &WriteError) -> Result<(), RunFailure> {
        match self.known(entity) {
            Known::New => self.note_error(entity, error, 0),
            Known::Due(attempts) => {
                let id = entity.id().unwrap_or_default();
                self.failed_again(id, entity, error, attempts + 1)
            }
            Known::Settled => Ok(()),
        }
    }

    /// A full run whose end tells what is gone, read from its beginning.
    pub(super) fn brings_everything(&self) -> bool {
        self.is_whole && matches!(self.destination, Destination::Dataset { run: Some(_), .. })
    }

    /// At the end of a full run: what waits for a try and was not produced is not to be written any more.
    pub(super) fn forget_unproduced(&mut self) -> Result<(), RunFailure> {
        if !self.brings_everything() {
            return Ok(());
        }
        let waiting = self.queue.retryable();
        let gone = waiting.filter(|(id, _)| !self.tried.contains(*id));
        let gone: Vec<(String, u64)> = gone
            .map(|(id, waiting)| (id.clone(), waiting.attempts))
            .collect();
        for (id, attempts) in gone {
            let record = self.queue.remove(&self.plan.pipe.id, &id);
            let (key, value) = record.map_err(queue_failure)?;
            self.ledger.keep(key, value);
            let event = self.ledger.events.write_error(&WriteErrorEvent {
                entity_id: &id,
                entity: None,
                resolved_entity: None,
                kind: crate::source::FailureKind::Entity,
                attempts,
                standing: Standing::Resolved,
                message: "a full run did not produce it any more",
                causes: &[],
                now: self.shared.clock.now(),
            });
            self.ledger.log(event);
        }
        Ok(())
    }
}
