//! The HTTPS API from outside: what clients rely on, call by call, with the stored data asserted.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod archive;
mod bad_input;
mod conformance;
mod contract;
mod entities;
mod groups;
mod hub;
mod life;
mod memory;
mod microservices;
mod own_feeds;
mod pushes;
mod secrets;
mod tokens;
mod two_hubs;
mod variables;
