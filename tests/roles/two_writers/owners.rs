//! Who is given a pipe under which epoch, written down as the storage node tells it, and what is asked of it about workers.

use super::effects::{Pipe, Worker};
use sluice_identity::Role;
use sluice_protocol::client::{ClientSettings, RemoteAssignments, RemotePlacementControl};
use sluice_protocol::{
    Assignments as _, Liveness, Placement, PlacementControl as _, Standing, Topology, WorkerId,
};
use sluice_tests::roles::Roles;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use tokio::sync::watch;

/// Follows the topology.
pub(super) struct Owners {
    topology: watch::Receiver<Arc<Topology>>,
    seen: Arc<Mutex<BTreeMap<(Pipe, u64), Worker>>>,
    control: RemotePlacementControl,
    /// Ends the following.
    _assignments: RemoteAssignments,
}

impl Owners {
    pub(super) async fn follow(hub: &Roles) -> Owners {
        let channel = hub.storage_node_as(Role::Operator, "o0").await.unwrap();
        let settings = ClientSettings::default();
        let control = RemotePlacementControl::new(channel.clone(), settings);
        let assignments = RemoteAssignments::connect(channel, settings).await;
        let topology = assignments.watch_topology();
        let seen: Arc<Mutex<BTreeMap<_, _>>> = Arc::default();
        let (mut told, noted) = (topology.clone(), seen.clone());
        tokio::spawn(async move {
            loop {
                let owned = owned(&told.borrow_and_update());
                let owned = owned.map(|(pipe, epoch, worker)| ((pipe, epoch), worker));
                noted.lock().unwrap().extend(owned);
                if told.changed().await.is_err() {
                    return;
                }
            }
        });
        Owners {
            topology,
            seen,
            control,
            _assignments: assignments,
        }
    }

    /// Everybody who was the owner of something.
    pub(super) fn seen(&self) -> BTreeMap<(Pipe, u64), Worker> {
        self.seen.lock().unwrap().clone()
    }

    /// The pipes that a worker has now.
    pub(super) fn pipes_of(&self, worker: &str) -> Vec<Pipe> {
        let topology = self.topology.borrow().clone();
        let owned = owned(&topology).filter(|(_, _, owner)| owner == worker);
        owned.map(|(pipe, _, _)| pipe).collect()
    }

    /// Whether the storage node hears of a worker.
    pub(super) fn is_live(&self, worker: &str) -> bool {
        let topology = self.topology.borrow();
        let facts = topology.workers.get(&WorkerId(worker.to_owned()));
        facts.is_some_and(|facts| facts.liveness == Liveness::Live)
    }

    /// From now on a worker is given nothing that it does not have.
    pub(super) async fn cordon(&self, worker: &str) {
        let worker = WorkerId(worker.to_owned());
        let cordoned = self.control.set_standing(&worker, Standing::Cordoned);
        cordoned.await.unwrap();
    }
}

fn owned(topology: &Topology) -> impl Iterator<Item = (Pipe, u64, Worker)> + use<> {
    let owned = topology
        .pipes
        .iter()
        .filter_map(|(pipe, placement)| match placement {
            Placement::Owned { worker, epoch, .. } => {
                Some((pipe.clone(), epoch.number(), worker.0.clone()))
            }
            Placement::Unplaced(_) => None,
        });
    owned.collect::<Vec<_>>().into_iter()
}
