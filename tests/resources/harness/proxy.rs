//! Stands between an operator and the API server: counts what the operator changes, and answers in the API server's stead, or cuts
//! the operator off, where a test says so.

use anyhow::Result;
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{Method, Response, StatusCode, header};
use kube::Client;
use serde_json::json;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// More than a request of an operator has.
const MOST_BYTES: usize = 8 << 20;

/// A request that would change something. The renewals of the operator's Lease are not counted: their number is a matter of time.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    /// Its place among all writes, from 1; 0 for a renewal of the Lease.
    pub(crate) number: usize,
    /// With the query.
    pub(crate) path: String,
}

impl Write {
    /// Whether nothing would be kept of it.
    pub(crate) fn is_dry(&self) -> bool {
        self.path.contains("dryRun=")
    }

    /// Whether it is about the Lease.
    pub(crate) fn is_of_lease(&self) -> bool {
        self.path.contains("/leases")
    }
}

/// What becomes of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// The API server answers it.
    Forwarded,
    /// It gets there; the operator hears nothing of it, nor of anything after it.
    LastOne,
    /// The proxy answers with this status, and the API server hears nothing.
    Answered(u16),
}

type Rule = Box<dyn FnMut(&Write) -> Fate + Send>;

/// A proxy for one operator.
pub(crate) struct Proxy {
    /// `http://127.0.0.1:1234`.
    pub(crate) url: String,
    shared: Arc<Shared>,
    serving: JoinHandle<()>,
}

struct Shared {
    client: Client,
    state: Mutex<Log>,
    /// The operator is to end.
    is_over: watch::Sender<bool>,
}

struct Log {
    rule: Rule,
    writes: Vec<(Write, Fate)>,
    count: usize,
    is_cut: bool,
}

impl Proxy {
    /// Starts one that sends requests on with this client.
    pub(crate) async fn start(
        client: Client,
        rule: impl FnMut(&Write) -> Fate + Send + 'static,
    ) -> Result<Proxy> {
        let shared = Arc::new(Shared {
            client,
            state: Mutex::new(Log {
                rule: Box::new(rule),
                writes: Vec::new(),
                count: 0,
                is_cut: false,
            }),
            is_over: watch::Sender::new(false),
        });
        let listener = TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
        let url = format!("http://{}", listener.local_addr()?);
        let router = Router::new().fallback(pass).with_state(shared.clone());
        let serving = tokio::spawn(async move {
            // It ends with the test.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Proxy {
            url,
            shared,
            serving,
        })
    }

    /// What was asked for so far.
    pub(crate) fn writes(&self) -> Vec<(Write, Fate)> {
        self.shared.state.lock().unwrap().writes.clone()
    }

    /// How many, without renewals of the Lease.
    pub(crate) fn count(&self) -> usize {
        self.shared.state.lock().unwrap().count
    }

    /// Judges differently from now on.
    pub(crate) fn set_rule(&self, rule: impl FnMut(&Write) -> Fate + Send + 'static) {
        self.shared.state.lock().unwrap().rule = Box::new(rule);
    }

    /// Becomes true when the operator is to be killed.
    pub(crate) fn is_over(&self) -> watch::Receiver<bool> {
        self.shared.is_over.subscribe()
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Shared {
    fn judge(&self, request: &Request) -> Option<Fate> {
        let mut state = self.state.lock().unwrap();
        if state.is_cut {
            return None;
        }
        if request.method() == Method::GET {
            return Some(Fate::Forwarded);
        }
        let path = request.uri().path_and_query();
        let path = path.map(ToString::to_string).unwrap_or_default();
        let is_renewal = path.contains("/leases/") && request.method() == Method::PUT;
        if !is_renewal {
            state.count += 1;
        }
        let write = Write {
            number: if is_renewal { 0 } else { state.count },
            path,
        };
        let fate = (state.rule)(&write);
        state.is_cut = fate == Fate::LastOne;
        state.writes.push((write, fate));
        Some(fate)
    }
}

async fn pass(State(shared): State<Arc<Shared>>, request: Request) -> Response<Body> {
    match shared.judge(&request) {
        // Its connection stays as it is until the operator has ended.
        None => std::future::pending().await,
        Some(Fate::Forwarded) => forward(&shared, request).await,
        Some(Fate::LastOne) => {
            let _ = forward(&shared, request).await;
            shared.is_over.send_replace(true);
            std::future::pending().await
        }
        Some(Fate::Answered(code)) => refuse(code, "the test says so"),
    }
}

async fn forward(shared: &Shared, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let Ok(bytes) = to_bytes(body, MOST_BYTES).await else {
        return refuse(400, "the request broke off");
    };
    let uri = parts.uri.path_and_query().map(ToString::to_string);
    let mut asked = axum::http::Request::builder()
        .method(parts.method)
        .uri(uri.unwrap_or_default());
    for name in [header::CONTENT_TYPE, header::ACCEPT] {
        if let Some(value) = parts.headers.get(&name) {
            asked = asked.header(name, value);
        }
    }
    let asked = asked
        .body(kube::client::Body::from(bytes.to_vec()))
        .unwrap();
    match shared.client.send(asked).await {
        Ok(answer) => {
            let (mut parts, body) = answer.into_parts();
            for name in [header::TRANSFER_ENCODING, header::CONNECTION] {
                parts.headers.remove(name);
            }
            parts.version = axum::http::Version::HTTP_11;
            Response::from_parts(parts, Body::new(body))
        }
        Err(error) => refuse(502, &error.to_string()),
    }
}

/// As an API server refuses.
fn refuse(code: u16, message: &str) -> Response<Body> {
    let status = json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "message": message, "reason": "Test", "code": code,
    });
    Response::builder()
        .status(StatusCode::from_u16(code).unwrap())
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(status.to_string()))
        .unwrap()
}
