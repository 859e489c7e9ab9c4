//! Pipe, system and node configuration: raw JSON → validated, with located messages.
//!
//! ```text
//! Component (as posted) ─ resolve ─► variables and conditions filled in, each value with its place in the original
//!                       ─ fill ────► checked against the tables, defaults filled in: the effective configuration
//!                       ─ read ────► Pipe, System, Metadata: typed settings for the runtime
//!                       ─ cross ───► what only shows when all components are seen together
//! ```
//!
//! The tables (`tables/`) know every property of every source, transform, sink and system type, also of those that this version
//! does not run. No I/O, no async, no clock: [`load`] is a pure function and never panics. Problems are collected as
//! [`Diagnostic`]s with their place, never thrown one by one.

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod component;
mod cron;
mod diagnostic;
mod environment;
mod fields;
mod load;
mod metadata;
mod microservice;
mod pipe;
mod retry_strategy;
mod schema;
mod secrets;
mod subset;
mod system;
mod tables;
mod text_encoding;
mod trace;

pub use component::{Component, DEFAULT_GROUP, Kind, METADATA_ID, is_component_file};
pub use cron::parse_cron;
pub use diagnostic::{Code, Diagnostic, Level, PathElement};
pub use environment::{ConfigurationLimits, Environment, SecretNames};
pub use load::{Configuration, Loader, content_hash, load};
pub use metadata::Metadata;
pub use microservice::{Microservice, microservice_name};
pub use pipe::*;
pub use retry_strategy::{RetrySettings, RetryStrategy};
pub use schema::schema;
pub use secrets::{UnknownSecret, has_secrets, resolve_secrets};
pub use subset::Subset;
pub use system::{Address, Authentication, System, UrlSystem};
pub use text_encoding::TextEncoding;
pub use trace::Trace;

/// No error among the problems.
pub(crate) fn is_valid(diagnostics: &[Diagnostic]) -> bool {
    diagnostics
        .iter()
        .all(|diagnostic| diagnostic.level != Level::Error)
}
