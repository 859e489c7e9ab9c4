//! Who is asked, and what is said where somebody is away.

use super::*;
use crate::api::tests::fake_worker::FakeWorker;
use futures::StreamExt;
use sluice_entity::{Json, Limits};
use sluice_protocol::{
    Component, ComponentKind, DiskId, Epoch, Placement, PumpOperation, PumpRequest, PushRequest,
    ReadRequest, Unplaced,
};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

/// Workers in memory by their ids.
struct Near(BTreeMap<String, Arc<FakeWorker>>);

impl Reach for Near {
    fn worker(&self, worker: &WorkerId, _: &str) -> Result<Arc<dyn Worker>> {
        match self.0.get(&worker.0) {
            Some(near) => Ok(near.clone()),
            None => Err(Error::new(
                Code::Unavailable,
                "unreachable",
                "nobody is there",
            )),
        }
    }
}

struct World {
    fleet: Fleet,
    workers: Vec<Arc<FakeWorker>>,
    topology: watch::Sender<Arc<Topology>>,
    _configuration: watch::Sender<Arc<ConfigurationSnapshot>>,
}

fn component(id: &str) -> ((ComponentKind, String), Component) {
    let text = format!(
        r#"{{"_id": "{id}", "type": "pipe", "sink": {{"type": "dataset", "dataset": "{id}"}}}}"#
    );
    let json = Arc::new(Json::parse(text.as_bytes(), &Limits::default()).unwrap());
    let component = Component {
        kind: ComponentKind::Pipe,
        id: id.to_owned(),
        group: "default".to_owned(),
        original: json.clone(),
        effective: json,
        diagnostics: Vec::new(),
    };
    ((ComponentKind::Pipe, id.to_owned()), component)
}

fn facts(liveness: Liveness) -> WorkerFacts {
    WorkerFacts {
        address: "near".to_owned(),
        disk: DiskId("disk".to_owned()),
        liveness,
        standing: Standing::Active,
    }
}

impl World {
    /// Two workers; the pipe `in` is the second one's, `lost` is nobody's, `new` was just configured.
    fn new() -> World {
        let workers: Vec<Arc<FakeWorker>> = (0..2).map(|_| Arc::default()).collect();
        let near = workers.iter().enumerate();
        let near = near.map(|(number, worker)| (format!("w{number}"), worker.clone()));
        let owned = Placement::Owned {
            worker: WorkerId("w1".to_owned()),
            epoch: Epoch::NONE,
            address: "near".to_owned(),
            moves_to: None,
            restoring: None,
        };
        let lost = Placement::Unplaced(Unplaced::DiskAway);
        let live = |id: &str| (WorkerId(id.to_owned()), facts(Liveness::Live));
        let topology = watch::Sender::new(Arc::new(Topology {
            pipes: [("in".to_owned(), owned), ("lost".to_owned(), lost)].into(),
            workers: ["w0", "w1"].map(live).into(),
            ..Topology::default()
        }));
        let configuration = watch::Sender::new(Arc::new(ConfigurationSnapshot {
            components: ["in", "lost", "new"].map(component).into(),
            ..ConfigurationSnapshot::default()
        }));
        let reach = Arc::new(Near(near.collect()));
        World {
            fleet: Fleet::new(topology.subscribe(), configuration.subscribe(), reach),
            workers,
            topology,
            _configuration: configuration,
        }
    }

    fn loses(&self, worker: &str, standing: Standing) {
        self.topology.send_modify(|topology| {
            let mut next = (**topology).clone();
            let lost = WorkerFacts {
                standing,
                ..facts(Liveness::Lost)
            };
            next.workers.insert(WorkerId(worker.to_owned()), lost);
            *topology = Arc::new(next);
        });
    }
}

fn body() -> sluice_protocol::ByteStream {
    futures::stream::iter([Ok(bytes::Bytes::from_static(b"[]"))]).boxed()
}

#[tokio::test]
async fn a_call_goes_to_the_worker_that_has_the_pipe_and_to_nobody_else() {
    let world = World::new();
    let request = PumpRequest {
        operation: PumpOperation {
            kind: sluice_protocol::OperationKind::Start,
            parameters: BTreeMap::new(),
        },
        user: "ann".to_owned(),
    };
    world.fleet.operate_pump("in", request).await.unwrap();
    let push = world.fleet.push("in", PushRequest::default(), body());
    push.await.unwrap();
    let read = world.fleet.read_dataset("in", ReadRequest::default());
    assert!(read.await.is_ok());
    let asked = |worker: &FakeWorker| {
        let (pumps, pushes) = (worker.pumps.lock().len(), worker.pushes.lock().len());
        (pumps, pushes, worker.reads.lock().len())
    };
    assert_eq!(asked(&world.workers[0]), (0, 0, 0));
    assert_eq!(asked(&world.workers[1]), (1, 1, 1));
}

