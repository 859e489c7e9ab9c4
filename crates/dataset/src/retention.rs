//! Which superseded versions may go (CO2, CO3, CO8).

use crate::Offset;

/// A keep-versions policy. The latest version of an id is never removed (R61).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Newest versions kept per id, the latest among them. Below 1 it counts as 1.
    pub keep_versions: u32,
    /// Versions with this `_ts` (microseconds) or a later one stay, however many.
    pub keep_since: Option<u64>,
    /// The slowest reader that compares old and new has consumed up to here: what it has yet to see stays. `None`: nobody reads.
    pub consumed: Option<Offset>,
}

impl Default for Retention {
    /// Two versions, no time threshold, no reader.
    fn default() -> Self {
        Self {
            keep_versions: 2,
            keep_since: None,
            consumed: None,
        }
    }
}

/// What one pass removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Versions removed from the log.
    pub removed: u64,
    /// Superseded versions looked at.
    pub examined: u64,
    /// `None` when the pass met the end; else where the next one goes on.
    pub resume: Option<Offset>,
}
