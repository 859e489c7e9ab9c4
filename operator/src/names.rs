//! How the objects of a hub are called, and by which labels they are found.

use crate::objects::{COMPONENT, HUB};
use serde_json::{Value, json};

/// Port of the storage node and of workers for other roles.
pub const PEER_PORT: u16 = 7001;
/// Port where the storage node gives first certificates.
pub const ENROLMENT_PORT: u16 = 7002;
/// Port of the API.
pub const API_PORT: u16 = 8443;
/// Port of each role for probes and metrics.
pub const ADMIN_PORT: u16 = 8081;

/// Root authority of the roles' certificates: made once.
pub fn root(hub: &str) -> String {
    format!("{hub}-root-ca")
}
/// The storage node's intermediate authority: renewed.
pub fn authority(hub: &str) -> String {
    format!("{hub}-authority")
}
/// The root's certificate, for every role.
pub fn trust(hub: &str) -> String {
    format!("{hub}-trust")
}
/// Keys of content hashes and of secrets: made once.
pub fn keys(hub: &str) -> String {
    format!("{hub}-keys")
}
/// The key that signs tokens: made once.
pub fn token_key(hub: &str) -> String {
    format!("{hub}-token-key")
}
/// The API's authority: made once.
pub fn api_root(hub: &str) -> String {
    format!("{hub}-api-ca")
}
/// The API's certificate: renewed.
pub fn api_certificate(hub: &str) -> String {
    format!("{hub}-api-tls")
}
/// The Secrets that are made once and outlive the hub unless it says otherwise.
pub fn kept(hub: &str) -> [String; 4] {
    [root(hub), keys(hub), token_key(hub), api_root(hub)]
}
/// The secret for first certificates of a role.
pub fn bootstrap(hub: &str, role: &str) -> String {
    format!("{hub}-bootstrap-{role}")
}
/// What the storage node knows of them.
pub fn bootstraps(hub: &str) -> String {
    format!("{hub}-bootstraps")
}
/// The storage node's Service.
pub fn storage_node(hub: &str) -> String {
    format!("{hub}-storage-node")
}
/// Pod and claim of the storage node's nth disk.
pub fn storage_node_life(hub: &str, incarnation: u32) -> String {
    format!("{hub}-storage-node-{incarnation}")
}
/// Deployment and Service of the aggregators.
pub fn aggregator(hub: &str) -> String {
    format!("{hub}-aggregator")
}

/// A host name that is good in the whole cluster.
pub fn host(service: &str, namespace: &str) -> String {
    format!("{service}.{namespace}.svc")
}

/// The labels that select a component of a hub; nothing else is in selectors.
pub fn selector(hub: &str, component: &str) -> Value {
    json!({
        "app.kubernetes.io/name": "sluice",
        "app.kubernetes.io/instance": hub,
        COMPONENT: component,
    })
}

/// The labels of an object of a hub.
pub fn labels(hub: &str, component: &str) -> Value {
    let mut labels = selector(hub, component);
    labels["app.kubernetes.io/part-of"] = "sluice".into();
    labels["app.kubernetes.io/managed-by"] = "sluice-operator".into();
    labels[HUB] = hub.into();
    labels
}

/// Selects the objects of a hub.
pub fn of_hub(hub: &str) -> String {
    format!("{HUB}={hub}")
}

/// Selects the objects of a component of a hub.
pub fn of_component(hub: &str, component: &str) -> String {
    format!("{HUB}={hub},{COMPONENT}={component}")
}
