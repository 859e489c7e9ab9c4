//! Microservices: each system of type `system:microservice` becomes a Deployment, a Service, and Secrets with what its container is
//! given. They go with the system, and with the hub.
//!
//! ```text
//! configuration ─ wanted ─▶ build ─▶ apply, prune          pods ─ state ─▶ the status of the system
//! storage node ─ questions ─▶ answers: status, logs, reload
//! ```

mod answers;
mod apply;
mod build;
mod keeper;
mod logs;
mod seen;
mod state;
mod wanted;

pub(crate) use keeper::keep;
pub(crate) use state::{State, States};

/// What microservices are in labels.
pub(crate) const COMPONENT: &str = "microservice";
/// The label by which the pods of one are found.
pub(crate) const LABEL: &str = "sluice.dev/microservice";
/// The annotation with the id of its system.
pub(crate) const SYSTEM: &str = "sluice.dev/system";
/// The annotation of pods that says when they were reloaded.
pub(crate) const RELOADED: &str = "sluice.dev/reloaded";
/// The name of the container in its pods.
pub(crate) const CONTAINER: &str = "microservice";
