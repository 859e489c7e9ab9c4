//! What a hub is written in: one format for all roles, and what each of them reads.

use crate::{Code, Error, FormatRange, WorkerId};
use std::collections::BTreeMap;

/// What a worker reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerFormats {
    /// `None`: it was not heard of since the storage node started.
    pub reads: Option<FormatRange>,
    /// It has a session.
    pub is_present: bool,
}

/// How a hub stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FormatReport {
    /// What is written.
    pub format: u32,
    /// What the storage node reads.
    pub reads: FormatRange,
    /// What workers read; retired ones are not here.
    pub workers: BTreeMap<WorkerId, WorkerFormats>,
    /// When the hub is finalized by itself, microseconds since 1970.
    pub finalizes: Option<u64>,
}

/// For a storage node that keeps nothing.
pub(crate) fn no_formats() -> Error {
    let message = "this storage node keeps nothing, so it has no format";
    Error::new(Code::FailedPrecondition, "no-formats", message)
}
