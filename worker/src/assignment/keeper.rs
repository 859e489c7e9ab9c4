//! The one task that talks to the storage node about assignments: opens the session, renews the lease, shows what is held.

use super::Lease;
use super::held::{self, Identity};
use super::holder::{Holder, Next};
use crate::blocking;
use crate::durability::Durability;
use sluice_protocol::{
    Assigned, Assignments, BootClock, Code, Error, Formats, HeldPipe, Moment, OpenSession,
    PipeLoad, Renewal, Result, SessionId,
};
use sluice_store::Store;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// How often the storage node hears what pipes cost.
const LOADS_EVERY: Duration = Duration::from_secs(60);
/// Data of a pipe that weighs as much as the pipe itself.
const BYTES_PER_WEIGHT: u64 = 64 << 20;
/// How long the last word to the storage node may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// What the worker holds.
#[derive(Clone, Debug, Default)]
pub(crate) struct Held {
    /// Grows with everything that is shown.
    pub number: u64,
    /// `None`: no lease, so that every pipe is to be closed as it is.
    pub session: Option<SessionId>,
    /// What the storage node says.
    pub assigned: Arc<Assigned>,
}

/// The task.
pub(crate) struct Keeper {
    pub identity: Identity,
    /// Where other roles reach this worker.
    pub address: String,
    pub client: Arc<dyn Assignments>,
    /// What it can read of what other workers wrote.
    pub formats: Formats,
    pub clock: Arc<dyn BootClock>,
    pub store: Store,
    pub lease: Arc<Lease>,
    /// What is held, for `take_up`.
    pub held: watch::Sender<Held>,
    /// The number of what `take_up` has done last.
    pub done: watch::Receiver<u64>,
    /// The session that reports belong to.
    pub session: watch::Sender<Option<SessionId>>,
    /// Ends the task, after the last write.
    pub stop: CancellationToken,
}

enum Happened {
    Due,
    Assigned,
    /// The storage node has ended the session.
    Ended,
    Lapsed,
}

