//! What a disk remembers of the object store.

use super::object::Writer;
use crate::records::{META, ReadError, key, unclear};
use serde::{Deserialize, Serialize};
use sluice_store::{Durability, Error, Snapshot, StateKey, Store, Transaction};

/// Version of the record.
const FORMAT: u32 = 1;

/// Where the disk stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Followed {
    format: u32,
    /// Changes up to this number are here.
    pub(super) applied: u64,
    /// A name that no other disk has.
    pub(super) disk: String,
    /// It was used without the object store since: there may be something here that is not there.
    #[serde(default)]
    pub(super) is_detached: bool,
}

impl Followed {
    pub(super) fn new(applied: u64, disk: &str) -> Self {
        Followed {
            format: FORMAT,
            applied,
            disk: disk.to_owned(),
            is_detached: false,
        }
    }

    /// What is here with this change.
    pub(super) fn of(writer: &Writer, applied: u64) -> Self {
        Self::new(applied, &writer.disk)
    }

    /// The same while there may be something here that is not there: until a snapshot is.
    pub(super) fn detached(self, is_detached: bool) -> Self {
        Followed {
            is_detached,
            ..self
        }
    }

    fn key() -> Result<StateKey, Error> {
        key(META, b"object-store")
    }

    pub(super) fn read(store: &Store) -> Result<Option<Followed>, ReadError> {
        Self::read_in(&store.snapshot())
    }

    pub(super) fn read_in(snapshot: &Snapshot) -> Result<Option<Followed>, ReadError> {
        let Some(value) = snapshot.state(&Self::key()?)? else {
            return Ok(None);
        };
        let unclear = |problem: String| unclear("object-store", &problem);
        let read: Followed =
            serde_json::from_slice(&value).map_err(|error| unclear(error.to_string()))?;
        if read.format != FORMAT {
            let problem = format!("it is {}, this version knows {FORMAT}", read.format);
            return Err(unclear(problem));
        }
        Ok(Some(read))
    }

    /// With a transaction.
    pub(crate) fn put(&self, transaction: &mut Transaction) -> Result<(), Error> {
        let value = serde_json::to_vec(self).expect("it holds only what JSON can hold");
        transaction.put_state(&Self::key()?, &value);
        Ok(())
    }

    pub(super) fn write(&self, store: &Store) -> Result<(), Error> {
        let mut transaction = store.transaction(&[])?;
        self.put(&mut transaction)?;
        transaction.commit(Durability::Synced).map(drop)
    }

    /// The disk is used without the object store that it followed.
    pub(crate) fn detach(store: &Store) -> Result<(), ReadError> {
        match Self::read(store)? {
            Some(followed) if !followed.is_detached => Ok(followed.detached(true).write(store)?),
            _ => Ok(()),
        }
    }
}
