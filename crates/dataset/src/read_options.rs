//! How to read a dataset's log (R74).

use crate::Offset;

/// Bytes of bodies after which a page ends, where the caller has no opinion.
pub const DEFAULT_PAGE_BYTES: usize = 1 << 20;

/// Which versions, from where, how many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadOptions {
    /// Exclusive: only versions above it, or below it when `reverse`.
    pub since: Option<Offset>,
    /// At most so many versions.
    pub limit: Option<u64>,
    /// From the newest to the oldest.
    pub reverse: bool,
    /// All versions; `false` gives each id once, at its latest offset, in offset order.
    pub history: bool,
    /// `false` leaves out deleted entities; only counts where `history` is false.
    pub deleted: bool,
}

impl Default for ReadOptions {
    /// The whole log with history, oldest first.
    fn default() -> Self {
        Self {
            since: None,
            limit: None,
            reverse: false,
            history: true,
            deleted: true,
        }
    }
}

impl ReadOptions {
    /// Each id once, deletes included.
    pub fn latest() -> Self {
        Self {
            history: false,
            ..Self::default()
        }
    }

    /// Each live id once.
    pub fn live() -> Self {
        Self {
            history: false,
            deleted: false,
            ..Self::default()
        }
    }

    /// The same, going on after (below, in reverse) `offset`.
    pub fn after(mut self, offset: Option<Offset>) -> Self {
        self.since = offset;
        self
    }

    /// True if a version passes the filters; its place in the log is somebody else's question.
    pub fn shows(&self, is_latest: bool, is_deleted: bool) -> bool {
        self.history || (is_latest && (self.deleted || !is_deleted))
    }
}
