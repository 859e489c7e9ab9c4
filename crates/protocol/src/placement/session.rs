//! What a worker says when it opens a session and while it keeps it, and what it is answered.

use super::{Epoch, Incarnation};
use std::fmt;
use std::time::Duration;

/// Names a worker. Never given to another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub String);

/// Names a worker's disk: made with the store on it, so that a blank disk under an old worker's name is another one.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DiskId(pub String);

/// Names one start of a worker's process.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BootId(pub String);

/// Names a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionId(pub u64);

impl fmt::Display for WorkerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for DiskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Versions of a stored or sent form that somebody can read, both ends included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormatRange {
    /// The oldest.
    pub oldest: u32,
    /// The newest.
    pub newest: u32,
}

impl fmt::Display for FormatRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.oldest == self.newest {
            true => write!(f, "format {}", self.newest),
            false => write!(f, "formats {} to {}", self.oldest, self.newest),
        }
    }
}

impl FormatRange {
    /// The first format alone.
    pub const FIRST: FormatRange = FormatRange {
        oldest: 1,
        newest: 1,
    };

    /// Whether this version is among them.
    pub fn contains(self, version: u32) -> bool {
        (self.oldest..=self.newest).contains(&version)
    }
}

/// What a worker can read of what others wrote. `None`: nothing of that kind, so it is never asked to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Formats {
    /// Checkpoints in the object store.
    pub checkpoints: Option<FormatRange>,
    /// Change streams of other workers, by which a pipe is handed over.
    pub change_streams: Option<FormatRange>,
    /// Feeds of other workers' datasets, of which it keeps replicas for its own pipes.
    pub replicas: Option<FormatRange>,
    /// Formats of the hub: of what roles keep, and read of one another. Every worker says them but those that know the first alone.
    pub hub: Option<FormatRange>,
}

impl Formats {
    /// The formats of the hub that it reads.
    pub fn of_hub(self) -> FormatRange {
        self.hub.unwrap_or(FormatRange::FIRST)
    }
}

/// A state of a pipe in the object store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Number of its manifest.
    pub number: u64,
    /// Version of its form.
    pub format: u32,
}

/// A pipe whose newest state, as far as the worker knows, is on its disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldPipe {
    /// Pipe id.
    pub pipe: String,
    /// Under which it was written last.
    pub epoch: Epoch,
    /// Newest offset of the dataset it writes.
    pub offset: Option<u64>,
    /// Newest checkpoint made from this state.
    pub checkpoint: Option<Checkpoint>,
}

/// Opens a session; it ends the session that the same worker had before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    /// Who.
    pub worker: WorkerId,
    /// With which disk.
    pub disk: DiskId,
    /// In which life of its process.
    pub boot: BootId,
    /// Where others reach it.
    pub address: String,
    /// The largest incarnation it has seen.
    pub seen: Incarnation,
    /// What it can read.
    pub formats: Formats,
    /// The format that its disk is in; 0: the first.
    pub format: u32,
    /// The pipes on its disk.
    pub pipes: Vec<HeldPipe>,
}

/// An open session. Its lease, one for all pipes of the worker, counts from the moment at which the request was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Session {
    /// For renewals and reports.
    pub id: SessionId,
    /// Of the storage node that answers.
    pub incarnation: Incarnation,
    /// How long the lease lasts after a request that is answered.
    pub lease: Duration,
    /// How often to renew it.
    pub renew_every: Duration,
}

/// What a pipe costs its worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PipeLoad {
    /// Pipe id.
    pub pipe: String,
    /// Its part of the worker's work, in units that compare only with one another.
    pub weight: u64,
    /// Bytes of the dataset it writes: what a replica would cost.
    pub bytes: u64,
}

/// Renews a lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Renewal {
    /// Whose.
    pub session: SessionId,
    /// What pipes cost, where it changed.
    pub loads: Vec<PipeLoad>,
}

/// What is still to come before a worker that leaves may stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Departure {
    /// Pipes of it that others can take and have not taken yet.
    pub pipes: u64,
}
