//! What tests of resources share: their definitions, the operator as a process beside the cluster or within the test and what
//! stands between it and the API server, and the processes of a hub.

mod kubelet;
mod operator;
mod place;
mod processes;
mod proxy;
mod within;

pub(crate) use kubelet::Kubelet;
pub(crate) use operator::Operator;
pub(crate) use place::{Place, operator_of};
pub(crate) use processes::Processes;
pub(crate) use proxy::{Fate, Proxy, Write};
pub(crate) use sluice_tests::kubernetes::{Cluster, Namespace, until};
pub(crate) use within::{LEASE, Within};

use anyhow::Result;
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// The name of the hub in tests with an operator within.
pub(crate) const HUB: &str = "home";

/// A client of the cluster's API server.
pub(crate) async fn connect(cluster: &Cluster) -> Result<Client> {
    connect_as(cluster, None).await
}

/// The same as this user of this group. What is refused is not tried again.
pub(crate) async fn connect_as(cluster: &Cluster, who: Option<(&str, &str)>) -> Result<Client> {
    // The second call in one process finds it installed: both mean the same provider.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let read = Kubeconfig::read_from(&cluster.kubeconfig)?;
    let mut config = Config::from_custom_kubeconfig(read, &KubeConfigOptions::default()).await?;
    config.default_retry = false;
    if let Some((user, group)) = who {
        config.auth_info.impersonate = Some(user.to_owned());
        config.auth_info.impersonate_groups = Some(vec![group.to_owned()]);
    }
    Ok(Client::try_from(config)?)
}

/// Tells the API server of our resources; every test does, since nobody knows which is first.
pub(crate) async fn definitions(namespace: &Namespace) -> Result<()> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR"))
        .with_file_name("crds")
        .join("sluice.dev.yaml");
    namespace.apply(&std::fs::read_to_string(file)?)?;
    for kind in ["datahubs", "pipes", "systems", "workers", "workerpools"] {
        let definition = format!("customresourcedefinition/{kind}.sluice.dev");
        let limit = Duration::from_secs(30);
        namespace
            .wait_for(&definition, "Established", limit)
            .await?;
    }
    Ok(())
}

/// A hub without anything that costs time.
pub(crate) fn hub(more: Value) -> Value {
    let mut spec =
        json!({"storageNode": {"storage": {"size": "1Gi"}}, "aggregator": {"replicas": 1}});
    merge(&mut spec, more);
    json!({"metadata": {"name": HUB}, "spec": spec})
}

/// A pool of its workers, `main`.
pub(crate) fn pool(replicas: u32, policy: &str) -> Value {
    let spec = json!({
        "hubRef": {"name": HUB}, "replicas": replicas, "deletionPolicy": policy,
        "template": {"storage": {"size": "1Gi"}},
    });
    json!({"metadata": {"name": "main"}, "spec": spec})
}

/// A pipe of it.
pub(crate) fn pipe(name: &str, config: Value) -> Value {
    json!({"metadata": {"name": name}, "spec": {"hubRef": {"name": HUB}, "config": config}})
}

fn merge(into: &mut Value, more: Value) {
    if let (Some(into), Value::Object(more)) = (into.as_object_mut(), more) {
        into.extend(more);
    }
}
