//! `WorkerPool`: a number of workers that are alike.

use crate::component::HubRef;
use crate::resources::{DeletionPolicy, Resources, Scheduling, Storage};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use serde::{Deserialize, Serialize};

/// A number of workers that are alike. Fewer of them means that pipes move away before a worker goes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, CustomResource, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "WorkerPool",
    namespaced,
    status = "WorkerPoolStatus",
    derive = "PartialEq",
    shortname = "wpool",
    category = "sluice",
    doc = "A number of workers that are alike. Fewer of them means that pipes move away before a worker goes",
    selectable = ".spec.hubRef.name",
    scale(
        spec_replicas_path = ".spec.replicas",
        status_replicas_path = ".status.replicas",
        label_selector_path = ".status.selector"
    ),
    printcolumn(name = "Hub", type_ = "string", json_path = ".spec.hubRef.name"),
    printcolumn(name = "Desired", type_ = "integer", json_path = ".spec.replicas"),
    printcolumn(name = "Current", type_ = "integer", json_path = ".status.replicas"),
    printcolumn(name = "Available", type_ = "integer", json_path = ".status.readyReplicas"),
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 40").message("a pool's name has at most 40 characters")
)]
#[x_kube(validation = Rule::new("self.hubRef == oldSelf.hubRef").message("hubRef cannot be changed"))]
#[serde(rename_all = "camelCase")]
pub struct WorkerPoolSpec {
    /// The hub.
    pub hub_ref: HubRef,
    /// How many workers.
    #[serde(default = "one")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: i32,
    /// What they are like.
    pub template: WorkerTemplate,
    /// What becomes of a worker's volume when the worker has gone for good.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

fn one() -> i32 {
    1
}

/// What the workers of a pool are like.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerTemplate {
    /// The volume of each. A new size or class holds for new workers.
    pub storage: Storage,
    /// Processor and memory.
    #[serde(default)]
    pub resources: Resources,
    /// Where they may run.
    #[serde(default)]
    pub scheduling: Scheduling,
}

/// What the operator says of a pool.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerPoolStatus {
    /// The generation that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Accepted, Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Workers there are.
    #[serde(default)]
    pub replicas: i32,
    /// Workers that take pipes.
    #[serde(default)]
    pub ready_replicas: i32,
    /// Selects the pods of the pool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selector: Option<String>,
    /// Number of the next worker. It is raised before a worker is made, so that no name comes twice.
    #[serde(default)]
    pub next_number: u32,
}
