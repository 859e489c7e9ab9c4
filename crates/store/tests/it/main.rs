//! The store from outside: behaviour suite, transactions, crashes, model, planted damage.
#![allow(clippy::unwrap_used)]

mod basics;
mod behaviour;
mod damage;
mod deletion_tracking;
mod harness;
mod indexes;
mod model;
mod writers;
