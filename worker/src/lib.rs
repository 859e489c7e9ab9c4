//! A worker: runs pipes (source → transforms → sink) and owns their datasets in the local store.
//!
//! * [`LocalWorker`] is the role: [`LocalWorker::open`], then everything through [`sluice_protocol::Worker`].
//! * `pipe` is one run of one pipe; start reading at `pipe::run`.
//! * `assignment` keeps the lease that allows all of it, and says which pipes are this worker's.
//! * `scheduler` decides when pipes run, `take_up` which there are, `receiver` and `publisher` are the ways in and out on request.
//! * `replicas` are copies of what pipes here read and other workers own, `following` serves such copies there.
//! * `source` and `sink` hold one file per kind of connector.
//!
//! RocksDB and DTL run on blocking threads only; `blocking` is the one door to them. Whatever a pipe writes, data, offset, log
//! and queue, goes through `pipe::commit` in one transaction.
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![warn(missing_docs)]

mod answer;
mod assignment;
mod blocking;
mod check;
mod clock;
mod deployed;
mod deployment;
mod durability;
mod emptying;
mod environment;
mod error;
mod execution_log;
mod feed;
mod flow;
mod following;
mod gates;
mod housekeeping;
mod indexes;
mod leaving;
mod lookup;
mod metrics;
mod operations;
mod pass_over;
mod pipe;
mod proxy;
mod publisher;
mod receiver;
mod replicas;
mod reports;
mod reprocessing;
mod runner;
mod runs;
mod schedule;
mod scheduler;
mod service;
mod shared;
mod short_work;
mod signals;
mod sink;
mod slice;
mod source;
mod system;
mod take_up;
mod worker;

#[cfg(test)]
mod tests;

pub use check::check;
pub use clock::{Clock, Micros, SystemClock};
pub use error::Error;
pub use receiver::Bounds;
pub use service::{LocalWorker, Settings};
pub use system::Microservices;
