//! What is there of a worker → its status.

use super::dereference::Found;
use super::exchange::{self, Exchange};
use crate::Result;
use crate::context::Context;
use crate::crd::conditions::{Conditions, is_true};
use crate::crd::{Worker, WorkerStatus, condition};
use crate::nodes::NodeState;
use crate::pods::{PodState, state};
use crate::status::{conditions, summary, write};
use kube::api::DynamicObject;
use kube::{Resource, ResourceExt};
use sluice_protocol::Liveness;

/// What became of a worker, in one word each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// It takes pipes.
    Ready,
    /// Its hub is not there.
    NoHub,
    /// The storage node does not answer.
    StorageNodeAway,
    /// Its pod does not serve; why, if it is known.
    Starting(String),
    /// No node takes its pod; why.
    Unschedulable(String),
    /// Its node is gone, or has not been heard of for long.
    NodeLost,
    /// Its claim is gone, and its disk with it.
    DiskLost,
    /// It is to be emptied.
    Draining,
    /// It is empty and may not go; why.
    NoLeave(String),
}

/// Judges a worker with this pod.
pub(super) fn judge(found: &Found, pod: Option<&DynamicObject>) -> Finding {
    if found.node_state == NodeState::Lost && state(pod) != PodState::Ready {
        return Finding::NodeLost;
    }
    match state(pod) {
        PodState::Ready => match &found.facts {
            Some(facts) if facts.liveness == Liveness::Live => Finding::Ready,
            Some(_) => Finding::Starting("the storage node does not hear of it".to_owned()),
            None if found.link.is_none() => Finding::StorageNodeAway,
            None => Finding::Starting("it has no session yet".to_owned()),
        },
        PodState::Unschedulable(why) if found.node_state == NodeState::Lost => {
            tracing::debug!(why, "its volume is on a lost node");
            Finding::NodeLost
        }
        PodState::Unschedulable(why) => Finding::Unschedulable(why),
        PodState::Starting(why) => Finding::Starting(why),
        PodState::Absent | PodState::Ending | PodState::Ended => {
            Finding::Starting("its pod is exchanged".to_owned())
        }
    }
}

impl Finding {
    fn conditions(&self) -> Conditions {
        let not = |is_stalled, reason, message: &str| summary(false, is_stalled, reason, message);
        let mut found = match self {
            Finding::Ready => summary(true, false, "Ready", ""),
            Finding::NoHub => not(
                true,
                "HubNotFound",
                "its hub is not there; its volume is kept",
            ),
            Finding::StorageNodeAway => {
                not(false, "StorageNodeAway", "the storage node does not answer")
            }
            Finding::Starting(why) if why.is_empty() => {
                not(false, "Starting", "its pod does not serve yet")
            }
            Finding::Starting(why) => not(false, "Starting", why),
            Finding::Unschedulable(why) => not(false, "Unschedulable", why),
            Finding::NodeLost => not(
                true,
                "NodeLost",
                "its node is gone, or has not been heard of for a minute; its volume is kept",
            ),
            Finding::DiskLost => not(
                true,
                "DiskLost",
                "its claim is gone; another worker takes its place",
            ),
            Finding::Draining => not(false, "Draining", "its pipes move to other workers"),
            Finding::NoLeave(why) => not(false, "NoLeave", why),
        };
        let is_accepted = *self != Finding::NoHub;
        let reason = if is_accepted {
            "Accepted"
        } else {
            "HubNotFound"
        };
        found.push(condition("Accepted", Some(is_accepted), reason, ""));
        found
    }
}

/// Writes it; says whether nothing is to be expected soon.
pub(super) async fn run(
    worker: &Worker,
    found: &Found,
    finding: Finding,
    exchange: Exchange,
    context: &Context,
) -> Result<bool> {
    let before = worker.status.as_ref();
    let disk = found.facts.as_ref().map(|facts| facts.disk.0.clone());
    let known = before.cloned().unwrap_or_default();
    let mut told = finding.conditions();
    let goes_on = !matches!(
        finding,
        Finding::NoHub | Finding::NodeLost | Finding::DiskLost
    );
    if goes_on {
        told.extend(exchange::told(worker, exchange, finding == Finding::Ready));
    }
    let after = WorkerStatus {
        observed_generation: worker.meta().generation,
        conditions: conditions(worker, &known.conditions, told),
        node: found.node.clone(),
        claim: found
            .claim
            .as_ref()
            .map(ResourceExt::name_any)
            .or(known.claim),
        disk: disk.or(known.disk),
    };
    write(context, worker, before, &after).await?;
    Ok(is_true(&after.conditions, "Ready")
        || matches!(
            finding,
            Finding::NoHub | Finding::NodeLost | Finding::DiskLost
        ))
}
