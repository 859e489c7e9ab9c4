//! What a worker may be given: what its resource says, and nothing on a node that is to be emptied.

use super::dereference::Found;
use super::exchange::{self, Exchange};
use crate::Result;
use crate::crd::{Worker, WorkerStanding};
use crate::nodes::NodeState;
use kube::ResourceExt;
use sluice_protocol::{PlacementControl as _, Standing, WorkerId};

/// The standing that is to be told to the storage node.
pub(super) fn wanted(asked: WorkerStanding, node: NodeState) -> Standing {
    match (asked, node) {
        (WorkerStanding::Draining | WorkerStanding::Retired, _) | (_, NodeState::Cordoned) => {
            Standing::Draining
        }
        (WorkerStanding::Cordoned, _) => Standing::Cordoned,
        (WorkerStanding::Active, _) => Standing::Active,
    }
}

/// Tells it, where the storage node knows the worker and thinks otherwise. While its pod is exchanged it may be another one.
pub(super) async fn run(worker: &Worker, found: &Found, exchange: Exchange) -> Result<()> {
    let asked = wanted(worker.spec.standing, found.node_state);
    let standing = exchange::standing(worker, found, exchange).unwrap_or(asked);
    tell(worker, found, standing).await
}

/// Lets its pipes move away, for its end.
pub(super) async fn drain(worker: &Worker, found: &Found) -> Result<()> {
    tell(worker, found, Standing::Draining).await
}

async fn tell(worker: &Worker, found: &Found, standing: Standing) -> Result<()> {
    let (Some(link), Some(facts)) = (&found.link, &found.facts) else {
        return Ok(());
    };
    if facts.standing == standing || facts.standing == Standing::Retired {
        return Ok(());
    }
    let id = WorkerId(worker.name_any());
    tracing::info!(worker = %id, ?standing, "standing changes");
    link.control
        .set_standing(&id, standing)
        .await
        .map_err(link.failed("set a standing"))
}
