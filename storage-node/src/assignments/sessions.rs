//! Sessions: a worker comes with a disk, renews its lease, goes.

use super::{Core, Pipe, PipeRecord};
use crate::formats;
use crate::topology::{OpenedSession, Worker, WorkerRecord};
use sluice_protocol::{
    Code, DiskId, Epoch, Error, HeldPipe, Moment, OpenSession, Renewal, Result, Session, SessionId,
    Standing, Start, WorkerId,
};

impl Core {
    /// A worker comes, or comes back. What its disk owns is its own at once, with new epochs.
    pub(crate) fn open_session(&mut self, open: OpenSession, now: Moment) -> Result<Session> {
        self.workers.end_overdue(now);
        self.see(&open);
        self.check_latest()?;
        let (reads, disk) = (open.formats.of_hub(), open.format);
        formats::admit(&open.worker, reads, disk, self.format, self.knows)?;
        self.check_pair(&open, now)?;
        let id = SessionId(self.next_epoch()?.number());
        tracing::info!(worker = %open.worker, disk = %open.disk, boot = open.boot.0, session = %id, pipes = open.pipes.len(), "a worker opened a session");
        let standing = self
            .workers
            .get(&open.worker)
            .map(|worker| worker.record.standing);
        let record = WorkerRecord {
            disk: open.disk.clone(),
            standing: standing.unwrap_or_default(),
        };
        let worker = Worker {
            record,
            address: open.address,
            session: Some(OpenedSession {
                id,
                formats: open.formats,
                is_leaving: false,
            }),
            reads: Some(reads),
            disk_format: disk,
        };
        self.workers.insert(open.worker.clone(), worker);
        self.workers.answer(&open.disk, now);
        self.dirty_workers.insert(open.worker.clone());
        for held in open.pipes {
            self.adopt(held, &open.disk, now);
        }
        self.own_again(&open.disk)?;
        self.is_unbalanced = true;
        self.settle(now);
        let timing = self.workers.timing();
        Ok(Session {
            id,
            incarnation: self.counters.incarnation,
            lease: timing.lease,
            renew_every: timing.renew_every,
        })
    }

    /// Learns from what the worker has seen: epochs never go back, whatever became of this node's disk.
    fn see(&mut self, open: &OpenSession) {
        let incarnation = self.counters.incarnation;
        let epochs = open.pipes.iter().map(|held| held.epoch);
        let newest = epochs.max().unwrap_or_default();
        let seen = open.seen.max(newest.incarnation());
        if seen > incarnation {
            tracing::error!(%incarnation, %seen, worker = %open.worker, "a worker has seen a later storage node; this one stops deciding");
            self.superseded_by = self.superseded_by.max(Some(seen));
        }
        if newest.incarnation() == incarnation && newest.counter() >= self.counters.next_epoch {
            self.counters.next_epoch = newest.counter() + 1;
            self.dirty_counters = true;
        }
    }

    /// A worker and its disk belong together, and neither is in two places.
    fn check_pair(&self, open: &OpenSession, now: Moment) -> Result<()> {
        let conflict = |reason, message: String| Err(Error::new(Code::Conflict, reason, message));
        if let Some(known) = self.workers.get(&open.worker) {
            if known.record.standing == Standing::Retired {
                let message = format!("worker {} is retired", open.worker);
                return conflict("retired-worker", message);
            }
            let disk = &known.record.disk;
            if *disk != open.disk && now < self.workers.fence(disk) {
                let message = format!(
                    "worker {} may still write on disk {disk}; it comes with {}",
                    open.worker, open.disk
                );
                return conflict("other-disk", message);
            }
        }
        match self.workers.of_disk(&open.disk) {
            Some((owner, _)) if *owner != open.worker => {
                let message = format!(
                    "disk {} belongs to worker {owner}, not to {}",
                    open.disk, open.worker
                );
                conflict("other-disk", message)
            }
            _ => Ok(()),
        }
    }

