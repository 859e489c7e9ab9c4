//! `Pipe`: one pipe of a hub.

use crate::component::{Form, HubRef, Written, any_object};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A pipe: it reads entities from a source, transforms them, and writes them to a sink.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, CustomResource, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "Pipe",
    namespaced,
    status = "PipeStatus",
    derive = "PartialEq",
    shortname = "pipe",
    category = "sluice",
    doc = "A pipe: it reads entities from a source, transforms them, and writes them to a sink",
    selectable = ".spec.hubRef.name",
    selectable = ".spec.id",
    selectable = ".spec.state",
    selectable = ".status.placement.worker",
    printcolumn(
        name = "Hub",
        type_ = "string",
        json_path = ".spec.hubRef.name",
        priority = 1
    ),
    printcolumn(name = "Id", type_ = "string", json_path = ".spec.id", priority = 1),
    printcolumn(
        name = "Ready",
        type_ = "string",
        json_path = ".status.conditions[?(@.type==\"Ready\")].status"
    ),
    printcolumn(name = "State", type_ = "string", json_path = ".spec.state"),
    printcolumn(
        name = "Worker",
        type_ = "string",
        json_path = ".status.placement.worker"
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
#[x_kube(validation = Rule::new("has(self.config) != has(self.configText)").message("give exactly one of config and configText"))]
#[x_kube(validation = Rule::new("self.hubRef == oldSelf.hubRef").message("hubRef cannot be changed"))]
#[x_kube(validation = Rule::new("has(self.id) == has(oldSelf.id) && (!has(self.id) || self.id == oldSelf.id)").message("id cannot be changed"))]
#[serde(rename_all = "camelCase")]
pub struct PipeSpec {
    /// The hub.
    pub hub_ref: HubRef,
    /// The pipe's id, where it is not the name of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub id: Option<String>,
    /// Whether it runs.
    #[serde(default)]
    pub state: PipeState,
    /// Where it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<PipePlacement>,
    /// The pipe's own configuration, as an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub config: Option<Form>,
    /// The pipe's own configuration, as its exact JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1_048_576))]
    pub config_text: Option<String>,
    /// What is to be done once, each under an id of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub operations: Vec<Operation>,
}

/// Whether a pipe runs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PipeState {
    /// As its schedule says.
    #[default]
    Running,
    /// Not; what it wrote can be read.
    Paused,
}

/// Where a pipe runs.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipePlacement {
    /// Whether it shares its worker.
    #[serde(default)]
    pub isolation: PipeIsolation,
}

/// Whether a pipe shares its worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum PipeIsolation {
    /// With other pipes.
    #[default]
    Shared,
    /// It has a worker for itself.
    Dedicated,
}

/// Something to be done once.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Operation {
    /// Names the request. Another id asks again.
    #[schemars(length(min = 1, max = 64))]
    pub id: String,
    /// What is to be done.
    pub kind: OperationKind,
}

/// What can be done once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum OperationKind {
    /// Begin without the state that is lost, or away: what was pushed to the pipe is given up.
    StartOver,
}

/// What the operator says of a pipe.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipeStatus {
    /// The generation that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Accepted, Placed, Flowing, Ready, Durable, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Content hash of the configuration that was written last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// Content hash of the configuration that is used: another one while the last is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_config_hash: Option<String>,
    /// Where it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub placement: Option<PipePlacementStatus>,
    /// What became of operations, by their ids.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["id".into()]))]
    pub operations: Vec<OperationOutcome>,
}

/// Where a pipe is, as of the last change.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PipePlacementStatus {
    /// The worker that owns it.
    pub worker: String,
    /// Since when: incarnation and counter.
    pub epoch: String,
}

/// What became of an operation.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OperationOutcome {
    /// Which.
    pub id: String,
    /// Whether it was done.
    pub succeeded: bool,
    /// Why not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
}

impl Pipe {
    /// The pipe's id in its hub.
    pub fn id(&self) -> String {
        self.spec.id.clone().unwrap_or_else(|| self.name_any())
    }

    /// Its configuration as it was written.
    pub fn written(&self) -> Option<Written<'_>> {
        Written::of(self.spec.config.as_ref(), self.spec.config_text.as_deref())
    }
}
