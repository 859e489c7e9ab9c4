//! The way to workers over the network.

use parking_lot::Mutex;
use sluice_identity::{Expected, Role, RoleCertificate};
use sluice_protocol::client::{ClientSettings, RemoteWorker};
use sluice_protocol::transport::PeerChannel;
use sluice_protocol::{Code, Error, Reach, Result, Topology, Worker, WorkerId};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::watch;

/// Keeps one channel to each worker of the topology.
pub(super) struct PeerReach {
    certificate: RoleCertificate,
    settings: ClientSettings,
    topology: watch::Receiver<Arc<Topology>>,
    known: Mutex<HashMap<WorkerId, Known>>,
}

struct Known {
    address: String,
    worker: Arc<dyn Worker>,
}

impl PeerReach {
    pub(super) fn new(
        certificate: RoleCertificate,
        settings: ClientSettings,
        topology: watch::Receiver<Arc<Topology>>,
    ) -> Self {
        PeerReach {
            certificate,
            settings,
            topology,
            known: Mutex::default(),
        }
    }
}

impl Reach for PeerReach {
    fn worker(&self, worker: &WorkerId, address: &str) -> Result<Arc<dyn Worker>> {
        let mut known = self.known.lock();
        if let Some(there) = known.get(worker).filter(|there| there.address == address) {
            return Ok(there.worker.clone());
        }
        // Channels to workers that are gone go with the first one that is new.
        let topology = self.topology.borrow().clone();
        known.retain(|id, _| topology.workers.contains_key(id));
        let expected = Expected::exactly(Role::Worker, &worker.0);
        let channel = PeerChannel::new(address, expected, &self.certificate).map_err(|error| {
            let message = format!("worker {worker} cannot be reached: {error}");
            Error::new(Code::Unavailable, "unreachable-worker", message)
        })?;
        let there = Known {
            address: address.to_owned(),
            worker: Arc::new(RemoteWorker::new(channel, self.settings)),
        };
        let reached = there.worker.clone();
        known.insert(worker.clone(), there);
        Ok(reached)
    }
}
