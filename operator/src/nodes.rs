//! What is known of a node: whether it takes pods, whether it is there.

use crate::{Error, Result};
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::{Api, Client};

/// A node that is not ready for this long counts as lost: another worker takes the place of the one on it.
pub const GRACE: SignedDuration = SignedDuration::from_secs(60);

/// What is known of a node.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum NodeState {
    /// Nothing: there is none yet, or nobody may look.
    #[default]
    Unknown,
    /// It works.
    Ready,
    /// It works, and is to be emptied.
    Cordoned,
    /// It is not heard of, not for long.
    Away,
    /// It is not heard of any more, or not there.
    Lost,
}

/// Reads a node.
pub async fn find(client: &Client, name: &str) -> Result<NodeState> {
    match Api::<Node>::all(client.clone()).get_opt(name).await {
        Ok(None) => Ok(NodeState::Lost),
        Ok(Some(node)) => Ok(judge(&node, Timestamp::now())),
        Err(kube::Error::Api(status)) if status.code == 403 => Ok(NodeState::Unknown),
        Err(error) => Err(Error::api("read", "Node", name)(error)),
    }
}

/// Whether nodes may be read at all: an operator of one namespace may do without.
pub async fn may_be_read(client: &Client) -> bool {
    let nodes: Api<Node> = Api::all(client.clone());
    let listed = nodes.list(&kube::api::ListParams::default().limit(1)).await;
    listed.is_ok()
}

/// Judges a node.
pub fn judge(node: &Node, now: Timestamp) -> NodeState {
    let status = node.status.as_ref();
    let conditions = status.and_then(|status| status.conditions.as_ref());
    let ready = conditions
        .into_iter()
        .flatten()
        .find(|condition| condition.type_ == "Ready");
    if let Some(ready) = ready.filter(|ready| ready.status != "True") {
        let since = ready.last_transition_time.as_ref().map(|time| time.0);
        let is_lost = since.is_some_and(|since| now.duration_since(since) > GRACE);
        return if is_lost {
            NodeState::Lost
        } else {
            NodeState::Away
        };
    }
    let is_cordoned = node
        .spec
        .as_ref()
        .is_some_and(|spec| spec.unschedulable == Some(true));
    if is_cordoned {
        NodeState::Cordoned
    } else {
        NodeState::Ready
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn node_is_lost_after_a_minute_without_word() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let node = |ready: &str, cordoned: bool| -> Node {
            let condition =
                json!({"type": "Ready", "status": ready, "lastTransitionTime": at(1000)});
            serde_json::from_value(json!({"metadata": {}, "spec": {"unschedulable": cordoned}, "status": {"conditions": [condition]}})).unwrap()
        };
        assert_eq!(judge(&node("True", false), at(2000)), NodeState::Ready);
        assert_eq!(judge(&node("True", true), at(2000)), NodeState::Cordoned);
        assert_eq!(judge(&node("Unknown", true), at(1060)), NodeState::Away);
        assert_eq!(judge(&node("Unknown", false), at(1061)), NodeState::Lost);
    }
}
