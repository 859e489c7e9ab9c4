//! The state machine by itself: worked cases, and a world of workers, lost messages and crashes against its invariants.

mod cases;
mod leaving;
mod operator;
mod safety;
mod sessions;
mod world;

use super::*;
use crate::topology::Timing;
use sluice_protocol::{
    Assigned, BootId, Checkpoint, DiskId, Duty, FormatRange, Formats, HeldPipe, Incarnation,
    OpenSession, Placement, Renewal, Report, Session, SessionId, Standing, Start, Unplaced,
};
use std::time::Duration;

/// The lease of all tests.
const LEASE: Duration = Duration::from_secs(15);
/// After a lease, from when on its pipes go elsewhere.
const FENCED: Duration = Duration::from_secs(16);

fn at(seconds: u64) -> Moment {
    // Not at the start of the machine, so that nothing works by chance.
    Duration::from_secs(1_000 + seconds)
}

fn nothing_kept(incarnation: u32) -> Kept {
    let incarnation = Incarnation::new(incarnation).unwrap();
    Kept {
        counters: Counters {
            incarnation,
            next_epoch: 1,
            operator_epoch: 0,
            longest_lease: Duration::ZERO,
            is_filling: incarnation > Incarnation::FIRST,
        },
        pipes: BTreeMap::new(),
        workers: BTreeMap::new(),
    }
}

fn core_at(kept: Kept, now: Moment) -> Core {
    Core::new(kept, Timing::of_lease(LEASE), now)
}

/// Pipes by name; those that begin with `push` are pushed to.
fn specs(names: &[&str]) -> BTreeMap<String, PipeSpec> {
    let spec = |name: &&str| {
        let spec = PipeSpec {
            is_pushed_to: name.starts_with("push"),
            writes: Some((*name).to_owned()),
            reads: Vec::new(),
        };
        ((*name).to_owned(), spec)
    };
    names.iter().map(spec).collect()
}

const STREAMS: Formats = Formats {
    checkpoints: Some(FormatRange {
        oldest: 1,
        newest: 1,
    }),
    change_streams: Some(FormatRange {
        oldest: 1,
        newest: 1,
    }),
    replicas: Some(FormatRange {
        oldest: 1,
        newest: 1,
    }),
    hub: None,
};

fn opening(name: &str, pipes: Vec<HeldPipe>) -> OpenSession {
    OpenSession {
        worker: WorkerId(name.to_owned()),
        disk: DiskId(format!("disk of {name}")),
        boot: BootId("1".to_owned()),
        address: format!("https://{name}"),
        seen: Incarnation::NONE,
        formats: STREAMS,
        format: 1,
        pipes,
    }
}

impl Core {
    fn come(&mut self, name: &str, now: Moment) -> Session {
        self.open_session(opening(name, Vec::new()), now).unwrap()
    }

    fn keep(&mut self, session: &Session, now: Moment) {
        let renewal = Renewal {
            session: session.id,
            loads: Vec::new(),
        };
        self.renew(renewal, now).unwrap();
    }

    fn duty(&self, session: &Session, pipe: &str) -> Option<Duty> {
        self.assigned(session.id)?.pipes.get(pipe).cloned()
    }

    /// Epoch and start of a pipe that the session owns.
    fn owned(&self, session: &Session, pipe: &str) -> Option<(Epoch, Start)> {
        match self.duty(session, pipe)? {
            Duty::Own { epoch, start } => Some((epoch, start)),
            _ => None,
        }
    }

    fn commit(&mut self, session: &Session, pipe: &str, now: Moment) {
        let (epoch, _) = self.owned(session, pipe).unwrap();
        let pipe = pipe.to_owned();
        self.report(session.id, Report::Committed { pipe, epoch }, now)
            .unwrap();
    }

    fn unplaced(&self, pipe: &str, now: Moment) -> Option<Unplaced> {
        match self.topology(now).pipes.get(pipe)? {
            Placement::Unplaced(why) => Some(*why),
            Placement::Owned { .. } => None,
        }
    }

    /// What a restart finds on the disk if everything was written.
    fn kept(&self) -> Kept {
        let workers = self.workers.iter();
        Kept {
            counters: self.counters,
            pipes: self
                .pipes
                .iter()
                .map(|(id, pipe)| (id.clone(), pipe.record.clone()))
                .collect(),
            workers: workers
                .map(|(id, worker)| (id.clone(), worker.record.clone()))
                .collect(),
        }
    }
}
