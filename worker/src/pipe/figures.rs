//! What a run counts (EX5).

use crate::lookup::HopFigures;
use std::time::Duration;

/// Counts and times of one run.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    /// Entities read from the source.
    pub read: u64,
    /// Entities written to the sink, changed or not.
    pub succeeded: u64,
    /// Entities that could not be written.
    pub failed: u64,
    /// Versions appended, or entities delivered outside.
    pub changes: u64,
    /// Of the changes, those made by deletion tracking.
    pub deleted_unseen: u64,
    /// Failed reads, retried ones included.
    pub read_errors: u64,
    /// Failed writes.
    pub write_errors: u64,
    /// Entities of the retry queue that were written.
    pub retries_succeeded: u64,
    /// Entities of the retry queue that failed once more.
    pub failed_retries: u64,
    /// Entities that were given up.
    pub dead: u64,
    /// What hops found (HO13).
    pub hops: HopFigures,
    /// Spent waiting for the source.
    pub source_time: Duration,
    /// Spent in transforms.
    pub transform_time: Duration,
    /// Spent in the sink.
    pub sink_time: Duration,
    /// Bytes of the largest batch.
    pub largest_batch: u64,
    /// Bytes of source entities between source and sink when they were most.
    pub most_in_flight: u64,
}

impl Figures {
    /// True if the run is not worth a line in the log (PU15).
    pub(crate) fn is_noop(&self, changes_only: bool) -> bool {
        let quiet = self.read_errors == 0 && self.write_errors == 0 && self.changes == 0;
        quiet && (changes_only || self.read == 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_without_changes_is_not_worth_a_line_unless_reading_counts() {
        let read = Figures {
            read: 5,
            ..Figures::default()
        };
        assert!(read.is_noop(true));
        assert!(!read.is_noop(false));
        assert!(Figures::default().is_noop(false));
        assert!(
            !Figures {
                changes: 1,
                ..Figures::default()
            }
            .is_noop(true)
        );
        assert!(
            !Figures {
                read_errors: 1,
                ..Figures::default()
            }
            .is_noop(true)
        );
    }
}
