//! Custom resources and the operator at a real API server without nodes: `cargo xtask test control-plane`.
#![allow(clippy::unwrap_used)]

mod configuration;
mod definitions;
mod endings;
mod harness;
mod hubs;
mod idle;
mod killed;
mod refused;
mod whole;
