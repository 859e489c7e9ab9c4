//! One version of an entity, owned.

use crate::Offset;
use sluice_entity::{Entity, Generated, ValueBuf};

/// A stored version: the body without reserved names but `_id`, and what the dataset generated for it.
#[derive(Clone, Debug)]
pub struct Version {
    /// A dict with `_id`.
    pub body: ValueBuf,
    /// `_updated`, `_previous`, `_ts`, `_hash`, `_deleted`.
    pub generated: Generated,
}

impl Version {
    /// Its place in the log.
    pub fn offset(&self) -> Offset {
        self.generated.updated
    }

    /// True for a deleted version.
    pub fn is_deleted(&self) -> bool {
        self.generated.deleted
    }

    /// The entity as readers and transforms see it; shares the body.
    pub fn to_entity(&self) -> Entity {
        Entity::with_generated(self.body.clone(), self.generated)
    }
}
