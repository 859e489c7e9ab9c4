//! The `sluice` binary as a library: arguments, settings, the commands, and the wiring of the roles in one process.
//!
//! * [`run`] is the command line.
//! * [`standalone::Hub`] is a whole hub in this process; tests start it on port 0.
//! * `roles` are the roles of a hub as processes of their own.
//! * [`settings`] is the one table of settings: file, environment, flags, help and `--print-config` come from it.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod arguments;
mod commands;
mod process;
mod roles;
pub mod settings;
pub mod standalone;

pub use arguments::run;
