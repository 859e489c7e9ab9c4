//! Placement at work: one task owns the state machine. It takes what comes, writes what follows in one synced transaction, shows
//! it to everybody who watches, and only then answers.

mod publishing;
mod seeking;

use crate::assignments::{Core, PipeSpec};
use crate::durability::Checkpoints;
use crate::error::{OpenError, Shared, from_store, open_error};
use crate::service::Node;
use crate::topology::Timing;
use crate::writers::Truth;
use crate::{finalizing, formats, placement_records};
use async_trait::async_trait;
use publishing::Published;
use sluice_protocol::{
    Assigned, Assignments, BootClock, Code, Departure, Error, Incarnation, Isolation, Moment,
    OpenSession, Permit, PermitRequest, PlacementControl, Renewal, Report, Result, Session,
    SessionId, Standing, SystemBootClock, Topology, WorkerId,
};
use sluice_store::Store;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Requests that wait for the task.
const WAITING: usize = 1_024;
/// Requests that one write answers at most.
const TOGETHER: usize = 1_024;

/// The pipes of one revision of the configuration.
#[derive(Clone, Debug, Default)]
pub(crate) struct Configured {
    pub(crate) revision: u64,
    pub(crate) pipes: BTreeMap<String, PipeSpec>,
}

/// How placement works.
#[derive(Clone)]
pub struct PlacementSettings {
    /// How long a worker may go on without the storage node, and how long a failover waits for it: the same time.
    pub lease: Duration,
    /// What the operator has raised the incarnation to; the larger of it and the kept one counts.
    pub incarnation: Option<Incarnation>,
    /// How long all roles have to read a format before the hub is finalized in it; `None`: that is only done on request.
    pub finalize_after: Option<Duration>,
    /// Measures leases.
    pub clock: Arc<dyn BootClock>,
}

impl Default for PlacementSettings {
    fn default() -> Self {
        PlacementSettings {
            lease: Duration::from_secs(15),
            incarnation: None,
            finalize_after: None,
            clock: Arc::new(SystemBootClock),
        }
    }
}

/// A piece of work for the state machine, and what to do with the outcome of the write after it.
type Work = Box<dyn FnOnce(&mut Core, Moment) -> Answer + Send>;
type Answer = Box<dyn FnOnce(Result<()>) + Send>;

/// Handle to placement. The task ends, and lets go of the store, with the last handle or when it is closed.
#[derive(Clone)]
pub struct Placements {
    work: mpsc::Sender<Work>,
    published: Arc<Published>,
    stop: CancellationToken,
    task: TaskTracker,
}

impl Placements {
    /// Reads what is kept and begins. Blocks, and has to be called in a runtime.
    pub fn open(node: &Node, settings: &PlacementSettings) -> Result<Placements, OpenError> {
        let store = node.store();
        let kept = placement_records::read(&store, settings.incarnation);
        let kept = kept.map_err(|error| open_error(node.path(), error))?;
        tracing::info!(incarnation = %kept.counters.incarnation, pipes = kept.pipes.len(), workers = kept.workers.len(), "placement loaded");
        let clock = settings.clock.clone();
        let kept_filling = kept.counters.is_filling;
        let mut core = Core::new(kept, Timing::of_lease(settings.lease), clock.now());
        let configured = node.watch_configured();
        let now = configured.borrow().clone();
        let log = node.inner.log.as_ref();
        if log.is_some() {
            core.seek_checkpoints();
        } else if kept_filling {
            tracing::warn!(
                "this hub was there before and its disk is lost: without an object store its secrets, the variables set through the API and its history are lost too"
            );
        }
        let mut format = node.inner.format.subscribe();
        let knows = formats::range(store.format().reads());
        core.know(knows, *format.borrow_and_update());
        core.configure(now.revision, now.pipes.clone(), clock.now());
        if log.is_some() && node.truth == Truth::OwnHistory {
            // Whatever there was came from the object store, before this.
            core.filled();
        }
        let (work, works) = mpsc::channel(WAITING);
        let published = Arc::new(Published::new(
            core.topology(clock.now()),
            node.inner.readers.clone(),
        ));
        let readers = core.readers();
        let stop = CancellationToken::new();
        let tracker = TaskTracker::new();
        let task = Task {
            core,
            checkpoints: log.map(|log| Checkpoints::new(log.objects().clone())),
            replaced: log.map(|log| log.watch_replaced()),
            work: work.downgrade(),
            tasks: tracker.clone(),
            store,
            clock,
            works,
            configured,
            format,
            published: published.clone(),
            stop: stop.clone(),
        };
        *node.inner.finalize_after.lock() = settings.finalize_after;
        // Before anybody decides: who was not heard of yet counts too.
        node.inner.readers.send_replace(Arc::new(readers));
        let finalizing = finalizing::run(Arc::downgrade(&node.inner), stop.clone());
        tracker.spawn(finalizing.instrument(tracing::info_span!("finalizing")));
        tracker.spawn(task.run().instrument(tracing::info_span!("placement")));
        tracker.close();
        Ok(Placements {
            work,
            published,
            stop,
            task: tracker,
        })
    }

