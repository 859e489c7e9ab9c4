//! How a role gets to workers that the topology names.

use crate::{Code, Error, Result, Worker, WorkerId};
use std::sync::Arc;

/// The way to workers. In one process there is one worker and no way; over the network it keeps the connections.
pub trait Reach: Send + Sync {
    /// A worker that is reached at this address. Nothing is sent yet, so this does not wait; who answers there and is another
    /// worker than this one is refused by the first call.
    fn worker(&self, worker: &WorkerId, address: &str) -> Result<Arc<dyn Worker>>;
}

/// The reach of a worker that is a hub's only one.
#[derive(Clone, Copy, Debug, Default)]
pub struct OneProcess;

impl Reach for OneProcess {
    fn worker(&self, worker: &WorkerId, _: &str) -> Result<Arc<dyn Worker>> {
        let message = format!("there is no way to worker {worker}: this hub is one process");
        Err(Error::new(Code::Unavailable, "unreachable-worker", message))
    }
}
