//! What the operator, or a person, says of workers and pipes; leave for what cannot be undone.

use super::Core;
use sluice_protocol::{
    Act, Code, DiskId, Error, Isolation, Moment, Permit, PermitRequest, Result, Standing, Unplaced,
    WorkerId,
};

impl Core {
    /// What a worker may be given.
    pub(crate) fn set_standing(
        &mut self,
        id: &WorkerId,
        standing: Standing,
        now: Moment,
    ) -> Result<()> {
        self.check_latest()?;
        if standing == Standing::Retired {
            let message = "a worker is retired with a permit";
            return Err(Error::invalid("needs-permit", message));
        }
        let worker = self.workers.get_mut(id).ok_or_else(|| unknown(id))?;
        if worker.record.standing == Standing::Retired {
            return Err(conflict(
                "retired-worker",
                format!("worker {id} is retired"),
            ));
        }
        if worker.record.standing != standing {
            worker.record.standing = standing;
            self.dirty_workers.insert(id.clone());
            self.is_unbalanced = true;
            self.settle(now);
        }
        Ok(())
    }

    /// Whether a pipe shares its worker.
    pub(crate) fn set_isolation(
        &mut self,
        id: &str,
        isolation: Isolation,
        now: Moment,
    ) -> Result<()> {
        self.check_latest()?;
        let pipe = self.pipes.get_mut(id);
        let pipe = pipe.ok_or_else(|| Error::not_found("unknown-pipe", "pipe", id))?;
        if pipe.record.isolation != isolation {
            pipe.record.isolation = isolation;
            self.dirty_pipes.insert(id.to_owned());
            self.is_unbalanced = true;
            self.settle(now);
        }
        Ok(())
    }

    /// A pipe may begin without what was pushed to it.
    pub(crate) fn start_over(&mut self, id: &str, now: Moment) -> Result<()> {
        self.check_latest()?;
        let pipe = self.pipes.get_mut(id);
        let pipe = pipe.ok_or_else(|| Error::not_found("unknown-pipe", "pipe", id))?;
        if !matches!(
            pipe.unplaced,
            Some(Unplaced::StateLost | Unplaced::DiskAway)
        ) {
            let message = format!("the state of pipe \"{id}\" is not lost");
            return Err(Error::new(Code::FailedPrecondition, "not-lost", message));
        }
        pipe.record.may_start_over = true;
        self.dirty_pipes.insert(id.to_owned());
        self.settle(now);
        Ok(())
    }

    /// The new disk is filled.
    pub(crate) fn filled(&mut self) {
        self.dirty_counters |= self.counters.is_filling;
        self.is_changed |= self.counters.is_filling;
        self.counters.is_filling = false;
    }

    /// Leave for a destructive act. What is allowed counts as done: nothing is assigned there any more.
    pub(crate) fn permit(&mut self, request: PermitRequest, now: Moment) -> Result<Permit> {
        self.check_latest()?;
        let PermitRequest {
            operator_epoch,
            act,
        } = request;
        let latest = self.counters.operator_epoch;
        if operator_epoch < latest {
            let message = format!("operator {operator_epoch} was replaced by {latest}");
            return Err(conflict("stale-operator", message));
        }
        if operator_epoch > latest {
            self.counters.operator_epoch = operator_epoch;
            self.dirty_counters = true;
        }
        self.workers.end_overdue(now);
        match &act {
            Act::RetireWorker(worker) => self.retire(&worker.clone(), now)?,
            Act::GiveUpDisk { disk, even_if_lost } => {
                self.give_up(&disk.clone(), *even_if_lost, now)?;
            }
        }
        self.is_unbalanced = true;
        self.settle(now);
        Ok(Permit {
            operator_epoch,
            act,
        })
    }

    fn retire(&mut self, id: &WorkerId, now: Moment) -> Result<()> {
        let worker = self.workers.get(id).ok_or_else(|| unknown(id))?;
        let disk = worker.record.disk.clone();
        self.check_unused(&disk, now)?;
        self.check_not_only_copy(&disk)?;
        self.end(id, &disk);
        Ok(())
    }

    fn give_up(&mut self, disk: &DiskId, even_if_lost: bool, now: Moment) -> Result<()> {
        let (id, _) = self
            .workers
            .of_disk(disk)
            .ok_or_else(|| Error::not_found("unknown-disk", "disk", &disk.0))?;
        let id = id.clone();
        self.check_unused(disk, now)?;
        if !even_if_lost {
            self.check_not_only_copy(disk)?;
        }
        self.end(&id, disk);
        Ok(())
    }

    /// Nobody writes a configured pipe there, or may.
    fn check_unused(&self, disk: &DiskId, now: Moment) -> Result<()> {
        let mut used = self.pipes.iter().filter(|(_, pipe)| {
            let owner = pipe.record.owner.as_ref();
            pipe.spec.is_some() && owner.is_some_and(|owner| owner.disk == *disk)
        });
        let may_write = self.workers.live_on(disk).is_some() || now < self.workers.fence(disk);
        match used.next().filter(|_| may_write) {
            Some((pipe, _)) => {
                let message = format!("pipe \"{pipe}\" is on disk {disk}, which may be written");
                Err(conflict("worker-in-use", message))
            }
            None => Ok(()),
        }
    }

    /// Every configured pipe with its state there has it in the object store too.
    fn check_not_only_copy(&self, disk: &DiskId) -> Result<()> {
        let only_copy = self.pipes.iter().find(|(_, pipe)| {
            let record = &pipe.record;
            pipe.spec.is_some()
                && record.state_on.as_ref() == Some(disk)
                && record.checkpoint.is_none()
        });
        match only_copy {
            Some((pipe, _)) => {
                let message = format!("the only state of pipe \"{pipe}\" is on disk {disk}");
                Err(conflict("only-copy", message))
            }
            None => Ok(()),
        }
    }

    /// Worker and disk are gone for good.
    fn end(&mut self, id: &WorkerId, disk: &DiskId) {
        tracing::info!(worker = %id, %disk, "the worker is retired, its disk given up");
        if let Some(worker) = self.workers.get_mut(id) {
            worker.record.standing = Standing::Retired;
            worker.session = None;
        }
        self.dirty_workers.insert(id.clone());
        let mut forgotten = Vec::new();
        for (id, pipe) in &mut self.pipes {
            let record = &mut pipe.record;
            let is_owned = record
                .owner
                .as_ref()
                .is_some_and(|owner| owner.disk == *disk);
            let is_there = record.state_on.as_ref() == Some(disk);
            if !is_owned && !is_there {
                continue;
            }
            record.owner = record.owner.take().filter(|_| !is_owned);
            record.state_on = record.state_on.take().filter(|_| !is_there);
            if pipe.spec.is_none() && record.state_on.is_none() && record.owner.is_none() {
                forgotten.push(id.clone());
            }
            self.dirty_pipes.insert(id.clone());
        }
        for id in forgotten {
            self.forget(&id);
        }
    }
}

fn unknown(worker: &WorkerId) -> Error {
    Error::not_found("unknown-worker", "worker", &worker.0)
}

fn conflict(reason: &'static str, message: String) -> Error {
    Error::new(Code::Conflict, reason, message)
}
