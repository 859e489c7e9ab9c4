//! Placement that answers samples and remembers what it was asked.

use super::samples;
use crate::*;
use async_trait::async_trait;
use parking_lot::Mutex;
use sluice_entity::Json;
use std::collections::BTreeMap;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::watch;

pub(crate) struct FakePlacement {
    pub(crate) asked: Mutex<Vec<String>>,
    topology: watch::Sender<Arc<Topology>>,
    /// How often somebody began to watch it.
    begun: AtomicUsize,
    /// The open sessions: their duties.
    sessions: Mutex<BTreeMap<u64, watch::Sender<Arc<Assigned>>>>,
}

impl FakePlacement {
    pub(crate) fn new() -> Self {
        FakePlacement {
            asked: Mutex::default(),
            topology: watch::Sender::new(Arc::new(samples::topology(3, 1, 0))),
            begun: AtomicUsize::new(0),
            sessions: Mutex::default(),
        }
    }

    pub(super) fn show(&self, topology: Topology) {
        self.topology.send_replace(Arc::new(topology));
    }

    /// How many watch the topology.
    pub(crate) fn watchers(&self) -> usize {
        self.topology.receiver_count()
    }

    /// How often somebody began to watch the topology.
    pub(super) fn begun(&self) -> usize {
        self.begun.load(Ordering::Relaxed)
    }

    /// How many watch what is assigned in a session.
    pub(super) fn watchers_of(&self, session: SessionId) -> usize {
        let sessions = self.sessions.lock();
        sessions
            .get(&session.0)
            .map_or(0, watch::Sender::receiver_count)
    }

    pub(super) fn assign(&self, session: SessionId, assigned: Assigned) {
        self.sessions.lock()[&session.0].send_replace(Arc::new(assigned));
    }

    /// The session is over, as if its lease had passed.
    pub(super) fn end(&self, session: SessionId) {
        self.sessions.lock().remove(&session.0);
    }

    fn remember(&self, call: &str, arguments: &dyn Debug) {
        self.asked.lock().push(format!("{call} {arguments:?}"));
    }

    fn check(&self, session: SessionId) -> Result<()> {
        match self.sessions.lock().contains_key(&session.0) {
            true => Ok(()),
            false => Err(ended(session)),
        }
    }
}

fn ended(session: SessionId) -> Error {
    let message = format!("session {session} has ended");
    Error::new(Code::FailedPrecondition, "session-ended", message).with("session", Json::from("it"))
}

#[async_trait]
impl Assignments for FakePlacement {
    async fn open_session(&self, open: OpenSession) -> Result<Session> {
        self.remember("open_session", &open);
        match &*open.worker.0 {
            "retired" => {
                let message = "it never comes back";
                return Err(Error::new(Code::Conflict, "retired-worker", message));
            }
            "slow" => std::future::pending().await,
            _ => {}
        }
        let mut sessions = self.sessions.lock();
        let id = sessions.keys().last().map_or(1, |last| last + 1);
        let assigned = watch::Sender::new(Arc::new(samples::assigned(1)));
        sessions.insert(id, assigned);
        Ok(samples::session(id))
    }

    async fn renew(&self, renewal: Renewal) -> Result<()> {
        self.remember("renew", &renewal);
        self.check(renewal.session)
    }

    async fn watch_assigned(&self, session: SessionId) -> Result<watch::Receiver<Arc<Assigned>>> {
        self.remember("watch_assigned", &session);
        let sessions = self.sessions.lock();
        let assigned = sessions.get(&session.0).map(watch::Sender::subscribe);
        assigned.ok_or_else(|| ended(session))
    }

    async fn report(&self, session: SessionId, report: Report) -> Result<()> {
        self.remember("report", &(session, &report));
        self.check(session)?;
        match report {
            Report::Level { .. } => Err(Error::new(Code::Conflict, "stale-epoch", "another's")),
            _ => Ok(()),
        }
    }

    async fn leave(&self, session: SessionId) -> Result<Departure> {
        self.remember("leave", &session);
        self.check(session)?;
        Ok(Departure { pipes: 7 })
    }

    async fn close_session(&self, session: SessionId) -> Result<()> {
        self.remember("close_session", &session);
        self.check(session)?;
        self.end(session);
        Ok(())
    }

    fn watch_topology(&self) -> watch::Receiver<Arc<Topology>> {
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.topology.subscribe()
    }
}

#[async_trait]
impl PlacementControl for FakePlacement {
    async fn set_standing(&self, worker: &WorkerId, standing: Standing) -> Result<()> {
        self.remember("set_standing", &(worker, standing));
        match &*worker.0 {
            "unknown" => Err(Error::not_found("unknown-worker", "worker", &worker.0)),
            _ => Ok(()),
        }
    }

    async fn set_isolation(&self, pipe: &str, isolation: Isolation) -> Result<()> {
        self.remember("set_isolation", &(pipe, isolation));
        Ok(())
    }

    async fn permit(&self, request: PermitRequest) -> Result<Permit> {
        self.remember("permit", &request);
        if request.operator_epoch == 0 {
            let message = "a later operator has asked";
            return Err(Error::new(Code::Conflict, "stale-operator", message));
        }
        Ok(Permit {
            operator_epoch: request.operator_epoch,
            act: request.act,
        })
    }

    async fn start_over(&self, pipe: &str) -> Result<()> {
        self.remember("start_over", &pipe);
        match pipe {
            "in" => Ok(()),
            _ => Err(Error::new(Code::Conflict, "not-lost", "it is there")),
        }
    }

    async fn filled(&self) -> Result<()> {
        self.remember("filled", &());
        Ok(())
    }
}
