//! What needs pods: `cargo xtask test cluster`.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod failures;
mod microservices;
mod peace;
mod policies;
mod walk;
