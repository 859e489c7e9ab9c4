//! What this worker knows of a pipe's checkpoints: in memory, and on the disk beside the state they were made from.

use super::manifest::Manifest;
use serde::{Deserialize, Serialize};
use sluice_dataset::{Error, Result};
use sluice_protocol::Checkpoint;
use sluice_store::{StateKey, Store};

/// Owner of the records. They are not part of a pipe's own state, which moves.
const OWNER: &str = "durability";

/// The newest checkpoint, while the process lives.
#[derive(Clone, Debug)]
pub(crate) struct Known {
    /// Number of the newest manifest that was seen; 0: none.
    pub number: u64,
    /// It, where the state on this disk goes on from it; `None`: all files have to be written anew.
    pub manifest: Option<Manifest>,
    /// What the newest manifest says of the push log, whoever's state it is.
    pub log: LogFacts,
}

/// What manifests say of a push log; it stays true whichever state goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LogFacts {
    /// Numbers up to this one were given.
    pub pushes: u64,
    /// Numbers that are taken for ever.
    pub take_overs: Vec<u64>,
}

impl LogFacts {
    pub(super) fn of(manifest: &Manifest) -> Self {
        LogFacts {
            pushes: manifest.pushes,
            take_overs: manifest.take_overs.clone(),
        }
    }

    /// A state that has taken again what there was has everything up to this number.
    pub(super) fn contained(&self) -> u64 {
        let last = self.take_overs.last().copied().unwrap_or_default();
        last.max(self.pushes)
    }
}

impl Known {
    /// As others are told. One that is not known here is told as the first format: whoever restores reads it.
    pub(super) fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            number: self.number,
            format: self.manifest.as_ref().map_or(1, |manifest| manifest.format),
        }
    }
}

/// On the disk.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    /// Number of the checkpoint that this state goes on from.
    pub number: u64,
    /// Under which epoch that was made.
    pub epoch: u64,
    /// In which format.
    #[serde(default = "first")]
    pub format: u32,
    /// What was pushed after the checkpoint is in the push log behind this number, and not in the state yet.
    #[serde(default)]
    pub replay_behind: Option<u64>,
}

/// Of records from before there was another one.
fn first() -> u32 {
    1
}

/// What a state that was restored lacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owed {
    /// What lies in the push log behind this number.
    pub(super) behind: u64,
    /// From which checkpoint it was restored.
    checkpoint: u64,
}

impl Kept {
    pub(super) fn owed(&self) -> Option<Owed> {
        let behind = self.replay_behind?;
        Some(Owed {
            behind,
            checkpoint: self.number,
        })
    }

    pub(super) fn key(pipe: &str) -> Result<StateKey> {
        StateKey::new(OWNER, pipe)
    }

    pub(super) fn bytes(&self) -> Vec<u8> {
        serde_json::to_vec(self).expect("records hold only what JSON can hold")
    }

    /// For blocking threads.
    pub(super) fn load(store: &Store, pipe: &str) -> Result<Option<Kept>> {
        let Some(bytes) = store.state(&Self::key(pipe)?)? else {
            return Ok(None);
        };
        let kept = serde_json::from_slice(&bytes).map_err(|source| Error::Damaged {
            place: format!("record of the checkpoint of pipe {pipe}"),
            what: source.to_string(),
        })?;
        Ok(Some(kept))
    }
}
