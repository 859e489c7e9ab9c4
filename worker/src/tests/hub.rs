//! A worker with a storage node in memory, and short ways to use them.

use super::assignments::{MemoryAssignments, MovedClock, own};
use crate::{Bounds, LocalWorker, Settings};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use parking_lot::Mutex;
use sluice_config::{Component as Loaded, Kind};
use sluice_dataset::ReadOptions;
use sluice_entity::{Entity, Json, Limits, Style};
use sluice_objects::Objects;
use sluice_protocol::{
    ByteStream, Component, ComponentKind, ConfigurationSnapshot, EntityStage, Error, Feed,
    HistoryEntry, HistorySummary, OneProcess, OperationKind, Page, PipeReport, PumpOperation,
    PumpRequest, PushReply, PushRequest, PutConfiguration, PutOutcome, ReadRequest, Report, Result,
    RunAll, SecretScope, SecretValues, Start, StorageNode, Worker,
};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

/// How long a condition may take to come true.
const PATIENCE: Duration = Duration::from_secs(20);

/// Configuration and numbers in memory: what a storage node is to a worker.
pub(super) struct MemoryStorageNode {
    snapshot: watch::Sender<Arc<ConfigurationSnapshot>>,
    numbers: AtomicU64,
    secrets: Mutex<SecretValues>,
    assignments: Arc<MemoryAssignments>,
}

impl MemoryStorageNode {
    pub(super) fn new(first_number: u64) -> Arc<Self> {
        Arc::new(MemoryStorageNode {
            snapshot: watch::Sender::new(Arc::default()),
            numbers: AtomicU64::new(first_number),
            secrets: Mutex::default(),
            assignments: Arc::default(),
        })
    }

    /// The present revision.
    pub(super) fn revision(&self) -> u64 {
        self.snapshot.borrow().revision
    }

    /// Replaces everything; answers the revision.
    pub(super) fn configure(&self, components: &[Json]) -> u64 {
        let revision = self.snapshot.borrow().revision + 1;
        let components = components.iter().map(|json| {
            let loaded = Loaded::from_json(json.clone()).expect("a component");
            let kind = match loaded.kind {
                Kind::Pipe => ComponentKind::Pipe,
                Kind::System => ComponentKind::System,
                Kind::Metadata => ComponentKind::Metadata,
            };
            let component = Component {
                kind,
                id: loaded.id.clone(),
                group: loaded.group().to_owned(),
                effective: loaded.original.clone(),
                original: loaded.original,
                diagnostics: Vec::new(),
            };
            ((kind, loaded.id), component)
        });
        let snapshot = ConfigurationSnapshot {
            revision,
            components: components.collect(),
            ..Default::default()
        };
        let pipes = snapshot.components.keys();
        let pipes = pipes.filter(|(kind, _)| *kind == ComponentKind::Pipe);
        self.assignments
            .configure(revision, pipes.map(|(_, id)| id.as_str()));
        self.snapshot.send_replace(Arc::new(snapshot));
        revision
    }
}

fn not_needed<T>() -> Result<T> {
    Err(Error::invalid("not-needed", "no worker calls this"))
}

#[async_trait]
impl StorageNode for MemoryStorageNode {
    fn watch(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>> {
        self.snapshot.subscribe()
    }
    async fn put_configuration(&self, _: PutConfiguration) -> Result<PutOutcome> {
        not_needed()
    }
    async fn put_component(
        &self,
        _: ComponentKind,
        _: Json,
        _: bool,
        _: &str,
    ) -> Result<PutOutcome> {
        not_needed()
    }
    async fn add_components(
        &self,
        _: ComponentKind,
        _: Vec<Json>,
        _: bool,
        _: &str,
    ) -> Result<PutOutcome> {
        not_needed()
    }
    async fn delete_component(&self, _: ComponentKind, _: &str, _: &str) -> Result<()> {
        not_needed()
    }
    async fn history(
        &self,
        _: Option<ComponentKind>,
        _: Option<&str>,
        _: &ReadOptions,
    ) -> Result<Vec<HistoryEntry>> {
        not_needed()
    }
    async fn history_summary(&self) -> Result<HistorySummary> {
        not_needed()
    }
    async fn put_variables(&self, _: BTreeMap<String, Json>, _: bool, _: &str) -> Result<()> {
        not_needed()
    }
    async fn delete_variable(&self, _: &str, _: &str) -> Result<()> {
        not_needed()
    }
    async fn put_secrets(
        &self,
        _: SecretScope,
        _: BTreeMap<String, String>,
        _: bool,
        _: &str,
    ) -> Result<()> {
        not_needed()
    }
    async fn delete_secret(&self, _: SecretScope, _: &str, _: &str) -> Result<()> {
        not_needed()
    }
    async fn secret_values(&self) -> Result<SecretValues> {
        Ok(self.secrets.lock().clone())
    }
    async fn hash_key(&self) -> Result<sluice_entity::HashKey> {
        Ok(sluice_entity::HashKey([1, 2, 3, u64::MAX]))
    }
    async fn dataset_number(&self, _: &str) -> Result<u64> {
        Ok(self.numbers.fetch_add(1, Ordering::Relaxed))
    }
    async fn reset(&self) -> Result<()> {
        not_needed()
    }
}

/// A worker on a folder of its own.
pub(super) struct Hub {
    /// The role under test.
    pub worker: Arc<LocalWorker>,
    node: Arc<MemoryStorageNode>,
    /// What its lease is measured by.
    pub clock: Arc<MovedClock>,
    folder: Arc<TempDir>,
    components: Vec<Json>,
}

/// JSON of a test.
pub(super) fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Limits::default())
        .unwrap_or_else(|error| panic!("{error} in {text}"))
}

