//! A pod that is to be another one: its pipes move to other workers first, one worker of a pool at a time. Pure.
//!
//! How far it is stands in the condition `Exchanging`, which is there only while there is something to tell: the pool makes one worker
//! more where nobody else could take the pipes, and another worker of the pool begins when this one has ended. Its status is of
//! another kind in each step (False: it waits; Unknown: it needs another worker; True: it goes on), so that its time is that of the
//! step.

use super::dereference::Found;
use crate::crd::conditions::Conditions;
use crate::crd::{Worker, condition};
use crate::pods::{PodState, may_come_back, state, unready_for};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
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
/// How long a worker that has served, and does not now, has to come back: a whole pool may be without a lease for a moment.
const FOR_RETURN: SignedDuration = SignedDuration::from_mins(2);
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
    let Some(pod) = found.pod.as_ref().filter(|_| is_other) else {
        return Exchange::No;
    };
    match state(Some(pod)) {
        PodState::Ready => {}
        PodState::Starting(_) if may_come_back(pod) => {
            let is_gone = unready_for(pod, now).is_some_and(|time| time > FOR_RETURN);
            // That it does not serve means nothing while nobody can have a lease.
            let is_hopeless = is_gone && !found.is_unheard && !found.is_anothers_turn;
            return match is_hopeless {
                true => Exchange::Now,
                false => Exchange::Waits,
            };
        }
        _ => return Exchange::No,
    }
    if !found.may_replace || found.is_anothers_turn {
        return Exchange::Waits;
    }
    if !has_object_store(pod) {
        // Its pipes go with its disk alone.
        return Exchange::Now;
    }
    if found.is_unheard {
        return Exchange::Waits;
    }
    let Some(facts) = &found.facts else {
        // A storage node on a blank disk has yet to hear of it.
        return match has_had_session(worker) {
            true => Exchange::Waits,
            false => Exchange::Now,
        };
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
    let step = match exchange {
        Exchange::Waits => Some(false),
        Exchange::NeedsAnother => None,
        _ => Some(true),
    };
    vec![condition(EXCHANGING, step, reason, message)]
}

fn has_had_session(worker: &Worker) -> bool {
    let status = worker.status.as_ref();
    status.is_some_and(|status| status.disk.is_some())
}

/// Whether its pool is to make another worker first.
pub(crate) fn needs_another(worker: &Worker) -> bool {
    reason(worker) == Some(NEEDS_ANOTHER)
}

/// Whether it is on its way to another pod, so that others have to wait for it, as far as its status says.
pub(crate) fn is_exchanging(worker: &Worker) -> bool {
    reason(worker).is_some_and(|reason| reason != WAITS)
}

/// Of two that began at the same time the one with the lower number goes on.
pub(super) fn goes_before(worker: &Worker, other: &Worker) -> bool {
    !is_exchanging(other)
        || is_exchanging(worker)
            && order(worker) < order(other)
            && reason(other) != Some(RESTARTING)
}

fn order(worker: &Worker) -> (u32, String) {
    let name = worker.name_any();
    (crate::worker_pool::number(&name), name)
}

fn reason(worker: &Worker) -> Option<&str> {
    told_before(worker).map(|condition| condition.reason.as_str())
}

/// Since when it is in its step.
fn since(worker: &Worker) -> Option<Timestamp> {
    told_before(worker).map(|condition| condition.last_transition_time.0)
}

fn told_before(worker: &Worker) -> Option<&Condition> {
    let mut conditions = worker.status.as_ref()?.conditions.iter();
    conditions.find(|condition| condition.type_ == EXCHANGING)
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
