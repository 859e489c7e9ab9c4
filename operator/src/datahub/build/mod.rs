//! A valid hub → the objects that are to be there. Without a client.

mod aggregator;
mod storage_node;

use super::keys::Made;
use super::validate::ValidatedHub;
use crate::crd::StorageNodeStatus;
use crate::names;
use crate::objects::{Kind, Wanted};
use serde_json::{Value, json};

/// The objects of a hub besides its keys.
pub(super) struct Objects {
    /// Applied first, in this order.
    pub first: Vec<Wanted>,
    /// The storage node's claim: made once.
    pub claim: Wanted,
    /// The storage node's pod: replaced when it is to be another one.
    pub pod: Wanted,
    /// The aggregators.
    pub deployment: Wanted,
}

/// Builds them.
pub(super) fn build(hub: &ValidatedHub, made: &Made, life: &StorageNodeStatus) -> Objects {
    let trust = json!({"metadata": metadata(hub, "keys"), "data": {"ca.crt": made.trust}});
    let bootstraps = json!({"metadata": metadata(hub, "keys"), "type": "Opaque", "stringData": {"known": made.bootstraps}});
    Objects {
        first: vec![
            Wanted::new(Kind::ConfigMap, names::trust(&hub.name), trust),
            Wanted::new(Kind::Secret, names::bootstraps(&hub.name), bootstraps),
            storage_node::service(hub),
            aggregator::service(hub),
            aggregator::disruption_budget(hub),
        ],
        claim: storage_node::claim(hub, life),
        pod: storage_node::pod(hub, life),
        deployment: aggregator::deployment(hub, &made.api_certificate),
    }
}

/// Labels and owner of an object that goes with the hub.
fn metadata(hub: &ValidatedHub, component: &str) -> Value {
    json!({
        "labels": names::labels(&hub.name, component),
        "ownerReferences": hub.owner,
    })
}

/// Flags that every role has.
fn common(hub: &ValidatedHub) -> Vec<String> {
    let mut arguments = vec![
        format!("--hub={}", hub.name),
        "--id=$(POD_NAME)".to_owned(),
        format!("--data={}", crate::pod::DATA),
    ];
    arguments.extend(hub.spec.log.iter().map(|log| format!("--log={log}")));
    arguments
}
