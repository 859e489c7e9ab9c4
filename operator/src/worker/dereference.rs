//! The only reads for a worker: its hub, its pod and claim, its node, and what the storage node says of it.

use crate::context::Context;
use crate::crd::conditions::is_true;
use crate::crd::{DataHub, Worker, WorkerStanding};
use crate::link::Link;
use crate::nodes::{self, NodeState};
use crate::objects::{Kind, Namespace};
use crate::worker_pool::is_lost;
use crate::{Error, Result, hubs};
use kube::api::{DynamicObject, ListParams};
use kube::{Api, ResourceExt};
use sluice_protocol::{Placement, WorkerFacts, WorkerId};
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
    /// The way to the storage node.
    pub(super) link: Option<Arc<Link>>,
    /// What the storage node knows of it; `None`: it never had a session, or the storage node is away.
    pub(super) facts: Option<WorkerFacts>,
    /// How many pipes it owns.
    pub(super) pipes: usize,
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
    let mut found = Found {
        hub: hubs::find(&context.client, namespace, hub_name).await?,
        pod: namespace.find(Kind::Pod, &name).await?,
        claim: namespace.find(Kind::PersistentVolumeClaim, &name).await?,
        may_replace: are_others_ready(worker, namespace, context).await?,
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
    if let Some(link) = &found.link {
        let topology = link.topology();
        let id = WorkerId(name);
        found.facts = topology.workers.get(&id).cloned();
        let owned = topology
            .pipes
            .values()
            .filter(|pipe| matches!(pipe, Placement::Owned { worker, .. } if *worker == id));
        found.pipes = owned.count();
    }
    Ok(found)
}

async fn are_others_ready(
    worker: &Worker,
    namespace: &Namespace,
    context: &Context,
) -> Result<bool> {
    let workers: Api<Worker> = Api::namespaced(context.client.clone(), namespace.name());
    let of_pool = ListParams::default().fields(&format!("spec.poolRef={}", worker.spec.pool_ref));
    let listed = workers.list(&of_pool).await.map_err(Error::api(
        "list",
        "Worker",
        &worker.spec.pool_ref,
    ))?;
    // One on a lost node, or about to go, is no reason to wait: it may never be ready again.
    let counts = |other: &&Worker| {
        other.name_any() != worker.name_any()
            && other.spec.standing != WorkerStanding::Retired
            && !is_lost(other)
    };
    let mut others = listed.items.iter().filter(counts);
    Ok(others.all(|other| {
        let status = other.status.as_ref();
        status.is_some_and(|status| is_true(&status.conditions, "Ready"))
    }))
}
