//! What workers say of their pipes.

use super::moves::AFTER_A_FAILED_MOVE;
use super::{Core, Pipe};
use sluice_protocol::{
    Code, Epoch, Error, Moment, Report, Result, SessionId, Start, Unplaced, WorkerId,
};
use std::time::Duration;

/// How long a pipe that could not begin waits for its next try.
const AFTER_A_FAILED_START: Duration = Duration::from_secs(10);

impl Core {
    /// Something about a pipe.
    pub(crate) fn report(&mut self, session: SessionId, report: Report, now: Moment) -> Result<()> {
        self.check_latest()?;
        let worker = self.session(session, now)?;
        match report {
            Report::Committed { pipe, epoch } => self.committed(&worker, pipe, epoch, now),
            Report::Released {
                pipe,
                epoch,
                offset,
            } => self.released(&worker, pipe, epoch, offset, now),
            Report::Level { pipe } => self.level(&worker, &pipe, now),
            Report::Restoring {
                pipe,
                epoch,
                fetched,
                total,
            } => {
                self.owned_by(&worker, &pipe, epoch)?.restoring = Some((fetched, total));
                self.is_changed = true;
                Ok(())
            }
            Report::CannotStart {
                pipe,
                epoch,
                reason,
            } => self.cannot_start(&worker, pipe, epoch, &reason, now),
            Report::Checkpointed {
                pipe,
                epoch,
                checkpoint,
            } => {
                let known = self.owned_by(&worker, &pipe, epoch)?;
                known.record.checkpoint = Some(checkpoint);
                self.dirty_pipes.insert(pipe);
                Ok(())
            }
            Report::Flowing { flows } => {
                for one in flows {
                    // What is not the worker's any more is said by another one, or by nobody.
                    if let Ok(pipe) = self.owned_by(&worker, &one.pipe, one.epoch) {
                        pipe.flow = Some((one.epoch, one.flow));
                        self.is_changed = true;
                    }
                }
                Ok(())
            }
        }
    }

    /// The pipe's newest state is on this disk from now on, and nowhere else.
    fn committed(
        &mut self,
        worker: &WorkerId,
        id: String,
        epoch: Epoch,
        now: Moment,
    ) -> Result<()> {
        let pipe = self.owned_by(worker, &id, epoch)?;
        let record = &mut pipe.record;
        let Some(owner) = &record.owner else {
            return Ok(());
        };
        if record.is_committed && record.state_on.as_ref() == Some(&owner.disk) {
            return Ok(());
        }
        if owner.start == Start::StartOver {
            record.checkpoint = None;
        }
        let is_moved = matches!(owner.start, Start::HandOver { .. } | Start::Restore { .. });
        record.is_committed = true;
        record.may_start_over = false;
        record.state_on = Some(owner.disk.clone());
        pipe.restoring = None;
        self.dirty_pipes.insert(id);
        if is_moved {
            // There is room for the next move.
            self.is_unbalanced = true;
            self.settle(now);
        }
        Ok(())
    }

    /// The owner has stopped.
    fn released(
        &mut self,
        worker: &WorkerId,
        id: String,
        epoch: Epoch,
        offset: Option<u64>,
        now: Moment,
    ) -> Result<()> {
        let address = self
            .workers
            .get(worker)
            .map(|worker| worker.address.clone());
        let pipe = self.owned_by(worker, &id, epoch)?;
        let moving = pipe.moving.take().filter(|moving| moving.is_releasing);
        let owner = pipe.record.owner.take();
        let has_state = pipe.record.is_committed
            && pipe.record.state_on.as_ref() == owner.as_ref().map(|owner| &owner.disk);
        let is_gone = pipe.spec.is_none() && !pipe.record.is_committed;
        self.dirty_pipes.insert(id.clone());
        if is_gone {
            self.forget(&id);
        }
        // Without a state there is nothing to hand over: it begins there as it would anywhere.
        if let Some(moving) = moving.filter(|_| has_state)
            && let Some(to) = self.workers.get(&moving.to)
            && to.takes_pipes()
        {
            let disk = to.record.disk.clone();
            let start = Start::HandOver {
                from: worker.clone(),
                address: address.unwrap_or_default(),
                offset,
            };
            self.assign(&id, &moving.to, &disk, start);
        }
        self.is_unbalanced = true;
        self.settle(now);
        Ok(())
    }

    /// The new owner is ready: the old one may stop.
    fn level(&mut self, worker: &WorkerId, id: &str, now: Moment) -> Result<()> {
        let moving = self.pipes.get_mut(id).and_then(|pipe| pipe.moving.as_mut());
        let Some(moving) = moving.filter(|moving| moving.to == *worker) else {
            return Err(stale(id));
        };
        moving.is_releasing = true;
        self.settle(now);
        Ok(())
    }

    fn cannot_start(
        &mut self,
        worker: &WorkerId,
        id: String,
        epoch: Epoch,
        reason: &str,
        now: Moment,
    ) -> Result<()> {
        tracing::warn!(pipe = id, %worker, reason, "the worker cannot begin the pipe");
        let pipe = self.pipes.get_mut(&id).ok_or_else(|| stale(&id))?;
        if pipe
            .moving
            .as_ref()
            .is_some_and(|moving| moving.to == *worker)
        {
            pipe.moving = None;
            pipe.not_moved_before = now + AFTER_A_FAILED_MOVE;
        } else {
            let pipe = self.owned_by(worker, &id, epoch)?;
            pipe.record.owner = None;
            pipe.moving = None;
            pipe.not_before = now + AFTER_A_FAILED_START;
            pipe.unplaced = Some(Unplaced::NoWorker);
            self.dirty_pipes.insert(id);
        }
        self.settle(now);
        Ok(())
    }

    /// The pipe, if the worker has its present epoch.
    fn owned_by(&mut self, worker: &WorkerId, id: &str, epoch: Epoch) -> Result<&mut Pipe> {
        let pipe = self.pipes.get_mut(id).ok_or_else(|| stale(id))?;
        if pipe
            .owner_at(epoch)
            .is_some_and(|owner| owner.worker == *worker)
        {
            Ok(pipe)
        } else {
            Err(stale(id))
        }
    }
}

fn stale(pipe: &str) -> Error {
    let message = format!("pipe \"{pipe}\" is not the worker's at this epoch");
    Error::new(Code::Conflict, "stale-epoch", message)
}
