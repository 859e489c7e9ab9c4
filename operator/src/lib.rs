//! Turns custom resources into running hubs: the only part with Kubernetes credentials.
//!
//! Of several operators one leads (`lease`): it alone writes. A reconcile is five steps, each a file of its resource's folder:
//!
//! ```text
//! dereference   the only reads from the API server
//! validate      resource and what it refers to → something valid; pure
//! build         → the objects that are to be there; pure
//! apply         server-side, in order; what is no longer wanted goes
//! status        conditions, written only where something changed
//! ```
//!
//! `Pipe` and `System` resources are no processes: `configuration` hands over what they say to the storage node of their hub, says
//! in their status what became of it, and writes into them what users write through the API (`api_writes`). Systems that are
//! microservices are run (`microservice`).
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod api_server;
mod api_writes;
pub mod configuration;
pub mod context;
mod controllers;
mod datahub;
mod error;
pub mod hubs;
pub mod lease;
pub mod link;
mod metrics;
mod microservice;
pub mod names;
pub mod nodes;
pub mod objects;
mod pipe;
pub mod pod;
pub mod pods;
pub mod rights;
mod service;
mod settings;
pub mod status;
mod system;
mod tries;
mod uninstall;
pub mod volume;
mod worker;
mod worker_pool;

pub use api_writes::MANAGER as API_MANAGER;
pub use error::{Error, Result};
pub use metrics::Metrics;
pub use service::{run, run_at};
pub use settings::Settings;
/// The custom resources.
pub use sluice_crd as crd;
pub use uninstall::{Uninstall, uninstall};

/// The field manager of what reconciles apply.
pub const FIELD_MANAGER: &str = "sluice-operator";
