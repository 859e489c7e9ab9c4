//! Plays what a control plane without nodes lacks: pods that become ready, Deployments that become available, claims that go, and
//! what goes with its owner.

use super::place::resource;
use anyhow::Result;
use kube::api::{DeleteParams, DynamicObject, ListParams, Patch, PatchParams, Preconditions};
use kube::{Api, Client, ResourceExt};
use serde_json::{Value, json};
use std::collections::{HashMap, HashSet};
use std::time::Duration;
use tokio::task::JoinHandle;

const EVERY: Duration = Duration::from_millis(250);
/// What has an owner.
const OWNED: [&str; 7] = [
    "workers",
    "pods",
    "secrets",
    "configmaps",
    "services",
    "deployments",
    "poddisruptionbudgets",
];
const OWNERS: [&str; 3] = ["datahubs", "workerpools", "workers"];

/// Plays it in all namespaces whose names begin so, until dropped.
pub(crate) struct Kubelet(JoinHandle<()>);

impl Kubelet {
    /// Begins.
    pub(crate) fn start(client: &Client, prefix: &str) -> Kubelet {
        let player = Player {
            client: client.clone(),
            prefix: prefix.to_owned(),
        };
        Kubelet(tokio::spawn(async move {
            loop {
                // What changed between a look and a write is seen at the next look.
                let _ = player.look().await;
                tokio::time::sleep(EVERY).await;
            }
        }))
    }
}

impl Drop for Kubelet {
    fn drop(&mut self) {
        self.0.abort();
    }
}

struct Player {
    client: Client,
    prefix: String,
}

impl Player {
    async fn list(&self, plural: &str) -> Result<Vec<DynamicObject>> {
        let all: Api<DynamicObject> = Api::all_with(self.client.clone(), &resource(plural));
        let mut ours = ListParams::default();
        if !OWNERS.contains(&plural) {
            ours = ours.labels("app.kubernetes.io/managed-by=sluice-operator");
        }
        let mut items = all.list(&ours).await?.items;
        let is_ours = |one: &DynamicObject| {
            one.namespace()
                .is_some_and(|name| name.starts_with(&self.prefix))
        };
        items.retain(is_ours);
        Ok(items)
    }

    fn api(&self, plural: &str, object: &DynamicObject) -> Api<DynamicObject> {
        let namespace = object.namespace().unwrap_or_default();
        Api::namespaced_with(self.client.clone(), &namespace, &resource(plural))
    }

    async fn look(&self) -> Result<()> {
        let mut known = HashMap::new();
        for plural in OWNED.into_iter().chain(["datahubs", "workerpools"]) {
            known.insert(plural, self.list(plural).await?);
        }
        let owners = OWNERS.iter().flat_map(|plural| &known[plural]);
        let living: HashSet<String> = owners.filter_map(ResourceExt::uid).collect();
        for pod in &known["pods"] {
            if pod.data["status"]["phase"] != "Running" && pod.metadata.deletion_timestamp.is_none()
            {
                let status = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
                self.set_status("pods", pod, status).await?;
            }
        }
        for deployment in &known["deployments"] {
            let generation = deployment.metadata.generation;
            if deployment.data["status"]["observedGeneration"].as_i64() != generation {
                let count = deployment.data["spec"]["replicas"].clone();
                let status = json!({
                    "observedGeneration": generation, "replicas": count, "updatedReplicas": count,
                    "readyReplicas": count, "availableReplicas": count,
                });
                self.set_status("deployments", deployment, status).await?;
            }
        }
        for claim in self.list("persistentvolumeclaims").await? {
            if claim.metadata.deletion_timestamp.is_some() && !claim.finalizers().is_empty() {
                let patch = Patch::Merge(json!({"metadata": {"finalizers": null}}));
                let api = self.api("persistentvolumeclaims", &claim);
                let _ = api
                    .patch(&claim.name_any(), &PatchParams::default(), &patch)
                    .await;
            }
        }
        for plural in OWNED {
            let lost = known[plural].iter().filter(|object| {
                let owners = object.owner_references();
                !owners.is_empty() && owners.iter().all(|owner| !living.contains(&owner.uid))
            });
            for object in lost {
                let parameters = DeleteParams {
                    preconditions: Some(Preconditions {
                        uid: object.uid(),
                        resource_version: None,
                    }),
                    ..DeleteParams::background()
                };
                let api = self.api(plural, object);
                let _ = api.delete(&object.name_any(), &parameters).await;
            }
        }
        Ok(())
    }

    async fn set_status(&self, plural: &str, object: &DynamicObject, status: Value) -> Result<()> {
        let patch = Patch::Merge(json!({"status": status}));
        let (api, name) = (self.api(plural, object), object.name_any());
        // It may be gone by now.
        let _ = api
            .patch_status(&name, &PatchParams::default(), &patch)
            .await;
        Ok(())
    }
}
