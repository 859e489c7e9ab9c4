//! From a configuration snapshot and what the storage node assigns to running pipes: load, compare, open, change, close.

mod duties;
mod replaying;

use crate::assignment::Held;
use crate::blocking;
use crate::deployment::{Deployment, Taken};
use crate::durability::Arrivals;
use crate::gates;
use crate::pipe::commit::Writes;
use crate::pipe::state;
use crate::receiver::Bounds;
use crate::replicas::sight;
use crate::runs::Runs;
use crate::scheduler::Wake;
use crate::shared::Shared;
use parking_lot::Mutex;
use sluice_config::{
    Component, Configuration, Environment, Kind, Loader, Pipe, SecretNames, SetInitialOffset, Sink,
    Source,
};
use sluice_protocol::{ComponentKind, ConfigurationSnapshot, Result};
use sluice_store::{Durability, StateKey};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// How long to wait before a snapshot that could not be taken up is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long to wait before pipes that could not be prepared are tried again.
const PREPARE_AGAIN: Duration = Duration::from_secs(10);

/// Follows the storage node's configuration.
pub(crate) struct TakeUp {
    /// The worker.
    pub shared: Arc<Shared>,
    /// What is taken up.
    pub deployment: Arc<Deployment>,
    /// Runs of pipes that go.
    pub runs: Arc<Runs>,
    /// The scheduler wants to know.
    pub wake: mpsc::UnboundedSender<Wake>,
    /// So do callers that wait for a revision.
    pub revision: watch::Sender<u64>,
    /// Pipes on their way here.
    pub arrivals: Arc<Arrivals>,
    /// Bounds of pushes that are taken again.
    pub bounds: Bounds,
    /// What is assigned to this worker.
    pub held: watch::Receiver<Held>,
    /// The number of what was held when nothing else was open any more.
    pub done: watch::Sender<u64>,
    /// What was loaded the last time.
    pub loader: Arc<Mutex<Loader>>,
    /// Ends the task.
    pub stop: CancellationToken,
}

