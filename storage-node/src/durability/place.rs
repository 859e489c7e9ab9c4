//! The place in the object store: names of objects, lists of numbers, and whose it is.

use super::object::{Kind, Object};
use crate::error::OpenError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluice_entity::HashKey;
use sluice_format::Format;
use sluice_objects::{Created, Objects};

/// Version of the mark.
const FORMAT: u32 = 1;
/// Largest object that is read.
const MAX_BYTES: u64 = 1 << 30;

const HUB: &str = "storage-node/hub";
pub(super) const CHANGES: &str = "storage-node/changes";
pub(super) const SNAPSHOTS: &str = "storage-node/snapshots";
pub(super) const FILES: &str = "storage-node/files";

pub(super) fn change(number: u64) -> String {
    format!("{CHANGES}/{number:020}")
}

pub(super) fn snapshot(number: u64) -> String {
    format!("{SNAPSHOTS}/{number:020}")
}

/// The mark that says whose place it is.
#[derive(Serialize, Deserialize)]
struct Mark {
    format: u32,
    hub: String,
    #[serde(rename = "hash-key")]
    hash_key: String,
}

/// A place that is this hub's.
#[derive(Clone, Debug)]
pub(super) struct Place {
    pub(super) objects: Objects,
    hub: String,
    /// Of the objects but the mark, which is written once and has a version of its own.
    pub(super) format: Format,
}

type Result<T, E = OpenError> = std::result::Result<T, E>;

impl Place {
    pub(super) fn new(objects: Objects, hub: String, format: Format) -> Self {
        Place {
            objects,
            hub,
            format,
        }
    }

    pub(super) fn shown(&self) -> String {
        self.objects.place().to_owned()
    }

    /// The hub's key of content hashes, if the place is taken already; an error if it is by another hub.
    pub(super) async fn hash_key(&self) -> Result<Option<HashKey>> {
        let mark = self.objects.get_at_most(HUB, MAX_BYTES).await;
        let mark = mark.map_err(|source| self.failed(source))?;
        mark.map(|mark| self.read_mark(&mark)).transpose()
    }

    /// Takes the place for the hub, unless it has it.
    pub(super) async fn take(&self, hash_key: &HashKey) -> Result<()> {
        let mark = Mark {
            format: FORMAT,
            hub: self.hub.clone(),
            hash_key: STANDARD.encode(hash_key.0.map(u64::to_le_bytes).concat()),
        };
        let mark = serde_json::to_vec(&mark).map_err(|error| self.damaged(HUB, error))?;
        let created = self.objects.create(HUB, mark.into()).await;
        let there = match created.map_err(|source| self.failed(source))? {
            Created::Ours => return Ok(()),
            Created::Taken(there) => self.read_mark(&there)?,
        };
        if there == *hash_key {
            return Ok(());
        }
        Err(OpenError::OtherHashKeyThere {
            place: self.shown(),
        })
    }

    fn read_mark(&self, mark: &[u8]) -> Result<HashKey> {
        let mark: Mark = serde_json::from_slice(mark).map_err(|error| self.damaged(HUB, error))?;
        if mark.format != FORMAT {
            let problem = format!("its format is {}, this version reads {FORMAT}", mark.format);
            return Err(self.damaged(HUB, problem));
        }
        if mark.hub != self.hub {
            return Err(OpenError::OtherHub {
                place: self.shown(),
                here: self.hub.clone(),
                there: mark.hub,
            });
        }
        crate::hash_key::parse(&mark.hash_key).map_err(|problem| self.damaged(HUB, problem))
    }

    /// The numbers below a prefix, ascending; what is no number is passed over.
    pub(super) async fn numbers(&self, prefix: &str) -> Result<Vec<u64>> {
        let numbers = self.objects.numbers(prefix).await;
        numbers.map_err(|source| self.failed(source))
    }

    /// An object that has to be there.
    pub(super) async fn bytes(&self, name: &str) -> Result<Bytes> {
        let found = self.objects.get_at_most(name, MAX_BYTES).await;
        let found = found.map_err(|source| self.failed(source))?;
        found.ok_or_else(|| self.damaged(name, "it is gone"))
    }

    /// The same of one of these kinds.
    pub(super) async fn read(&self, name: &str, kinds: &[Kind]) -> Result<Object> {
        let bytes = self.bytes(name).await?;
        self.parse(name, bytes, kinds)
    }

    pub(super) fn parse(&self, name: &str, bytes: Bytes, kinds: &[Kind]) -> Result<Object> {
        let object = Object::read(bytes, self.format.reads());
        let object = object.map_err(|problem| self.damaged(name, problem))?;
        if !kinds.contains(&object.kind) {
            return Err(self.damaged(name, format!("it is {:?}", object.kind)));
        }
        Ok(object)
    }

    pub(super) fn failed(&self, source: sluice_objects::Error) -> OpenError {
        OpenError::Objects {
            place: self.shown(),
            source: Box::new(source),
        }
    }

    pub(super) fn damaged(&self, name: &str, problem: impl ToString) -> OpenError {
        OpenError::Object {
            place: self.shown(),
            name: name.to_owned(),
            problem: problem.to_string(),
        }
    }
}
