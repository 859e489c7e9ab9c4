//! Starting runs: one per pipe at a time, bounded per system and in all (PU17, SY1).

use crate::deployed::{Deployed, Running};
use crate::deployment::Deployment;
use crate::pipe::{self, Asked, Outcome, RunFailure};
use crate::scheduler::Wake;
use crate::shared::Shared;
use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Runs of pipes between datasets at the same time.
const INTERNAL_THREADS: usize = 50;

/// Starts runs and knows them until they end.
pub(crate) struct Runs {
    shared: Arc<Shared>,
    deployment: Arc<Deployment>,
    tracker: TaskTracker,
    stop: CancellationToken,
    wake: mpsc::UnboundedSender<Wake>,
    internal: Arc<Semaphore>,
    /// How many keep pipes from starting by themselves.
    holds: AtomicUsize,
    systems: Mutex<HashMap<String, (u64, Arc<Semaphore>)>>,
}

/// Why a run was not started.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotStarted {
    /// One goes on already.
    #[error("the pipe is running already")]
    Running,
    /// The worker stops.
    #[error("the worker is stopping")]
    Stopping,
    /// The pipe is not this worker's any more.
    #[error("the pipe has left this worker")]
    Gone,
}

impl Runs {
    /// Ended runs are told to `wake`.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        deployment: &Arc<Deployment>,
        stop: CancellationToken,
        wake: mpsc::UnboundedSender<Wake>,
    ) -> Arc<Self> {
        Arc::new(Runs {
            shared: shared.clone(),
            deployment: deployment.clone(),
            tracker: TaskTracker::new(),
            stop,
            wake,
            internal: Arc::new(Semaphore::new(INTERNAL_THREADS)),
            holds: AtomicUsize::new(0),
            systems: Mutex::default(),
        })
    }

    /// No pipe starts by itself until what is answered goes (TE2).
    pub(crate) fn hold_schedule(self: &Arc<Self>) -> HeldSchedule {
        self.holds.fetch_add(1, Ordering::SeqCst);
        HeldSchedule(self.clone())
    }

    /// Whether pipes are kept from starting by themselves.
    pub(crate) fn is_schedule_held(&self) -> bool {
        self.holds.load(Ordering::SeqCst) > 0
    }

    /// Starts a run; the receiver gets how it went. A run that waits for a place counts as running.
    pub(crate) fn start(
        self: &Arc<Self>,
        deployed: &Arc<Deployed>,
        asked: Asked,
    ) -> Result<oneshot::Receiver<Outcome>, NotStarted> {
        if self.stop.is_cancelled() {
            return Err(NotStarted::Stopping);
        }
        let only_one = deployed
            .run_lock
            .clone()
            .try_lock_owned()
            .map_err(|_| NotStarted::Running)?;
        if deployed.is_removing() {
            return Err(NotStarted::Gone);
        }
        let (report, outcome) = oneshot::channel();
        let stop = self.stop.child_token();
        deployed.set_running(Some(Running {
            started: self.shared.clock.now(),
            stop: stop.clone(),
        }));
        let (runs, deployed, stop) = (self.clone(), deployed.clone(), stop);
        let span = tracing::info_span!("run", pipe = %deployed.id);
        self.tracker.spawn(
            async move {
                let ended = runs.run(&deployed, asked, stop).await;
                deployed.set_running(None);
                // The next run may begin before anybody is told, or a start right after would meet this one.
                drop(only_one);
                let done_something = ended.figures.read > 0 || ended.figures.changes > 0;
                let _ = runs.wake.send(Wake::Ended {
                    pipe: deployed.id.clone(),
                    useful: ended.is_success() && done_something,
                });
                let _ = report.send(ended);
            }
            .instrument(span),
        );
        Ok(outcome)
    }

    async fn run(
        &self,
        deployed: &Arc<Deployed>,
        asked: Asked,
        stop: CancellationToken,
    ) -> Outcome {
        let places = tokio::select! {
            places = self.places(deployed) => places,
            () = stop.cancelled() => {
                let failure = Some(RunFailure::new("stopped", "the worker is stopping"));
                return Outcome { figures: Default::default(), failure };
            }
        };
        if let Err(error) = self.shared.assignment.begin_writing(deployed).await {
            tracing::info!(pipe = %deployed.id, %error, "the run does not begin");
            let failure = Some(RunFailure::protocol(error));
            return Outcome {
                figures: Default::default(),
                failure,
            };
        }
        let outcome = pipe::run(&self.shared, deployed, asked, stop).await;
        drop(places);
        outcome
    }

    /// A place in each system the pipe uses, in the order of their ids so that no two runs wait for one another; for a pipe
    /// without systems one among the internal ones.
    async fn places(&self, deployed: &Deployed) -> Vec<OwnedSemaphorePermit> {
        let settings = deployed.settings();
        let mut systems = settings.systems();
        systems.sort_unstable();
        let mut semaphores: Vec<Arc<Semaphore>> =
            systems.iter().filter_map(|id| self.system(id)).collect();
        if semaphores.is_empty() {
            semaphores.push(self.internal.clone());
        }
        let mut places = Vec::new();
        for semaphore in semaphores {
            places.push(
                semaphore
                    .acquire_owned()
                    .await
                    .expect("the semaphore is never closed"),
            );
        }
        places
    }

    fn system(&self, id: &str) -> Option<Arc<Semaphore>> {
        let threads = self
            .deployment
            .taken()
            .configuration
            .systems
            .get(id)?
            .worker_threads
            .max(1);
        let mut systems = self.systems.lock();
        let entry = systems.entry(id.to_owned());
        let (known, semaphore) =
            entry.or_insert_with(|| (threads, Arc::new(Semaphore::new(threads as usize))));
        if *known != threads {
            // Runs that hold a place of the old number finish with it.
            *known = threads;
            *semaphore = Arc::new(Semaphore::new(threads as usize));
        }
        Some(semaphore.clone())
    }

    /// A task beside the runs that has to end before the worker does.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        self.tracker.spawn(async move {
            tokio::select! {
                () = task => {}
                () = stop.cancelled() => {}
            }
        });
    }

    /// A task that ends by itself once runs are stopped.
    pub(crate) fn spawn_to_the_end(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.tracker.spawn(task);
    }

    /// Waits until all runs have ended; nothing starts any more once `stop` was cancelled.
    pub(crate) async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

/// Keeps pipes from starting by themselves.
pub(crate) struct HeldSchedule(Arc<Runs>);

impl Drop for HeldSchedule {
    fn drop(&mut self) {
        self.0.holds.fetch_sub(1, Ordering::SeqCst);
        // What was due in the meantime is due now.
        let _ = self.0.wake.send(Wake::Configured { started: false });
    }
}
