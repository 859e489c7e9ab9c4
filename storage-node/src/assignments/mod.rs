//! Who owns which pipe: a state machine. What happens goes in with the time, decisions come out. No I/O and no clock.
//!
//! * `sessions`: a worker comes, renews, goes.
//! * `reports`: what workers say of pipes.
//! * `leaving`: a worker that is about to stop.
//! * `control`: what the operator says of workers and pipes.
//! * `settle`: after any of these, every pipe gets an owner that can get one; `moves` puts pipes where they belong better.
//! * `sought`: what the object store has of pipes after a lost disk.
//! * `plan`: the allocator's view of it.
//! * `view`: what each worker and everybody sees.
//!
//! Two rules keep two workers from writing one pipe: a pipe changes hands only when its owner has released it or can no longer
//! write ([`Workers::fence`]), and each owner gets a larger epoch. One rule keeps data: only the disk with a pipe's newest state
//! is ever told `local`, and it stops being that disk when another owner reports its first commit.
//!
//! The caller writes what [`Core::take_unwritten`] names before anything of it leaves.

mod control;
mod leaving;
mod moves;
mod pipe;
mod plan;
mod reports;
mod sessions;
mod settle;
mod sought;
mod view;

pub(crate) use pipe::{Owner, PipeRecord, PipeSpec};

use crate::formats::Readers;
use crate::topology::{Timing, WorkerRecord, Workers};
use pipe::Pipe;
use sluice_protocol::{Code, Epoch, Error, FormatRange, Incarnation, Moment, Result, WorkerId};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Numbers that only grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counters {
    pub(crate) incarnation: Incarnation,
    /// Counter of the next epoch.
    pub(crate) next_epoch: u64,
    /// The latest operator that asked for a permit.
    pub(crate) operator_epoch: u64,
    /// The longest lease that may be held by somebody.
    pub(crate) longest_lease: Duration,
    /// It began on an empty disk in a hub that was there before: what is not known may still have happened.
    pub(crate) is_filling: bool,
}

/// Everything that is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) counters: Counters,
    pub(crate) pipes: BTreeMap<String, PipeRecord>,
    pub(crate) workers: BTreeMap<WorkerId, WorkerRecord>,
}

/// What differs from what is written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Unwritten {
    /// Pipes; `None`: the record goes.
    pub(crate) pipes: BTreeMap<String, Option<PipeRecord>>,
    /// Workers; `None`: the record goes.
    pub(crate) workers: BTreeMap<WorkerId, Option<WorkerRecord>>,
    /// The counters, if they changed.
    pub(crate) counters: Option<Counters>,
}

impl Unwritten {
    pub(crate) fn is_empty(&self) -> bool {
        self.pipes.is_empty() && self.workers.is_empty() && self.counters.is_none()
    }
}

/// The state machine.
pub(crate) struct Core {
    counters: Counters,
    workers: Workers,
    pipes: BTreeMap<String, Pipe>,
    /// Of the configuration whose pipes these are.
    revision: u64,
    /// What the hub is written in: what every worker has to read.
    format: u32,
    /// What this storage node reads.
    knows: FormatRange,
    /// A worker has seen a later storage node: this one must not decide anything any more.
    superseded_by: Option<Incarnation>,
    /// There is an object store that can be asked for checkpoints.
    seeks: bool,
    to_seek: BTreeSet<String>,
    dirty_pipes: BTreeSet<String>,
    dirty_workers: BTreeSet<WorkerId>,
    dirty_counters: bool,
    /// Workers or pipes changed, so that somewhere else may be better.
    is_unbalanced: bool,
    /// Somebody may see something else than before.
    is_changed: bool,
}

impl Core {
    /// From what was kept, at the start.
    pub(crate) fn new(kept: Kept, timing: Timing, now: Moment) -> Self {
        let Kept {
            mut counters,
            pipes,
            workers,
        } = kept;
        let workers = Workers::new(workers, timing, counters.longest_lease, now);
        // Those of before count until the hold is over; after that only those of now can be.
        let longest = counters.longest_lease.max(timing.lease);
        let dirty_counters = longest != counters.longest_lease;
        counters.longest_lease = longest;
        let hold_until = workers.hold_until();
        let pipes = pipes.into_iter().map(|(id, record)| {
            // From before the disk was lost, and nobody's since: a worker that was not heard of may have it.
            let is_unheard = record.owner.is_none()
                && record.is_committed
                && record.epoch.incarnation() < counters.incarnation;
            let pipe = Pipe {
                record,
                not_before: if is_unheard { hold_until } else { Moment::ZERO },
                ..Pipe::default()
            };
            (id, pipe)
        });
        Core {
            counters,
            workers,
            pipes: pipes.collect(),
            revision: 0,
            format: FormatRange::FIRST.newest,
            knows: FormatRange::FIRST,
            superseded_by: None,
            seeks: false,
            to_seek: BTreeSet::new(),
            dirty_pipes: BTreeSet::new(),
            dirty_workers: BTreeSet::new(),
            dirty_counters,
            is_unbalanced: true,
            is_changed: true,
        }
    }

