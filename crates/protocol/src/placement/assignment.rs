//! What a worker is told to do with its pipes, and what it reports of them.

use super::{Checkpoint, Epoch, WorkerId};
use std::collections::BTreeMap;

/// How the owner of a new epoch gets the pipe's state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// There is none: the pipe never committed.
    Fresh,
    /// It is on the worker's own disk.
    Local,
    /// From the worker that owned it, which has stopped at this offset of the pipe's dataset.
    HandOver {
        /// The former owner.
        from: WorkerId,
        /// Where it is reached.
        address: String,
        /// Its newest offset; `None`: it wrote nothing.
        offset: Option<u64>,
    },
    /// From the object store.
    Restore {
        /// Newest known checkpoint.
        checkpoint: Checkpoint,
    },
    /// It is lost, and everything can be read again: begin with a new generation, whatever the disk holds.
    StartOver,
}

/// What a worker has to do with a pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Own it: run it, write its dataset, answer for it.
    Own {
        /// The epoch to write under.
        epoch: Epoch,
        /// Where its state comes from.
        start: Start,
    },
    /// Get ready to own it: follow the owner's changes and report [`Report::Level`].
    Follow {
        /// The owner.
        from: WorkerId,
        /// Where it is reached.
        address: String,
    },
    /// Stop it, make what was written durable, and report [`Report::Released`].
    Release {
        /// The epoch that ends.
        epoch: Epoch,
        /// Who takes it over.
        to: WorkerId,
    },
}

impl Duty {
    /// The epoch under which the pipe may be written.
    pub fn owned(&self) -> Option<Epoch> {
        match self {
            Duty::Own { epoch, .. } => Some(*epoch),
            Duty::Follow { .. } | Duty::Release { .. } => None,
        }
    }
}

/// Everything a worker has to do. A pipe of its own that is not in it any more is to be closed, and [`Report::Released`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Assigned {
    /// The revision of the configuration whose pipes these are.
    pub revision: u64,
    /// The storage node lost its disk and is being filled again: a pipe that is not configured may be later, so that nothing is
    /// to be forgotten.
    pub is_filling: bool,
    /// The format that the hub is finalized in: what is written from now on; 0: the first.
    pub format: u32,
    /// By pipe.
    pub pipes: BTreeMap<String, Duty>,
}

/// What a worker says of one pipe. Refused when the epoch is not the pipe's present one (`stale-epoch`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It is about to write under this epoch for the first time. Nothing it writes is visible before the answer.
    Committed {
        /// Pipe id.
        pipe: String,
        /// Its epoch.
        epoch: Epoch,
    },
    /// It has stopped and will not write under this epoch again.
    Released {
        /// Pipe id.
        pipe: String,
        /// The epoch that ended.
        epoch: Epoch,
        /// Newest offset of the pipe's dataset.
        offset: Option<u64>,
    },
    /// It follows the owner and is level with it.
    Level {
        /// Pipe id.
        pipe: String,
    },
    /// How far it is with bringing the state here.
    Restoring {
        /// Pipe id.
        pipe: String,
        /// Its epoch.
        epoch: Epoch,
        /// Bytes fetched.
        fetched: u64,
        /// Bytes in all.
        total: u64,
    },
    /// It cannot begin as told: somebody else, or another way.
    CannotStart {
        /// Pipe id.
        pipe: String,
        /// Its epoch.
        epoch: Epoch,
        /// Why, in words.
        reason: String,
    },
    /// A checkpoint of the pipe is in the object store.
    Checkpointed {
        /// Pipe id.
        pipe: String,
        /// Its epoch.
        epoch: Epoch,
        /// The checkpoint.
        checkpoint: Checkpoint,
    },
    /// How pipes do, where that changed.
    Flowing {
        /// Each pipe once.
        flows: Vec<PipeFlow>,
    },
}

/// How a pipe does, under an epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeFlow {
    /// Pipe id.
    pub pipe: String,
    /// Its epoch.
    pub epoch: Epoch,
    /// How.
    pub flow: Flow,
}

/// How a pipe does. It changes when work fails or succeeds again and with the configuration, not with every run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Content hash of the configuration with which a run has ended, or there was nothing to do; empty: there is none yet.
    pub configuration: String,
    /// The last run failed.
    pub is_failing: bool,
    /// Whether its state is anywhere but on its worker's disk.
    pub durable: Durable,
}

/// Whether a pipe's state is in the object store. How old it is there is told by the pipe's report.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Durable {
    /// Nothing is said: the worker has no object store, or speaks an older language.
    #[default]
    NotSaid,
    /// Nothing of it is there yet.
    NoCheckpoint,
    /// Its newest checkpoint is no older than the worker makes them, or nothing has changed since.
    Checkpointed,
    /// The last try to make a checkpoint failed.
    Failing,
}