    /// A disk has a state of a pipe. It is the newest one if nothing later is known.
    fn adopt(&mut self, held: HeldPipe, disk: &DiskId, now: Moment) {
        let is_known = self.pipes.contains_key(&held.pipe);
        let owner = self
            .pipes
            .get(&held.pipe)
            .and_then(|pipe| pipe.record.owner.as_ref());
        if owner.is_some_and(|owner| owner.disk != *disk && now < self.workers.fence(&owner.disk)) {
            return;
        }
        // Another worker may have a later state, and write it.
        let not_before = self.unheard_until();
        let pipe = self.pipes.entry(held.pipe.clone()).or_insert_with(|| Pipe {
            not_before,
            ..Pipe::default()
        });
        let record = &mut pipe.record;
        let is_later = held.epoch > record.epoch;
        let is_first = record.epoch == Epoch::NONE && record.state_on.is_none();
        if is_known && !is_later && !is_first {
            return;
        }
        let isolation = record.isolation;
        *record = PipeRecord {
            epoch: held.epoch,
            is_committed: true,
            state_on: Some(disk.clone()),
            checkpoint: held.checkpoint,
            isolation,
            ..PipeRecord::default()
        };
        self.dirty_pipes.insert(held.pipe);
    }

    /// The pipes whose epoch this disk has.
    fn own_again(&mut self, disk: &DiskId) -> Result<()> {
        let owned = self.pipes.iter().filter(|(_, pipe)| {
            let owner = pipe.record.owner.as_ref();
            pipe.spec.is_some() && owner.is_some_and(|owner| owner.disk == *disk)
        });
        let owned: Vec<String> = owned.map(|(id, _)| id.clone()).collect();
        for id in owned {
            let epoch = self.next_epoch()?;
            let Some(pipe) = self.pipes.get_mut(&id) else {
                continue;
            };
            pipe.own_again(disk, epoch);
            self.dirty_pipes.insert(id);
        }
        Ok(())
    }

    /// The worker is there.
    pub(crate) fn renew(&mut self, renewal: Renewal, now: Moment) -> Result<()> {
        self.check_latest()?;
        let worker = self.session(renewal.session, now)?;
        let disk = self
            .workers
            .get(&worker)
            .map(|worker| worker.record.disk.clone());
        if let Some(disk) = disk {
            self.is_changed |= self.workers.is_late(&disk, now);
            self.workers.answer(&disk, now);
        }
        for load in renewal.loads {
            if let Some(pipe) = self.pipes.get_mut(&load.pipe) {
                (pipe.weight, pipe.bytes) = (load.weight, load.bytes);
            }
        }
        Ok(())
    }

    /// The worker of an open session, or the refusal.
    pub(super) fn session(&mut self, session: SessionId, now: Moment) -> Result<WorkerId> {
        if self.workers.end_overdue(now) {
            self.is_unbalanced = true;
        }
        let worker = self.workers.of_session(session).map(|(id, _)| id.clone());
        worker.ok_or_else(|| {
            Error::new(
                Code::FailedPrecondition,
                "session-ended",
                format!("session {session} has ended: open another"),
            )
        })
    }

    /// The worker has stopped. Its pipes wait for it as if it had gone without a word: it may only be restarting.
    pub(crate) fn close_session(&mut self, session: SessionId, now: Moment) -> Result<()> {
        let id = self.session(session, now)?;
        tracing::info!(worker = %id, %session, "a worker closed its session");
        if let Some(worker) = self.workers.get_mut(&id) {
            worker.session = None;
        }
        self.is_unbalanced = true;
        self.settle(now);
        Ok(())
    }
}

impl Pipe {
    /// The same owner, after it was away.
    fn own_again(&mut self, disk: &DiskId, epoch: Epoch) {
        self.moving = None;
        self.record.epoch = epoch;
        let has_state = self.record.state_on.as_ref() == Some(disk);
        if let Some(owner) = &mut self.record.owner
            && has_state
        {
            owner.start = Start::Local;
        }
    }
}
