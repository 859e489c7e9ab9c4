//! Owners for pipes that have none.

use super::Core;
use super::pipe::{Elsewhere, Owner, Pipe};
use sluice_protocol::{DiskId, Moment, Start, Unplaced, WorkerId};
use std::collections::BTreeMap;

/// A pipe that can begin somewhere now, and how.
struct Homeless {
    pipe: String,
    start: Start,
}

impl Core {
    /// Gives every pipe an owner that can get one, then asks for moves.
    pub(super) fn settle(&mut self, now: Moment) {
        if self.superseded_by.is_some() {
            return;
        }
        self.is_changed = true;
        self.drop_moves();
        let mut homeless = Vec::new();
        let ids: Vec<String> = self.pipes.keys().cloned().collect();
        for id in ids {
            homeless.extend(self.look_at(&id, now));
        }
        if !homeless.is_empty() {
            self.place(homeless);
        }
        if std::mem::take(&mut self.is_unbalanced) {
            self.ask_for_moves(now);
        }
    }

    /// What can be decided without the allocator; answers a pipe that needs it.
    fn look_at(&mut self, id: &str, now: Moment) -> Option<Homeless> {
        let pipe = self.pipes.get(id)?;
        pipe.spec.as_ref()?;
        let unplaced = match self.decide(pipe, now) {
            Decision::Stays => None,
            Decision::Waits(why) => Some(why),
            Decision::Returns(worker, disk) => {
                self.assign(id, &worker, &disk, Start::Local);
                None
            }
            Decision::Anywhere(start) => {
                let pipe = id.to_owned();
                return Some(Homeless { pipe, start });
            }
        };
        let pipe = self.pipes.get_mut(id)?;
        if pipe.unplaced != unplaced
            && matches!(unplaced, Some(Unplaced::StateLost | Unplaced::DiskAway))
        {
            tracing::warn!(pipe = id, reason = ?unplaced, "the pipe stays unplaced");
        }
        pipe.unplaced = unplaced;
        None
    }

    fn decide(&self, pipe: &Pipe, now: Moment) -> Decision {
        let record = &pipe.record;
        if let Some(owner) = &record.owner {
            if self.workers.live_on(&owner.disk).is_some() {
                return Decision::Stays;
            }
            if now < self.workers.fence(&owner.disk) {
                return Decision::Waits(Unplaced::OwnerMayWrite);
            }
        }
        if now < pipe.not_before {
            return Decision::Waits(Unplaced::OwnerMayWrite);
        }
        if let Some(disk) = &record.state_on {
            if let Some((worker, _)) = self.workers.live_on(disk) {
                return Decision::Returns(worker.clone(), disk.clone());
            }
            // It has most likely only gone for a moment.
            if now < self.workers.fence(disk) {
                return Decision::Waits(Unplaced::OwnerMayWrite);
            }
        }
        if pipe.waits_for_checkpoint() {
            return Decision::Waits(Unplaced::OwnerMayWrite);
        }
        match pipe.elsewhere() {
            Elsewhere::Begin(start) => Decision::Anywhere(start),
            Elsewhere::Not(why) => Decision::Waits(why),
        }
    }

    /// Lets the allocator find workers.
    fn place(&mut self, homeless: Vec<Homeless>) {
        let starts: BTreeMap<String, Start> = homeless
            .into_iter()
            .map(|homeless| (homeless.pipe, homeless.start))
            .collect();
        let plan = self.plan(&starts);
        let placed = plan.place();
        for (id, start) in starts {
            match placed.get(&id) {
                Some((worker, disk)) => self.assign(&id, worker, disk, start),
                None => {
                    if let Some(pipe) = self.pipes.get_mut(&id) {
                        pipe.unplaced = Some(Unplaced::NoWorker);
                    }
                }
            }
        }
    }

    /// Gives a pipe to a worker, under the next epoch.
    pub(super) fn assign(&mut self, id: &str, worker: &WorkerId, disk: &DiskId, start: Start) {
        let epoch = match self.next_epoch() {
            Ok(epoch) => epoch,
            Err(error) => {
                tracing::error!(pipe = id, %error, "the pipe cannot be assigned");
                return;
            }
        };
        let Some(pipe) = self.pipes.get_mut(id) else {
            return;
        };
        if start == Start::StartOver {
            tracing::warn!(pipe = id, %worker, %epoch, "the pipe's state is lost: it starts over with a new generation");
        } else {
            tracing::debug!(pipe = id, %worker, %epoch, ?start, "the pipe is assigned");
        }
        pipe.record.epoch = epoch;
        pipe.record.owner = Some(Owner {
            worker: worker.clone(),
            disk: disk.clone(),
            start,
        });
        pipe.moving = None;
        pipe.unplaced = None;
        pipe.restoring = None;
        self.dirty_pipes.insert(id.to_owned());
    }
}

enum Decision {
    /// It has an owner.
    Stays,
    /// It can have none now.
    Waits(Unplaced),
    /// The disk with its state is there.
    Returns(WorkerId, DiskId),
    /// Whoever can.
    Anywhere(Start),
}
