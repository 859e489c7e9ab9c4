//! Deadlines: each call has one of its own kind, and no call outlives the call that it serves.

use crate::Result;
use crate::wire::deadline_exceeded;
use std::future::Future;
use std::time::Duration;
use tokio::time::{Instant, timeout_at};

tokio::task_local! {
    /// Of the call that this task is answering.
    static DEADLINE: Instant;
}

/// Does `work` before `deadline` (`DeadlineExceeded` otherwise: the work is dropped). Calls to other roles that it makes carry
/// what is left of the time; tasks that it spawns do not.
pub async fn before<T>(deadline: Instant, work: impl Future<Output = Result<T>>) -> Result<T> {
    let deadline = DEADLINE
        .try_with(|outer| deadline.min(*outer))
        .unwrap_or(deadline);
    timeout_at(deadline, DEADLINE.scope(deadline, work))
        .await
        .unwrap_or_else(|_| Err(deadline_exceeded()))
}

/// How long a call may take now: `limit`, or less if the call that it serves must be answered sooner.
pub(crate) fn left(limit: Option<Duration>) -> Option<Duration> {
    let outer = DEADLINE.try_with(|deadline| deadline.saturating_duration_since(Instant::now()));
    match (limit, outer.ok()) {
        (Some(limit), Some(outer)) => Some(limit.min(outer)),
        (limit, outer) => limit.or(outer),
    }
}

/// How long calls to another role may take where the caller has no opinion. Feeds, documents, pushes and `run_all` have no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    /// Looking at something.
    pub look: Duration,
    /// Changing something small.
    pub change: Duration,
    /// Emptying and deleting, and waiting for a configuration to be taken up.
    pub long: Duration,
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines {
            look: Duration::from_secs(30),
            change: Duration::from_secs(60),
            long: Duration::from_secs(600),
        }
    }
}