impl Hub {
    /// A worker with these components, taken up.
    pub(super) async fn with(components: &[&str]) -> Self {
        Self::with_bounds(components, Bounds::default()).await
    }

    /// The same with other bounds of pushes.
    pub(super) async fn with_bounds(components: &[&str], bounds: Bounds) -> Self {
        Self::with_pass_over(components, bounds, true).await
    }

    /// The same, where received entities are passed over or always read.
    pub(super) async fn with_pass_over(
        components: &[&str],
        bounds: Bounds,
        passes_over: bool,
    ) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let components: Vec<Json> = components.iter().map(|text| json(text)).collect();
        let node = MemoryStorageNode::new(1);
        Self::open(folder, components, node, bounds, passes_over, None).await
    }

    /// With an object store, in which checkpoints are made when a test says so.
    pub(super) async fn with_objects(components: &[&str], objects: &Objects) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let components = components.iter().map(|text| json(text)).collect();
        let (node, bounds) = (MemoryStorageNode::new(1), Bounds::default());
        Self::open(
            folder,
            components,
            node,
            bounds,
            true,
            Some(objects.clone()),
        )
        .await
    }

    /// Whether a worker of this hub opens with an object store; why not, if it does not.
    pub(super) async fn opens_in(objects: &Objects, hub: &str) -> std::result::Result<(), String> {
        let folder = TempDir::new().unwrap();
        let node = MemoryStorageNode::new(1);
        let settings = Settings {
            store: sluice_store::Settings::small(),
            objects: Some(objects.clone()),
            hub: Some(hub.to_owned()),
            ..Settings::new(folder.path())
        };
        let metrics = sluice_telemetry::Metrics::new();
        let (assignments, reach) = (node.assignments.clone(), Arc::new(OneProcess));
        let opened = LocalWorker::open(settings, node, assignments, reach, &metrics).await;
        match opened {
            Ok(worker) => {
                worker.shutdown().await;
                Ok(())
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Its lease ends, its disk is gone, and another worker is told to restore these pipes from the checkpoints it told of.
    pub(super) async fn lose_disk(self, objects: &Objects) -> Self {
        self.assignments().set_silent(true);
        self.clock.pass(Duration::from_secs(60));
        self.until(|| async { self.worker.deployment.pipes().is_empty() })
            .await;
        self.worker.shutdown().await;
        // Datasets that are made there have other numbers.
        let first = self.node.numbers.load(Ordering::Relaxed) + 1_000;
        let node = MemoryStorageNode::new(first);
        for report in self.assignments().reports() {
            if let Report::Checkpointed {
                pipe, checkpoint, ..
            } = report
            {
                let duty = own(Start::Restore { checkpoint });
                node.assignments.assign(&pipe, Some(duty));
            }
        }
        let folder = Arc::new(TempDir::new().unwrap());
        let bounds = Bounds::default();
        let objects = Some(objects.clone());
        Self::open(folder, self.components, node, bounds, true, objects).await
    }

    async fn open(
        folder: Arc<TempDir>,
        components: Vec<Json>,
        node: Arc<MemoryStorageNode>,
        bounds: Bounds,
        pass_over_unchanged: bool,
        objects: Option<Objects>,
    ) -> Self {
        let settings = Settings {
            bounds,
            pass_over_unchanged,
            objects,
            ..Settings::new(folder.path())
        };
        Self::open_as(folder, components, node, settings).await
    }

    /// A hub whose microservices are at these addresses.
    pub(super) async fn at_microservices(
        addresses: BTreeMap<String, String>,
        components: &[&str],
    ) -> Self {
        let folder = Arc::new(TempDir::new().unwrap());
        let mut settings = Settings::new(folder.path());
        settings.microservices.addresses = addresses;
        let components = components.iter().map(|text| json(text)).collect();
        let node = MemoryStorageNode::new(0);
        Self::open_as(folder, components, node, settings).await
    }

    async fn open_as(
        folder: Arc<TempDir>,
        components: Vec<Json>,
        node: Arc<MemoryStorageNode>,
        settings: Settings,
    ) -> Self {
        let revision = node.configure(&components);
        let clock = Arc::new(MovedClock::default());
        let settings = Settings {
            store: sluice_store::Settings::small(),
            boot_clock: clock.clone(),
            checkpoint_every: Duration::from_secs(3_600),
            ..settings
        };
        let metrics = sluice_telemetry::Metrics::new();
        let worker = LocalWorker::open(
            settings,
            node.clone(),
            node.assignments.clone(),
            Arc::new(OneProcess),
            &metrics,
        )
        .await
        .unwrap();
        worker.wait_for_revision(revision).await.unwrap();
        Hub {
            worker,
            node,
            clock,
            folder,
            components,
        }
    }

    /// Who says what is this worker's.
    pub(super) fn assignments(&self) -> &MemoryAssignments {
        &self.node.assignments
    }

    /// The same folder and configuration in a new worker.
    pub(super) async fn restart(self) -> Self {
        self.worker.shutdown().await;
        let number = self.node.numbers.load(Ordering::Relaxed);
        let shared = &self.worker.shared;
        let passes_over = shared.passes_over;
        let objects = shared.durability.as_ref();
        let objects = objects.map(|durability| durability.objects.clone());
        let held = Arc::downgrade(shared);
        drop(self.worker);
        // A thread that reads to the end of its page still has the store.
        let end = tokio::time::Instant::now() + Duration::from_secs(60);
        while held.strong_count() > 0 {
            assert!(tokio::time::Instant::now() < end, "the store stays open");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let bounds = Bounds::default();
        let node = MemoryStorageNode::new(number);
        node.assignments.hear(self.node.assignments.reports());
        Self::open(
            self.folder,
            self.components,
            node,
            bounds,
            passes_over,
            objects,
        )
        .await
    }

    /// Entities that were passed over since the worker was opened.
    pub(super) fn passed_over(&self) -> u64 {
        self.worker.shared.metrics.passed_over()
    }

    /// Another configuration, taken up.
    pub(super) async fn configure(&mut self, components: &[&str]) {
        self.components = components.iter().map(|text| json(text)).collect();
        let revision = self.node.configure(&self.components);
        self.worker.wait_for_revision(revision).await.unwrap();
    }

    /// Entities of a feed as JSON, sorted names, generated fields only where `generated`.
    pub(super) async fn feed(&self, feed: Feed, generated: bool) -> Vec<String> {
        let mut pages = feed.pages;
        let mut entities: Vec<Entity> = Vec::new();
        while let Some(page) = pages.next().await {
            match page.unwrap() {
                Page::Versions(versions) => {
                    entities.extend(versions.iter().map(|version| version.to_entity()))
                }
                Page::Entities(some) => entities.extend(some),
            }
        }
        entities
            .iter()
            .map(|entity| printed(entity, generated))
            .collect()
    }

    /// The log of a dataset: bodies with `_deleted` where true.
    pub(super) async fn log(&self, dataset: &str) -> Vec<String> {
        match self
            .worker
            .read_dataset(dataset, ReadRequest::default())
            .await
        {
            Ok(feed) => self.feed(feed, false).await,
            Err(error) if error.reason == "unknown-dataset" => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }

    /// Latest live versions of a dataset.
    pub(super) async fn live(&self, dataset: &str) -> Vec<String> {
        let read = ReadRequest {
            options: ReadOptions::live(),
            ..ReadRequest::default()
        };
        match self.worker.read_dataset(dataset, read).await {
            Ok(feed) => self.feed(feed, false).await,
            Err(error) if error.reason == "unknown-dataset" => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }

    /// A pipe's entities at a stage.
    pub(super) async fn stage(&self, pipe: &str, stage: EntityStage) -> Vec<String> {
        let read = ReadRequest {
            options: ReadOptions::latest(),
            ..ReadRequest::default()
        };
        let feed = self.worker.read_pipe(pipe, stage, read).await.unwrap();
        self.feed(feed, false).await
    }

    /// Event types in a pipe's execution log, in order.
    pub(super) async fn events(&self, pipe: &str) -> Vec<String> {
        let log = self.log(&format!("system:pump:{pipe}")).await;
        log.iter()
            .map(|event| {
                json(event)
                    .get("event_type")
                    .and_then(Json::as_str)
                    .unwrap()
                    .to_owned()
            })
            .collect()
    }

    /// The latest event of a type.
    pub(super) async fn event(&self, pipe: &str, id: &str) -> Json {
        let entity = self
            .worker
            .entity(&format!("system:pump_execution:{pipe}"), id, None)
            .await
            .unwrap();
        json(&printed(&entity, false))
    }

    /// Pushes a request of a full sequence: its id and that of the one before, whether it is the first and the last.
    pub(super) async fn push_full(
        &self,
        receiver: &str,
        sequence: &str,
        (id, previous): (&str, Option<&str>),
        (is_first, is_last): (bool, bool),
        body: &str,
    ) {
        let request = PushRequest {
            sequence_id: Some(sequence.to_owned()),
            is_full: true,
            request_id: Some(id.to_owned()),
            previous_request_id: previous.map(str::to_owned),
            is_first,
            is_last,
            allow_mass_delete: true,
            ..PushRequest::default()
        };
        self.push_as(receiver, request, body).await.unwrap();
    }

    /// Does something to a pump.
    pub(super) async fn operate(
        &self,
        pipe: &str,
        kind: OperationKind,
        parameters: &[(&str, &str)],
    ) -> Result<PipeReport> {
        let parameters = parameters
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let operation = PumpOperation { kind, parameters };
        self.worker
            .operate_pump(
                pipe,
                PumpRequest {
                    operation,
                    user: "tester".to_owned(),
                },
            )
            .await
    }

    /// Starts a pipe and waits for the end of the run; answers whether it succeeded and what it says.
    pub(super) async fn run(&self, pipe: &str) -> (bool, String) {
        self.run_as(pipe, OperationKind::Start, &[]).await
    }

    /// Starts a pipe in a certain way and waits for the end of the run.
    pub(super) async fn run_as(
        &self,
        pipe: &str,
        kind: OperationKind,
        parameters: &[(&str, &str)],
    ) -> (bool, String) {
        self.operate(pipe, kind, parameters).await.unwrap();
        self.until(|| async { !self.report(pipe).await.running })
            .await;
        let ended = self.report(pipe).await.last_run.unwrap();
        (ended.success, ended.message)
    }

    /// Runs pipes one after another; each has to succeed.
    pub(super) async fn run_all_of(&self, pipes: &[&str]) {
        for pipe in pipes {
            assert!(
                self.run(pipe).await.0,
                "pipe {pipe}: {:?}",
                self.report(pipe).await.last_run
            );
        }
    }

    /// The source offset as the API shows it, `null` without one.
    pub(super) async fn last_seen(&self, pipe: &str) -> String {
        self.report(pipe)
            .await
            .last_seen
            .map_or_else(|| "null".to_owned(), |since| since.to_string())
    }

    /// Why there is no such pipe.
    pub(super) async fn worker_error(&self, pipe: &str) -> Cow<'static, str> {
        self.worker.pipe(pipe).await.unwrap_err().reason
    }

    /// A pipe as the API shows it.
    pub(super) async fn report(&self, pipe: &str) -> PipeReport {
        self.worker.pipe(pipe).await.unwrap()
    }

    /// Waits until something holds.
    pub(super) async fn until<F: Future<Output = bool>>(&self, condition: impl Fn() -> F) {
        let waiting = async {
            while !condition().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the condition never came true");
    }

    /// Pushes a body.
    pub(super) async fn push(&self, pipe: &str, body: &str) -> Result<PushReply> {
        self.push_as(pipe, PushRequest::default(), body).await
    }

    /// Pushes a body as part of a sequence.
    pub(super) async fn push_as(
        &self,
        pipe: &str,
        request: PushRequest,
        body: &str,
    ) -> Result<PushReply> {
        self.worker.push(pipe, request, stream(&[body])).await
    }

    /// The client's scheduler with its usual settings.
    pub(super) fn run_everything() -> RunAll {
        RunAll {
            extra_zero_runs: 2,
            max_runs: 100,
            max_run_time: 60,
            delete_input_datasets: false,
            reset_pipes_and_delete_sink_datasets: false,
            check_input_pipes: true,
            output_run_statistics: true,
            pipes: Vec::new(),
            together: None,
        }
    }
}

/// A body in chunks.
pub(super) fn stream(chunks: &[&str]) -> ByteStream {
    let chunks: Vec<Result<Bytes>> = chunks
        .iter()
        .map(|chunk| Ok(Bytes::from((*chunk).to_owned())))
        .collect();
    futures::stream::iter(chunks).boxed()
}

fn printed(entity: &Entity, generated: bool) -> String {
    let mut out = Vec::new();
    let style = Style {
        sorted: true,
        ..Style::default()
    };
    entity.write_json(&mut out, &style);
    let text = String::from_utf8(out).unwrap();
    if generated {
        return text;
    }
    let mut plain = json(&text);
    for name in ["_updated", "_previous", "_ts", "_hash"] {
        plain.remove(name);
    }
    if plain.get("_deleted").and_then(Json::as_bool) == Some(false) {
        plain.remove("_deleted");
    }
    plain.to_string()
}
