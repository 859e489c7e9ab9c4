//! Names of small records that pipes and other owners keep beside the data: offsets, queues, signals, schedules.

use crate::keys::{self, KeyRange};
use sluice_dataset::Error;

/// Owner and name of a record. All records of an owner lie together, in the order of their names' bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StateKey {
    owner: String,
    name: Vec<u8>,
}

impl StateKey {
    /// `owner` is a pipe or a component, e.g. `pipe:person`; at most 65,535 bytes. `name` is anything.
    pub fn new(owner: &str, name: impl AsRef<[u8]>) -> Result<Self, Error> {
        if u16::try_from(owner.len()).is_err() {
            return Err(Error::Name {
                name: owner.to_owned(),
                source: sluice_dataset::NameError::TooLong,
            });
        }
        Ok(Self {
            owner: owner.to_owned(),
            name: name.as_ref().to_vec(),
        })
    }

    /// Who keeps it.
    pub fn owner(&self) -> &str {
        &self.owner
    }

    /// What it is.
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    pub(crate) fn key(&self) -> Vec<u8> {
        keys::state(&self.owner, &self.name)
    }

    /// All records of the owner whose names begin with this one's.
    pub(crate) fn range(&self) -> KeyRange {
        keys::state_range(&self.owner, &self.name)
    }

    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        let (owner, name) = keys::state_of(key)?;
        Some(Self {
            owner: owner.to_owned(),
            name: name.to_vec(),
        })
    }
}
