//! Opening and closing a worker: store, scheduler, configuration; then the reverse.

use crate::assignment::{Assignment, Held, Keeper, Lease, held};
use crate::blocking;
use crate::clock::{Clock, SystemClock};
use crate::deployment::Deployment;
use crate::durability::{Arrivals, Durability, Rounds, hub_of};
use crate::error::Error;
use crate::housekeeping;
use crate::receiver::Bounds;
use crate::replicas::{Replicas, upkeep};
use crate::runner::Runner;
use crate::runs::Runs;
use crate::scheduler::{self, Scheduler};
use crate::shared::{Parts, Shared};
use crate::signals::Signals;
use crate::system::Microservices;
use crate::take_up::TakeUp;
use futures::FutureExt;
use sluice_objects::Objects;
use sluice_protocol::{
    Assignments, BootClock, FormatRange, Formats, Reach, StorageNode, SystemBootClock, WorkerId,
};
use sluice_store::Store;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::Instrument;

/// Folder of files on their way below the data folder.
const MOVING: &str = "moving";
/// Folder of the store below the data folder.
const STORE: &str = "datasets";

/// How a worker is opened.
#[derive(Clone)]
pub struct Settings {
    /// Data folder; the store is in `datasets` below it.
    pub data: PathBuf,
    /// Budgets of the store.
    pub store: sluice_store::Settings,
    /// Bounds of pushes.
    pub bounds: Bounds,
    /// Received entities are not read where their bytes are those last received for their id. Nothing else depends on it.
    pub pass_over_unchanged: bool,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Measures the lease.
    pub boot_clock: Arc<dyn BootClock>,
    /// Where other roles reach this worker; empty in one process.
    pub address: String,
    /// Where pipes are kept so that they outlive this disk; `None`: nowhere.
    pub objects: Option<Objects>,
    /// The hub's name, which has to be that of the place; `None`: it is not looked at.
    pub hub: Option<String>,
    /// How often checkpoints are made of pipes that changed.
    pub checkpoint_every: Duration,
    /// Who this worker is. `None`: as its disk says; a blank disk makes a name.
    pub worker: Option<WorkerId>,
    /// Where microservices are.
    pub microservices: Microservices,
}

impl Settings {
    /// The defaults for a data folder.
    pub fn new(data: impl Into<PathBuf>) -> Self {
        Settings {
            data: data.into(),
            store: sluice_store::Settings::default(),
            bounds: Bounds::default(),
            pass_over_unchanged: true,
            clock: Arc::new(SystemClock),
            boot_clock: Arc::new(SystemBootClock),
            address: String::new(),
            objects: None,
            hub: None,
            checkpoint_every: Duration::from_secs(60),
            worker: None,
            microservices: Microservices::default(),
        }
    }
}

/// A worker of this process.
pub struct LocalWorker {
    pub(crate) shared: Arc<Shared>,
    pub(crate) deployment: Arc<Deployment>,
    pub(crate) runs: Arc<Runs>,
    pub(crate) runner: Runner,
    pub(crate) bounds: Bounds,
    pub(crate) revision: watch::Receiver<u64>,
    pub(crate) wake: tokio::sync::mpsc::UnboundedSender<scheduler::Wake>,
    /// Full writes straight into datasets, one at a time.
    pub(crate) dataset_lock: tokio::sync::RwLock<()>,
    scheduler_ended: Arc<AtomicBool>,
    tasks: TaskTracker,
    stop: CancellationToken,
    /// Asks for the last checkpoints.
    checkpoints: CancellationToken,
    /// They are made.
    rounds_ended: CancellationToken,
    /// Ends the keeping of the lease, which is needed until the last run has ended.
    let_go: CancellationToken,
}

