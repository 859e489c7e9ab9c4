//! `DataHub`: a hub with its storage node and its aggregators; workers come from WorkerPools.

use crate::component::{Form, any_object};
use crate::resources::{DeletionPolicy, Resources, Scheduling, Storage};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A hub: its storage node, its aggregators, its keys. Its name is part of every identity in it.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, CustomResource, KubeSchema)]
#[kube(
    group = "sluice.dev",
    version = "v1alpha1",
    kind = "DataHub",
    namespaced,
    status = "DataHubStatus",
    derive = "PartialEq",
    shortname = "dhub",
    category = "sluice",
    doc = "A hub: its storage node, its aggregators, its keys. Its name is part of every identity in it",
    printcolumn(name = "Ready", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].status"),
    printcolumn(name = "Reason", type_ = "string", json_path = ".status.conditions[?(@.type==\"Ready\")].reason"),
    printcolumn(name = "Incarnation", type_ = "integer", json_path = ".status.storageNode.incarnation", priority = 1),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    validation = Rule::new("size(self.metadata.name) <= 40").message("a hub's name has at most 40 characters")
)]
#[x_kube(validation = Rule::new("!(has(self.metadata) && has(self.metadataText))").message("give metadata or metadataText, not both"))]
#[x_kube(validation = Rule::new("!(has(self.variables) && has(self.variablesText))").message("give variables or variablesText, not both"))]
#[serde(rename_all = "camelCase")]
pub struct DataHubSpec {
    /// The image of all roles; that of the operator if not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 512))]
    pub image: Option<String>,
    /// When the image is pulled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub image_pull_policy: Option<ImagePullPolicy>,
    /// The storage node.
    pub storage_node: StorageNodeSpec,
    /// The aggregators.
    #[serde(default)]
    pub aggregator: AggregatorSpec,
    /// Where checkpoints and push logs go.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub object_store: Option<ObjectStore>,
    /// How long a worker goes on without the storage node; a failover takes as long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 5, max = 3600))]
    pub lease_seconds: Option<u32>,
    /// Which log lines the roles write: info, or target=level,…
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub log: Option<String>,
    /// Node metadata, as an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub metadata: Option<Form>,
    /// Node metadata, as its exact JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub metadata_text: Option<String>,
    /// Variables, as an object.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(schema_with = "any_object")]
    pub variables: Option<Form>,
    /// Variables, as their exact JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub variables_text: Option<String>,
    /// What becomes of the storage node's volume and of the hub's keys when the hub is deleted.
    #[serde(default)]
    pub deletion_policy: DeletionPolicy,
}

/// When an image is pulled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub enum ImagePullPolicy {
    /// At every start.
    Always,
    /// Where it is not there yet.
    IfNotPresent,
    /// It is there.
    Never,
}

impl ImagePullPolicy {
    /// As pods name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Always => "Always",
            Self::IfNotPresent => "IfNotPresent",
            Self::Never => "Never",
        }
    }
}

/// The storage node of a hub.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageNodeSpec {
    /// Its volume. A new size or class holds for the next new volume.
    pub storage: Storage,
    /// Processor and memory.
    #[serde(default)]
    pub resources: Resources,
    /// Where it may run.
    #[serde(default)]
    pub scheduling: Scheduling,
}

/// The aggregators of a hub, which serve its API.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct AggregatorSpec {
    /// How many; 2 if not given. Leave it out where something else scales the Deployment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 1000))]
    pub replicas: Option<i32>,
    /// A Secret with `tls.crt` and `tls.key` for the API, in the hub's namespace. Without it the operator makes one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub tls_secret_name: Option<String>,
    /// Further host names in the certificate that the operator makes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64))]
    pub tls_names: Vec<String>,
    /// Lets through the calls that destroy or run everything, as the command line client needs them.
    #[serde(default)]
    pub developer_mode: bool,
    /// Processor and memory.
    #[serde(default)]
    pub resources: Resources,
    /// Where they may run.
    #[serde(default)]
    pub scheduling: Scheduling,
}

/// An object store.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct ObjectStore {
    /// Where: s3://bucket/prefix, and so on.
    #[schemars(length(min = 1, max = 2048))]
    pub url: String,
    /// A Secret in the hub's namespace whose keys are the variables with the way in, such as AWS_ACCESS_KEY_ID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 253))]
    pub secret_name: Option<String>,
    /// How often checkpoints of pipes that changed are made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 86400))]
    pub checkpoint_every_seconds: Option<u32>,
}

/// What the operator says of a hub.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, KubeSchema)]
#[serde(rename_all = "camelCase")]
pub struct DataHubStatus {
    /// The generation that this is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub observed_generation: Option<i64>,
    /// Accepted, Ready, Reconciling, Stalled.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// The storage node.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub storage_node: Option<StorageNodeStatus>,
    /// Where the API is reached inside the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub url: Option<String>,
    /// The format that the hub is written in: versions that do not read it cannot come back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<u32>,
}

/// The life of the storage node's disk. It is written before a pod with a new disk starts.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct StorageNodeStatus {
    /// How many disks there were; epochs begin with it.
    pub incarnation: u32,
    /// The claim of the present disk.
    pub claim: String,
}
