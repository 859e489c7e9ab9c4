//! One pipe: what is kept of it, and how its next owner would begin.

use sluice_protocol::{
    Checkpoint, DiskId, Epoch, Flow, Isolation, Moment, Start, Unplaced, WorkerId,
};

/// What the configuration says that matters for where a pipe is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PipeSpec {
    /// Datasets it reads or hops to.
    pub(crate) reads: Vec<String>,
    /// The dataset it writes.
    pub(crate) writes: Option<String>,
    /// Others push to it: what they pushed can be read nowhere again.
    pub(crate) is_pushed_to: bool,
}

/// Who holds a pipe's epoch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) worker: WorkerId,
    pub(crate) disk: DiskId,
    /// How it was told to begin.
    pub(crate) start: Start,
}

/// What is kept of a pipe. A pipe that was removed keeps its record as long as a disk has its state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PipeRecord {
    /// The largest epoch it was ever given.
    pub(crate) epoch: Epoch,
    /// Who has that epoch, until released.
    pub(crate) owner: Option<Owner>,
    /// It has committed at least once, or may have.
    pub(crate) is_committed: bool,
    /// The disk with its newest state.
    pub(crate) state_on: Option<DiskId>,
    /// Its newest checkpoint.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// Somebody said that it may start over although that loses what was pushed.
    pub(crate) may_start_over: bool,
    /// Whether it wants a worker for itself.
    pub(crate) isolation: Isolation,
}

/// A move that goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Moving {
    pub(crate) to: WorkerId,
    /// The new owner is level, the old one was told to stop.
    pub(crate) is_releasing: bool,
}

/// A pipe with what is known of it beside its record.
#[derive(Clone, Debug, Default)]
pub(crate) struct Pipe {
    pub(crate) record: PipeRecord,
    /// `None`: not configured (any more).
    pub(crate) spec: Option<PipeSpec>,
    pub(crate) moving: Option<Moving>,
    /// Given to nobody before: somebody may have it that was not heard of yet, or it has just failed to begin.
    pub(crate) not_before: Moment,
    /// Whether the object store has a checkpoint of it is being found out.
    pub(crate) is_sought: bool,
    /// A move of it came to nothing.
    pub(crate) not_moved_before: Moment,
    /// Bytes fetched and in all, while its state is brought to its owner.
    pub(crate) restoring: Option<(u64, u64)>,
    /// Its part of a worker's work.
    pub(crate) weight: u64,
    /// Bytes of its dataset.
    pub(crate) bytes: u64,
    /// Why it is nowhere.
    pub(crate) unplaced: Option<Unplaced>,
    /// How it does, and under which epoch that was said.
    pub(crate) flow: Option<(Epoch, Flow)>,
}

/// How the next owner begins, if it is not the one with the state on its disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Elsewhere {
    Begin(Start),
    /// Nowhere else.
    Not(Unplaced),
}

impl Pipe {
    /// Who decides where a new owner's state comes from: what is known of the pipe, nothing else.
    pub(crate) fn elsewhere(&self) -> Elsewhere {
        let record = &self.record;
        if !record.is_committed {
            return Elsewhere::Begin(Start::Fresh);
        }
        if let Some(checkpoint) = record.checkpoint {
            return Elsewhere::Begin(Start::Restore { checkpoint });
        }
        let is_pushed_to = self.spec.as_ref().is_none_or(|spec| spec.is_pushed_to);
        if !is_pushed_to || record.may_start_over {
            return Elsewhere::Begin(Start::StartOver);
        }
        Elsewhere::Not(match record.state_on {
            Some(_) => Unplaced::DiskAway,
            None => Unplaced::StateLost,
        })
    }

    /// The owner, if its epoch is this one.
    pub(crate) fn owner_at(&self, epoch: Epoch) -> Option<&Owner> {
        let owner = self.record.owner.as_ref()?;
        (self.record.epoch == epoch).then_some(owner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pipe(is_pushed_to: bool, change: impl FnOnce(&mut PipeRecord)) -> Elsewhere {
        let spec = PipeSpec {
            is_pushed_to,
            ..PipeSpec::default()
        };
        let mut pipe = Pipe {
            spec: Some(spec),
            ..Pipe::default()
        };
        change(&mut pipe.record);
        pipe.elsewhere()
    }

    #[test]
    fn only_what_never_committed_begins_fresh() {
        assert_eq!(pipe(true, |_| ()), Elsewhere::Begin(Start::Fresh));
        let committed = |record: &mut PipeRecord| record.is_committed = true;
        assert_eq!(pipe(false, committed), Elsewhere::Begin(Start::StartOver));
        assert_eq!(pipe(true, committed), Elsewhere::Not(Unplaced::StateLost));
    }

    #[test]
    fn a_checkpoint_goes_before_starting_over() {
        let checkpoint = Checkpoint {
            number: 7,
            format: 1,
        };
        for is_pushed_to in [false, true] {
            let restored = pipe(is_pushed_to, |record| {
                record.is_committed = true;
                record.checkpoint = Some(checkpoint);
            });
            assert_eq!(restored, Elsewhere::Begin(Start::Restore { checkpoint }));
        }
    }

    #[test]
    fn pushed_data_waits_for_its_disk_until_somebody_lets_it_go() {
        let on_a_disk = |record: &mut PipeRecord| {
            record.is_committed = true;
            record.state_on = Some(DiskId("d".into()));
        };
        assert_eq!(pipe(true, on_a_disk), Elsewhere::Not(Unplaced::DiskAway));
        let let_go = |record: &mut PipeRecord| {
            on_a_disk(record);
            record.may_start_over = true;
        };
        assert_eq!(pipe(true, let_go), Elsewhere::Begin(Start::StartOver));
    }
}
