//! What tests of the whole hub share: starting one, asking it, waiting for it.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

pub mod child;
pub mod examples;
pub mod in_process;
pub mod kubernetes;
pub mod roles;
pub mod tables;