impl Keeper {
    /// Until stopped; then says goodbye.
    pub(crate) async fn run(mut self) {
        let stop = self.stop.clone();
        tokio::select! {
            () = self.keep() => {}
            () = stop.cancelled() => {}
        }
        self.lease.end();
        let session = *self.session.borrow();
        if let Some(session) = session {
            let goodbye = self.client.close_session(session);
            match tokio::time::timeout(FAREWELL, goodbye).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "the session is not closed"),
                Err(_) => tracing::debug!("the session is not closed: no answer"),
            }
        }
    }

    async fn keep(&mut self) {
        let mut holder = loop {
            let store = self.store.clone();
            match blocking::run(move || held::seen(&store)).await {
                Ok(seen) => break Holder::new(seen),
                Err(error) => {
                    tracing::error!(%error, "cannot read what the disk remembers of its assignments");
                    tokio::time::sleep(Duration::from_secs(10)).await;
                }
            }
        };
        let mut assigned: Option<watch::Receiver<Arc<Assigned>>> = None;
        let mut told = Told::default();
        loop {
            match self.next(&holder, &mut assigned).await {
                Happened::Due => match holder.next(self.clock.now()) {
                    Next::Open => match self.open(&mut holder).await {
                        Ok(watched) => {
                            told = Told::default();
                            self.show(holder.session().map(|session| session.id), &watched);
                            assigned = Some(watched);
                        }
                        Err(error) => {
                            tracing::warn!(%error, "cannot open a session");
                            holder.failed(self.clock.now());
                        }
                    },
                    Next::Renew(session) => self.renew(&mut holder, session, &mut told).await,
                    Next::Wait(_) => {}
                },
                Happened::Assigned => {
                    if let Some(watched) = &assigned {
                        let format = watched.borrow().format;
                        self.follow_format(format).await;
                        self.show(holder.session().map(|session| session.id), watched);
                    }
                }
                Happened::Ended => {
                    assigned = None;
                    holder.refused();
                }
                Happened::Lapsed => {
                    tracing::warn!(
                        "the lease has ended: every pipe is closed until the storage node gives another"
                    );
                    assigned = None;
                    holder.lapsed();
                    self.let_everything_go().await;
                }
            }
        }
    }

    async fn next(
        &self,
        holder: &Holder,
        assigned: &mut Option<watch::Receiver<Arc<Assigned>>>,
    ) -> Happened {
        let now = self.clock.now();
        let holds = self.held.borrow().session.is_some();
        let until = |moment: Moment| tokio::time::sleep(moment.saturating_sub(now));
        let due = async {
            if let Next::Wait(moment) = holder.next(now) {
                until(moment).await;
            }
        };
        let lapse = async {
            match holds {
                true => until(holder.deadline()).await,
                false => std::future::pending().await,
            }
        };
        let news = async {
            match assigned {
                Some(assigned) => assigned.changed().await.is_ok(),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = lapse => Happened::Lapsed,
            () = due => Happened::Due,
            is_news = news => if is_news { Happened::Assigned } else { Happened::Ended },
        }
    }

    /// Opens a session. What was held before it is let go first, unless its lease still holds.
    async fn open(&self, holder: &mut Holder) -> Result<watch::Receiver<Arc<Assigned>>> {
        let pipes = self.pipes().await?;
        let sent = self.clock.now();
        let open = OpenSession {
            worker: self.identity.worker.clone(),
            disk: self.identity.disk.clone(),
            boot: self.identity.boot.clone(),
            address: self.address.clone(),
            seen: holder.seen(),
            formats: self.formats,
            format: self.store.format().writes(),
            pipes,
        };
        let opening = self.client.open_session(open);
        let session = within(holder.patience(), opening).await?;
        let before = holder.clone();
        holder.opened(session, sent).map_err(|lower| {
            Error::new(
                Code::FailedPrecondition,
                "lower-incarnation",
                lower.to_string(),
            )
        })?;
        let prepared = self.prepare(&before, holder).await;
        match prepared {
            Ok(watched) => {
                self.lease.hold_until(holder.deadline());
                Ok(watched)
            }
            Err(error) => {
                // Not a step of the session was taken.
                *holder = before;
                Err(error)
            }
        }
    }

    async fn prepare(
        &self,
        before: &Holder,
        now: &Holder,
    ) -> Result<watch::Receiver<Arc<Assigned>>> {
        let Some(session) = now.session() else {
            return Err(Error::new(
                Code::Internal,
                "internal",
                "no session was opened",
            ));
        };
        if now.seen() > before.seen() {
            let (store, seen) = (self.store.clone(), now.seen());
            let remembered = blocking::run(move || held::remember_seen(&store, seen)).await;
            remembered.map_err(crate::answer::dataset)?;
        }
        let watched = self.client.watch_assigned(session.id);
        let watched = within(before.patience(), watched).await?;
        let format = watched.borrow().format;
        self.follow_format(format).await;
        if before.has_lapsed(self.clock.now()) || self.loses(&watched.borrow()) {
            self.let_everything_go().await;
        }
        self.session.send_replace(Some(session.id));
        Ok(watched)
    }

    /// Everything is written in the hub's format from now on.
    async fn follow_format(&self, format: u32) {
        if format <= self.store.format().writes() {
            return;
        }
        let store = self.store.clone();
        let raised = blocking::run(move || store.raise_format(format)).await;
        if let Err(error) = raised {
            tracing::error!(%error, format, "the worker's store is not marked with the hub's format");
        }
    }

    /// Whether a pipe that was this worker's is not any more, which nobody has asked for: a storage node that lost its disk does
    /// not know of it, and will give it to another worker. It must not go on under the lease of the new session.
    fn loses(&self, assigned: &Assigned) -> bool {
        let held = self.held.borrow();
        let owns = |assigned: &Assigned, pipe: &String| {
            let duty = assigned.pipes.get(pipe);
            duty.is_some_and(|duty| duty.owned().is_some())
        };
        let mut owned = held.assigned.pipes.keys();
        held.session.is_some()
            && owned.any(|pipe| owns(&held.assigned, pipe) && !owns(assigned, pipe))
    }

    async fn renew(&self, holder: &mut Holder, session: SessionId, told: &mut Told) {
        let loads = self.loads(told).await;
        let sent = self.clock.now();
        let renewal = Renewal { session, loads };
        match within(holder.patience(), self.client.renew(renewal)).await {
            Ok(()) => {
                holder.renewed(session, sent);
                self.lease.hold_until(holder.deadline());
            }
            Err(error) if error.reason == "session-ended" => holder.refused(),
            Err(error) => {
                tracing::warn!(%error, "the lease is not renewed");
                holder.failed(self.clock.now());
            }
        }
    }

    fn show(&self, session: Option<SessionId>, watched: &watch::Receiver<Arc<Assigned>>) {
        let assigned = watched.borrow().clone();
        self.held.send_modify(|held| {
            *held = Held {
                number: held.number + 1,
                session,
                assigned,
            };
        });
    }

    /// Nothing is held any more; waits until nothing is open either. Only then may another lease begin: what was open must not
    /// take it for its own.
    async fn let_everything_go(&self) {
        self.lease.end();
        self.session.send_replace(None);
        let mut number = 0;
        self.held.send_modify(|held| {
            held.number += 1;
            held.session = None;
            number = held.number;
        });
        let mut done = self.done.clone();
        let _ = done.wait_for(|done| *done >= number).await;
    }

    /// The pipes whose newest state is here.
    async fn pipes(&self) -> Result<Vec<HeldPipe>> {
        let store = self.store.clone();
        let pipes = blocking::run(move || {
            let known = held::pipes(&store)?.into_iter();
            let here = known.filter(|(_, record)| record.is_held());
            let pipes = here.map(|(pipe, record)| {
                Ok(HeldPipe {
                    epoch: record.epoch,
                    offset: record.status(&store).and_then(|status| status.max_offset),
                    checkpoint: Durability::kept(&store, &pipe)?,
                    pipe,
                })
            });
            pipes.collect::<sluice_dataset::Result<_>>()
        });
        pipes.await.map_err(crate::answer::dataset)
    }

    /// What the pipes here cost, where it changed since it was told.
    async fn loads(&self, told: &mut Told) -> Vec<PipeLoad> {
        let now = self.clock.now();
        if now < told.next {
            return Vec::new();
        }
        told.next = now + LOADS_EVERY;
        let store = self.store.clone();
        let loads = blocking::run(move || {
            let known = held::pipes(&store)?.into_iter();
            let here = known.filter(|(_, record)| record.is_held());
            let loads = here.map(|(pipe, record)| {
                let bytes = record
                    .status(&store)
                    .map_or(0, |status| status.counters.bytes);
                let weight = 1 + bytes / BYTES_PER_WEIGHT;
                PipeLoad {
                    pipe,
                    weight,
                    bytes,
                }
            });
            sluice_dataset::Result::Ok(loads.collect::<Vec<_>>())
        });
        let mut loads = loads.await.unwrap_or_else(|error: sluice_dataset::Error| {
            tracing::warn!(%error, "cannot say what pipes cost");
            Vec::new()
        });
        let is_news =
            |load: &PipeLoad| told.bytes.insert(load.pipe.clone(), load.bytes) != Some(load.bytes);
        loads.retain(is_news);
        loads
    }
}

/// What the storage node was told of the loads.
#[derive(Default)]
struct Told {
    bytes: HashMap<String, u64>,
    next: Moment,
}

/// The answer, or that there was none in time.
async fn within<T>(patience: Duration, call: impl Future<Output = Result<T>>) -> Result<T> {
    let answered = tokio::time::timeout(patience, call).await;
    answered.unwrap_or_else(|_| {
        let message = "the storage node did not answer in time";
        Err(Error::new(Code::DeadlineExceeded, "no-answer", message))
    })
}
