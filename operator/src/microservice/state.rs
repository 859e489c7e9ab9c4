//! How a microservice is, from its Deployment and its pods. Pure. Nothing of what it prints is in it.

use super::CONTAINER;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{ContainerStatus, Pod};
use std::collections::BTreeMap;

/// The states of a hub's microservices, by system.
pub(crate) type States = BTreeMap<String, State>;

/// How one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct State {
    /// It takes requests, or is not wanted to.
    pub(crate) is_ready: bool,
    /// One word, as conditions have it.
    pub(crate) reason: String,
    /// For people.
    pub(crate) message: String,
}

impl State {
    pub(crate) fn new(is_ready: bool, reason: &str, message: impl Into<String>) -> Self {
        State {
            is_ready,
            reason: word(reason),
            message: message.into(),
        }
    }

    /// Before anything is known.
    pub(crate) fn starting() -> Self {
        State::new(false, "Starting", "its pod is being made")
    }
}

/// A reason as conditions may have it.
fn word(reason: &str) -> String {
    let word: String = reason
        .chars()
        .filter(char::is_ascii_alphanumeric)
        .take(100)
        .collect();
    match word.chars().next() {
        Some(first) if first.is_ascii_alphabetic() => word,
        _ => "NotReady".to_owned(),
    }
}

/// Judges one. Of several pods the one that was made last says what is wrong.
pub(super) fn judge(deployment: Option<&Deployment>, pods: &[&Pod]) -> State {
    let Some(deployment) = deployment else {
        return State::starting();
    };
    let status = deployment.status.clone().unwrap_or_default();
    let is_seen = status.observed_generation >= deployment.metadata.generation;
    let is_available = status.available_replicas.unwrap_or_default() > 0;
    let is_new = is_seen && status.updated_replicas == status.replicas;
    if is_available && is_new {
        return State::new(true, "Ready", "");
    }
    let problem = newest(pods)
        .and_then(problem)
        .or_else(|| refused(deployment))
        .unwrap_or_else(State::starting);
    if is_available {
        let message = format!(
            "the one before it still serves; the new one: {}",
            problem.message
        );
        return State::new(true, &problem.reason, message);
    }
    problem
}

/// The pod that was made last, of those that are not about to go.
pub(super) fn newest<'p>(pods: &[&'p Pod]) -> Option<&'p Pod> {
    let pods = pods.iter().copied();
    let staying = pods.filter(|pod| pod.metadata.deletion_timestamp.is_none());
    staying.max_by_key(|pod| {
        let made = pod.metadata.creation_timestamp.as_ref();
        (made.map(|time| time.0), pod.metadata.name.clone())
    })
}

/// The status of the container of a pod.
pub(super) fn container(pod: &Pod) -> Option<&ContainerStatus> {
    let statuses = pod.status.as_ref()?.container_statuses.as_ref()?;
    statuses.iter().find(|status| status.name == CONTAINER)
}

fn problem(pod: &Pod) -> Option<State> {
    if let Some(container) = container(pod) {
        let state = container.state.as_ref();
        if let Some(waiting) = state.and_then(|state| state.waiting.as_ref()) {
            let reason = waiting.reason.as_deref().unwrap_or("Waiting");
            let parts = [waiting.message.clone(), last_end(container)];
            let message: Vec<String> = parts.into_iter().flatten().collect();
            return Some(State::new(false, reason, shorten(&message.join("; "))));
        }
        if state.is_some_and(|state| state.running.is_some()) && !container.ready {
            let message = "it runs, and does not take connections at its port yet";
            return Some(State::new(false, "NotListening", message));
        }
        if let Some(end) = state.and_then(|state| state.terminated.as_ref()) {
            let message = format!("it ended with {}", end.exit_code);
            return Some(State::new(false, "Ended", message));
        }
    }
    let conditions = pod.status.as_ref()?.conditions.as_ref()?;
    let unscheduled = conditions
        .iter()
        .find(|one| one.type_ == "PodScheduled" && one.status == "False")?;
    let message = unscheduled.message.clone().unwrap_or_default();
    Some(State::new(false, "Unschedulable", shorten(&message)))
}

