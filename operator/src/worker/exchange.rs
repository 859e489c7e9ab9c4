//! A pod that is to be another one: its pipes move to other workers first, one worker of a pool at a time. Pure.
//!
//! How far it is stands in the condition `Exchanging`, which is there only while it is true: the pool makes one worker more where
//! nobody else could take the pipes, and another worker of the pool begins when this one has ended.

use super::dereference::Found;
use crate::crd::conditions::{Conditions, is_true};
use crate::crd::{Worker, condition};
use crate::pods::{PodState, state};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::ResourceExt;
use kube::api::DynamicObject;
use sluice_protocol::Standing;

/// Its type.
pub(crate) const EXCHANGING: &str = "Exchanging";
/// Its reasons that matter to others: it has not begun; nobody could take its pipes; its pod has gone.
const WAITS: &str = "Waits";
const NEEDS_ANOTHER: &str = "NeedsAnother";
const RESTARTING: &str = "Restarting";
/// How long a worker that is alone waits for another one. Where none can be had, pipes rest while their pod is exchanged.
const FOR_ANOTHER: SignedDuration = SignedDuration::from_mins(5);
/// How long pipes of which none moves hold up the exchange: they wait for their disk then.
const FOR_STUCK: SignedDuration = SignedDuration::from_mins(7);
/// How long pipes may take to move, all in all.
const FOR_MOVES: SignedDuration = SignedDuration::from_mins(60);

/// What is to be done about a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// Nothing: it is what it is to be, or it does not serve.
    No,
    /// Others of the pool are away, or it is another one's turn.
    Waits,
    /// Nobody could take the pipes: another worker is to come.
    NeedsAnother,
    /// Its pipes move.
    Drains,
    /// Now.
    Now,
}

/// Decides about a pod that is, or is not, what it is to be.
pub(super) fn decide(worker: &Worker, found: &Found, is_other: bool, now: Timestamp) -> Exchange {
    if !is_other || state(found.pod.as_ref()) != PodState::Ready {
        return Exchange::No;
    }
    if !found.may_replace || found.is_anothers_turn {
        return Exchange::Waits;
    }
    if !found.pod.as_ref().is_some_and(has_object_store) {
        // Its pipes go with its disk alone.
        return Exchange::Now;
    }
    if found.is_unheard {
        return Exchange::Waits;
    }
    let Some(facts) = &found.facts else {
        return Exchange::Now;
    };
    let waited = since(worker).map_or(SignedDuration::ZERO, |since| now.duration_since(since));
    if found.pipes == 0 {
        return Exchange::Now;
    }
    if found.takers == 0 && facts.standing != Standing::Draining {
        return match waited < FOR_ANOTHER {
            true => Exchange::NeedsAnother,
            false => Exchange::Now,
        };
    }
    let is_over = waited > FOR_MOVES || found.moving == 0 && waited > FOR_STUCK;
    match is_over && facts.standing == Standing::Draining {
        true => Exchange::Now,
        false => Exchange::Drains,
    }
}

/// The standing to tell instead of the one that is asked for; `None`: nothing else.
pub(super) fn standing(worker: &Worker, found: &Found, exchange: Exchange) -> Option<Standing> {
    // Until the pod that goes has gone nothing comes back to it.
    let pod = state(found.pod.as_ref());
    let goes = exchange == Exchange::No && is_exchanging(worker) && pod == PodState::Ending;
    let drains = exchange == Exchange::Drains || goes;
    // Nor between the decision and the end of the pod.
    let is_drained = exchange == Exchange::Now && is_exchanging(worker);
    (drains || is_drained).then_some(Standing::Draining)
}

/// The condition, while there is something to tell.
pub(super) fn told(worker: &Worker, exchange: Exchange, is_ready: bool) -> Conditions {
    let (reason, message) = match exchange {
        Exchange::Waits => (
            WAITS,
            "its pod is exchanged when others of the pool serve and the storage node answers",
        ),
        Exchange::NeedsAnother => (
            NEEDS_ANOTHER,
            "another worker is to come, so that its pipes can move before its pod is exchanged",
        ),
        Exchange::Drains => (
            "Draining",
            "its pipes move to other workers before its pod is exchanged",
        ),
        Exchange::Now | Exchange::No if is_exchanging(worker) && !is_ready => {
            (RESTARTING, "its pod is exchanged")
        }
        Exchange::Now | Exchange::No => return Vec::new(),
    };
    vec![condition(EXCHANGING, Some(true), reason, message)]
}

/// Whether it is on its way to another pod, as far as its status says.
pub(crate) fn is_exchanging(worker: &Worker) -> bool {
    let conditions = worker.status.iter().map(|status| &status.conditions);
    let mut conditions = conditions.filter(|conditions| is_true(conditions, EXCHANGING));
    conditions.any(|_| true)
}

/// Whether its pool is to make another worker first.
pub(crate) fn needs_another(worker: &Worker) -> bool {
    reason(worker) == Some(NEEDS_ANOTHER)
}

/// Whether it is on its way and others have to wait for it.
pub(super) fn has_its_turn(worker: &Worker) -> bool {
    reason(worker).is_some_and(|reason| reason != WAITS)
}

/// Of two that began at the same time the one with the lower number goes on.
pub(super) fn goes_before(worker: &Worker, other: &Worker) -> bool {
    !has_its_turn(other)
        || has_its_turn(worker) && order(worker) < order(other) && reason(other) != Some(RESTARTING)
}

fn order(worker: &Worker) -> (u32, String) {
    let name = worker.name_any();
    (crate::worker_pool::number(&name), name)
}

fn reason(worker: &Worker) -> Option<&str> {
    let conditions = &worker.status.as_ref()?.conditions;
    let found = conditions
        .iter()
        .find(|condition| condition.type_ == EXCHANGING && condition.status == "True");
    found.map(|condition| condition.reason.as_str())
}

fn since(worker: &Worker) -> Option<Timestamp> {
    let conditions = &worker.status.as_ref()?.conditions;
    let found = conditions
        .iter()
        .find(|condition| condition.type_ == EXCHANGING && condition.status == "True");
    found.map(|condition| condition.last_transition_time.0)
}

/// Whether the worker in this pod, as it runs, keeps its pipes in an object store.
fn has_object_store(pod: &DynamicObject) -> bool {
    let arguments = pod.data["spec"]["containers"][0]["args"].as_array();
    let mut arguments = arguments.into_iter().flatten();
    arguments.any(|argument| {
        let argument = argument.as_str().unwrap_or_default();
        argument.starts_with("--object-store=")
    })
}

#[cfg(test)]
mod tests;
