//! Two workers of one hub: what one of them reads another has.

use super::assignments::{MemoryAssignments, own};
use super::configurations::{dataset, receiver, signalled};
use super::hub::{MemoryStorageNode, json, stream};
use crate::{LocalWorker, Settings};
use async_trait::async_trait;
use futures::StreamExt;
use parking_lot::Mutex;
use sluice_dataset::ReadOptions;
use sluice_entity::{Json, Style};
use sluice_protocol::{
    Assigned, Assignments, Code, Departure, DiskId, Epoch, Error, Liveness, OpenSession, Page,
    Placement, PushRequest, Reach, ReadRequest, Renewal, Report, Result, RunAll, RunTogether,
    RunnerOutcome, RunnerStatus, Session, SessionId, Standing, Start, Topology, Worker,
    WorkerFacts, WorkerId,
};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tempfile::TempDir;
use tokio::sync::watch;

const PATIENCE: Duration = Duration::from_secs(60);

/// The workers that are there, by their ids.
#[derive(Clone, Default)]
struct Near(Arc<Mutex<BTreeMap<String, Arc<LocalWorker>>>>);

impl Reach for Near {
    fn worker(&self, worker: &WorkerId, _: &str) -> Result<Arc<dyn Worker>> {
        match self.0.lock().get(&worker.0) {
            Some(near) => Ok(near.clone()),
            None => Err(Error::new(
                Code::Unavailable,
                "unreachable",
                "nobody is there",
            )),
        }
    }
}

/// What one worker is told, with the topology that all see.
struct Told {
    own: MemoryAssignments,
    topology: watch::Receiver<Arc<Topology>>,
}

#[async_trait]
impl Assignments for Told {
    async fn open_session(&self, open: OpenSession) -> Result<Session> {
        self.own.open_session(open).await
    }
    async fn renew(&self, renewal: Renewal) -> Result<()> {
        self.own.renew(renewal).await
    }
    async fn watch_assigned(&self, session: SessionId) -> Result<watch::Receiver<Arc<Assigned>>> {
        self.own.watch_assigned(session).await
    }
    async fn report(&self, session: SessionId, report: Report) -> Result<()> {
        self.own.report(session, report).await
    }
    async fn leave(&self, session: SessionId) -> Result<Departure> {
        self.own.leave(session).await
    }
    async fn close_session(&self, session: SessionId) -> Result<()> {
        self.own.close_session(session).await
    }
    fn watch_topology(&self) -> watch::Receiver<Arc<Topology>> {
        self.topology.clone()
    }
}

/// A worker's disk.
struct Disk {
    id: String,
    folder: Arc<TempDir>,
    told: Arc<Told>,
}

/// Two workers, and who has which pipe.
struct Hub {
    node: Arc<MemoryStorageNode>,
    near: Near,
    topology: watch::Sender<Arc<Topology>>,
    disks: Vec<Disk>,
    /// Pipe to the number of its worker.
    places: BTreeMap<String, usize>,
    components: Vec<Json>,
}

impl Hub {
    /// The first list of components is the first worker's.
    async fn with(lists: [&[&str]; 2]) -> Self {
        let topology = watch::Sender::new(Arc::new(Topology::default()));
        let disk = |number: usize| Disk {
            id: format!("w{number}"),
            folder: Arc::new(TempDir::new().unwrap()),
            told: Arc::new(Told {
                own: MemoryAssignments::default(),
                topology: topology.subscribe(),
            }),
        };
        let (mut components, mut places) = (Vec::new(), BTreeMap::new());
        for (number, list) in lists.iter().enumerate() {
            for text in *list {
                let component = json(text);
                let id = component.get("_id").and_then(Json::as_str).unwrap();
                places.insert(id.to_owned(), number);
                components.push(component);
            }
        }
        let mut hub = Hub {
            node: MemoryStorageNode::new(1),
            near: Near::default(),
            disks: (0..2).map(disk).collect(),
            topology,
            places,
            components,
        };
        hub.configure();
        for number in 0..2 {
            hub.open(number).await;
        }
        hub
    }

    fn configure(&mut self) {
        let revision = self.node.configure(&self.components);
        for (number, disk) in self.disks.iter().enumerate() {
            let here = self.places.iter().filter(|(_, place)| **place == number);
            let here = here.map(|(pipe, _)| pipe.as_str());
            disk.told.own.configure(revision, here);
        }
        self.show();
    }

