//! What needs pods: `cargo xtask test cluster`.
#![allow(clippy::unwrap_used)]

mod policies;
mod walk;
