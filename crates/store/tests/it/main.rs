//! The store from outside: behaviour suite, transactions, crashes, model, planted damage.
#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod basics;
mod behaviour;
mod damage;
mod damaged_wal;
mod deletion_tracking;
mod disk_full;
mod formats;
mod harness;
mod indexes;
mod model;
mod moving;
mod received;
mod replicas;
mod trimming;
mod writers;