    /// Shows everybody where pipes are.
    fn show(&self) {
        let owned = |(pipe, number): (&String, &usize)| {
            let placement = Placement::Owned {
                worker: WorkerId(format!("w{number}")),
                epoch: Epoch::NONE,
                address: "near".to_owned(),
                moves_to: None,
                restoring: None,
            };
            (pipe.clone(), placement)
        };
        let workers = (0..2).map(|number| {
            let facts = WorkerFacts {
                address: "near".to_owned(),
                disk: DiskId(format!("disk of w{number}")),
                liveness: Liveness::Live,
                standing: Standing::Active,
            };
            (WorkerId(format!("w{number}")), facts)
        });
        self.topology.send_replace(Arc::new(Topology {
            pipes: self.places.iter().map(owned).collect(),
            workers: workers.collect(),
            ..Topology::default()
        }));
    }

    async fn open(&mut self, number: usize) {
        let disk = &self.disks[number];
        let settings = Settings {
            store: sluice_store::Settings::small(),
            worker: Some(WorkerId(disk.id.clone())),
            ..Settings::new(disk.folder.path())
        };
        let metrics = sluice_telemetry::Metrics::new();
        let opening = LocalWorker::open(
            settings,
            self.node.clone(),
            disk.told.clone(),
            Arc::new(self.near.clone()),
            &metrics,
        );
        let worker = opening.await.unwrap();
        self.near.0.lock().insert(disk.id.clone(), worker.clone());
        let revision = self.node.revision();
        worker.wait_for_revision(revision).await.unwrap();
    }

    /// Closes a worker; its store is closed when this returns.
    async fn close(&mut self, number: usize) {
        let id = format!("w{number}");
        let worker = self.near.0.lock().remove(&id).unwrap();
        worker.shutdown().await;
        let store = crate::service::store_folder(self.disks[number].folder.path());
        drop(worker);
        // Streams of followers hold it until they are dropped too.
        until("the store closes", || async {
            let settings = sluice_store::Settings::small();
            sluice_store::Store::open(&store, &settings).is_ok()
        })
        .await;
    }

    async fn restart(&mut self, number: usize) {
        self.close(number).await;
        // A new start has new epochs.
        let pipes: Vec<String> = self.places_of(number);
        for pipe in pipes {
            let duty = own(Start::Local);
            self.disks[number].told.own.assign(&pipe, Some(duty));
        }
        self.open(number).await;
    }

    fn places_of(&self, number: usize) -> Vec<String> {
        let here = self.places.iter().filter(|(_, place)| **place == number);
        here.map(|(pipe, _)| pipe.clone()).collect()
    }

    fn worker(&self, number: usize) -> Arc<LocalWorker> {
        self.near.0.lock()[&format!("w{number}")].clone()
    }

    async fn push(&self, pipe: &str, body: &str) {
        let worker = self.worker(self.places[pipe]);
        worker
            .push(pipe, PushRequest::default(), stream(&[body]))
            .await
            .unwrap();
    }

    /// Entities as they are printed, by the worker whose pipe has this name.
    async fn read(&self, dataset: &str, options: ReadOptions) -> Vec<String> {
        let worker = self.worker(self.places[dataset]);
        let read = ReadRequest {
            options,
            ..ReadRequest::default()
        };
        let feed = match worker.read_dataset(dataset, read).await {
            Ok(feed) => feed,
            Err(error) if error.reason == "unknown-dataset" => return Vec::new(),
            Err(error) => panic!("{error}"),
        };
        let mut pages = feed.pages;
        let mut printed = Vec::new();
        while let Some(page) = pages.next().await {
            let Page::Versions(versions) = page.unwrap() else {
                panic!("datasets have versions")
            };
            printed.extend(versions.iter().map(|version| print(&version)));
        }
        printed
    }

    /// Id and value of each live entity, in the order of the ids.
    async fn live(&self, dataset: &str) -> Vec<String> {
        let entities = self.read(dataset, ReadOptions::live()).await;
        let mut live: Vec<String> = entities.iter().map(|text| plain(text)).collect();
        live.sort();
        live
    }

    /// The replica that a worker has, as its owner would print it.
    fn replica(&self, number: usize, dataset: &str) -> Option<Vec<String>> {
        let replica = self.worker(number).shared.replica(dataset)?;
        if !replica.is_level() {
            return None;
        }
        let page =
            sluice_dataset::Dataset::read(&replica, &ReadOptions::default(), usize::MAX).ok()?;
        Some(page.iter().map(|version| print(&version)).collect())
    }

    /// Runs everything on both workers as one run.
    async fn run_all(&self) -> [RunnerStatus; 2] {
        let together = RunTogether {
            run: uuid::Uuid::new_v4().to_string(),
            workers: (0..2)
                .map(|number| WorkerId(format!("w{number}")))
                .collect(),
        };
        let asked = RunAll {
            together: Some(together),
            extra_zero_runs: 1,
            ..super::Hub::run_everything()
        };
        let (one, other) = (self.worker(0), self.worker(1));
        let (one, other) = tokio::join!(
            one.run_all(asked.clone(), "tester"),
            other.run_all(asked.clone(), "tester")
        );
        [one.unwrap(), other.unwrap()]
    }
}

