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
