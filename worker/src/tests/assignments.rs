//! The storage node's side of assignments in memory: everything is the one worker's, unless a test says otherwise.

use async_trait::async_trait;
use parking_lot::Mutex;
use sluice_protocol::{
    Assigned, Assignments, BootClock, Code, Departure, Duty, Epoch, Error, Incarnation, Moment,
    OpenSession, Renewal, Report, Result, Session, SessionId, Start, SystemBootClock, Topology,
};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// Epochs and sessions of all tests: they grow over restarts too.
static NUMBERS: AtomicU64 = AtomicU64::new(1);

/// The machine's clock, moved.
#[derive(Default)]
pub(super) struct MovedClock(AtomicU64);

impl MovedClock {
    /// Lets time pass at once.
    pub(super) fn pass(&self, time: Duration) {
        let milliseconds = u64::try_from(time.as_millis()).unwrap();
        self.0.fetch_add(milliseconds, Ordering::Relaxed);
    }
}

impl BootClock for MovedClock {
    fn now(&self) -> Moment {
        SystemBootClock.now() + Duration::from_millis(self.0.load(Ordering::Relaxed))
    }
}

/// Sessions and assignments.
pub(super) struct MemoryAssignments {
    assigned: watch::Sender<Arc<Assigned>>,
    reports: Mutex<Vec<Report>>,
    opened: Mutex<Vec<OpenSession>>,
    is_silent: AtomicBool,
    /// Does not hear that a pipe's newest state is here.
    is_deaf: AtomicBool,
    /// What the next session finds, after the present one was ended.
    next: Mutex<Option<Assigned>>,
    incarnation: AtomicU32,
    /// How many pipes others could take.
    to_leave: AtomicU64,
}

impl Default for MemoryAssignments {
    fn default() -> Self {
        MemoryAssignments {
            assigned: watch::Sender::default(),
            reports: Mutex::default(),
            opened: Mutex::default(),
            is_silent: AtomicBool::new(false),
            is_deaf: AtomicBool::new(false),
            next: Mutex::default(),
            incarnation: AtomicU32::new(1),
            to_leave: AtomicU64::new(0),
        }
    }
}

/// A duty to own a pipe under the next epoch.
pub(super) fn own(start: Start) -> Duty {
    let epoch = Epoch::from_number(NUMBERS.fetch_add(1, Ordering::Relaxed));
    Duty::Own { epoch, start }
}

impl MemoryAssignments {
    /// These pipes are the worker's; those that were before keep their epochs.
    pub(super) fn configure<'a>(&self, revision: u64, pipes: impl Iterator<Item = &'a str>) {
        self.assigned.send_modify(|assigned| {
            let before = assigned.clone();
            let duty = |pipe: &str| {
                let kept = before.pipes.get(pipe).cloned();
                (pipe.to_owned(), kept.unwrap_or_else(|| own(Start::Fresh)))
            };
            *assigned = Arc::new(Assigned {
                revision,
                is_filling: false,
                format: 1,
                pipes: pipes.map(duty).collect(),
            });
        });
    }

    /// Another duty for a pipe, or none.
    pub(super) fn assign(&self, pipe: &str, duty: Option<Duty>) {
        self.assigned.send_modify(|assigned| {
            let mut changed = Assigned::clone(assigned);
            match duty {
                Some(duty) => changed.pipes.insert(pipe.to_owned(), duty),
                None => changed.pipes.remove(pipe),
            };
            *assigned = Arc::new(changed);
        });
    }

    /// Ends the session; the next one does not have the pipe.
    pub(super) fn forget(&self, pipe: &str) {
        let mut assigned = Assigned::clone(&self.assigned.borrow());
        assigned.pipes.remove(pipe);
        *self.next.lock() = Some(assigned);
    }

    /// Answers nothing, or everything again.
    pub(super) fn set_silent(&self, is_silent: bool) {
        self.is_silent.store(is_silent, Ordering::Relaxed);
    }

    /// Does not hear that a pipe's newest state is here, or hears it again.
    pub(super) fn set_deaf(&self, is_deaf: bool) {
        self.is_deaf.store(is_deaf, Ordering::Relaxed);
    }

    /// Answers as another storage node.
    pub(super) fn set_incarnation(&self, incarnation: u32) {
        self.incarnation.store(incarnation, Ordering::Relaxed);
    }

    /// Others could take so many pipes.
    pub(super) fn set_to_leave(&self, pipes: u64) {
        self.to_leave.store(pipes, Ordering::Relaxed);
    }

    /// Knows what was reported to another.
    pub(super) fn hear(&self, reports: Vec<Report>) {
        self.reports.lock().extend(reports);
    }

    /// What was reported.
    pub(super) fn reports(&self) -> Vec<Report> {
        self.reports.lock().clone()
    }

    /// The sessions that were opened.
    pub(super) fn opened(&self) -> Vec<OpenSession> {
        self.opened.lock().clone()
    }

    fn answer(&self) -> Result<()> {
        match self.is_silent.load(Ordering::Relaxed) {
            true => Err(Error::new(Code::Unavailable, "silent", "no answer")),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl Assignments for MemoryAssignments {
    async fn open_session(&self, open: OpenSession) -> Result<Session> {
        self.answer()?;
        if let Some(next) = self.next.lock().take() {
            self.assigned.send_replace(Arc::new(next));
        }
        self.opened.lock().push(open);
        Ok(Session {
            id: SessionId(NUMBERS.fetch_add(1, Ordering::Relaxed)),
            incarnation: Incarnation::new(self.incarnation.load(Ordering::Relaxed)).unwrap(),
            lease: Duration::from_secs(15),
            renew_every: Duration::from_millis(100),
        })
    }

    async fn renew(&self, _: Renewal) -> Result<()> {
        self.answer()?;
        if self.next.lock().is_some() {
            let message = "open another session";
            return Err(Error::new(
                Code::FailedPrecondition,
                "session-ended",
                message,
            ));
        }
        Ok(())
    }

    async fn watch_assigned(&self, _: SessionId) -> Result<watch::Receiver<Arc<Assigned>>> {
        self.answer()?;
        Ok(self.assigned.subscribe())
    }

    async fn report(&self, _: SessionId, report: Report) -> Result<()> {
        self.answer()?;
        let is_deaf = self.is_deaf.load(Ordering::Relaxed);
        if is_deaf && matches!(report, Report::Committed { .. }) {
            return Err(Error::new(Code::Unavailable, "deaf", "not heard"));
        }
        self.reports.lock().push(report);
        Ok(())
    }

    async fn leave(&self, _: SessionId) -> Result<Departure> {
        self.answer()?;
        let owned = self.assigned.borrow().pipes.len() as u64;
        Ok(Departure {
            pipes: self.to_leave.load(Ordering::Relaxed).min(owned),
        })
    }

    async fn close_session(&self, _: SessionId) -> Result<()> {
        self.answer()
    }

    fn watch_topology(&self) -> watch::Receiver<Arc<Topology>> {
        watch::Sender::default().subscribe()
    }
}
