//! A target outside the hub that writes down who calls it: each request with its moment, what it brought, and whose process has
//! the socket at its other end. It can keep a caller waiting for its answer.

use super::effects::{Pipe, Request, Worker, now};
use super::sockets::Sockets;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::connect_info::{ConnectInfo, Connected};
use axum::extract::{Path, State};
use axum::routing::post;
use axum::serve::{IncomingStream, Listener};
use serde_json::Value;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Larger than any batch here.
const BODY_BYTES: usize = 64 << 20;

/// Listens on loopback.
pub(super) struct Target {
    /// A request's path below it is the pipe's id.
    pub(super) url: String,
    records: Arc<Records>,
}

struct Records {
    requests: Mutex<Vec<Request>>,
    /// Whose requests of which pipe get no answer now.
    held: watch::Sender<Option<(Pipe, Option<Worker>)>>,
    /// One waits for its answer.
    is_holding: AtomicBool,
}

impl Target {
    pub(super) async fn start(sockets: Sockets) -> Target {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let records = Arc::new(Records {
            requests: Mutex::default(),
            held: watch::Sender::new(None),
            is_holding: AtomicBool::new(false),
        });
        let router = Router::new()
            .route("/{pipe}", post(record))
            .with_state(records.clone());
        let service = router.into_make_service_with_connect_info::<Caller>();
        let attended = Attended { listener, sockets };
        tokio::spawn(async move { axum::serve(attended, service).await });
        Target { url, records }
    }

    /// Everything so far, in the order in which it began.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.records.requests.lock().unwrap().clone()
    }

    /// From now on a worker's requests of a pipe that bring something wait for their answers.
    pub(super) fn hold(&self, pipe: &str, worker: &str) {
        let held = (pipe.to_owned(), Some(worker.to_owned()));
        self.records.held.send_replace(Some(held));
    }

    /// Whether one waits.
    pub(super) fn holds(&self) -> bool {
        self.records.is_holding.load(Ordering::Acquire)
    }

    /// What waits is answered.
    pub(super) fn let_go(&self) {
        self.records.held.send_replace(None);
    }
}

async fn record(
    State(records): State<Arc<Records>>,
    ConnectInfo(Caller(caller)): ConnectInfo<Caller>,
    Path(pipe): Path<Pipe>,
    body: Body,
) {
    let place = {
        let mut requests = records.requests.lock().unwrap();
        requests.push(Request {
            pipe: pipe.clone(),
            caller: caller.clone(),
            began: now(),
            answered: None,
            ids: Vec::new(),
        });
        requests.len() - 1
    };
    let body = to_bytes(body, BODY_BYTES).await.unwrap_or_default();
    let ids = ids(&body);
    let brings_something = !ids.is_empty();
    records.requests.lock().unwrap()[place].ids = ids;
    let mut held = records.held.subscribe();
    let this = Some((pipe, caller));
    let is_held = brings_something && *held.borrow_and_update() == this;
    if is_held {
        records.is_holding.store(true, Ordering::Release);
        let _ = held.wait_for(|held| *held != this).await;
    }
    records.requests.lock().unwrap()[place].answered = Some(now());
}

fn ids(body: &[u8]) -> Vec<String> {
    let entities: Value = serde_json::from_slice(body).unwrap_or_default();
    let entities = entities.as_array().into_iter().flatten();
    let ids = entities.filter_map(|entity| entity["_id"].as_str());
    ids.map(str::to_owned).collect()
}

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
struct Caller(Option<Worker>);

impl Connected<IncomingStream<'_, Attended>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Attended>) -> Self {
        stream.remote_addr().clone()
    }
}

/// Looks who connects before anything is read.
struct Attended {
    listener: TcpListener,
    sockets: Sockets,
}

impl Listener for Attended {
    type Io = TcpStream;
    type Addr = Caller;

    async fn accept(&mut self) -> (TcpStream, Caller) {
        loop {
            if let Ok((stream, peer)) = self.listener.accept().await {
                let caller = stream
                    .local_addr()
                    .ok()
                    .and_then(|own| self.sockets.owner(peer, own));
                return (stream, Caller(caller));
            }
            // As many connections as there can be: some of them end.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn local_addr(&self) -> io::Result<Caller> {
        Ok(Caller(None))
    }
}
