//! The only reads for a worker: its hub, its pod and claim, its node, and what the storage node says of it.

use super::exchange::goes_before;
use crate::context::Context;
use crate::crd::conditions::is_true;
use crate::crd::{DataHub, Worker, WorkerStanding};
use crate::link::Link;
use crate::nodes::{self, NodeState};
use crate::objects::{Kind, Namespace, SURGE};
use crate::worker_pool::is_lost;
use crate::{Error, Result, hubs};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt};
use sluice_protocol::{Liveness, Placement, Standing, WorkerFacts, WorkerId};
use std::sync::Arc;

/// What there is of a worker.
#[derive(Default)]
pub(super) struct Found {
    /// Its hub, unless that is gone or goes.
    pub(super) hub: Option<DataHub>,
    /// Its pod.
    pub(super) pod: Option<DynamicObject>,
    /// Its claim.
    pub(super) claim: Option<DynamicObject>,
    /// It had a claim, and has none any more.
    pub(super) has_lost_disk: bool,
    /// Its node's name, that of now or the last one.
    pub(super) node: Option<String>,
    /// Its node.
    pub(super) node_state: NodeState,
    /// Nothing is known of what the storage node says: it has not answered yet.
    pub(super) is_unheard: bool,
    /// The way to the storage node.
    pub(super) link: Option<Arc<Link>>,
    /// What the storage node knows of it; `None`: it never had a session, or the storage node is away.
    pub(super) facts: Option<WorkerFacts>,
    /// How many pipes it owns.
    pub(super) pipes: usize,
    /// How many of them are on their way to others.
    pub(super) moving: usize,
    /// How many other workers of the hub could take pipes.
    pub(super) takers: usize,
    /// The pod of another worker of the pool is exchanged first.
    pub(super) is_anothers_turn: bool,
    /// No other worker of the pool is away: its pod may be exchanged for another one.
    pub(super) may_replace: bool,
}

/// Reads it.
pub(super) async fn run(
    worker: &Worker,
    namespace: &Namespace,
    context: &Context,
) -> Result<Found> {
    let name = worker.name_any();
    let hub_name = &worker.spec.hub_ref.name;
    let others = others(worker, namespace, context).await?;
    let mut found = Found {
        hub: hubs::find(&context.client, namespace, hub_name).await?,
        pod: namespace.find(Kind::Pod, &name).await?,
        claim: namespace.find(Kind::PersistentVolumeClaim, &name).await?,
        may_replace: others.iter().all(is_ready),
        is_anothers_turn: !others.iter().all(|other| goes_before(worker, other)),
        ..Found::default()
    };
    let had_claim = worker
        .status
        .as_ref()
        .is_some_and(|status| status.claim.is_some());
    found.has_lost_disk = had_claim && found.claim.is_none();
    let on = found
        .pod
        .as_ref()
        .and_then(|pod| pod.data["spec"]["nodeName"].as_str());
    let last = || {
        worker
            .status
            .as_ref()
            .and_then(|status| status.node.clone())
    };
    found.node = on.map(str::to_owned).or_else(last);
    if let Some(node) = &found.node {
        found.node_state = nodes::find(&context.client, node).await?;
    }
    if found.hub.is_some() {
        found.link = context.links.get(namespace, hub_name).await?;
    }
    found.is_unheard = found.link.is_none();
    if let Some(link) = &found.link {
        let topology = link.topology();
        let id = WorkerId(name);
        found.facts = topology.workers.get(&id).cloned();
        for pipe in topology.pipes.values() {
            if let Placement::Owned {
                worker, moves_to, ..
            } = pipe
                && *worker == id
            {
                found.pipes += 1;
                found.moving += usize::from(moves_to.is_some());
            }
        }
        let takers = topology.workers.iter().filter(|(other, facts)| {
            let is_open = facts.standing == Standing::Active && facts.liveness == Liveness::Live;
            **other != id && is_open
        });
        found.takers = takers.count();
    }
    Ok(found)
}

/// The other workers of the pool that count: one on a lost node, or about to go, is no reason to wait, since it may never be ready
/// again; nor is one that was only made to help.
async fn others(worker: &Worker, namespace: &Namespace, context: &Context) -> Result<Vec<Worker>> {
    let workers: Api<Worker> = Api::namespaced(context.client.clone(), namespace.name());
    let of_pool = ListParams::default().fields(&format!("spec.poolRef={}", worker.spec.pool_ref));
    let listed = workers.list(&of_pool).await.map_err(Error::api(
        "list",
        "Worker",
        &worker.spec.pool_ref,
    ))?;
    let mut others = listed.items;
    others.retain(|other| {
        other.name_any() != worker.name_any()
            && other.spec.standing != WorkerStanding::Retired
            && other.metadata.deletion_timestamp.is_none()
            && !is_lost(other)
            && !other.labels().contains_key(SURGE)
    });
    Ok(others)
}

fn is_ready(worker: &Worker) -> bool {
    let status = worker.status.as_ref();
    status.is_some_and(|status| is_true(&status.conditions, "Ready"))
}
