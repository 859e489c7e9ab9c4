//! Who is where: what everybody may watch.

use super::{DiskId, Epoch, Flow, Incarnation, WorkerId};
use std::collections::BTreeMap;

/// Whether a worker is heard of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Liveness {
    /// Its lease is renewed in time.
    Live,
    /// Renewals are late; it may still write.
    Suspect,
    /// Its lease is over.
    Lost,
}

/// What a worker may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// Pipes.
    #[default]
    Active,
    /// Nothing new; it keeps what it has.
    Cordoned,
    /// Nothing, and what it has moves away.
    Draining,
    /// Nothing ever again: its sessions are refused.
    Retired,
}

/// Whether a pipe shares its worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Isolation {
    /// With other pipes.
    #[default]
    Shared,
    /// It has a worker for itself.
    Dedicated,
}

/// A worker as the storage node sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerFacts {
    /// Where it is reached; empty before its first session with this storage node.
    pub address: String,
    /// Its disk.
    pub disk: DiskId,
    /// Whether it is heard of.
    pub liveness: Liveness,
    /// What it may be given.
    pub standing: Standing,
}

/// Why a pipe is nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unplaced {
    /// No worker may take it now.
    NoWorker,
    /// Its last owner may still write.
    OwnerMayWrite,
    /// Its only state is on the disk of a worker that is away. Nobody can repeat what was pushed to it, so it waits for the disk.
    DiskAway,
    /// Its state is lost, and what was pushed to it with it: somebody has to say that it may start over.
    StateLost,
}

/// Where a pipe is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Placement {
    /// Its owner.
    Owned {
        /// Who.
        worker: WorkerId,
        /// Since when.
        epoch: Epoch,
        /// Where it is reached.
        address: String,
        /// It is being handed over to this worker.
        moves_to: Option<WorkerId>,
        /// Bytes fetched and in all, while its state is brought there.
        restoring: Option<(u64, u64)>,
    },
    /// Nobody's.
    Unplaced(Unplaced),
}

/// Pipes and workers at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Topology {
    /// Of the storage node.
    pub incarnation: Incarnation,
    /// The revision of the configuration whose pipes these are.
    pub revision: u64,
    /// What the hub is written in; 0: it is not said.
    pub format: u32,
    /// By pipe.
    pub pipes: BTreeMap<String, Placement>,
    /// By worker.
    pub workers: BTreeMap<WorkerId, WorkerFacts>,
    /// How pipes do, as their present owners said.
    pub flows: BTreeMap<String, Flow>,
}
