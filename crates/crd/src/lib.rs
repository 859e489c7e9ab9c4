//! The custom resources of a hub on Kubernetes, as types and as definitions: what users write, what the operator answers.
//!
//! The typed part of a resource is the envelope: who it belongs to, its state, where it runs. The component's own configuration
//! is kept as it was written and is judged by `config`, never at admission. There is no logic here beyond what every reader of a
//! resource needs.
#![cfg_attr(test, allow(clippy::unwrap_used))]
// What the derive macros make of a type has each attribute once more, and a copy of the type that nobody sees.
#![allow(clippy::duplicated_attributes, unreachable_pub)]

mod component;
pub mod conditions;
mod data_hub;
mod definitions;
mod pipe;
mod resources;
mod system;
mod worker;
mod worker_pool;

pub use component::{Form, HubRef, Written};
pub use conditions::{Conditions, condition};
pub use data_hub::{
    AggregatorSpec, DataHub, DataHubSpec, DataHubStatus, ImagePullPolicy, ObjectStore,
    StorageNodeSpec, StorageNodeStatus,
};
pub use definitions::{definitions, print};
pub use pipe::{
    Operation, OperationKind, OperationOutcome, Pipe, PipeIsolation, PipePlacement,
    PipePlacementStatus, PipeSpec, PipeState, PipeStatus,
};
pub use resources::{DeletionPolicy, Resources, Scheduling, Storage};
pub use system::{SecretRef, System, SystemSpec, SystemStatus};
pub use worker::{Worker, WorkerSpec, WorkerStanding, WorkerStatus};
pub use worker_pool::{WorkerPool, WorkerPoolSpec, WorkerPoolStatus, WorkerTemplate};

/// The group of all kinds.
pub const GROUP: &str = "sluice.dev";
/// The category that names all kinds at once: `kubectl get sluice`.
pub const CATEGORY: &str = "sluice";