fn print(version: &sluice_dataset::VersionRef<'_>) -> String {
    let mut text = Vec::new();
    version.write_json(&mut text, &Style::default());
    String::from_utf8(text).unwrap()
}

fn plain(text: &str) -> String {
    let mut entity = json(text);
    for name in ["_updated", "_previous", "_ts", "_hash", "_deleted"] {
        entity.remove(name);
    }
    entity.to_string()
}

async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let waiting = async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let waited = tokio::time::timeout(PATIENCE, waiting).await;
    assert!(waited.is_ok(), "never: {what}");
}

const SUCCESS: RunnerStatus = RunnerStatus::Ended(RunnerOutcome::Success);
const COPY: &str = r#"[["copy", "*"]]"#;
const JOIN: &str = r#"[["copy", "_id"], ["add", "team", ["hops",
    {"datasets": ["teams t"], "where": [["eq", "_S.team", "t.key"]], "return": "t.name"}]]]"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_follows_a_dataset_of_another_worker() {
    let far = [receiver("people")];
    let near = [signalled("copy", "people", COPY)];
    let mut hub = Hub::with([&[&far[0]], &[&near[0]]]).await;
    hub.push("people", r#"[{"_id": "a", "n": 1}, {"_id": "b", "n": 1}]"#)
        .await;
    {
        let hub = &hub;
        until("both are copied", || async move {
            hub.live("copy").await == [r#"{"_id":"a","n":1}"#, r#"{"_id":"b","n":1}"#]
        })
        .await;
    }
    hub.push(
        "people",
        r#"[{"_id": "a", "n": 2}, {"_id": "b", "_deleted": true}]"#,
    )
    .await;
    {
        let hub = &hub;
        until("changes come too", || async move {
            hub.live("copy").await == [r#"{"_id":"a","n":2}"#]
        })
        .await;
    }
    // The same versions with the same offsets, previous ones too; and no list shows them as the other worker's own.
    let log = hub.read("people", ReadOptions::default()).await;
    assert_eq!(log.len(), 4);
    assert_eq!(hub.replica(1, "people"), Some(log));
    let listed = hub.worker(1).datasets().await.unwrap();
    let names: Vec<&str> = listed.iter().map(|one| one.status.name.as_str()).collect();
    assert!(
        names.contains(&"copy") && !names.contains(&"people"),
        "{names:?}"
    );
    {
        // Whoever holds a worker keeps its store open.
        let other = hub.worker(1);
        let refused = other.read_dataset("people", ReadRequest::default());
        assert_eq!(refused.await.err().unwrap().reason, "not-here");
    }

    // Either side may be away for a while.
    for number in [0, 1] {
        hub.restart(number).await;
        hub.push("people", &format!(r#"[{{"_id": "r{number}"}}]"#))
            .await;
        let hub = &hub;
        let id = format!(r#"{{"_id":"r{number}"}}"#);
        let id = &id;
        until("what came after a restart is copied", || async move {
            hub.live("copy").await.contains(id)
        })
        .await;
    }
    assert_eq!(hub.live("copy").await.len(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_join_to_a_dataset_of_another_worker_goes_through_an_index_of_its_replica() {
    let far = [receiver("teams")];
    let near = [receiver("people"), dataset("joined", "people", JOIN)];
    let hub = Hub::with([&[&far[0]], &[&near[0], &near[1]]]).await;
    hub.push(
        "people",
        r#"[{"_id": "a", "team": "x"}, {"_id": "b", "team": "y"}]"#,
    )
    .await;
    hub.push("teams", r#"[{"_id": "1", "key": "x", "name": "Ex"}]"#)
        .await;
    assert_eq!(hub.run_all().await, [SUCCESS, SUCCESS]);
    let expected = [r#"{"_id":"a","team":["Ex"]}"#, r#"{"_id":"b","team":[]}"#];
    assert_eq!(hub.live("joined").await, expected);
    let replica = hub.worker(1).shared.replica("teams").unwrap();
    let indexes = sluice_dataset::Dataset::status(&replica).unwrap().indexes;
    assert!(indexes.len() == 1 && indexes[0].ready, "{indexes:?}");
    // A change of the other side of the join comes through when everything is run, as it does on one worker.
    hub.push("teams", r#"[{"_id": "1", "key": "y", "name": "Why"}]"#)
        .await;
    assert_eq!(hub.run_all().await, [SUCCESS, SUCCESS]);
    let expected = [r#"{"_id":"a","team":[]}"#, r#"{"_id":"b","team":["Why"]}"#];
    assert_eq!(hub.live("joined").await, expected);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_that_crosses_workers_at_every_step_comes_to_rest_as_one() {
    let far = [
        receiver("s0"),
        dataset("s2", "s1", COPY),
        dataset("s4", "s3", COPY),
    ];
    let near = [dataset("s1", "s0", COPY), dataset("s3", "s2", COPY)];
    let hub = Hub::with([&[&far[0], &far[1], &far[2]], &[&near[0], &near[1]]]).await;
    for round in 0..3 {
        let body: Vec<String> = (0..50)
            .map(|id| format!(r#"{{"_id": "{id}", "n": {}}}"#, round * id))
            .collect();
        hub.push("s0", &format!("[{}]", body.join(","))).await;
        assert_eq!(hub.run_all().await, [SUCCESS, SUCCESS]);
        let all = hub.live("s0").await;
        assert_eq!(all.len(), 50);
        assert_eq!(hub.live("s4").await, all, "round {round}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_owner_loses_leaves_nothing_downstream() {
    let far = [receiver("people")];
    let near = [
        signalled("copy", "people", COPY),
        signalled("of-copy", "copy", COPY),
    ];
    let mut hub = Hub::with([&[&far[0]], &[&near[0], &near[1]]]).await;
    hub.push("people", r#"[{"_id": "a", "n": 1}, {"_id": "b", "n": 1}]"#)
        .await;
    {
        let hub = &hub;
        until(
            "copied",
            || async move { hub.live("of-copy").await.len() == 2 },
        )
        .await;
    }
    // What the owner's disk is restored to later.
    hub.close(0).await;
    let kept = TempDir::new().unwrap();
    copy_folder(hub.disks[0].folder.path(), kept.path());
    hub.open(0).await;
    hub.push(
        "people",
        r#"[{"_id": "a", "n": 2}, {"_id": "lost", "n": 2}, {"_id": "b", "_deleted": true}]"#,
    )
    .await;
    {
        let hub = &hub;
        until("the tail is consumed", || async move {
            hub.live("of-copy").await == [r#"{"_id":"a","n":2}"#, r#"{"_id":"lost","n":2}"#]
        })
        .await;
    }
    hub.close(0).await;
    hub.disks[0].folder = Arc::new(kept);
    // A power loss takes the newest commits, too; with a new epoch the offsets may come again.
    hub.disks[0]
        .told
        .own
        .assign("people", Some(own(Start::Local)));
    hub.open(0).await;
    {
        let hub = &hub;
        until("what is lost is gone downstream", || async move {
            hub.live("of-copy").await == [r#"{"_id":"a","n":1}"#, r#"{"_id":"b","n":1}"#]
        })
        .await;
    }
    hub.push("people", r#"[{"_id": "new", "n": 3}]"#).await;
    {
        let hub = &hub;
        until("it goes on", || async move {
            hub.live("of-copy").await.len() == 3
        })
        .await;
    }
    let log = hub.read("people", ReadOptions::default()).await;
    assert_eq!(hub.replica(1, "people"), Some(log));
    let copy = hub.worker(1).pipe("copy").await.unwrap();
    assert_eq!(copy.reprocessing_reasons, Vec::<String>::new());
}

fn copy_folder(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            std::fs::create_dir_all(&target).unwrap();
            copy_folder(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_that_is_deleted_made_again_or_not_there_yet_is_so_in_its_replica() {
    let far = [dataset("late", "nothing", COPY), receiver("people")];
    let near = [
        signalled("copy", "people", COPY),
        signalled("of-late", "late", COPY),
    ];
    let hub = Hub::with([&[&far[0], &far[1]], &[&near[0], &near[1]]]).await;
    hub.push("people", r#"[{"_id": "a"}]"#).await;
    {
        let hub = &hub;
        until(
            "copied",
            || async move { hub.live("copy").await.len() == 1 },
        )
        .await;
    }
    {
        // Its owner says that there is none: for that nobody waits.
        let hub = &hub;
        until("it is known not to be there", || async move {
            let report = hub.worker(1).pipe("of-late").await.unwrap();
            report.waiting_for.is_none() && hub.worker(1).shared.replicas.is_absent("late")
        })
        .await;
    }
    let generation = |hub: &Hub| {
        let replica = hub.worker(1).shared.replica("people")?;
        let status = sluice_dataset::Dataset::status(&replica).ok()?;
        Some(status.generation)
    };
    let before = generation(&hub).unwrap();
    hub.worker(0)
        .delete_dataset("people", "tester")
        .await
        .unwrap();
    hub.push("people", r#"[{"_id": "b"}]"#).await;
    let (hub, generation) = (&hub, &generation);
    until("the new one is there", || async move {
        generation(hub).is_some_and(|now| now != before)
            && hub
                .live("copy")
                .await
                .contains(&r#"{"_id":"b"}"#.to_owned())
    })
    .await;
    let log = hub.read("people", ReadOptions::default()).await;
    assert_eq!(hub.replica(1, "people"), Some(log));
}
