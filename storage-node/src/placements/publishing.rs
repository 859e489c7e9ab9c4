//! What is shown to those who watch: the topology to everybody, its duties to each session.

use crate::assignments::Core;
use crate::formats::Readers;
use crate::metrics::Metrics;
use parking_lot::Mutex;
use sluice_protocol::{Assigned, Code, Error, Moment, Result, SessionId, Topology};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// What was shown last.
pub(super) struct Published {
    topology: watch::Sender<Arc<Topology>>,
    /// Dropped with its session, so that whoever watches hears of its end.
    assigned: Mutex<HashMap<SessionId, watch::Sender<Arc<Assigned>>>>,
    /// What workers read, for who decides about the hub's format.
    readers: Arc<watch::Sender<Arc<Readers>>>,
    pub(super) metrics: Metrics,
}

impl Published {
    pub(super) fn new(topology: Topology, readers: Arc<watch::Sender<Arc<Readers>>>) -> Self {
        let metrics = Metrics::default();
        metrics.show(&topology);
        Published {
            topology: watch::Sender::new(Arc::new(topology)),
            assigned: Mutex::default(),
            readers,
            metrics,
        }
    }

    pub(super) fn topology(&self) -> watch::Receiver<Arc<Topology>> {
        self.topology.subscribe()
    }

    pub(super) fn assigned(&self, session: SessionId) -> Result<watch::Receiver<Arc<Assigned>>> {
        let assigned = self.assigned.lock();
        let assigned = assigned.get(&session).map(watch::Sender::subscribe);
        assigned.ok_or_else(|| {
            let message = format!("session {session} has ended: open another");
            Error::new(Code::FailedPrecondition, "session-ended", message)
        })
    }

    /// Shows what has changed, and only that.
    pub(super) fn publish(&self, core: &mut Core, now: Moment) {
        if !core.take_changed() {
            return;
        }
        let topology = core.topology(now);
        self.metrics.show(&topology);
        show(&self.topology, topology);
        show(&self.readers, core.readers());
        let mut assigned = self.assigned.lock();
        assigned.retain(|session, _| core.assigned(*session).is_some());
        for session in core.sessions() {
            let Some(duties) = core.assigned(session) else {
                continue;
            };
            match assigned.get(&session) {
                Some(shown) => show(shown, duties),
                None => {
                    assigned.insert(session, watch::Sender::new(Arc::new(duties)));
                }
            }
        }
    }
}

fn show<T: PartialEq>(shown: &watch::Sender<Arc<T>>, present: T) {
    shown.send_if_modified(|before| {
        let is_changed = **before != present;
        if is_changed {
            *before = Arc::new(present);
        }
        is_changed
    });
}
