//! Deletion tracking after full runs: what it promises and when it refuses (DE1, DE2, R26, R27, R63).
//!
//! A full run marks every id it produces. At its end the live ids that it did not produce, and that nobody else wrote since it
//! began, get a deleted version. The marks are stored with the data, so that a run survives an interruption.

use crate::{DatasetName, Error, Offset, PreparedEntity, Result};
use sluice_entity::{HashKey, ValueBuf};

/// A populated dataset with more live ids than this is protected against implausible mass deletes.
const PROTECTED_ABOVE: u64 = 100;

/// A full run that a dataset keeps marks for; there is one at a time, a new one replaces it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FullRun {
    /// Counts the full runs of this dataset.
    pub number: u64,
    /// The caller's name for it: a pump run, a push sequence.
    pub token: String,
    /// The log's end when it began: versions from here on are written during the run and spared.
    pub start: Offset,
    /// Its deletes have begun, so they were approved.
    pub deleting: bool,
}

/// What a run would delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unseen {
    /// Live ids now.
    pub live: u64,
    /// Those among them that would be deleted.
    pub unseen: u64,
}

impl Unseen {
    /// R27: more than half of a populated dataset of over 100 live ids is implausible.
    pub fn is_mass_delete(&self, populated: bool) -> bool {
        populated && self.live > PROTECTED_ABOVE && self.unseen * 2 > self.live
    }
}

/// Leave to delete what a run has not seen. Only [`Approval::decide`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Approval {
    run: FullRun,
    marks_deletes: bool,
}

impl Approval {
    /// Approves unless it is a mass delete that nobody allowed; deletes that have begun are always approved (they were before).
    pub fn decide(
        dataset: &DatasetName,
        run: FullRun,
        populated: bool,
        allow_mass_delete: bool,
        count: impl FnOnce() -> Result<Unseen>,
    ) -> Result<Self> {
        if !allow_mass_delete && !run.deleting {
            let unseen = count()?;
            if unseen.is_mass_delete(populated) {
                return Err(Error::MassDelete {
                    dataset: dataset.clone(),
                    live: unseen.live,
                    deletes: unseen.unseen,
                });
            }
        }
        Ok(Self {
            run,
            marks_deletes: false,
        })
    }

    /// The same, and whether the deletes are marked as inferred ones (DE3).
    #[must_use]
    pub fn marking_deletes(self, marks_deletes: bool) -> Self {
        Self {
            marks_deletes,
            ..self
        }
    }

    /// The deleted version of an id that the run has not seen; it keeps its properties (R4).
    pub fn delete_of(&self, id: &str, body: ValueBuf, key: &HashKey) -> PreparedEntity {
        if self.marks_deletes {
            PreparedEntity::marked_delete_of(id, &body, key)
        } else {
            PreparedEntity::delete_of(id, body, key)
        }
    }

    /// The run it is for.
    pub fn run(&self) -> &FullRun {
        &self.run
    }
}

/// How far the deletes are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DeleteProgress {
    /// Deleted versions appended by this step.
    pub deleted: u64,
    /// Nothing is left; end the run in the same transaction.
    pub done: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_more_than_half_of_a_populated_dataset_over_100_is_a_mass_delete() {
        for (populated, live, unseen, expected) in [
            (true, 101, 51, true),
            (true, 101, 50, false),
            (true, 200, 100, false),
            (true, 200, 101, true),
            (true, 100, 100, false),
            (false, 1_000, 1_000, false),
            (true, 1_000, 0, false),
        ] {
            assert_eq!(
                Unseen { live, unseen }.is_mass_delete(populated),
                expected,
                "{populated} {live} {unseen}"
            );
        }
    }
}
