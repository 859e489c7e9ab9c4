//! Who owns which pipe: sessions with leases, assignments with epochs, the topology that everybody watches.
//!
//! The storage node decides, workers obey. A worker has one session and one lease for all its pipes; it stops by itself when the
//! lease ends, and the storage node gives nothing away before that.

mod assignment;
mod clock;
mod epoch;
mod permit;
mod session;
mod topology;

pub use assignment::{Assigned, Durable, Duty, Flow, PipeFlow, Report, Start};
pub use clock::{BootClock, Moment, SystemBootClock};
pub use epoch::{Epoch, Incarnation};
pub use permit::{Act, Permit, PermitRequest};
pub use session::{
    BootId, Checkpoint, Departure, DiskId, FormatRange, Formats, HeldPipe, OpenSession, PipeLoad,
    Renewal, Session, SessionId, WorkerId,
};
pub use topology::{Isolation, Liveness, Placement, Standing, Topology, Unplaced, WorkerFacts};

use crate::Result;
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::watch;

/// What workers ask of the storage node. Every answer comes after what it says is durable.
///
/// Reasons of refusals: `session-ended` (open another), `retired-worker`, `other-disk` (the worker or the disk is known as part
/// of another pair that may be alive), `superseded` (a later storage node has served the caller), `stale-epoch`; over the network
/// also `foreign-worker` (the certificate is not that of the session's worker).
#[async_trait]
pub trait Assignments: Send + Sync {
    /// Opens a session. The pipes of its disk are the worker's at once, with new epochs.
    async fn open_session(&self, open: OpenSession) -> Result<Session>;
    /// Renews the lease.
    async fn renew(&self, renewal: Renewal) -> Result<()>;
    /// What the worker has to do; the receiver sees every later state (only the newest matters) until the session ends.
    async fn watch_assigned(&self, session: SessionId) -> Result<watch::Receiver<Arc<Assigned>>>;
    /// Something about a pipe.
    async fn report(&self, session: SessionId, report: Report) -> Result<()>;
    /// The worker is about to stop: for as long as this session lasts it is given nothing, and what others can take goes to them.
    /// Asked again until no pipe is left, or there is no time any more.
    async fn leave(&self, session: SessionId) -> Result<Departure>;
    /// The worker stops in good order: it writes nothing any more.
    async fn close_session(&self, session: SessionId) -> Result<()>;
    /// Pipes and workers; the receiver sees every later state (only the newest matters).
    fn watch_topology(&self) -> watch::Receiver<Arc<Topology>>;
}

/// What the operator, or a person, asks of the storage node about workers and pipes. Over the network only the operator may
/// (`operator-only`).
#[async_trait]
pub trait PlacementControl: Send + Sync {
    /// Says what a worker may be given. `NotFound` for one that never had a session. Retiring one needs a permit instead.
    async fn set_standing(&self, worker: &WorkerId, standing: Standing) -> Result<()>;
    /// Says whether a pipe shares its worker.
    async fn set_isolation(&self, pipe: &str, isolation: Isolation) -> Result<()>;
    /// Asks for leave for a destructive act. Refused: `stale-operator`, `worker-in-use`, `only-copy`.
    async fn permit(&self, request: PermitRequest) -> Result<Permit>;
    /// Lets a pipe whose state is lost, or away, start over without it. Refused with `not-lost` for any other.
    async fn start_over(&self, pipe: &str) -> Result<()>;
    /// A storage node that began on an empty disk is filled again: pipes that come from now on are new.
    async fn filled(&self) -> Result<()>;
}
