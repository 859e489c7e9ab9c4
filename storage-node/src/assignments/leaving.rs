//! A worker that is about to stop: what others can take goes to them first.

use super::Core;
use sluice_protocol::{Departure, Moment, Result, SessionId, WorkerId};
use std::collections::BTreeMap;

impl Core {
    /// For as long as its session lasts the worker is given nothing, and what it has moves to others. Answers how much there is
    /// to wait for.
    pub(crate) fn leave(&mut self, session: SessionId, now: Moment) -> Result<Departure> {
        self.check_latest()?;
        let id = self.session(session, now)?;
        if let Some(worker) = self.workers.get_mut(&id)
            && let Some(open) = &mut worker.session
            && !open.is_leaving
        {
            tracing::info!(worker = %id, %session, "the worker is about to stop: its pipes go where they can");
            open.is_leaving = true;
        }
        // Also when it is asked again: a move may have come to nothing since.
        self.is_unbalanced = true;
        self.settle(now);
        Ok(Departure {
            pipes: self.yet_to_go(&id, now),
        })
    }

    /// Pipes of the worker that are on their way to others, or could be.
    fn yet_to_go(&self, id: &WorkerId, now: Moment) -> u64 {
        let Some(worker) = self.workers.get(id) else {
            return 0;
        };
        let plan = self.plan(&BTreeMap::new());
        let could_leave = plan.could_leave(id);
        let yet = self.pipes.iter().filter(|(name, pipe)| {
            let owner = pipe.record.owner.as_ref();
            let is_here = owner.is_some_and(|owner| owner.disk == worker.record.disk);
            let could = could_leave.contains(name.as_str()) && now >= pipe.not_moved_before;
            pipe.spec.is_some() && is_here && (pipe.moving.is_some() || could)
        });
        yet.count() as u64
    }
}
