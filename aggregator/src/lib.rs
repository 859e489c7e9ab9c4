//! The public HTTPS API of a hub: authentication, the route table, the translation between HTTP and [`sluice_protocol`].
//!
//! The aggregator keeps no state of its own. It asks a [`Worker`] and a [`StorageNode`] through their traits, and must not
//! know whether they live in the same process. HTTP types do not leave the folder `api`.
//!
//! * [`Aggregator`] with its [`Settings`] becomes a router; [`serve`] puts it behind TLS.
//! * [`Fleet`] is many workers as one.
//! * [`openapi`] is the description of everything that is routed, made from the same table.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod aggregator;
mod api;
mod budget;
mod connections;
mod fleet;
mod metrics;
mod service;
mod settings;

pub use aggregator::{Aggregator, Parts, Process};
pub use api::{openapi, router};
pub use fleet::Fleet;
pub use service::{ServeError, Serving, listen, serve};
pub use settings::{Limits, Settings};

#[cfg(doc)]
use sluice_protocol::{StorageNode, Worker};