impl TakeUp {
    /// Takes up every snapshot and every assignment that comes, until stopped.
    pub(crate) async fn run(self, mut snapshots: watch::Receiver<Arc<ConfigurationSnapshot>>) {
        let mut held = self.held.clone();
        let mut arrived = self.arrivals.watch();
        let mut started = true;
        loop {
            let snapshot = snapshots.borrow_and_update().clone();
            let holding = held.borrow_and_update().clone();
            let taken = tokio::select! {
                taken = self.take_up(&snapshot, &holding, started) => taken,
                () = self.stop.cancelled() => return self.arrivals.end().await,
            };
            match taken {
                Ok(is_taken) => started &= !is_taken,
                Err(error) => {
                    tracing::warn!(revision = snapshot.revision, error = %error, "cannot take up the configuration; trying again");
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
            }
            tokio::select! {
                changed = snapshots.changed() => if changed.is_err() { return },
                changed = held.changed() => if changed.is_err() { return },
                _ = arrived.changed() => {}
                () = self.prepare_later() => {}
                () = self.stop.cancelled() => return self.arrivals.end().await,
            }
        }
    }

    /// True when configuration and assignments are taken up; false when one of them has yet to come.
    async fn take_up(
        &self,
        snapshot: &Arc<ConfigurationSnapshot>,
        held: &Held,
        started: bool,
    ) -> Result<bool> {
        if held.session.is_none() {
            self.arrivals.end().await;
            self.close_all().await;
            self.done.send_replace(held.number);
            return Ok(false);
        }
        if held.assigned.revision != snapshot.revision {
            // The other one is on its way. Only together do they say whether a pipe is removed or has moved away.
            return Ok(false);
        }
        let secrets = Arc::new(self.shared.storage_node.secret_values().await?);
        let configuration = load(snapshot, &self.loader).await;
        self.shared
            .systems
            .take_up(&configuration.systems, &secrets);
        self.shared.secrets.store(secrets);
        self.shared.indexes.take_up(&configuration);
        let beginning = self.let_go(&configuration, held).await?;
        self.register_indexes().await?;
        self.begin(&configuration, beginning).await?;
        for pipe in self.deployment.pipes() {
            if let Some(settings) = configuration.pipes.get(&pipe.id) {
                self.change(settings).await?;
            }
        }
        self.name_datasets(&configuration);
        self.keep_replicas(&configuration).await?;
        let revision = snapshot.revision;
        self.deployment.set_taken(Taken { configuration });
        self.build_indexes();
        let _ = self.wake.send(Wake::Configured { started });
        self.revision.send_replace(revision);
        self.done.send_replace(held.number);
        tracing::info!(
            revision,
            pipes = self.deployment.pipes().len(),
            "took up the configuration"
        );
        Ok(true)
    }

    async fn change(&self, settings: &Arc<Pipe>) -> Result<()> {
        let Some(pipe) = self.deployment.get(&settings.id) else {
            return Ok(());
        };
        let present = pipe.settings();
        let is_same =
            Arc::ptr_eq(&present, settings) || present.effective.same_meaning(&settings.effective);
        pipe.set_unprepared(pipe.is_unprepared() || !is_same);
        // Validity may depend on others, so even an unchanged pipe takes the new object.
        pipe.configure(settings.clone());
        if pipe.is_unprepared() {
            match prepare(&self.shared, settings).await {
                Ok(()) => pipe.set_unprepared(false),
                // A full disk, say: the others go on, and this one is tried again.
                Err(error) => {
                    tracing::warn!(pipe = %pipe.id, error = %error, "cannot prepare the pipe")
                }
            }
        }
        Ok(())
    }

    /// Keeps replicas of what the pipes here read and other workers have.
    async fn keep_replicas(&self, configuration: &Configuration) -> Result<()> {
        let (shared, deployment) = (&self.shared, &self.deployment);
        shared.replicas.take_up(configuration);
        let pipes: Vec<Arc<Pipe>> = deployment
            .pipes()
            .iter()
            .map(|pipe| pipe.settings())
            .collect();
        let here = || pipes.iter().map(|pipe| &**pipe);
        shared.indexes.take_up_here(here());
        self.register_indexes().await?;
        let is_elsewhere = |dataset: &str| shared.assignment.is_elsewhere(dataset);
        let need = sight(here(), is_elsewhere);
        shared.replicas.keep(shared, deployment, &need).await;
        Ok(())
    }

    /// Waits until it is time to try pipes again that could not be prepared; for ever if there are none.
    async fn prepare_later(&self) {
        if self
            .deployment
            .pipes()
            .iter()
            .any(|pipe| pipe.is_unprepared())
        {
            tokio::time::sleep(PREPARE_AGAIN).await;
        } else {
            std::future::pending().await
        }
    }

    /// Tells the store the expressions of indexes that are built: from now on every write keeps them.
    async fn register_indexes(&self) -> Result<()> {
        let shared = self.shared.clone();
        let registered = blocking::run(move || {
            for name in shared.indexes.datasets() {
                let copies = [shared.existing(&name), shared.replica(&name)];
                for dataset in copies.into_iter().flatten() {
                    if shared.indexes.are_ready(&dataset)? {
                        shared.indexes.ensure(&dataset)?;
                    }
                }
            }
            Ok(())
        });
        registered.await.map_err(crate::answer::dataset)
    }

    /// Builds what is missing beside everything else; the pipes that need it say so and wait.
    fn build_indexes(&self) {
        for pipe in self.deployment.pipes() {
            let settings = pipe.settings();
            let (shared, wake) = (self.shared.clone(), self.wake.clone());
            let unready = settings
                .hop_datasets
                .iter()
                .filter_map(|name| shared.readable(name));
            let unready =
                unready.filter(|dataset| !shared.indexes.are_ready(dataset).unwrap_or(false));
            let unready: Vec<_> = unready.collect();
            let Some(first) = unready.first() else {
                let unprepared = "waits for what it needs to be made: see the log".to_owned();
                pipe.set_opening(pipe.is_unprepared().then_some(unprepared));
                continue;
            };
            pipe.set_opening(Some(format!(
                "builds the indexes of dataset {}",
                first.name()
            )));
            self.runs.spawn(async move {
                let built = blocking::run({
                    let shared = shared.clone();
                    move || {
                        unready
                            .iter()
                            .try_for_each(|dataset| shared.indexes.ensure(dataset))
                    }
                });
                match built.await {
                    Ok(()) => pipe.set_opening(None),
                    Err(error) => pipe.set_opening(Some(format!("cannot build an index: {error}"))),
                }
                let _ = wake.send(Wake::Look {
                    pipe: pipe.id.clone(),
                });
            });
        }
    }
}

async fn load(snapshot: &Arc<ConfigurationSnapshot>, loader: &Arc<Mutex<Loader>>) -> Configuration {
    let (snapshot, loader) = (snapshot.clone(), loader.clone());
    blocking::run(move || {
        let components: Vec<Component> = snapshot.components.values().map(component).collect();
        let environment = Environment {
            variables: snapshot.variables.clone(),
            secret_names: SecretNames {
                global: snapshot.secret_names.iter().cloned().collect(),
                systems: snapshot
                    .system_secret_names
                    .iter()
                    .map(|(system, names)| (system.clone(), names.iter().cloned().collect()))
                    .collect(),
            },
            ..Environment::default()
        };
        loader.lock().load(&components, &environment)
    })
    .await
}

fn component(component: &sluice_protocol::Component) -> Component {
    let kind = match component.kind {
        ComponentKind::Pipe => Kind::Pipe,
        ComponentKind::System => Kind::System,
        ComponentKind::Metadata => Kind::Metadata,
    };
    Component {
        kind,
        id: component.id.clone(),
        original: component.original.clone(),
    }
}

/// Drops everything a pipe remembers.
pub(crate) async fn forget(shared: &Arc<Shared>, pipe: &str) -> Result<()> {
    let (shared, owner) = (shared.clone(), state::owner(pipe));
    let dropped = blocking::run(move || {
        let mut transaction = shared.store.transaction(&[])?;
        transaction.delete_state_range(&StateKey::new(&owner, "")?);
        shared
            .assignment
            .lease
            .commit(transaction, Durability::Synced)
    });
    dropped.await.map(|_| ()).map_err(crate::answer::dataset)
}

/// What exists as soon as a pipe is configured: datasets of receivers (R57), dead letters (R35), `onload` (SK2).
pub(crate) async fn prepare(shared: &Arc<Shared>, settings: &Pipe) -> Result<()> {
    if settings.runnable.is_err() {
        return Ok(());
    }
    if let Sink::Dataset(sink) = &settings.sink {
        let is_receiver = matches!(&settings.source, Source::HttpEndpoint(_));
        let auto_populate = matches!(&settings.source, Source::HttpEndpoint(source) if source.auto_populate_dataset);
        let on_load = sink.set_initial_offset == SetInitialOffset::Onload
            || (auto_populate && sink.set_initial_offset == SetInitialOffset::IfSourcePopulated);
        if is_receiver || on_load {
            let dataset = shared.dataset(&sink.dataset).await?;
            if on_load && !gates::is_populated(shared, &sink.dataset) {
                let writes = Writes {
                    populated: vec![dataset],
                    durability: Durability::Synced,
                    ..Writes::default()
                };
                shared
                    .commit(writes)
                    .await
                    .map_err(crate::answer::dataset)?;
            }
        }
    }
    if let Some(name) = &settings.pump.dead_letter_dataset {
        let opened = crate::pipe::open_dead_letters(shared, name).await;
        opened.map_err(crate::answer::run)?;
    }
    Ok(())
}
