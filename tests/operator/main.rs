//! What needs an API server and no pods: `cargo xtask test control-plane`.
#![allow(clippy::unwrap_used)]

mod charts;
