//! Custom resources and the operator at a real API server without nodes: `cargo xtask test control-plane`.
#![allow(clippy::unwrap_used)]

mod configuration;
mod definitions;
mod harness;
mod hubs;
mod refused;
