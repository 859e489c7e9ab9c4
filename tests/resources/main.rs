//! Custom resources and the operator at a real API server without nodes. docs/kubernetes.md says how to run it.
#![allow(clippy::unwrap_used)]

mod definitions;
mod harness;
mod hubs;
