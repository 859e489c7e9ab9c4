//! A hub in miniature: a storage node that loses power or its disk, workers that restart and lose theirs, messages that are late
//! or lost. After every step it checks what must never be.
//!
//! A worker here keeps the rules that a worker has to keep: its deadline counts from the sending of a request; the lease of a new
//! session begins when its first assignments are known, and with nothing if the lease of before has lapsed or a pipe of before is
//! not among them; it never begins a pipe under an epoch that it has given back; and it commits after its report is answered.

mod checks;
mod messages;
mod workers;

use super::*;

pub(super) const PIPES: [&str; 4] = ["a", "b", "push1", "push2"];
pub(super) const WORKERS: usize = 3;

/// Something on its way. What it brings was true when it was sent.
#[derive(Clone, Debug)]
enum Message {
    Open(usize, u32, OpenSession, Moment),
    Opened(usize, u32, Session, Moment),
    Renew(usize, u32, SessionId, Moment),
    Renewed(usize, u32, SessionId, Moment),
    Leave(SessionId),
    Assigned(usize, u32, SessionId, Assigned),
    Report(usize, u32, SessionId, Report),
    Reported(usize, u32, Report),
}

/// What a disk holds of a pipe.
#[derive(Clone, Copy, Debug, Default)]
struct Copy {
    epoch: Epoch,
    /// Which write of the pipe is the newest in it; 0: none.
    version: u64,
    /// Given back at this epoch.
    released: Epoch,
}

#[derive(Clone, Debug, Default)]
struct Disk {
    number: u32,
    seen: Incarnation,
    copies: BTreeMap<String, Copy>,
}

/// A worker's process.
#[derive(Clone, Debug, Default)]
struct Process {
    /// Grows with each start.
    boot: u32,
    disk: Disk,
    session: Option<SessionId>,
    deadline: Moment,
    /// What the deadline will be when the session's first assignments are known.
    pending: Option<Moment>,
    duties: BTreeMap<String, Duty>,
    /// Pipes whose first commit under the epoch is reported.
    begun: BTreeMap<String, Epoch>,
}

pub(super) struct World {
    pub(super) now: Moment,
    core: Option<Core>,
    written: Kept,
    processes: Vec<Process>,
    messages: Vec<Message>,
    configured: BTreeMap<String, PipeSpec>,
    revision: u64,
    disks: u32,
    /// Newest write of each pipe, over all disks.
    newest: BTreeMap<String, u64>,
    /// Newest checkpoint: number is the version.
    checkpoints: BTreeMap<String, u64>,
    /// The largest epoch of each pipe that anybody was told.
    told: BTreeMap<String, Epoch>,
    /// The storage node's disk was lost: what no worker has told cannot be known.
    has_forgotten: bool,
    /// Pipes that were not configured then: if they come again they are new, whatever an unheard disk has of them.
    forgotten: BTreeSet<String>,
}

/// What may happen next.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Pass(u64),
    Open(usize),
    Renew(usize),
    Poll(usize),
    /// The first commit of a pipe, or the next.
    Write(usize, usize),
    Level(usize, usize),
    Release(usize),
    Checkpoint(usize, usize),
    Deliver(usize),
    Lose(usize),
    Restart(usize, bool),
    StorageNodeEnds,
    StorageNodeStarts(bool),
    Configure(u8),
    Drain(usize, bool),
    /// Told to stop, a worker asks for its pipes to be moved, and goes on until it is restarted.
    Leave(usize),
}

impl World {
    pub(super) fn new() -> Self {
        let mut world = World {
            now: at(0),
            core: None,
            written: nothing_kept(1),
            processes: vec![Process::default(); WORKERS],
            messages: Vec::new(),
            configured: specs(&PIPES),
            revision: 1,
            disks: 0,
            newest: BTreeMap::new(),
            checkpoints: BTreeMap::new(),
            told: BTreeMap::new(),
            has_forgotten: false,
            forgotten: BTreeSet::new(),
        };
        for worker in 0..WORKERS {
            world.restart(worker, true);
        }
        world.start(true);
        world
    }

