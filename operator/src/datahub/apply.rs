//! Writes a hub's objects, in an order in which each finds what it needs.

use super::build::Objects;
use super::dereference::Found;
use super::validate::ValidatedHub;
use crate::Result;
use crate::objects::{Kind, Namespace, Wanted};
use crate::pods;
use kube::ResourceExt;
use kube::api::DynamicObject;

/// Aggregators of a hub that says nothing about their number.
const AGGREGATORS: i32 = 2;

/// What is there now.
pub(super) struct Applied {
    /// The storage node's pod; `None` while the one before it goes.
    pub pod: Option<DynamicObject>,
    /// The aggregators.
    pub deployment: DynamicObject,
}

/// Applies them.
pub(super) async fn run(
    objects: &Objects,
    hub: &ValidatedHub,
    found: &Found,
    namespace: &Namespace,
) -> Result<Applied> {
    for wanted in &objects.first {
        namespace.apply(wanted).await?;
    }
    let has_claim = found
        .claims
        .iter()
        .any(|claim| claim.name_any() == objects.claim.name);
    if !has_claim {
        namespace.create(&objects.claim).await?;
    }
    // Pods of earlier disks go: what they could still write nobody follows.
    for pod in found
        .pods
        .iter()
        .filter(|pod| pod.name_any() != objects.pod.name)
    {
        namespace.delete(Kind::Pod, pod).await?;
    }
    let present = found
        .pods
        .iter()
        .find(|pod| pod.name_any() == objects.pod.name);
    let pod = pods::settle(namespace, &objects.pod, present, true).await?;
    if hub.spec.aggregator.replicas.is_none() && !found.has_aggregators {
        start_with(&objects.deployment, namespace).await?;
    }
    let deployment = namespace.apply(&objects.deployment).await?;
    Ok(Applied { pod, deployment })
}

/// Makes the Deployment with a number of its own, which is nobody's afterwards: whatever scales it may have it.
async fn start_with(deployment: &Wanted, namespace: &Namespace) -> Result<()> {
    let mut first = deployment.clone();
    first.body["spec"]["replicas"] = AGGREGATORS.into();
    namespace.create_for_others(&first).await?;
    Ok(())
}