    /// The pipes of a configuration.
    pub(crate) fn configure(
        &mut self,
        revision: u64,
        specs: BTreeMap<String, PipeSpec>,
        now: Moment,
    ) {
        self.revision = revision;
        let removed = self
            .pipes
            .iter_mut()
            .filter(|(id, _)| !specs.contains_key(*id));
        let mut forgotten = Vec::new();
        for (id, pipe) in removed {
            pipe.spec = None;
            pipe.moving = None;
            if pipe.record.owner.is_none() && !pipe.record.is_committed {
                forgotten.push(id.clone());
            }
        }
        for id in forgotten {
            self.forget(&id);
        }
        for (id, spec) in specs {
            let is_filling = self.counters.is_filling;
            let not_before = self.unheard_until();
            let is_sought = is_filling && self.seeks;
            if is_filling && !self.pipes.contains_key(&id) {
                self.dirty_pipes.insert(id.clone());
                if is_sought {
                    self.to_seek.insert(id.clone());
                }
            }
            let pipe = self.pipes.entry(id).or_insert_with(|| {
                // Somebody may have it, so it is as if it had been somewhere.
                let record = PipeRecord {
                    is_committed: is_filling,
                    ..PipeRecord::default()
                };
                Pipe {
                    record,
                    not_before,
                    is_sought,
                    ..Pipe::default()
                }
            });
            self.is_unbalanced |= pipe.spec.as_ref() != Some(&spec);
            pipe.spec = Some(spec);
        }
        self.settle(now);
    }

    /// What this storage node reads, and what the hub is written in at its start.
    pub(crate) fn know(&mut self, formats: FormatRange, format: u32) {
        (self.knows, self.format) = (formats, format);
    }

    /// What the hub is written in from now on.
    pub(crate) fn set_format(&mut self, format: u32, now: Moment) {
        self.format = format;
        self.is_unbalanced |= self.workers.end_unreading(format);
        self.settle(now);
    }

    /// What workers read.
    pub(crate) fn readers(&self) -> Readers {
        self.workers.readers()
    }

    /// Time has passed.
    pub(crate) fn tick(&mut self, now: Moment) {
        if self.workers.end_overdue(now) {
            self.is_unbalanced = true;
        }
        self.settle(now);
    }

    /// When to call [`tick`](Self::tick) if nothing else happens.
    pub(crate) fn next_change(&self, now: Moment) -> Option<Moment> {
        let pipes = self.pipes.values().map(|pipe| pipe.not_before);
        let pipes = pipes.filter(|moment| *moment > now).min();
        pipes.into_iter().chain(self.workers.next_change(now)).min()
    }

    /// What has to be written before anything that depends on it leaves.
    pub(crate) fn take_unwritten(&mut self) -> Unwritten {
        let pipes = std::mem::take(&mut self.dirty_pipes).into_iter().map(|id| {
            let record = self.pipes.get(&id).map(|pipe| pipe.record.clone());
            (id, record)
        });
        let workers = std::mem::take(&mut self.dirty_workers).into_iter();
        let workers = workers.map(|id| {
            let record = self.workers.get(&id).map(|worker| worker.record.clone());
            (id, record)
        });
        Unwritten {
            pipes: pipes.collect(),
            workers: workers.collect(),
            counters: std::mem::take(&mut self.dirty_counters).then_some(self.counters),
        }
    }

    /// What could not be written is still to be written.
    pub(crate) fn put_back(&mut self, unwritten: Unwritten) {
        self.dirty_pipes.extend(unwritten.pipes.into_keys());
        self.dirty_workers.extend(unwritten.workers.into_keys());
        self.dirty_counters |= unwritten.counters.is_some();
    }

    /// Until when a pipe that is not known may have an owner all the same: one of before the disk was lost that was not heard
    /// of. On the first disk whatever was given is known.
    fn unheard_until(&self) -> Moment {
        if self.counters.incarnation > Incarnation::FIRST {
            self.workers.hold_until()
        } else {
            Moment::ZERO
        }
    }

    /// The next epoch.
    fn next_epoch(&mut self) -> Result<Epoch> {
        let epoch = Epoch::new(self.counters.incarnation, self.counters.next_epoch);
        let epoch = epoch.ok_or_else(|| {
            Error::new(
                Code::Internal,
                "no-epochs",
                "the epochs of this incarnation are used up: start the storage node with a larger incarnation",
            )
        })?;
        self.counters.next_epoch += 1;
        self.dirty_counters = true;
        Ok(epoch)
    }

    /// An error unless this storage node is the latest that anybody has seen.
    pub(crate) fn check_latest(&self) -> Result<()> {
        let Some(later) = self.superseded_by else {
            return Ok(());
        };
        let message = format!(
            "this storage node is incarnation {}, but a worker has seen {later}: it decides nothing any more",
            self.counters.incarnation
        );
        Err(Error::new(Code::Unavailable, "superseded", message))
    }

    /// Nothing is known of the pipe any more.
    fn forget(&mut self, pipe: &str) {
        self.pipes.remove(pipe);
        self.dirty_pipes.insert(pipe.to_owned());
    }
}

#[cfg(test)]
mod tests;
