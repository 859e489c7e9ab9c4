//! A real storage node and a real worker that know each other only over gRPC, used only over gRPC.

use bytes::Bytes;
use futures::{StreamExt, stream};
use sluice_dataset::ReadOptions;
use sluice_entity::{Json, Limits, Style};
use sluice_protocol::client::{ClientSettings, RemoteStorageNode, RemoteWorker};
use sluice_protocol::server::{self, ServerSettings};
use sluice_protocol::{
    Code, ComponentKind, Feed, OneProcess, OperationKind, Page, PublishRequest, Published,
    PumpOperation, PumpRequest, PushRequest, PutConfiguration, ReadRequest, RunAll, RunnerOutcome,
    RunnerStatus, Scope, StorageNode, Worker,
};
use sluice_storage_node::{Node, PlacementSettings, Placements};
use sluice_telemetry::Metrics;
use sluice_worker::LocalWorker;
use std::sync::Arc;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tonic::service::{Routes, RoutesBuilder};
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Channel, Endpoint, Server};

/// A server that ends with its handle.
struct Serving(JoinHandle<Result<(), tonic::transport::Error>>);

impl Drop for Serving {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Serves on any free port; also gives the way there.
async fn serve(add: impl FnOnce(&mut RoutesBuilder)) -> (Serving, Channel) {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    let mut routes = Routes::builder();
    add(&mut routes);
    let server = Server::builder().add_routes(routes.routes());
    let serving = Serving(tokio::spawn(server.serve_with_incoming(incoming)));
    (
        serving,
        Endpoint::from_shared(address).unwrap().connect_lazy(),
    )
}

struct Hub {
    /// As another role sees them.
    worker: RemoteWorker,
    storage: RemoteStorageNode,
    /// The worker itself, to compare.
    local: Arc<LocalWorker>,
    _serving: [Serving; 2],
    _folder: tempfile::TempDir,
}

impl Hub {
    async fn start() -> Hub {
        let folder = tempfile::tempdir().unwrap();
        let settings = ClientSettings::default();
        let node =
            Arc::new(Node::open(&sluice_storage_node::Settings::new(folder.path())).unwrap());
        let placements = Placements::open(&node, &PlacementSettings::default()).unwrap();
        let (node_serving, to_node) =
            serve(|routes| server::add_storage_node(routes, node, ServerSettings::default())).await;
        let storage = Arc::new(RemoteStorageNode::connect(to_node.clone(), settings).await);
        let of_worker = sluice_worker::Settings {
            store: sluice_store::Settings::small(),
            ..sluice_worker::Settings::new(folder.path())
        };
        let local = LocalWorker::open(
            of_worker,
            storage,
            Arc::new(placements),
            Arc::new(OneProcess),
            &Metrics::new(),
        )
        .await
        .unwrap();
        let served = Arc::clone(&local);
        let (worker_serving, to_worker) =
            serve(|routes| server::add_worker(routes, served, ServerSettings::default())).await;
        Hub {
            worker: RemoteWorker::new(to_worker, settings),
            storage: RemoteStorageNode::connect(to_node, settings).await,
            local,
            _serving: [node_serving, worker_serving],
            _folder: folder,
        }
    }

    async fn upload(&self, components: &[&str]) {
        let components = components.iter().map(|text| json(text));
        let put = PutConfiguration {
            scope: Scope::All,
            components: components.collect(),
            force: false,
            user: "ann".into(),
        };
        let outcome = self.storage.put_configuration(put).await.unwrap();
        assert!(outcome.applied, "{outcome:?}");
        self.worker
            .wait_for_revision(outcome.revision)
            .await
            .unwrap();
    }
}

fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Limits::default()).unwrap()
}

/// The entities as JSON, and the number of pages they came in.
async fn entities(mut feed: Feed) -> (Vec<String>, usize) {
    let (mut entities, mut pages) = (Vec::new(), 0);
    let printed = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut text = Vec::new();
        write(&mut text);
        String::from_utf8(text).unwrap()
    };
    while let Some(page) = feed.pages.next().await {
        pages += 1;
        match page.unwrap() {
            Page::Versions(batch) => entities.extend(
                batch
                    .iter()
                    .map(|version| printed(&|text| version.write_json(text, &Style::default()))),
            ),
            Page::Entities(made) => entities.extend(
                made.iter()
                    .map(|entity| printed(&|text| entity.write_json(text, &Style::default()))),
            ),
        }
    }
    (entities, pages)
}

const IN: &str = r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}}"#;
const OUT: &str = r#"{"_id": "out", "type": "pipe",
    "source": {"type": "dataset", "dataset": "in", "supports_signalling": false},
    "transform": {"type": "dtl", "rules": {"default": [["copy", "*"], ["add", "limit", "$ENV(limit)"]]}},
    "pump": {"schedule_interval": 86400}}"#;
