//! Objects outside the hub's own disks: S3, Azure, Google Cloud, or a folder, each named by a URL.
//!
//! * [`Objects`] is the handle: [`get`](Objects::get), [`put`](Objects::put), [`create`](Objects::create), lists, deletes.
//! * [`Objects::create`] is the one conditional write that every store has; what is numbered or owned is built on it.
//! * `open` turns a URL and the environment into a store. Credentials come from the environment alone and are never printed.
//! * [`digest`], [`fingerprint`] and [`segment`] make names.
//! * [`sealed`] is the form of objects of our own: a version first, a hash last.
//!
//! Every call is tried again for a bounded time; an error means that this time is over.
#![cfg_attr(test, allow(clippy::unwrap_used))]
#![warn(missing_docs)]

mod error;
mod metrics;
mod names;
mod objects;
mod open;
pub mod sealed;

pub use error::Error;
pub use names::{digest, fingerprint, segment};
pub use objects::{Created, Listed, Objects};

type Result<T, E = Error> = std::result::Result<T, E>;
