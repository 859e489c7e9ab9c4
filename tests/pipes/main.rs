//! Pipe scenarios from end to end, through the API of a whole hub.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod countries;
mod profile;
mod walk;
