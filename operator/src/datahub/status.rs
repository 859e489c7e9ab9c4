//! What is there of a hub → its status.

use super::apply::Applied;
use super::validate::{Problem, ValidatedHub};
use crate::Result;
use crate::context::Context;
use crate::crd::conditions::Conditions;
use crate::crd::{DataHub, StorageNodeStatus, condition};
use crate::names;
use crate::nodes::NodeState;
use crate::pods::{PodState, condition as condition_of, state};
use crate::status::{conditions, summary, write};
use kube::Resource;

/// It cannot be built.
pub(super) async fn refused(hub: &DataHub, problem: &Problem, context: &Context) -> Result<()> {
    let mut found = summary(false, true, problem.reason, &problem.message);
    found.push(condition(
        "Accepted",
        Some(false),
        problem.reason,
        &problem.message,
    ));
    let before = hub.status.as_ref();
    let mut after = before.cloned().unwrap_or_default();
    after.conditions = conditions(hub, &after.conditions, found);
    after.observed_generation = hub.meta().generation;
    write(context, hub, before, &after).await?;
    Ok(())
}

/// It was built: whether it serves.
pub(super) async fn run(
    hub: &DataHub,
    valid: &ValidatedHub,
    life: &StorageNodeStatus,
    found: Conditions,
    context: &Context,
) -> Result<()> {
    let before = hub.status.clone().unwrap_or_default();
    let mut after = before.clone();
    after.storage_node = Some(life.clone());
    after.url = Some(format!(
        "https://{}",
        names::host(&names::aggregator(&valid.name), &valid.namespace)
    ));
    let link = context.links.known(&valid.namespace, &valid.name);
    let format = link.map(|link| link.topology().format);
    // One that is not heard of now does not forget it.
    after.format = format.filter(|format| *format > 0).or(before.format);
    after.conditions = conditions(hub, &before.conditions, found);
    after.observed_generation = hub.meta().generation;
    // What `life` wrote is no difference.
    let mut known = before;
    known.storage_node = after.storage_node.clone();
    write(context, hub, Some(&known), &after).await?;
    Ok(())
}

/// The conditions of a hub with these objects.
pub(super) fn judge(applied: &Applied, node: NodeState) -> Conditions {
    let starting = |reason: &str, message: String| summary(false, false, reason, &message);
    let mut found = match state(applied.pod.as_ref()) {
        now if now != PodState::Ready && node == NodeState::Lost => summary(
            false,
            true,
            "StorageNodeLost",
            "the storage node's node is gone, or has not been heard of for a minute: what only its disk has waits for it",
        ),
        PodState::Ready => aggregators(applied),
        PodState::Unschedulable(why) => starting(
            "StorageNodeUnschedulable",
            format!("no node takes the storage node: {why}"),
        ),
        PodState::Starting(why) if !why.is_empty() => starting(
            "StorageNodeStarting",
            format!("the storage node does not serve: {why}"),
        ),
        _ => starting(
            "StorageNodeStarting",
            "the storage node does not serve yet".to_owned(),
        ),
    };
    found.push(condition("Accepted", Some(true), "Accepted", ""));
    found
}

fn aggregators(applied: &Applied) -> Conditions {
    let deployment = &applied.deployment;
    let status = &deployment.data["status"];
    let wanted = deployment.data["spec"]["replicas"].as_i64().unwrap_or(1);
    let is_current = status["observedGeneration"].as_i64() == deployment.metadata.generation;
    let available = status["availableReplicas"].as_i64().unwrap_or_default();
    let updated = status["updatedReplicas"].as_i64().unwrap_or_default();
    if is_current && updated >= wanted && available >= wanted {
        return summary(true, false, "Ready", "");
    }
    let why =
        condition_of(status, "Progressing").filter(|progressing| progressing["status"] == "False");
    let why = why
        .and_then(|why| why["message"].as_str())
        .unwrap_or_default();
    // One that serves is enough for callers, but the change is not through.
    let message = format!(
        "{available} of {wanted} aggregators serve, {updated} of them as they are to be. {why}"
    );
    summary(false, false, "AggregatorsStarting", message.trim_end())
}