const SHOWN: &str = r#"{"_id": "shown", "type": "pipe", "source": {"type": "dataset", "dataset": "out"},
    "sink": {"type": "http_endpoint"}}"#;

/// An array of so many entities of about a kilobyte, in chunks as a client would send them.
fn pushed(count: usize) -> Vec<Bytes> {
    let filling = "å".repeat(450);
    let entities = (0..count).map(|n| {
        let comma = if n == 0 { "[" } else { "," };
        format!(
            r#"{comma}{{"_id": "{n}", "big": 123456789012345678901234567890, "price": 1.10, "z": {{"b": 1, "a": "{filling}"}}}}"#
        )
    });
    let body = entities.chain(["]".to_owned()]).collect::<String>();
    let mut body = Bytes::from(body);
    let mut chunks = Vec::new();
    while !body.is_empty() {
        chunks.push(body.split_to(body.len().min(10_007)));
    }
    chunks
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_push_run_and_read_over_grpc_only() {
    let hub = Hub::start().await;
    let variables = [("limit".to_owned(), json("1.50"))].into();
    hub.storage
        .put_variables(variables, false, "ann")
        .await
        .unwrap();
    hub.upload(&[IN, OUT, SHOWN]).await;

    // Configuration comes back as it went up.
    let history = hub
        .storage
        .history(
            Some(ComponentKind::Pipe),
            Some("out"),
            &ReadOptions::default(),
        )
        .await
        .unwrap();
    let original = history.first().unwrap().original.clone().unwrap();
    assert_eq!(*original, json(OUT));
    let ids: Vec<String> = hub
        .worker
        .pipes()
        .await
        .unwrap()
        .into_iter()
        .map(|pipe| pipe.id)
        .collect();
    assert_eq!(ids, ["in", "out", "shown"]);

    // Push.
    let body = stream::iter(pushed(3000).into_iter().map(Ok)).boxed();
    let reply = hub
        .worker
        .push("in", PushRequest::default(), body)
        .await
        .unwrap();
    assert_eq!((reply.received, reply.changed), (3000, 3000));
    let broken = stream::iter([Ok(Bytes::from_static(b"[{\"_id\": 1}]"))]).boxed();
    let refused = hub
        .worker
        .push("in", PushRequest::default(), broken)
        .await
        .unwrap_err();
    assert_eq!(refused.code, Code::InvalidArgument);
    assert!(!refused.members.is_empty() && refused.source.is_none());

    // Run.
    let run = RunAll {
        extra_zero_runs: 1,
        max_runs: 20,
        max_run_time: 60,
        delete_input_datasets: false,
        reset_pipes_and_delete_sink_datasets: false,
        check_input_pipes: true,
        output_run_statistics: false,
        pipes: Vec::new(),
        together: None,
    };
    let status = hub.worker.run_all(run, "ann").await.unwrap();
    assert_eq!(status, RunnerStatus::Ended(RunnerOutcome::Success));
    assert!(!hub.worker.run_all_log(None, None).await.unwrap().is_empty());

    // Read: the same as the worker itself gives, in more than one page.
    for name in ["in", "out"] {
        let read = ReadRequest::default();
        let far = hub.worker.read_dataset(name, read.clone()).await.unwrap();
        let near = hub.local.read_dataset(name, read).await.unwrap();
        assert_eq!(far.headers, near.headers);
        let ((far, pages), (near, _)) = (entities(far).await, entities(near).await);
        assert_eq!(far, near);
        assert_eq!(far.len(), 3000);
        assert!(pages > 2, "{pages}");
    }
    let far = hub.worker.entity("out", "7", None).await.unwrap();
    let near = hub.local.entity("out", "7", None).await.unwrap();
    assert_eq!(far.body_buf().encoded(), near.body_buf().encoded());
    assert_eq!(far.generated(), near.generated());
    let text = far.body().to_json_string();
    for part in [
        "123456789012345678901234567890",
        "\"price\":\"~f1.10\"",
        "\"limit\":",
    ] {
        assert!(text.contains(part), "{part} is missing");
    }
    let publish = PublishRequest {
        read: ReadRequest::default(),
        format: "json".into(),
        file: None,
    };
    match hub.worker.publish("shown", publish).await.unwrap() {
        Published::Entities(feed) => assert_eq!(entities(feed).await.0.len(), 3000),
        Published::Bytes { .. } => panic!("json is entities"),
    }

    // A pump, and what does not exist.
    let disable = PumpRequest {
        operation: PumpOperation {
            kind: OperationKind::Disable,
            parameters: Default::default(),
        },
        user: "ann".into(),
    };
    assert!(
        hub.worker
            .operate_pump("out", disable)
            .await
            .unwrap()
            .disabled
    );
    let unknown = hub.worker.pipe("unknown").await.unwrap_err();
    let near = hub.local.pipe("unknown").await.unwrap_err();
    assert_eq!(
        (unknown.code, unknown.reason, unknown.members),
        (near.code, near.reason, near.members)
    );
    hub.local.shutdown().await;
}