impl LocalWorker {
    /// Opens the store, opens a session, and begins to follow the storage node's configuration and assignments. Pipes are there
    /// when [`wait_for_revision`](sluice_protocol::Worker::wait_for_revision) says so.
    pub async fn open(
        settings: Settings,
        storage_node: Arc<dyn StorageNode>,
        assignments: Arc<dyn Assignments>,
        reach: Arc<dyn Reach>,
        metrics: &sluice_telemetry::Metrics,
    ) -> Result<Arc<Self>, Error> {
        let mut settings = settings;
        if settings.store.hash_key.is_none() {
            let key = storage_node.hash_key().await;
            settings.store.hash_key = Some(key.map_err(Error::HashKey)?);
        }
        check_place(&settings).await?;
        let store = open_store(&settings).await?;
        let (signals, changed) = Signals::new();
        let (wake, wakes) = scheduler::wakes();
        let (revision_sender, revision) = watch::channel(0);
        let stop = CancellationToken::new();
        let tasks = TaskTracker::new();
        let snapshots = storage_node.watch();

        let identity = identity(&store, &settings).await?;
        tracing::info!(worker = %identity.worker, disk = %identity.disk, "the worker's store is open");
        let topology = assignments.watch_topology();
        let replicas = Replicas::new(identity.worker.clone(), reach, topology, stop.child_token());
        let lease = Arc::new(Lease::new(settings.boot_clock.clone()));
        let moving = settings.data.join(MOVING);
        let durability = settings.objects.clone();
        let format = store.format().clone();
        let durability =
            durability.map(|objects| Durability::new(objects, format, moving, lease.clone()));
        let (held_sender, held) = watch::channel(Held::default());
        let (done_sender, done) = watch::channel(0);
        let (session_sender, session) = watch::channel(None);
        let let_go = CancellationToken::new();
        let keeper = Keeper {
            identity,
            address: settings.address.clone(),
            client: assignments.clone(),
            formats: formats(&settings),
            clock: settings.boot_clock.clone(),
            store: store.clone(),
            lease: lease.clone(),
            held: held_sender,
            done,
            session: session_sender,
            stop: let_go.clone(),
        };
        let assignment = Assignment::new(lease, assignments, session);
        let clock = settings.clock.clone();
        let shared = Shared::new(Parts {
            store,
            assignment,
            storage_node,
            clock,
            signals,
            passes_over: settings.pass_over_unchanged,
            replicas,
            durability: durability.clone(),
            microservices: settings.microservices,
        });
        metrics.register(|registry| shared.metrics.register(registry));
        let deployment = Arc::new(Deployment::default());
        let runs = Runs::new(&shared, &deployment, stop.child_token(), wake.clone());
        let scheduler = Scheduler {
            shared: shared.clone(),
            deployment: deployment.clone(),
            runs: runs.clone(),
            wakes,
            changed,
            stop: stop.child_token(),
        };
        let take_up = TakeUp {
            shared: shared.clone(),
            deployment: deployment.clone(),
            runs: runs.clone(),
            arrivals: Arrivals::new(shared.clone()),
            bounds: settings.bounds.clone(),
            wake: wake.clone(),
            revision: revision_sender,
            held,
            done: done_sender,
            loader: Arc::default(),
            stop: stop.child_token(),
        };
        let scheduler_ended = Arc::new(AtomicBool::new(false));
        let ended = scheduler_ended.clone();
        tasks.spawn(
            async move {
                let ending = AssertUnwindSafe(scheduler.run()).catch_unwind().await;
                ended.store(ending.is_err(), Ordering::Relaxed);
            }
            .instrument(tracing::info_span!("scheduler")),
        );
        tasks.spawn(
            take_up
                .run(snapshots)
                .instrument(tracing::info_span!("take_up")),
        );
        tasks.spawn(keeper.run().instrument(tracing::info_span!("assignments")));
        let keeping = housekeeping::run(shared.clone(), deployment.clone(), stop.child_token());
        tasks.spawn(keeping.instrument(tracing::info_span!("housekeeping")));
        let flowing = crate::flow::run(shared.clone(), deployment.clone(), stop.child_token());
        tasks.spawn(flowing.instrument(tracing::info_span!("flow")));
        let upkeep = upkeep::run(shared.clone(), deployment.clone(), stop.child_token());
        tasks.spawn(upkeep.instrument(tracing::info_span!("replicas")));
        let (checkpoints, rounds_ended) = (CancellationToken::new(), CancellationToken::new());
        let ended_rounds = rounds_ended.clone().drop_guard();
        if let Some(durability) = durability {
            metrics.register(|registry| durability.objects.register(registry));
            let rounds = Rounds {
                durability,
                shared: shared.clone(),
                deployment: deployment.clone(),
                every: settings.checkpoint_every,
                stop: checkpoints.clone(),
            };
            let rounds = async move {
                let _ended = ended_rounds;
                rounds.run().await;
            };
            tasks.spawn(rounds.instrument(tracing::info_span!("checkpoints")));
        }
        let runner = Runner::new(&shared, &deployment, &runs);
        let (bounds, dataset_lock) = (settings.bounds, tokio::sync::RwLock::default());
        Ok(Arc::new(LocalWorker {
            shared,
            deployment,
            runs,
            runner,
            bounds,
            revision,
            wake,
            dataset_lock,
            scheduler_ended,
            tasks,
            stop,
            checkpoints,
            rounds_ended,
            let_go,
        }))
    }

