//! Policies at work in the nodes of a cluster.

use super::nft::{TABLE, script};
use super::select::{Pod, World};
use crate::kubernetes::Cluster;
use crate::kubernetes::commands::{output, output_with};
use anyhow::{Context, Result};
use serde_json::Value;
use std::collections::BTreeMap;
use std::process::Command;

/// What is enforced in the nodes of a cluster, as it was when it was last looked at. Nothing any more when dropped.
pub struct Enforced {
    cluster: Cluster,
}

impl Enforced {
    /// Begins to enforce the policies that there are.
    pub fn begin(cluster: &Cluster) -> Result<Enforced> {
        let enforced = Enforced {
            cluster: cluster.clone(),
        };
        enforced.again()?;
        Ok(enforced)
    }

    /// Takes up what pods and policies are now.
    pub fn again(&self) -> Result<()> {
        let script = script(&world(&self.cluster)?.isolations()?);
        for node in &self.cluster.nodes {
            output_with(
                self.nft(&node.namespace).args(["--file", "-"]),
                Some(&script),
            )
            .with_context(|| format!("the rules of {}", node.name))?;
        }
        Ok(())
    }

    /// Packets that were denied on all nodes so far: to (`in`) or from (`out`) a pod, by `in namespace/name`.
    pub fn denied(&self) -> Result<BTreeMap<String, u64>> {
        let mut denied = BTreeMap::new();
        for node in &self.cluster.nodes {
            let list = ["--json", "list", "table"];
            let text = output(self.nft(&node.namespace).args(list).args(TABLE.split(' ')))?;
            let rules: Value = serde_json::from_str(&text).context("what nft prints")?;
            for item in rules["nftables"].as_array().into_iter().flatten() {
                let rule = &item["rule"];
                let Some(pod) = rule["comment"].as_str() else {
                    continue;
                };
                let counters = rule["expr"].as_array().into_iter().flatten();
                let packets = counters.filter_map(|one| one["counter"]["packets"].as_u64());
                *denied.entry(pod.to_owned()).or_default() += packets.sum::<u64>();
            }
        }
        Ok(denied)
    }

    fn nft(&self, namespace: &std::path::Path) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", namespace.display()))
            .arg("nft");
        command
    }
}

impl Drop for Enforced {
    fn drop(&mut self) {
        for node in &self.cluster.nodes {
            let delete = ["delete", "table"];
            let _ = output(
                self.nft(&node.namespace)
                    .args(delete)
                    .args(TABLE.split(' ')),
            );
        }
    }
}

fn world(cluster: &Cluster) -> Result<World> {
    let items = |what: &str| -> Result<Vec<Value>> {
        let get = ["get", what, "--all-namespaces", "--output", "json"];
        let mut list: Value = serde_json::from_str(&output(cluster.kubectl().args(get))?)?;
        Ok(list["items"]
            .as_array_mut()
            .map(std::mem::take)
            .unwrap_or_default())
    };
    let name = |object: &Value| {
        object["metadata"]["name"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    };
    let pod = |pod: Value| {
        // A pod on the node's own network is no pod to a policy.
        let address = pod["status"]["podIP"]
            .as_str()
            .filter(|_| pod["spec"]["hostNetwork"] != true)?;
        Some(Pod {
            namespace: pod["metadata"]["namespace"].as_str()?.to_owned(),
            name: name(&pod),
            address: address.to_owned(),
            labels: pod["metadata"]["labels"].clone(),
        })
    };
    let namespaces = items("namespaces")?;
    let labels = namespaces
        .iter()
        .map(|one| (name(one), one["metadata"]["labels"].clone()));
    Ok(World {
        pods: items("pods")?.into_iter().filter_map(pod).collect(),
        namespaces: labels.collect(),
        policies: items("networkpolicies")?,
    })
}
