//! Pipe scenarios from end to end, through the API of a whole hub.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod countries;
mod over_the_wire;
mod profile;
mod walk;