    /// Ends it and waits until it has let go of the store: a store must not be open when the process ends.
    pub async fn close(&self) {
        self.stop.cancel();
        self.task.wait().await;
    }

    /// Adds what is known of placement to the process's metrics.
    pub fn register(&self, metrics: &sluice_telemetry::Metrics) {
        metrics.register(|registry| self.published.metrics.register(registry));
    }

    /// Why it does not do its work; `None`: it answers, and decides.
    pub async fn problem(&self) -> Option<String> {
        let asked = self.ask(|core, _| core.check_latest()).await;
        asked.err().map(|error| error.message)
    }

    /// Lets the state machine do something; answers after the write.
    async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut Core, Moment) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |core, now| {
            let done = work(core, now);
            Box::new(move |written| {
                let _ = reply.send(written.and(done));
            })
        });
        let gone = || {
            Error::new(
                Code::Unavailable,
                "stopping",
                "the storage node is stopping",
            )
        };
        self.work.send(work).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())?
    }
}

/// The one task.
struct Task {
    core: Core,
    store: Store,
    clock: Arc<dyn BootClock>,
    works: mpsc::Receiver<Work>,
    configured: watch::Receiver<Arc<Configured>>,
    /// What the hub is written in.
    format: watch::Receiver<u32>,
    published: Arc<Published>,
    stop: CancellationToken,
    /// Where to look for checkpoints.
    checkpoints: Option<Checkpoints>,
    /// Whether another storage node has taken over.
    replaced: Option<watch::Receiver<Option<Incarnation>>>,
    /// For what it hears from tasks of its own.
    work: mpsc::WeakSender<Work>,
    tasks: TaskTracker,
}

enum Happened {
    Work(Work),
    Configured,
    Format,
    Replaced,
    Time,
    Left,
}

impl Task {
    async fn run(mut self) {
        self.seek();
        loop {
            let happened = self.next().await;
            let now = self.clock.now();
            let mut answers = Vec::new();
            match happened {
                Happened::Work(work) => {
                    answers.push(work(&mut self.core, now));
                    while answers.len() < TOGETHER
                        && let Ok(work) = self.works.try_recv()
                    {
                        answers.push(work(&mut self.core, now));
                    }
                }
                Happened::Configured => {
                    let configured = self.configured.borrow_and_update().clone();
                    let pipes = configured.pipes.clone();
                    self.core.configure(configured.revision, pipes, now);
                }
                Happened::Format => {
                    let format = *self.format.borrow_and_update();
                    self.core.set_format(format, now);
                }
                Happened::Replaced => {
                    let replaced = self.replaced.as_mut();
                    let by = replaced.and_then(|by| *by.borrow_and_update());
                    by.into_iter().for_each(|by| self.core.supersede(by));
                }
                Happened::Time => self.core.tick(now),
                Happened::Left => return,
            }
            self.seek();
            let written = self.write().await;
            if written.is_ok() {
                self.published.publish(&mut self.core, now);
            }
            for answer in answers {
                answer(match &written {
                    Ok(()) => Ok(()),
                    Err(unwritten) => Err(unwritten.error()),
                });
            }
        }
    }

