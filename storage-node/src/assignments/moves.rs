//! Planned moves: the new owner follows first, then the old one stops, then the epoch changes hands.

use super::Core;
use super::pipe::{Moving, Pipe};
use sluice_protocol::{Moment, Start};
use std::collections::BTreeMap;
use std::time::Duration;

/// Moves that go on at the same time.
const AT_ONCE: usize = 8;
/// How long a pipe stays where it is after a move of it came to nothing.
pub(super) const AFTER_A_FAILED_MOVE: Duration = Duration::from_secs(60);

impl Core {
    /// Ends moves whose old or new owner is gone; the pipe stays where it is.
    pub(super) fn drop_moves(&mut self) {
        for (id, pipe) in &mut self.pipes {
            let Some(moving) = &pipe.moving else { continue };
            let owner = pipe.record.owner.as_ref();
            let is_owned = owner.is_some_and(|owner| self.workers.live_on(&owner.disk).is_some());
            let is_taken = self
                .workers
                .get(&moving.to)
                .is_some_and(|worker| worker.takes_pipes());
            if !is_owned || !is_taken {
                tracing::info!(pipe = id, to = %moving.to, "the move of the pipe is given up");
                pipe.moving = None;
                self.is_unbalanced = true;
            }
        }
    }

    /// Begins the moves that are worth it, a few at a time.
    pub(super) fn ask_for_moves(&mut self, now: Moment) {
        let present = self
            .workers
            .iter()
            .filter(|(_, worker)| worker.session.is_some());
        if present.count() < 2 {
            return;
        }
        if now < self.workers.hold_until() {
            // Not all workers have come yet.
            self.is_unbalanced = true;
            return;
        }
        let going_on = self.pipes.values().filter(|pipe| pipe.is_moving()).count();
        let moves = self
            .plan(&BTreeMap::new())
            .moves(AT_ONCE.saturating_sub(going_on));
        for (id, (to, _)) in moves {
            let Some(pipe) = self.pipes.get_mut(&id) else {
                continue;
            };
            if now < pipe.not_moved_before {
                continue;
            }
            tracing::info!(pipe = id, %to, "the pipe is to move");
            pipe.moving = Some(Moving {
                to,
                is_releasing: false,
            });
        }
    }
}

impl Pipe {
    /// It may be asked to move: it has an owner that has its state.
    pub(super) fn may_move(&self) -> bool {
        !self.is_moving() && self.record.owner.is_some()
    }

    fn is_moving(&self) -> bool {
        let owner = self.record.owner.as_ref();
        // Until the new owner has reported its first commit, the old one has the state.
        let is_arriving = owner.is_some_and(|owner| {
            matches!(owner.start, Start::HandOver { .. } | Start::Restore { .. })
                && self.record.state_on.as_ref() != Some(&owner.disk)
        });
        self.moving.is_some() || is_arriving
    }
}
