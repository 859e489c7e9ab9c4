//! The keeper of configuration with history, variables, secrets, the numbers of datasets, and of who owns which pipe. It holds no
//! datasets.
//!
//! [`Node`] implements [`sluice_protocol::StorageNode`]. Every change goes the same way:
//!
//! ```text
//! edit      what is kept now ─► what shall be kept        pure: configuration.rs
//! validate  ─► a snapshot with diagnostics per component  pure: validation.rs, by sluice-config
//! write     the difference, history with it, to the object store, then in one synced transaction: pending.rs
//! publish   the snapshot to everybody who watches
//! ```
//!
//! What exists nowhere else is in an object store too, if there is one, before it is acknowledged, and a disk that is lost is
//! filled from there (`durability`).
//!
//! Where custom resources are the truth ([`Truth::CustomResources`]) the node also implements
//! [`sluice_protocol::ConfigurationControl`]: the operator hands components over, and a change of components is not written here
//! but waits for the operator, which writes it there and hands it over (`writers`). A component with errors does not take the
//! place of one that runs (`offers`).
//!
//! [`Placements`] implements [`sluice_protocol::Assignments`]: `topology` knows the workers, `assignments` decides, `allocator`
//! says where pipes belong; all three are pure. What they decide is written before anybody hears of it.
//!
//! The hub is written in one format, which `formats` decides about: see [`sluice_format`].
//!
//! Everything lies below `DATA/storage-node` in a store of its own; secrets are sealed with the key in `DATA/keys/secrets.key`,
//! which is not there. Values of secrets leave only through `secret_values`, to workers.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod allocator;
mod assignments;
mod breaker;
mod change;
mod check;
mod configuration;
mod contents;
mod control;
mod difference;
mod durability;
mod error;
mod finalizing;
mod formats;
mod hash_key;
mod history;
mod managed;
mod metrics;
mod microservices;
mod offer_records;
mod offers;
mod pending;
mod placement_records;
mod placements;
mod questions;
mod records;
mod secrets;
mod service;
mod topology;
mod validation;
mod writers;

pub use check::check;
pub use durability::ObjectSettings;
pub use error::OpenError;
pub use placements::{PlacementSettings, Placements};
pub use service::{Node, Settings};
pub use writers::Truth;
