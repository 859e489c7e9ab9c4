//! What the API shows of a dataset.

use sluice_dataset::DatasetStatus;
use std::borrow::Cow;

/// Work that a dataset causes or waits for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueReport {
    /// Entries that some reader has not consumed yet.
    pub size: u64,
}

/// A dataset as `GET /datasets/{id}` shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetReport {
    /// From the store.
    pub status: DatasetStatus,
    /// The pipe that writes it, if one does.
    pub pipe: Option<String>,
    /// `user` or `system` (DS9).
    pub origin: Cow<'static, str>,
    /// Unconsumed entries of its readers.
    pub queues: QueueReport,
    /// Names of its secondary indexes.
    pub indexes: Vec<String>,
}
