//! A namespace for one test, gone with it.

use super::Cluster;
use super::commands::{output, output_with, until};
use anyhow::{Context, Result};
use serde_json::{Value, json};
use std::time::Duration;

/// Until the account that pods run with is there.
const ACCOUNT_LIMIT: Duration = Duration::from_secs(60);

/// A namespace in which only restricted pods may run. Deleted when dropped, without waiting.
pub struct Namespace {
    /// Where it is.
    pub cluster: Cluster,
    /// Its name.
    pub name: String,
}

impl Namespace {
    /// A new one, named after what it is for.
    pub async fn new(cluster: &Cluster, purpose: &str) -> Result<Namespace> {
        let unique = uuid::Uuid::new_v4().simple().to_string();
        let name = format!("{purpose}-{}", &unique[..8]);
        let namespace = Namespace {
            cluster: cluster.clone(),
            name: name.clone(),
        };
        let labels =
            json!({"pod-security.kubernetes.io/enforce": "restricted", "sluice.dev/test": "true"});
        let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}});
        namespace.apply(&object.to_string())?;
        if !cluster.nodes.is_empty() {
            until("the default account", ACCOUNT_LIMIT, || async {
                let account = namespace.kubectl(&["get", "serviceaccount", "default"]);
                account.err().map(|error| error.to_string())
            })
            .await?;
        }
        Ok(namespace)
    }

    /// kubectl in this namespace: what it prints.
    pub fn kubectl(&self, arguments: &[&str]) -> Result<String> {
        let mut command = self.cluster.kubectl();
        output(command.args(["--namespace", &self.name]).args(arguments))
    }

    /// Applies manifests, JSON or YAML; what they name no namespace for is made in this one.
    pub fn apply(&self, manifests: &str) -> Result<String> {
        self.apply_with(&["--server-side"], manifests)
    }

    /// Asks the API server whether it would accept manifests, and has it change nothing.
    pub fn would_apply(&self, manifests: &str) -> Result<String> {
        self.apply_with(&["--server-side", "--dry-run=server"], manifests)
    }

    fn apply_with(&self, flags: &[&str], manifests: &str) -> Result<String> {
        let mut command = self.cluster.kubectl();
        let apply = ["--namespace", &self.name, "apply", "--filename", "-"];
        output_with(command.args(apply).args(flags), Some(manifests))
    }

    /// One object, or the list of a kind.
    pub fn get(&self, what: &str) -> Result<Value> {
        let text = self.kubectl(&["get", what, "--output", "json"])?;
        serde_json::from_str(&text).with_context(|| format!("{what} as JSON"))
    }

    /// Waits until an object (`kind/name`) has this condition with status True; how long it took.
    pub async fn wait_for(
        &self,
        object: &str,
        condition: &str,
        limit: Duration,
    ) -> Result<Duration> {
        let what = format!("{object} is {condition}");
        until(&what, limit, || async {
            let found = match self.get(object) {
                Ok(found) => found,
                Err(error) => return Some(error.to_string()),
            };
            let conditions = &found["status"]["conditions"];
            let of_type = |one: &&Value| one["type"] == condition;
            let one = conditions
                .as_array()
                .and_then(|all| all.iter().find(of_type));
            match one {
                Some(one) if one["status"] == "True" && is_current(&found, one) => None,
                Some(one) => Some(one.to_string()),
                None => Some(format!("without it: {}", found["status"])),
            }
        })
        .await
    }
}

/// Whether a condition speaks of the object as it is now.
fn is_current(object: &Value, condition: &Value) -> bool {
    let seen = condition["observedGeneration"].as_i64();
    seen.is_none() || seen == object["metadata"]["generation"].as_i64()
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // The cluster goes when all tests are done, and this with it.
        let mut command = self.cluster.kubectl();
        let delete = ["delete", "namespace", &self.name, "--wait=false"];
        let _ = output(command.args(delete));
    }
}
