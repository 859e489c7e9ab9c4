//! Entities that could not be written and wait for another try, or were given up (PU13, PU14, R32-R34).
//!
//! One record per entity in the store, written in the transaction that moves the pipe past it, so that none gets lost between.

use super::complete_copy;
use super::state::owner;
use serde::{Deserialize, Serialize};
use sluice_dataset::{Error, Result};
use sluice_entity::{Entity, ValueBuf};
use sluice_store::{StateKey, Store};
use std::collections::BTreeMap;

/// Names of the records.
const PREFIX: &str = "retry:";
/// Records read from the store at a time.
const PAGE: usize = 1_000;

/// Standing of each queued entity; the entities themselves stay in the store.
#[derive(Clone, Debug, Default)]
pub(crate) struct RetryQueue {
    entries: BTreeMap<String, Waiting>,
}

/// Where a queued entity stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Waiting {
    /// Tries after the first.
    pub attempts: u64,
    /// Given up: known until another version comes, which alone is tried again.
    pub dead: bool,
    /// Hash of the content that failed, in hex; empty where it is not known.
    #[serde(default)]
    pub content: String,
}

impl RetryQueue {
    /// As the store has it. For blocking threads.
    pub(crate) fn load(store: &Store, pipe: &str) -> Result<Self> {
        let prefix = StateKey::new(&owner(pipe), PREFIX)?;
        let mut entries = BTreeMap::new();
        let mut after: Option<StateKey> = None;
        loop {
            let page = store.state_scan(&prefix, after.as_ref(), PAGE)?;
            for (key, bytes) in &page {
                let (waiting, _) = decode(key, bytes)?;
                entries.insert(entity_id(key)?.to_owned(), waiting);
            }
            match page.into_iter().next_back() {
                Some((last, _)) => after = Some(last),
                None => return Ok(RetryQueue { entries }),
            }
        }
    }

    /// Entities that will be tried again.
    pub(crate) fn retryable(&self) -> impl Iterator<Item = (&String, &Waiting)> {
        self.entries.iter().filter(|(_, waiting)| !waiting.dead)
    }

    /// How many will be tried again; the limit counts these (R34).
    pub(crate) fn waiting(&self) -> u64 {
        self.retryable().count() as u64
    }

    /// True if nothing is known here, neither waiting nor dead.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Where an entity stands.
    pub(crate) fn standing(&self, id: &str) -> Option<&Waiting> {
        self.entries.get(id)
    }

    /// Sets where an entity stands; answers the record to keep.
    pub(crate) fn put(
        &mut self,
        pipe: &str,
        entity: &Entity,
        waiting: Waiting,
    ) -> Result<(StateKey, Option<Vec<u8>>)> {
        let id = entity.id().unwrap_or_default().to_owned();
        let mut bytes = serde_json::to_vec(&waiting).expect("records hold only what JSON can hold");
        bytes.push(b'\n');
        bytes.extend_from_slice(complete_copy(entity).encoded());
        let key = key(pipe, &id)?;
        self.entries.insert(id, waiting);
        Ok((key, Some(bytes)))
    }

    /// Forgets an entity; answers the record to drop.
    pub(crate) fn remove(&mut self, pipe: &str, id: &str) -> Result<(StateKey, Option<Vec<u8>>)> {
        self.entries.remove(id);
        Ok((key(pipe, id)?, None))
    }

    /// The entity as it was to be written. For blocking threads.
    pub(crate) fn entity(store: &Store, key: &StateKey) -> Result<Option<Entity>> {
        let Some(bytes) = store.state(key)? else {
            return Ok(None);
        };
        entity_of(key, &bytes)
    }
}

/// The entity in a record.
pub(crate) fn entity_of(key: &StateKey, bytes: &[u8]) -> Result<Option<Entity>> {
    decode(key, bytes).map(|(_, body)| Entity::new(body))
}

/// The prefix of all records of a pipe's queue.
pub(crate) fn all(pipe: &str) -> Result<StateKey> {
    StateKey::new(&owner(pipe), PREFIX)
}

/// The record of an entity.
pub(crate) fn key(pipe: &str, id: &str) -> Result<StateKey> {
    StateKey::new(&owner(pipe), format!("{PREFIX}{id}"))
}

fn entity_id(key: &StateKey) -> Result<&str> {
    let name = std::str::from_utf8(key.name())
        .ok()
        .and_then(|name| name.strip_prefix(PREFIX));
    name.ok_or_else(|| damaged(key, "a name that is no entity id"))
}

fn decode(key: &StateKey, bytes: &[u8]) -> Result<(Waiting, ValueBuf)> {
    let border = bytes
        .iter()
        .position(|byte| *byte == b'\n')
        .ok_or_else(|| damaged(key, "no entity"))?;
    let waiting = serde_json::from_slice(&bytes[..border])
        .map_err(|error| damaged(key, &error.to_string()))?;
    Ok((
        waiting,
        ValueBuf::from_encoded(bytes[border + 1..].to_vec()),
    ))
}

fn damaged(key: &StateKey, what: &str) -> Error {
    Error::Damaged {
        place: format!("retry queue of {}", key.owner()),
        what: what.to_owned(),
    }
}
