//! Leave for what cannot be undone.

use super::{DiskId, WorkerId};

/// Something that destroys, or makes it possible to destroy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Act {
    /// The worker is never to come back.
    RetireWorker(WorkerId),
    /// The disk may be deleted.
    GiveUpDisk {
        /// Which.
        disk: DiskId,
        /// Also when a pipe's only state is on it, which is then lost.
        even_if_lost: bool,
    },
}

/// Asks for leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PermitRequest {
    /// Grows with every change of the operator's leader: what an earlier leader asks for is refused (`stale-operator`).
    pub operator_epoch: u64,
    /// What for.
    pub act: Act,
}

/// Leave for one act. The storage node acts on it already: nothing is assigned to what is about to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    /// Of the operator that asked.
    pub operator_epoch: u64,
    /// What may be done.
    pub act: Act,
}
