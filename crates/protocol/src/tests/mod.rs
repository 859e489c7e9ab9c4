//! The wire: what is sent comes back equal, roles behave as if called directly, and nothing that arrives does harm.

mod calls;
pub(crate) mod control;
mod deadlines;
mod errors;
mod exact_json;
mod fake_storage_node;
mod fake_worker;
mod feeds;
mod fixtures;
mod generators;
mod health;
mod hostile;
pub(crate) mod line;
pub(crate) mod microservices;
mod pages;
pub(crate) mod placement;
mod proxying;
mod pushes;
mod round_trips;
mod samples;
mod watching;
