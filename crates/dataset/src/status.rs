//! What is known of a dataset without reading it.

use crate::{DatasetName, DatasetNumber, Generation, Offset};

/// Counts kept in the same write as the data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Live versions in the log.
    pub log_exists: u64,
    /// Deleted versions in the log.
    pub log_deleted: u64,
    /// Ids whose latest version is live.
    pub index_exists: u64,
    /// Ids whose latest version is deleted.
    pub index_deleted: u64,
    /// Bytes of all bodies in the log, before compression.
    pub bytes: u64,
}

/// Whether a secondary index can be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IndexState {
    /// The canonical text of its expression.
    pub name: String,
    /// False while it is built, or after its dataset was written without it.
    pub ready: bool,
}

/// A dataset at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DatasetStatus {
    /// Its name.
    pub name: DatasetName,
    /// Its number in the hub.
    pub number: DatasetNumber,
    /// New with every creation (DS5).
    pub generation: Generation,
    /// The owner has consumed all of its source once (DS4).
    pub populated: bool,
    /// Offset of the newest version ever appended; `None` before the first.
    pub max_offset: Option<Offset>,
    /// Present epoch of the offsets.
    pub epoch: u64,
    /// Counts.
    pub counters: Counters,
    /// `_ts` of the newest version, microseconds; 0 before the first.
    pub last_modified: u64,
    /// Its secondary indexes.
    pub indexes: Vec<IndexState>,
}