    /// Why the worker as a whole is not well; `None`: it is.
    pub fn problem(&self) -> Option<String> {
        if let Err(lost) = self.shared.assignment.lease.check() {
            return Some(lost.to_string());
        }
        if self.scheduler_ended.load(Ordering::Relaxed) {
            return Some("the scheduler has stopped: no pipe starts by itself".to_owned());
        }
        self.shared
            .store
            .health()
            .err()
            .map(|error| error.to_string())
    }

    /// Ends everything in good order: runs stop after their batch, what was written is made durable.
    pub async fn shutdown(&self) {
        self.stop.cancel();
        self.runner.stop(Duration::from_secs(30)).await;
        self.runs.ended().await;
        self.checkpoints.cancel();
        self.rounds_ended.cancelled().await;
        self.let_go.cancel();
        self.tasks.close();
        self.tasks.wait().await;
        // Followers end: they hold the store, and hear nothing from here any more.
        self.shared.signals.everything_may_have_changed();
        let store = self.shared.store.clone();
        if let Err(error) = crate::blocking::run(move || store.sync()).await {
            tracing::error!(error = %error, "cannot make the last writes durable");
        }
    }
}

/// What this worker can read of what others wrote.
fn formats(settings: &Settings) -> Formats {
    let reads = settings.store.format.reads();
    let range = FormatRange {
        oldest: reads.oldest(),
        newest: reads.newest(),
    };
    let moved = settings.objects.as_ref().map(|_| range);
    Formats {
        checkpoints: moved,
        // Pipes are handed over through the object store too.
        change_streams: moved,
        replicas: Some(range),
        hub: Some(range),
    }
}

/// Pipes of two hubs in one place would take each other's state for their own.
async fn check_place(settings: &Settings) -> Result<(), Error> {
    let (Some(objects), Some(hub)) = (&settings.objects, &settings.hub) else {
        return Ok(());
    };
    match hub_of(objects).await {
        Ok(Some(there)) if there != *hub => Err(Error::OtherHub {
            place: objects.place().to_owned(),
            here: hub.clone(),
            there,
        }),
        Ok(_) => Ok(()),
        // What is on the disk can be read without it.
        Err(error) => {
            tracing::warn!(error = %error.answer(), "cannot see whose the object store is; starting all the same");
            Ok(())
        }
    }
}

/// The store's folder below a data folder.
pub(crate) fn store_folder(data: &Path) -> PathBuf {
    data.join(STORE)
}

async fn identity(store: &Store, settings: &Settings) -> Result<held::Identity, Error> {
    let (store, path) = (store.clone(), store_folder(&settings.data));
    let wanted = settings.worker.clone();
    let identity = blocking::run(move || held::identity(&store, wanted))
        .await
        .map_err(|source| Error::Identity {
            path: path.clone(),
            source,
        })?;
    // What is on the disk of another worker is that worker's to own.
    match &settings.worker {
        Some(wanted) if *wanted != identity.worker => Err(Error::OtherWorker {
            path,
            owner: identity.worker,
            wanted: wanted.clone(),
        }),
        _ => Ok(identity),
    }
}

async fn open_store(settings: &Settings) -> Result<Store, Error> {
    let path = store_folder(&settings.data);
    let options = settings.store.clone();
    let moving = settings.data.join(MOVING);
    crate::blocking::run(move || {
        let store = Store::open(&path, &options).map_err(|source| Error::OpenStore {
            path: path.clone(),
            source,
        })?;
        // What was on its way when the process ended begins again from its beginning.
        let removed = store.remove_unfinished_imports();
        removed.map_err(|source| Error::Identity { path, source })?;
        let _ = std::fs::remove_dir_all(moving);
        Ok(store)
    })
    .await
}
