//! The workers: their disks and sessions, when they were last answered, whether they live. Pure.

use crate::formats::{Reader, Readers};
use sluice_protocol::{
    DiskId, FormatRange, Formats, Liveness, Moment, SessionId, Standing, WorkerFacts, WorkerId,
};
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

/// How long things last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Timing {
    /// A lease, from the moment at which the worker sent the request.
    pub(crate) lease: Duration,
    /// How often a worker renews it.
    pub(crate) renew_every: Duration,
    /// How long after a lease its pipes still stay where they are.
    pub(crate) margin: Duration,
}

impl Timing {
    /// The design's: one second more than a lease, five renewals in each.
    pub(crate) fn of_lease(lease: Duration) -> Self {
        Timing {
            lease,
            renew_every: lease / 5,
            margin: Duration::from_secs(1),
        }
    }
}

/// What is kept of a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WorkerRecord {
    pub(crate) disk: DiskId,
    pub(crate) standing: Standing,
}

/// An open session.
#[derive(Clone, Debug)]
pub(crate) struct OpenedSession {
    pub(crate) id: SessionId,
    pub(crate) formats: Formats,
    /// The worker is about to stop: it is given nothing, and what it has goes. Of the session, not of the worker: a worker that
    /// comes back with its disk is one like any other.
    pub(crate) is_leaving: bool,
}

/// A worker that had a session once.
#[derive(Clone, Debug)]
pub(crate) struct Worker {
    pub(crate) record: WorkerRecord,
    pub(crate) address: String,
    pub(crate) session: Option<OpenedSession>,
    /// The formats of the hub that it reads, as it said last since the start.
    pub(crate) reads: Option<FormatRange>,
    /// The format that its disk was in then; 0: unknown, or the first.
    pub(crate) disk_format: u32,
}

impl Worker {
    /// Whether it may be given a pipe it does not have.
    pub(crate) fn takes_pipes(&self) -> bool {
        self.session.is_some() && self.record.standing == Standing::Active && !self.is_leaving()
    }

    /// Whether it is about to stop.
    pub(crate) fn is_leaving(&self) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.is_leaving)
    }

    /// What it can read; nothing while it is away.
    pub(crate) fn formats(&self) -> Formats {
        self.session
            .as_ref()
            .map(|session| session.formats)
            .unwrap_or_default()
    }
}

/// All workers.
#[derive(Debug)]
pub(crate) struct Workers {
    timing: Timing,
    /// Disks that were not heard of since the start may be written until then: an earlier life of the storage node may have
    /// answered them just before it ended.
    hold_until: Moment,
    all: BTreeMap<WorkerId, Worker>,
    /// When a request of a session on the disk was last answered.
    answered: HashMap<DiskId, Moment>,
}

impl Workers {
    /// Those that are known at the start. `longest` is the longest lease that may have been given before.
    pub(crate) fn new(
        known: BTreeMap<WorkerId, WorkerRecord>,
        timing: Timing,
        longest: Duration,
        now: Moment,
    ) -> Self {
        let all = known.into_iter().map(|(id, record)| {
            let worker = Worker {
                record,
                address: String::new(),
                session: None,
                reads: None,
                disk_format: 0,
            };
            (id, worker)
        });
        Workers {
            timing,
            hold_until: now + longest.max(timing.lease) + timing.margin,
            all: all.collect(),
            answered: HashMap::new(),
        }
    }

    pub(crate) fn timing(&self) -> Timing {
        self.timing
    }

    pub(crate) fn hold_until(&self) -> Moment {
        self.hold_until
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&WorkerId, &Worker)> {
        self.all.iter()
    }

    pub(crate) fn get(&self, id: &WorkerId) -> Option<&Worker> {
        self.all.get(id)
    }

    pub(crate) fn get_mut(&mut self, id: &WorkerId) -> Option<&mut Worker> {
        self.all.get_mut(id)
    }

    /// The worker that has this disk.
    pub(crate) fn of_disk(&self, disk: &DiskId) -> Option<(&WorkerId, &Worker)> {
        self.all
            .iter()
            .find(|(_, worker)| worker.record.disk == *disk)
    }

    /// The worker of a session that goes on.
    pub(crate) fn of_session(&self, id: SessionId) -> Option<(&WorkerId, &Worker)> {
        self.all.iter().find(|(_, worker)| {
            worker
                .session
                .as_ref()
                .is_some_and(|session| session.id == id)
        })
    }

