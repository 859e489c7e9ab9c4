//! Logs, metrics, readiness and shutdown of a process. Knows nothing of pipes or datasets.
//!
//! * [`Logs::start`] sets up `tracing` once per process; the handle shows and changes the filter while it runs.
//! * [`Metrics`] is the registry every crate adds its metrics to, and prints them as OpenMetrics text.
//! * [`Readiness`] says whether it serves; [`Admin`] is the port on which probes and Prometheus ask for these.
//! * [`Shutdown`] tells all tasks to end; [`Stop`] is what they listen to.
//! * [`Secret`] is a text that never shows itself.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod admin;
mod logs;
mod metrics;
mod readiness;
mod secret;
mod shutdown;

pub use admin::Admin;
pub use logs::{FilterError, LogFormat, Logs};
pub use metrics::Metrics;
pub use readiness::Readiness;
pub use secret::Secret;
pub use shutdown::{Shutdown, Stop};
