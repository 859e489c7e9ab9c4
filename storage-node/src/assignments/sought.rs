//! Checkpoints that nobody told of: after a lost disk the object store is asked for those of every pipe, since the worker that made
//! them may be gone too. Until that is answered such a pipe begins nowhere.

use super::Core;
use super::pipe::{Pipe, PipeRecord};
use sluice_protocol::{Checkpoint, Epoch, Incarnation, Moment};

impl Core {
    /// From now on pipes that may have been somewhere are looked for. Called before the first configuration.
    pub(crate) fn seek_checkpoints(&mut self) {
        self.seeks = true;
        for (id, pipe) in &mut self.pipes {
            if is_unknown(&pipe.record) {
                pipe.is_sought = true;
                self.to_seek.insert(id.clone());
            }
        }
    }

    /// Pipes to be looked for; each once.
    pub(crate) fn take_sought(&mut self) -> Vec<String> {
        std::mem::take(&mut self.to_seek).into_iter().collect()
    }

    /// What the object store has of pipes.
    pub(crate) fn found(&mut self, known: Vec<(String, Option<Checkpoint>)>, now: Moment) {
        for (id, checkpoint) in known {
            let Some(pipe) = self.pipes.get_mut(&id) else {
                continue;
            };
            pipe.is_sought = false;
            // A worker that was heard meanwhile knows better.
            if is_unknown(&pipe.record) && checkpoint.is_some() {
                pipe.record.checkpoint = checkpoint;
                self.dirty_pipes.insert(id);
            }
        }
        self.settle(now);
    }

    /// Another storage node has taken over.
    pub(crate) fn supersede(&mut self, by: Incarnation) {
        self.superseded_by = self.superseded_by.max(Some(by));
    }
}

impl Pipe {
    /// It waits for what the object store says of it.
    pub(super) fn waits_for_checkpoint(&self) -> bool {
        self.is_sought && is_unknown(&self.record)
    }
}

/// It may have been somewhere, and nobody has said where.
fn is_unknown(record: &PipeRecord) -> bool {
    record.is_committed
        && record.epoch == Epoch::NONE
        && record.owner.is_none()
        && record.state_on.is_none()
        && record.checkpoint.is_none()
}
