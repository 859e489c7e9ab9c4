//! Pods that the operator makes itself: one that is to be another one is deleted and made anew, never two at a time.

use crate::Result;
use crate::objects::{Kind, Namespace, Wanted};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::DynamicObject;
use serde_json::Value;

/// What a pod is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PodState {
    /// There is none.
    Absent,
    /// It serves.
    Ready,
    /// It does not serve yet, or not any more; why, if it is known.
    Starting(String),
    /// No node takes it; why.
    Unschedulable(String),
    /// It is about to end.
    Ending,
    /// It ended and does not start again.
    Ended,
}

/// Judges a pod.
pub fn state(pod: Option<&DynamicObject>) -> PodState {
    let Some(pod) = pod else {
        return PodState::Absent;
    };
    if pod.metadata.deletion_timestamp.is_some() {
        return PodState::Ending;
    }
    let status = &pod.data["status"];
    if matches!(status["phase"].as_str(), Some("Failed" | "Succeeded")) {
        return PodState::Ended;
    }
    if condition(status, "Ready").is_some_and(|ready| ready["status"] == "True") {
        return PodState::Ready;
    }
    if let Some(scheduled) =
        condition(status, "PodScheduled").filter(|scheduled| scheduled["status"] == "False")
    {
        return PodState::Unschedulable(text(&scheduled["message"]));
    }
    let waiting = status["containerStatuses"].as_array().into_iter().flatten();
    let reasons = waiting.map(|container| text(&container["state"]["waiting"]["reason"]));
    PodState::Starting(
        reasons
            .filter(|reason| !reason.is_empty())
            .collect::<Vec<_>>()
            .join(", "),
    )
}

/// Whether its container runs and has served before: it may serve again by itself, as a worker does whose lease has lapsed.
pub fn may_come_back(pod: &DynamicObject) -> bool {
    let status = &pod.data["status"];
    let since_ready = condition(status, "Ready").and_then(since);
    let containers = status["containerStatuses"].as_array().into_iter().flatten();
    let mut started = containers.map(|container| {
        let started = container["state"]["running"]["startedAt"].as_str()?;
        started.parse::<Timestamp>().ok()
    });
    // A condition that has changed since the container started has been true since.
    started.all(|started| started.is_some() && started < since_ready)
        && status["containerStatuses"].is_array()
        && state(Some(pod)) != PodState::Ended
}

/// For how long it has not been ready.
pub fn unready_for(pod: &DynamicObject, now: Timestamp) -> Option<SignedDuration> {
    let ready = condition(&pod.data["status"], "Ready")?;
    (ready["status"] != "True").then_some(())?;
    Some(now.duration_since(since(ready)?))
}

/// A condition of a status.
pub fn condition<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let conditions = status["conditions"].as_array()?;
    conditions
        .iter()
        .find(|condition| condition["type"] == kind)
}

/// Since when a condition is what it is.
pub fn since(condition: &Value) -> Option<Timestamp> {
    condition["lastTransitionTime"].as_str()?.parse().ok()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Makes the pod, or lets go of one that is to be another one; `None` while there is none. `may_replace` holds back the exchange
/// of one that serves, or may serve again.
pub async fn settle(
    namespace: &Namespace,
    wanted: &Wanted,
    present: Option<&DynamicObject>,
    may_replace: bool,
) -> Result<Option<DynamicObject>> {
    match (present, state(present)) {
        (_, PodState::Absent) => {
            namespace.create(wanted).await?;
            namespace.find(Kind::Pod, &wanted.name).await
        }
        (_, PodState::Ending) => Ok(None),
        (Some(pod), now) => {
            let is_other = !wanted.is_applied_to(pod);
            let replace =
                now == PodState::Ended || is_other && (may_replace || !is_of_use(pod, &now));
            if replace {
                namespace.delete(Kind::Pod, pod).await?;
                return Ok(None);
            }
            Ok(Some(pod.clone()))
        }
        (None, _) => Ok(None),
    }
}

fn is_of_use(pod: &DynamicObject, state: &PodState) -> bool {
    match state {
        PodState::Ready => true,
        PodState::Starting(_) => may_come_back(pod),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn pod(status: Value) -> DynamicObject {
        serde_json::from_value(
            json!({"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a"}, "status": status}),
        )
        .unwrap()
    }

    #[test]
    fn state_is_read_from_conditions() {
        let of = |status| state(Some(&pod(status)));
        assert_eq!(state(None), PodState::Absent);
        assert_eq!(
            of(json!({"conditions": [{"type": "Ready", "status": "True"}]})),
            PodState::Ready
        );
        assert_eq!(of(json!({"phase": "Failed"})), PodState::Ended);
        let unschedulable = json!({"conditions": [{"type": "PodScheduled", "status": "False", "message": "no volume"}]});
        assert_eq!(
            of(unschedulable),
            PodState::Unschedulable("no volume".to_owned())
        );
        let waiting =
            json!({"containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]});
        assert_eq!(
            of(waiting),
            PodState::Starting("CrashLoopBackOff".to_owned())
        );
    }

    #[test]
    fn one_that_has_served_may_serve_again_and_one_that_never_did_is_not_waited_for() {
        let at = |minute: u8| format!("2026-01-01T00:{minute:02}:00Z");
        let running = |started: u8, ready_since: u8| {
            pod(json!({
                "phase": "Running",
                "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": at(ready_since)}],
                "containerStatuses": [{"state": {"running": {"startedAt": at(started)}}}],
            }))
        };
        assert!(may_come_back(&running(1, 5)));
        assert!(!may_come_back(&running(5, 1)), "it was started anew");
        let crashing = json!({
            "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": at(5)}],
            "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
        });
        assert!(!may_come_back(&pod(crashing)));
        assert!(!may_come_back(&pod(json!({"phase": "Pending"}))));
        let now = at(7).parse().unwrap();
        assert_eq!(
            unready_for(&running(1, 5), now),
            Some(SignedDuration::from_mins(2))
        );
    }
}
