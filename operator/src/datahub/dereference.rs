//! The only reads from the API server for a hub.

use crate::Result;
use crate::crd::DataHub;
use crate::names;
use crate::nodes::{self, NodeState};
use crate::objects::{Kind, Listed, Namespace};
use kube::{Client, ResourceExt};
use std::collections::BTreeMap;

/// What a Secret holds.
pub(super) type Texts = BTreeMap<String, String>;

/// What there is of a hub.
#[derive(Default)]
pub(super) struct Found {
    /// Its Secrets with keys and certificates, by name.
    pub secrets: BTreeMap<String, Texts>,
    /// The storage node's claims.
    pub claims: Listed,
    /// The storage node's pods.
    pub pods: Listed,
    /// The node of the storage node's pod.
    pub node: NodeState,
    /// Whether there are aggregators already.
    pub has_aggregators: bool,
}

/// Reads it.
pub(super) async fn run(hub: &DataHub, namespace: &Namespace, client: &Client) -> Result<Found> {
    let name = hub.name_any();
    let mut found = Found::default();
    let secrets = [
        names::root(&name),
        names::authority(&name),
        names::keys(&name),
        names::token_key(&name),
        names::api_root(&name),
        names::api_certificate(&name),
        names::bootstrap(&name, "worker"),
        names::bootstrap(&name, "aggregator"),
    ];
    for secret in secrets {
        if let Some(texts) = namespace.secret(&secret).await? {
            found.secrets.insert(secret, texts);
        }
    }
    let storage_node = names::of_component(&name, "storage-node");
    found.claims = namespace
        .list(Kind::PersistentVolumeClaim, &storage_node)
        .await?;
    found.pods = namespace.list(Kind::Pod, &storage_node).await?;
    let nodes = found.pods.iter();
    let mut nodes = nodes.filter_map(|pod| pod.data["spec"]["nodeName"].as_str());
    if let Some(node) = nodes.next_back() {
        found.node = nodes::find(client, node).await?;
    }
    let deployment = namespace
        .find(Kind::Deployment, &names::aggregator(&name))
        .await?;
    found.has_aggregators = deployment.is_some();
    Ok(found)
}
