//! Whose turn it is to write a dataset: the list of (epoch, first offset) in its record.
//!
//! ```text
//! epoch 5       epoch 6 (seamless)   epoch 9 (restored at O)
//! 0 … 99        100 … O …            O + 2^32 …
//!                     └ what epoch 6 wrote after O is lost, and no offset of it is ever given again
//! ```

use super::Transaction;
use crate::registry::DatasetState;
use crate::{Dataset, Result};
use sluice_dataset::{Error, Offset};

/// How far the offsets of restored state jump: over everything that the lost tail can have had.
pub const GAP: Offset = 1 << 32;
/// Epochs that a record names. Of older ones that follow one another without a gap only the last is kept.
const NAMED: usize = 32;

/// How the state at the beginning of an epoch came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continuity {
    /// It is all that the epoch before wrote.
    Seamless,
    /// It was restored: others may have read offsets beyond it.
    Restored,
}

impl Transaction {
    /// From here on the dataset is written under this epoch. Nothing happens if it is already; an earlier one is refused
    /// ([`Error::StaleEpoch`]).
    pub fn begin_epoch(
        &mut self,
        dataset: &Dataset,
        epoch: u64,
        continuity: Continuity,
    ) -> Result<()> {
        let (writing, _) = self.writing(dataset)?;
        let present = writing.state.record.epoch();
        if epoch < present {
            return Err(Error::StaleEpoch {
                dataset: dataset.name().clone(),
                epoch,
                present,
            });
        }
        if epoch > present {
            begin(&mut writing.state, epoch, continuity);
            writing.record_changed = true;
        }
        Ok(())
    }
}

/// Goes on under another epoch.
pub(crate) fn begin(state: &mut DatasetState, epoch: u64, continuity: Continuity) {
    let record = &mut state.record;
    if continuity == Continuity::Restored {
        record.next_offset += GAP;
    }
    let first = record.next_offset;
    match record.epochs.last_mut() {
        // An epoch that wrote nothing is not worth its place.
        Some(last) if last.1 == first => last.0 = epoch,
        _ => record.epochs.push((epoch, first)),
    }
    if record.epochs.len() > NAMED {
        let seamless = record
            .epochs
            .windows(2)
            .position(|pair| pair[1].1 - pair[0].1 < GAP);
        if let Some(older) = seamless {
            record.epochs[older + 1].1 = record.epochs[older].1;
            record.epochs.remove(older);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::records::DatasetRecord;

    fn state() -> DatasetState {
        DatasetState {
            record: DatasetRecord::new("a"),
            run: None,
            indexes: Vec::new(),
            copy: None,
            is_deleted: false,
        }
    }

    #[test]
    fn an_epoch_begins_at_the_next_offset_and_one_that_wrote_nothing_leaves_no_trace() {
        let mut state = state();
        begin(&mut state, 5, Continuity::Seamless);
        assert_eq!(state.record.epochs, [(5, 0)]);
        state.record.next_offset = 100;
        begin(&mut state, 6, Continuity::Seamless);
        begin(&mut state, 7, Continuity::Seamless);
        assert_eq!(state.record.epochs, [(5, 0), (7, 100)]);
        assert_eq!(state.record.next_offset, 100, "no gap");
    }

    #[test]
    fn restored_state_goes_on_behind_a_gap() {
        let mut state = state();
        begin(&mut state, 5, Continuity::Seamless);
        state.record.next_offset = 41;
        begin(&mut state, 9, Continuity::Restored);
        assert_eq!(state.record.next_offset, 41 + GAP);
        assert_eq!(state.record.epochs, [(5, 0), (9, 41 + GAP)]);
        begin(&mut state, 10, Continuity::Restored);
        assert_eq!(
            state.record.epochs,
            [(5, 0), (9, 41 + GAP), (10, 41 + 2 * GAP)]
        );
    }

    #[test]
    fn the_list_stays_short_and_keeps_its_gaps() {
        let mut state = state();
        for epoch in 1..200 {
            let continuity = match epoch % 50 {
                0 => Continuity::Restored,
                _ => Continuity::Seamless,
            };
            begin(&mut state, epoch, continuity);
            state.record.next_offset += 1;
        }
        let epochs = &state.record.epochs;
        assert_eq!(epochs.len(), NAMED);
        assert!(epochs.is_sorted());
        let gaps = epochs.windows(2).filter(|pair| pair[1].1 - pair[0].1 > GAP);
        assert_eq!(gaps.count(), 3);
        assert_eq!(epochs.last(), Some(&(199, 198 + 3 * GAP)));
    }
}
