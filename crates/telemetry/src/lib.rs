//! Logs, metrics and shutdown of a process. Knows nothing of pipes, datasets or HTTP.
//!
//! * [`Logs::start`] sets up `tracing` once per process; the handle shows and changes the filter while it runs.
//! * [`Metrics`] is the registry every crate adds its metrics to, and prints them as OpenMetrics text.
//! * [`Shutdown`] tells all tasks to end; [`Stop`] is what they listen to.
//! * [`Secret`] is a text that never shows itself.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod logs;
mod metrics;
mod secret;
mod shutdown;

pub use logs::{FilterError, LogFormat, Logs};
pub use metrics::Metrics;
pub use secret::Secret;
pub use shutdown::{Shutdown, Stop};