    /// The worker with an open session on this disk.
    pub(crate) fn live_on(&self, disk: &DiskId) -> Option<(&WorkerId, &Worker)> {
        self.of_disk(disk)
            .filter(|(_, worker)| worker.session.is_some())
    }

    /// From when on nobody on this disk can write.
    pub(crate) fn fence(&self, disk: &DiskId) -> Moment {
        match self.answered.get(disk) {
            Some(answered) => *answered + self.timing.lease + self.timing.margin,
            None => self.hold_until,
        }
    }

    /// Puts a worker with a new session in the place of what was known of it.
    pub(crate) fn insert(&mut self, id: WorkerId, worker: Worker) {
        self.all.insert(id, worker);
    }

    /// Notes that a request of the disk's session is answered.
    pub(crate) fn answer(&mut self, disk: &DiskId, now: Moment) {
        self.answered.insert(disk.clone(), now);
    }

    /// Ends sessions that were not renewed; answers whether there were any.
    pub(crate) fn end_overdue(&mut self, now: Moment) -> bool {
        let overdue: Vec<WorkerId> = self
            .all
            .iter()
            .filter(|(_, worker)| {
                worker.session.is_some() && now >= self.fence(&worker.record.disk)
            })
            .map(|(id, _)| id.clone())
            .collect();
        for id in &overdue {
            if let Some(worker) = self.all.get_mut(id) {
                worker.session = None;
            }
        }
        !overdue.is_empty()
    }

    /// When something changes if nobody says anything: a renewal is late, a lease is over, the hold ends.
    pub(crate) fn next_change(&self, now: Moment) -> Option<Moment> {
        let moments = self.all.values().flat_map(|worker| {
            let disk = &worker.record.disk;
            let late = self.late(disk).filter(|_| worker.session.is_some());
            late.into_iter().chain([self.fence(disk)])
        });
        moments
            .chain([self.hold_until])
            .filter(|moment| *moment > now)
            .min()
    }

    fn late(&self, disk: &DiskId) -> Option<Moment> {
        let answered = self.answered.get(disk)?;
        Some(*answered + 2 * self.timing.renew_every)
    }

    /// Whether a renewal is overdue.
    pub(crate) fn is_late(&self, disk: &DiskId, now: Moment) -> bool {
        self.late(disk).is_none_or(|late| now >= late)
    }

    /// Whether a worker is heard of.
    pub(crate) fn liveness(&self, worker: &Worker, now: Moment) -> Liveness {
        let disk = &worker.record.disk;
        if now >= self.fence(disk) {
            return Liveness::Lost;
        }
        if worker.session.is_none() || self.is_late(disk, now) {
            Liveness::Suspect
        } else {
            Liveness::Live
        }
    }

    /// What those read that may come back.
    pub(crate) fn readers(&self) -> Readers {
        let all = self.all.iter();
        let all = all.filter(|(_, worker)| worker.record.standing != Standing::Retired);
        let readers = all.map(|(id, worker)| {
            let reader = Reader {
                reads: worker.reads,
                is_present: worker.session.is_some(),
                disk: worker.disk_format,
            };
            (id.clone(), reader)
        });
        readers.collect()
    }

    /// Ends the sessions of those who do not read this format; answers whether there were any.
    pub(crate) fn end_unreading(&mut self, format: u32) -> bool {
        let mut has_ended = false;
        for (id, worker) in &mut self.all {
            let reads = worker
                .session
                .as_ref()
                .map(|session| session.formats.of_hub());
            if reads.is_some_and(|reads| !reads.contains(format)) {
                tracing::warn!(worker = %id, format, "the worker does not read the hub's format: its session ends");
                worker.session = None;
                has_ended = true;
            }
        }
        has_ended
    }

    /// As everybody sees them.
    pub(crate) fn facts(&self, now: Moment) -> BTreeMap<WorkerId, WorkerFacts> {
        let facts = self.all.iter().map(|(id, worker)| {
            let facts = WorkerFacts {
                address: worker.address.clone(),
                disk: worker.record.disk.clone(),
                liveness: self.liveness(worker, now),
                standing: worker.record.standing,
            };
            (id.clone(), facts)
        });
        facts.collect()
    }
}
