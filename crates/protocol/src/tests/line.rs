//! A connection in memory between a client and a server: it can be cut and mended.

use crate::client::ClientSettings;
use crate::server::{self, ServerSettings};
use crate::{Assignments, Deadlines, MessageBounds, PlacementControl, StorageNode, Worker};
use hyper_util::rt::TokioIo;
use parking_lot::Mutex;
use std::future::Future;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::{Routes, RoutesBuilder};
use tonic::transport::{Channel, Endpoint, Server};

/// How long something may take that must happen.
const PATIENCE: Duration = Duration::from_secs(20);
/// Bytes that a pipe holds.
const PIPE: usize = 64 << 10;

/// Waits for what must happen.
pub(crate) async fn soon<T>(what: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, what)
        .await
        .expect("it happens in time")
}

/// Waits for a condition.
pub(crate) async fn until(condition: impl Fn() -> bool) {
    soon(async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await;
}

/// Small pages, so that small data is cut too; short pauses.
pub(crate) fn settings() -> ClientSettings {
    ClientSettings {
        bounds: bounds(),
        deadlines: Deadlines::default(),
        shortest_pause: Duration::from_millis(5),
        longest_pause: Duration::from_millis(20),
    }
}

pub(crate) fn bounds() -> MessageBounds {
    MessageBounds {
        entity_bytes: 200_000,
        page_bytes: 1000,
    }
}

/// What a server listens to.
pub(super) type Incoming = mpsc::UnboundedReceiver<DuplexStream>;

/// The connection of a client.
pub(super) struct Line {
    pub(super) channel: Channel,
    cable: Arc<Cable>,
    drain: CancellationToken,
    server: Option<JoinHandle<Result<(), tonic::transport::Error>>>,
}

struct Cable {
    incoming: Mutex<mpsc::UnboundedSender<DuplexStream>>,
    /// Copies bytes for each connection; none while the line is cut.
    connections: Mutex<Option<JoinSet<()>>>,
}

impl Line {
    /// A line and what its server listens to.
    pub(super) fn new() -> (Line, Incoming) {
        let (incoming, connections) = mpsc::unbounded_channel();
        let cable = Arc::new(Cable {
            incoming: Mutex::new(incoming),
            connections: Mutex::new(Some(JoinSet::new())),
        });
        let connecting = Arc::clone(&cable);
        let connector = tower::service_fn(move |_| {
            let connected = connecting.connect();
            async move { connected.map(TokioIo::new) }
        });
        let channel = Endpoint::from_static("http://memory").connect_with_connector_lazy(connector);
        let line = Line {
            channel,
            cable,
            drain: CancellationToken::new(),
            server: None,
        };
        (line, connections)
    }

    /// A line to a worker.
    pub(super) fn to_worker(worker: Arc<dyn Worker>) -> Line {
        Line::to(|routes, settings| server::add_worker(routes, worker, settings))
    }

    /// A line to a storage node.
    pub(super) fn to_storage_node(node: Arc<dyn StorageNode>) -> Line {
        Line::to(|routes, settings| server::add_storage_node(routes, node, settings))
    }

    /// A line to the placement of a storage node.
    pub(super) fn to_placement<P: Assignments + PlacementControl + 'static>(
        placement: Arc<P>,
    ) -> Line {
        Line::to(|routes, settings| {
            server::add_assignments(routes, placement.clone(), settings.clone());
            server::add_placement_control(routes, placement, settings);
        })
    }

    /// A line to whatever is added.
    pub(super) fn to(add: impl FnOnce(&mut RoutesBuilder, ServerSettings)) -> Line {
        let (mut line, incoming) = Line::new();
        let incoming = UnboundedReceiverStream::new(incoming).map(Ok::<_, io::Error>);
        let settings = ServerSettings {
            bounds: bounds(),
            drain: line.drain.clone(),
        };
        let mut routes = Routes::builder();
        add(&mut routes, settings);
        let drained = line.drain.clone().cancelled_owned();
        let server = Server::builder().add_routes(routes.routes());
        line.server = Some(tokio::spawn(
            server.serve_with_incoming_shutdown(incoming, drained),
        ));
        line
    }

    /// Ends the server in good order; resolves when the last connection has ended.
    pub(super) async fn drain(&mut self) {
        self.drain.cancel();
        if let Some(server) = self.server.take() {
            server.await.unwrap().unwrap();
        }
    }

    /// Ends all connections and refuses new ones.
    pub(super) fn cut(&self) {
        *self.cable.connections.lock() = None;
    }

    /// Lets connections through again.
    pub(super) fn mend(&self) {
        *self.cable.connections.lock() = Some(JoinSet::new());
    }
}

impl Line {
    /// Lets new connections through, to the server of another line.
    pub(super) fn lead_to(&self, other: &Line) {
        *self.cable.incoming.lock() = other.cable.incoming.lock().clone();
        self.mend();
    }
}

impl Cable {
    fn connect(&self) -> io::Result<DuplexStream> {
        let mut connections = self.connections.lock();
        let running = connections
            .as_mut()
            .ok_or(io::ErrorKind::ConnectionRefused)?;
        let (near, mut near_end) = tokio::io::duplex(PIPE);
        let (far, mut far_end) = tokio::io::duplex(PIPE);
        running.spawn(async move {
            // An end that goes away ends the connection, which is all there is to know.
            let _ = tokio::io::copy_bidirectional(&mut near_end, &mut far_end).await;
        });
        self.incoming
            .lock()
            .send(far)
            .map_err(|_| io::ErrorKind::ConnectionRefused)?;
        Ok(near)
    }
}