    /// Has those pipes looked for that nobody told of.
    fn seek(&mut self) {
        let sought = self.core.take_sought();
        if let Some(checkpoints) = self.checkpoints.clone().filter(|_| !sought.is_empty()) {
            let seeking = seeking::seek(checkpoints, sought, self.work.clone());
            let stop = self.stop.clone();
            self.tasks.spawn(async move {
                tokio::select! {
                    () = seeking => {}
                    () = stop.cancelled() => {}
                }
            });
        }
    }

    async fn next(&mut self) -> Happened {
        let now = self.clock.now();
        let until = self.core.next_change(now);
        let timer = async {
            match until {
                Some(until) => tokio::time::sleep(until.saturating_sub(now)).await,
                None => std::future::pending().await,
            }
        };
        let replaced = async {
            let changed = match &mut self.replaced {
                Some(replaced) => replaced.changed().await.is_ok(),
                None => false,
            };
            if !changed {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            biased;
            () = self.stop.cancelled() => Happened::Left,
            () = replaced => Happened::Replaced,
            work = self.works.recv() => work.map_or(Happened::Left, Happened::Work),
            Ok(()) = self.configured.changed() => Happened::Configured,
            Ok(()) = self.format.changed() => Happened::Format,
            () = timer => Happened::Time,
        }
    }

    /// Makes durable what the state machine decided. What cannot be written is kept for the next time, and seen by nobody.
    async fn write(&mut self) -> Result<(), Shared> {
        let unwritten = self.core.take_unwritten();
        if unwritten.is_empty() {
            return Ok(());
        }
        let store = self.store.clone();
        let writing = tokio::task::spawn_blocking(move || {
            let written = placement_records::write(&store, &unwritten);
            (unwritten, written)
        });
        let (unwritten, written) = match writing.await {
            Ok(outcome) => outcome,
            // The runtime is going down: nothing is published or answered any more.
            Err(_) => return Err(Shared::stopping()),
        };
        written.map_err(|error| {
            let error = from_store(error);
            tracing::error!(%error, "placement cannot be written");
            self.core.put_back(unwritten);
            Shared::from(&error)
        })
    }
}

#[async_trait]
impl Assignments for Placements {
    async fn open_session(&self, open: OpenSession) -> Result<Session> {
        self.ask(|core, now| core.open_session(open, now)).await
    }

    async fn renew(&self, renewal: Renewal) -> Result<()> {
        self.ask(|core, now| core.renew(renewal, now)).await
    }

    async fn watch_assigned(&self, session: SessionId) -> Result<watch::Receiver<Arc<Assigned>>> {
        self.published.assigned(session)
    }

    async fn report(&self, session: SessionId, report: Report) -> Result<()> {
        self.ask(move |core, now| core.report(session, report, now))
            .await
    }

    async fn leave(&self, session: SessionId) -> Result<Departure> {
        self.ask(move |core, now| core.leave(session, now)).await
    }

    async fn close_session(&self, session: SessionId) -> Result<()> {
        self.ask(move |core, now| core.close_session(session, now))
            .await
    }

    fn watch_topology(&self) -> watch::Receiver<Arc<Topology>> {
        self.published.topology()
    }
}

#[async_trait]
impl PlacementControl for Placements {
    async fn set_standing(&self, worker: &WorkerId, standing: Standing) -> Result<()> {
        let worker = worker.clone();
        self.ask(move |core, now| core.set_standing(&worker, standing, now))
            .await
    }

    async fn set_isolation(&self, pipe: &str, isolation: Isolation) -> Result<()> {
        let pipe = pipe.to_owned();
        self.ask(move |core, now| core.set_isolation(&pipe, isolation, now))
            .await
    }

    async fn permit(&self, request: PermitRequest) -> Result<Permit> {
        self.ask(|core, now| core.permit(request, now)).await
    }

    async fn start_over(&self, pipe: &str) -> Result<()> {
        let pipe = pipe.to_owned();
        self.ask(move |core, now| core.start_over(&pipe, now)).await
    }

    async fn filled(&self) -> Result<()> {
        self.ask(|core, _| {
            core.filled();
            Ok(())
        })
        .await
    }
}

#[cfg(test)]
mod tests;
