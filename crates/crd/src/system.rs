//! `System`: a connection of a hub to something outside.

use crate::component::{Form, HubRef, Written, any_object};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema, ResourceExt};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A system: how the hub reaches something outside, shared by pipes.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, CustomResource, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "System",
    namespaced,
    status = "SystemStatus",
    derive = "PartialEq",
    shortname = "hsys",
    category = "sluice",
    doc = "A system: how the hub reaches something outside, shared by pipes",
    selectable = ".spec.hubRef.name",
    selectable = ".spec.id",
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
pub struct SystemSpec {
    /// The hub.
    pub hub_ref: HubRef,
    /// The system's id, where it is not the name of this object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub id: Option<String>,
    /// The system's own configuration, as an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub config: Option<Form>,
    /// The system's own configuration, as its exact JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 2, max = 1_048_576))]
    pub config_text: Option<String>,
    /// Secrets of the namespace whose keys are secrets of this system. They win over those written through the API.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 16))]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["name".into()]))]
    pub secret_refs: Vec<SecretRef>,
}

/// A Secret.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct SecretRef {
    /// Its name.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,
}

/// What the operator says of a system.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct SystemStatus {
    /// The generation that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Accepted, Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Content hash of the configuration that was written last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_hash: Option<String>,
    /// Content hash of the configuration that is used: another one while the last is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub active_config_hash: Option<String>,
}

impl System {
    /// The system's id in its hub.
    pub fn id(&self) -> String {
        self.spec.id.clone().unwrap_or_else(|| self.name_any())
    }

    /// Its configuration as it was written.
    pub fn written(&self) -> Option<Written<'_>> {
        Written::of(self.spec.config.as_ref(), self.spec.config_text.as_deref())
    }
}
