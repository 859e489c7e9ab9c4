//! `Worker`: one worker with a pod and a volume of its own. Its name is its id in the hub.

use crate::component::HubRef;
use crate::resources::DeletionPolicy;
use crate::worker_pool::WorkerTemplate;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One worker with a pod and a volume of its own, made by its pool. Its name is its id in the hub and is never given again.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, CustomResource, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "Worker",
    namespaced,
    status = "WorkerStatus",
    derive = "PartialEq",
    shortname = "wkr",
    category = "sluice",
    doc = "One worker with a pod and a volume of its own, made by its pool. Its name is its id in the hub and is never given again",
    selectable = ".spec.hubRef.name",
    selectable = ".spec.poolRef",
    selectable = ".status.node",
    printcolumn(name = "Pool", type_ = "string", json_path = ".spec.poolRef"),
    printcolumn(name = "Standing", type_ = "string", json_path = ".spec.standing"),
    printcolumn(name = "Node", type_ = "string", json_path = ".status.node"),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].reason"
    ),
    printcolumn(
        name = "Age",
        type_ = "date",
        json_path = ".metadata.creationTimestamp"
    )
)]
#[x_kube(validation = Rule::new("self.hubRef == oldSelf.hubRef && self.poolRef == oldSelf.poolRef").message("hubRef and poolRef cannot be changed"))]
#[x_kube(validation = Rule::new("oldSelf.standing != 'Retired' || self.standing == 'Retired'").message("a retired worker stays retired"))]
#[serde(rename_all = "camelCase")]
pub struct WorkerSpec {
    /// The hub.
    pub hub_ref: HubRef,
    /// The pool that made it.
    #[schemars(length(min = 1, max = 63))]
    pub pool_ref: String,
    /// What it may be given.
    #[serde(default)]
    pub standing: WorkerStanding,
    /// What it is like.
    pub template: WorkerTemplate,
    /// What becomes of its volume when it has gone for good.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// What a worker may be given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum WorkerStanding {
    /// Pipes.
    #[default]
    Active,
    /// Nothing new; it keeps what it has.
    Cordoned,
    /// Nothing, and what it has moves away.
    Draining,
    /// It goes for good as soon as its pipes are elsewhere.
    Retired,
}

/// What the operator says of a worker.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct WorkerStatus {
    /// The generation that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Accepted, Ready, Exchanging, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The node of its pod.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The claim of its volume.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<String>,
    /// The disk, as the storage node knows it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub disk: Option<String>,
}