    pub(super) fn step(&mut self, step: Step) {
        match step {
            Step::Pass(milliseconds) => {
                self.now += Duration::from_millis(milliseconds);
                let now = self.now;
                self.decide(|core| core.tick(now));
            }
            Step::Open(worker) => self.open(worker),
            Step::Renew(worker) => self.renew(worker),
            Step::Poll(worker) => self.poll(worker),
            Step::Write(worker, pipe) => self.write(worker, PIPES[pipe]),
            Step::Level(worker, pipe) => self.level(worker, PIPES[pipe]),
            Step::Release(worker) => self.release(worker),
            Step::Checkpoint(worker, pipe) => self.checkpoint(worker, PIPES[pipe]),
            Step::Deliver(which) => {
                if !self.messages.is_empty() {
                    let message = self.messages.swap_remove(which % self.messages.len());
                    self.deliver(message);
                }
            }
            Step::Lose(which) => {
                if !self.messages.is_empty() {
                    self.messages.swap_remove(which % self.messages.len());
                }
            }
            Step::Restart(worker, with_new_disk) => self.restart(worker, with_new_disk),
            Step::StorageNodeEnds => self.core = None,
            Step::StorageNodeStarts(with_disk) => self.start(with_disk),
            Step::Configure(which) => {
                let names = PIPES.iter().enumerate();
                let names = names.filter(|(number, _)| which & (1 << number) != 0);
                let names: Vec<&str> = names.map(|(_, name)| *name).collect();
                self.configured = specs(&names);
                self.revision += 1;
                self.configure();
            }
            Step::Drain(worker, drained) => {
                let standing = if drained {
                    Standing::Draining
                } else {
                    Standing::Active
                };
                let (id, now) = (WorkerId(name(worker)), self.now);
                self.decide(|core| drop(core.set_standing(&id, standing, now)));
            }
            Step::Leave(worker) => self.leave(worker),
        }
        self.check();
    }

    /// What the storage node decides is written before it is seen.
    fn decide<T>(&mut self, decide: impl FnOnce(&mut Core) -> T) -> Option<T> {
        let core = self.core.as_mut()?;
        let decided = decide(core);
        let unwritten = core.take_unwritten();
        for (id, record) in unwritten.pipes {
            match record {
                Some(record) => self.written.pipes.insert(id, record),
                None => self.written.pipes.remove(&id),
            };
        }
        for (id, record) in unwritten.workers {
            match record {
                Some(record) => self.written.workers.insert(id, record),
                None => self.written.workers.remove(&id),
            };
        }
        self.written.counters = unwritten.counters.unwrap_or(self.written.counters);
        Some(decided)
    }

    fn start(&mut self, with_disk: bool) {
        if !with_disk {
            self.written = nothing_kept(self.written.counters.incarnation.number() + 1);
            self.has_forgotten = true;
            let removed = PIPES
                .iter()
                .filter(|pipe| !self.configured.contains_key(**pipe));
            self.forgotten
                .extend(removed.map(|pipe| (*pipe).to_owned()));
        }
        self.core = Some(core_at(self.written.clone(), self.now));
        self.configure();
        if !with_disk {
            self.decide(Core::filled);
        }
    }

    fn configure(&mut self) {
        let (revision, configured, now) = (self.revision, self.configured.clone(), self.now);
        self.decide(|core| core.configure(revision, configured, now));
    }

    fn restart(&mut self, worker: usize, with_new_disk: bool) {
        let process = &mut self.processes[worker];
        let mut disk = std::mem::take(&mut process.disk);
        if with_new_disk {
            self.disks += 1;
            disk = Disk {
                number: self.disks,
                ..Disk::default()
            };
        }
        *process = Process {
            boot: process.boot + 1,
            disk,
            ..Process::default()
        };
    }
}

fn name(worker: usize) -> String {
    format!("w{worker}")
}