impl World {
    /// The pipe `in` has changed hands.
    fn moves_to(&self, worker: &str) {
        self.topology.send_modify(|topology| {
            let mut next = (**topology).clone();
            let placement = next.pipes.get_mut("in").unwrap();
            if let Placement::Owned { worker: owner, .. } = placement {
                *owner = WorkerId(worker.to_owned());
            }
            *topology = Arc::new(next);
        });
    }
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_while_a_pipe_changes_hands() {
    let world = World::new();
    let [new, old] = [&world.workers[0], &world.workers[1]];
    old.elsewhere.store(usize::MAX, Relaxed);
    new.elsewhere.store(2, Relaxed);
    let read = world.fleet.read_dataset("in", ReadRequest::default());
    let moving = async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        world.moves_to("w0");
    };
    let (read, ()) = tokio::join!(read, moving);
    assert!(read.is_ok(), "the new owner answers when it has opened it");
    assert_eq!(new.reads.lock().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_until_a_storage_node_that_has_just_started_has_heard_of_the_owner() {
    let world = World::new();
    let known = world.topology.borrow().clone();
    world.topology.send_modify(|topology| {
        let mut next = (**topology).clone();
        let unheard = Placement::Unplaced(Unplaced::OwnerMayWrite);
        next.pipes.insert("in".to_owned(), unheard);
        *topology = Arc::new(next);
    });
    let read = world.fleet.read_dataset("in", ReadRequest::default());
    let hearing = async {
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        world.topology.send_replace(known);
    };
    let (read, ()) = tokio::join!(read, hearing);
    assert!(read.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_read_waits_for_seconds_and_only_where_somebody_says_that_it_helps() {
    let world = World::new();
    world.workers[1].elsewhere.store(usize::MAX, Relaxed);
    let begun = tokio::time::Instant::now();
    let read = world.fleet.read_dataset("in", ReadRequest::default());
    let refused = read.await.err().unwrap();
    assert_eq!(refused.reason, "not-here");
    let waited = begun.elapsed().as_secs_f64();
    assert!((5.0..5.5).contains(&waited), "{waited}");
    let begun = tokio::time::Instant::now();
    let read = world.fleet.read_dataset("lost", ReadRequest::default());
    assert_eq!(read.await.err().unwrap().reason, "not-placed");
    assert_eq!(begun.elapsed(), std::time::Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_has_not_heard_of_a_pipe_does_not_say_that_there_is_none() {
    let world = World::new();
    world.topology.send_modify(|topology| {
        let mut next = (**topology).clone();
        let owned = next.pipes["in"].clone();
        next.pipes.insert("new".to_owned(), owned);
        *topology = Arc::new(next);
    });
    // The worker knows `in` alone.
    let push = world.fleet.push("new", PushRequest::default(), body());
    let refused = [push.await.err(), world.fleet.pipe("new").await.err()];
    for refused in refused.map(Option::unwrap) {
        assert_eq!(
            (refused.code, &*refused.reason),
            (Code::Unavailable, "not-here")
        );
    }
}

#[tokio::test]
async fn a_pipe_that_is_nowhere_is_not_there_now_and_one_that_never_was_is_unknown() {
    let world = World::new();
    for (pipe, code) in [
        ("lost", Code::Unavailable),
        ("new", Code::Unavailable),
        ("never", Code::NotFound),
    ] {
        assert_eq!(
            world.fleet.pipe(pipe).await.unwrap_err().code,
            code,
            "{pipe}"
        );
    }
    // What such a pipe writes, and its log, are looked for at nobody else.
    for dataset in ["lost", "system:pump:lost"] {
        let refused = world.fleet.dataset(dataset).await.unwrap_err();
        assert_eq!(refused.reason, "not-placed", "{dataset}");
    }
    let pipes = world.fleet.pipes().await.unwrap();
    let shown = |pipe: &sluice_protocol::PipeReport| (pipe.id.clone(), pipe.waiting_for.is_some());
    let shown: Vec<(String, bool)> = pipes.iter().map(shown).collect();
    let expected = [("in", false), ("lost", true), ("new", true)];
    assert_eq!(shown, expected.map(|(id, waits)| (id.to_owned(), waits)));
}

#[tokio::test]
async fn what_means_everything_waits_for_who_is_away_unless_it_never_comes_back() {
    let world = World::new();
    assert!(world.fleet.datasets().await.is_ok());
    world.loses("w0", Standing::Active);
    let refused = [
        world.fleet.datasets().await.err(),
        world.fleet.reset().await.err(),
        world.fleet.delete_all_sink_datasets("ann").await.err(),
        world.fleet.dataset("nobody's").await.err(),
    ];
    for refused in refused {
        let refused = refused.unwrap();
        assert_eq!(
            (refused.code, &*refused.reason),
            (Code::Unavailable, "worker-away")
        );
    }
    let resets = |worker: &FakeWorker| worker.resets.load(std::sync::atomic::Ordering::Relaxed);
    assert!(
        world.workers.iter().all(|worker| resets(worker) == 0),
        "all or none"
    );
    world.loses("w0", Standing::Retired);
    world.fleet.reset().await.unwrap();
    assert_eq!(
        world
            .workers
            .iter()
            .map(|worker| resets(worker))
            .sum::<usize>(),
        1
    );
}
