//! The API against in-memory roles: what HTTP is translated to, and that description and behaviour agree.

mod auth;
mod bad_input;
mod config;
mod configuration_log;
mod fake_storage;
pub(crate) mod fake_worker;
mod feeds;
mod microservices;
mod pipes;
mod pushes;
mod routes;
mod samples;
mod serving;

use crate::{Aggregator, Parts, Process, Settings, router};
use axum::Router;
use axum::body::Body;
use fake_storage::FakeStorage;
use fake_worker::FakeWorker;
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use parking_lot::Mutex;
use serde_json::Value;
use sluice_identity::{Lifetime, TokenAuthority, TokenVerifier};
use sluice_telemetry::{LogFormat, Logs, Metrics};
use std::sync::{Arc, OnceLock};
use tower::ServiceExt;

/// A router with fakes behind it and a valid token.
struct Hub {
    aggregator: Arc<Aggregator>,
    router: Router,
    worker: Arc<FakeWorker>,
    storage: Arc<FakeStorage>,
    process: Arc<FakeProcess>,
    token: String,
    _folder: tempfile::TempDir,
}

#[derive(Default)]
struct FakeProcess {
    not_ready: Mutex<Option<String>>,
    restarts: Mutex<usize>,
}

#[async_trait::async_trait]
impl Process for FakeProcess {
    fn not_ready(&self) -> Option<String> {
        self.not_ready.lock().clone()
    }
    async fn restart(&self) -> sluice_protocol::Result<()> {
        *self.restarts.lock() += 1;
        Ok(())
    }
}

/// What came back.
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    text: String,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }
    fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().unwrap())
    }
    /// Checks that it is a problem document of this status, and gives its code.
    #[track_caller]
    fn problem(&self, status: u16) -> String {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(
            self.header("content-type"),
            "application/problem+json",
            "{}",
            self.text
        );
        let document = self.json();
        assert_eq!(document["status"], status, "{document}");
        for member in ["type", "title", "detail"] {
            assert!(
                document[member]
                    .as_str()
                    .is_some_and(|text| !text.is_empty()),
                "{document}"
            );
        }
        document["code"].as_str().unwrap().to_owned()
    }
}

/// A process has one set of logs.
fn logs() -> Logs {
    static LOGS: OnceLock<Logs> = OnceLock::new();
    LOGS.get_or_init(|| Logs::start("info", LogFormat::Text).unwrap())
        .clone()
}

impl Hub {
    fn new() -> Hub {
        Hub::with(Settings {
            developer_mode: true,
            ..Settings::default()
        })
    }

    fn with(settings: Settings) -> Hub {
        let folder = tempfile::tempdir().unwrap();
        let verifier = Arc::new(TokenVerifier::open(folder.path()).unwrap());
        let token = TokenAuthority::new(folder.path())
            .create(
                "tester",
                "1h".parse::<Lifetime>().unwrap(),
                jiff::Timestamp::now(),
            )
            .unwrap();
        let worker = Arc::new(FakeWorker::default());
        let storage = Arc::new(FakeStorage::new());
        let process = Arc::new(FakeProcess::default());
        let aggregator = Arc::new(Aggregator::new(Parts {
            worker: worker.clone(),
            storage: storage.clone(),
            process: process.clone(),
            verifier,
            metrics: Metrics::new(),
            logs: logs(),
            settings,
        }));
        let router = router(Arc::clone(&aggregator));
        Hub {
            aggregator,
            router,
            worker,
            storage,
            process,
            token,
            _folder: folder,
        }
    }

    /// Configured with a pipe `in` and a system `target`.
    async fn configured() -> Hub {
        let hub = Hub::new();
        let components =
            r#"[{"_id": "in", "type": "pipe"}, {"_id": "target", "type": "system:url"}]"#;
        hub.put("/api/config", components).await.problem_free();
        hub
    }

    fn request(&self, method: &str, path: &str) -> http::request::Builder {
        Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(path)
            .header("authorization", format!("bearer {}", self.token))
    }

    async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path).body(Body::empty()).unwrap())
            .await
    }
    async fn call(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        self.send(self.request(method, path).body(body.into()).unwrap())
            .await
    }
    async fn put(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.call("PUT", path, body).await
    }
    async fn post(&self, path: &str, body: impl Into<Body>) -> Answer {
        self.call("POST", path, body).await
    }
    async fn post_form(&self, path: &str, form: &'static str) -> Answer {
        let request = self
            .request("POST", path)
            .header("content-type", "application/x-www-form-urlencoded");
        self.send(request.body(Body::from(form)).unwrap()).await
    }
}

impl Answer {
    #[track_caller]
    fn problem_free(self) -> Answer {
        assert!(self.status.is_success(), "{} {}", self.status, self.text);
        self
    }
}