/// How it ended the last time.
fn last_end(container: &ContainerStatus) -> Option<String> {
    let end = container.last_state.as_ref()?.terminated.as_ref()?;
    let why = end.reason.as_deref().unwrap_or("Ended");
    Some(format!(
        "it ended with {} ({why}), {} times by now; its logs say more",
        end.exit_code, container.restart_count
    ))
}

/// Why there is not even a pod.
fn refused(deployment: &Deployment) -> Option<State> {
    let conditions = deployment.status.as_ref()?.conditions.as_ref()?;
    let failure = conditions.iter().find(|one| {
        let is = (one.type_.as_deref(), one.status.as_deref());
        is == (Some("ReplicaFailure"), Some("True"))
    })?;
    let reason = failure.reason.as_deref().unwrap_or("FailedCreate");
    let message = failure.message.clone().unwrap_or_default();
    Some(State::new(false, reason, shorten(&message)))
}

/// A message of a condition is for people.
fn shorten(message: &str) -> String {
    let end = message.floor_char_boundary(1_000);
    message.get(..end).unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn deployment(status: Value) -> Deployment {
        serde_json::from_value(json!({
            "metadata": {"generation": 2}, "spec": {"selector": {}, "template": {}}, "status": status,
        })).unwrap()
    }

    fn pod(name: &str, made: &str, status: Value) -> Pod {
        let metadata = json!({"name": name, "creationTimestamp": made});
        serde_json::from_value(json!({"metadata": metadata, "status": status})).unwrap()
    }

    fn waiting(name: &str, made: &str, reason: &str) -> Pod {
        let container = json!({
            "name": CONTAINER, "ready": false, "restartCount": 3, "image": "i", "imageID": "",
            "state": {"waiting": {"reason": reason, "message": "back-off"}},
            "lastState": {"terminated": {"exitCode": 2, "reason": "Error", "message": "password=x"}},
        });
        pod(name, made, json!({"containerStatuses": [container]}))
    }

    #[test]
    fn the_newest_pod_says_what_is_wrong_and_nothing_of_what_it_printed() {
        let (old, new) = ("2026-01-01T00:00:00Z", "2026-01-01T00:00:09Z");
        let pods = [
            waiting("b", old, "ImagePullBackOff"),
            waiting("a", new, "CrashLoopBackOff"),
        ];
        let pods: Vec<&Pod> = pods.iter().collect();
        let away =
            deployment(json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1}));
        let state = judge(Some(&away), &pods);
        assert_eq!(
            (state.is_ready, &*state.reason),
            (false, "CrashLoopBackOff")
        );
        assert!(
            state
                .message
                .starts_with("back-off; it ended with 2 (Error), 3 times")
        );
        assert!(!state.message.contains("password"));
        let half = json!({"observedGeneration": 2, "replicas": 2, "updatedReplicas": 1, "availableReplicas": 1});
        let state = judge(Some(&deployment(half)), &pods);
        assert!(state.is_ready && state.message.contains("still serves"));
        assert_eq!(state.reason, "CrashLoopBackOff");
    }

    #[test]
    fn it_is_ready_when_the_wanted_one_is_there() {
        let ready = json!({"observedGeneration": 2, "replicas": 1, "updatedReplicas": 1, "availableReplicas": 1});
        assert_eq!(
            judge(Some(&deployment(ready)), &[]),
            State::new(true, "Ready", "")
        );
        let old = json!({"observedGeneration": 1, "replicas": 1, "updatedReplicas": 1});
        assert_eq!(judge(Some(&deployment(old)), &[]), State::starting());
        assert_eq!(judge(None, &[]), State::starting());
        let refused = json!({"conditions": [
            {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": "forbidden: quota"},
        ]});
        let state = judge(Some(&deployment(refused)), &[]);
        assert_eq!(
            (&*state.reason, &*state.message),
            ("FailedCreate", "forbidden: quota")
        );
    }

    #[test]
    fn reasons_are_words() {
        for (given, word) in [
            ("ErrImagePull", "ErrImagePull"),
            ("a b", "ab"),
            ("9", "NotReady"),
        ] {
            assert_eq!(State::new(false, given, "").reason, word);
        }
    }
}
