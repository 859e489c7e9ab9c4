//! The admin port: health for probes and metrics for Prometheus, over plain HTTP and without a token. It says nothing about
//! entities and changes nothing, and is to be reached from where probes and Prometheus are only.

use crate::{Metrics, Readiness};
use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, JoinSet};

/// Open connections; further ones wait.
const CONNECTIONS: usize = 64;
/// From the opening of a connection, or the answer before, to the end of a request's head.
const HEAD: Duration = Duration::from_secs(10);
/// Bytes of a request's head.
const HEAD_BYTES: usize = 16 << 10;
/// After a failure to take a connection: it is one of too many open files, and takes a while to go.
const PAUSE: Duration = Duration::from_millis(100);

const TEXT: &str = "text/plain; charset=utf-8";

/// A served admin port; ends with it.
#[derive(Debug)]
pub struct Admin {
    address: SocketAddr,
    task: JoinHandle<()>,
}

impl Admin {
    /// Listens and serves; port 0 takes a free one.
    pub async fn serve(
        address: SocketAddr,
        readiness: Readiness,
        metrics: Metrics,
    ) -> io::Result<Admin> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        let known = Arc::new(Known { readiness, metrics });
        Ok(Admin {
            address,
            task: tokio::spawn(accept(listener, known)),
        })
    }

    /// Where it is served.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Admin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Known {
    readiness: Readiness,
    metrics: Metrics,
}

/// Takes connections; they end with it.
async fn accept(listener: TcpListener, known: Arc<Known>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        let Ok(place) = places.clone().acquire_owned().await else {
            return;
        };
        while connections.try_join_next().is_some() {}
        match listener.accept().await {
            Ok((stream, _)) => {
                let known = known.clone();
                connections.spawn(async move {
                    let _place = place;
                    converse(stream, known).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "the admin port cannot take a connection");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

async fn converse(stream: TcpStream, known: Arc<Known>) {
    let answer = service_fn(move |request: Request<Incoming>| {
        let known = known.clone();
        async move { Ok::<_, Infallible>(known.answer(request.method(), request.uri().path()).await) }
    });
    let ended = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD)
        .max_buf_size(HEAD_BYTES)
        .serve_connection(TokioIo::new(stream), answer)
        .await;
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection to the admin port ended early");
    }
}

impl Known {
    async fn answer(&self, method: &Method, path: &str) -> Response<Full<Bytes>> {
        if !matches!(path, "/livez" | "/readyz" | "/metrics") {
            let known = "there are /livez, /readyz and /metrics\n".to_owned();
            return response(StatusCode::NOT_FOUND, TEXT, known);
        }
        if *method != Method::GET && *method != Method::HEAD {
            let mut answer = response(StatusCode::METHOD_NOT_ALLOWED, TEXT, String::new());
            let allowed = HeaderValue::from_static("GET, HEAD");
            answer.headers_mut().insert(ALLOW, allowed);
            return answer;
        }
        match path {
            // That this runs is the answer.
            "/livez" => response(StatusCode::OK, TEXT, "ok\n".to_owned()),
            "/metrics" => response(StatusCode::OK, Metrics::CONTENT_TYPE, self.metrics.encode()),
            _ => match self.readiness.problem().await {
                None => response(StatusCode::OK, TEXT, "ok\n".to_owned()),
                Some(problem) => {
                    let text = format!("{problem}\n");
                    response(StatusCode::SERVICE_UNAVAILABLE, TEXT, text)
                }
            },
        }
    }
}

fn response(status: StatusCode, kind: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Shutdown;
    use prometheus_client::metrics::counter::Counter;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    async fn ask(address: SocketAddr, request: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer).await;
        answer
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n");
        ask(address, &request).await
    }

    #[tokio::test]
    async fn probes_and_prometheus_get_what_they_ask_for() {
        let shutdown = Shutdown::new();
        let (readiness, metrics) = (Readiness::new(shutdown.listen()), Metrics::new());
        let runs: Counter = Counter::default();
        metrics.register(|registry| registry.register("runs", "Runs", runs));
        let any = "127.0.0.1:0".parse().unwrap();
        let admin = Admin::serve(any, readiness.clone(), metrics).await.unwrap();
        let at = admin.address();
        assert!(get(at, "/livez").await.starts_with("HTTP/1.1 200"));
        let starting = get(at, "/readyz").await;
        assert!(starting.starts_with("HTTP/1.1 503") && starting.ends_with("it starts\n"));
        readiness.serves(|| async { None });
        assert!(get(at, "/readyz").await.starts_with("HTTP/1.1 200"));
        let metrics = get(at, "/metrics").await;
        assert!(metrics.contains(Metrics::CONTENT_TYPE) && metrics.contains("sluice_runs_total 0"));
        shutdown.ask();
        assert!(get(at, "/readyz").await.starts_with("HTTP/1.1 503"));
        assert!(get(at, "/livez").await.starts_with("HTTP/1.1 200"));
    }

    #[tokio::test]
    async fn everything_else_is_refused_and_the_port_closes_with_its_owner() {
        let shutdown = Shutdown::new();
        let readiness = Readiness::new(shutdown.listen());
        let any = "127.0.0.1:0".parse().unwrap();
        let admin = Admin::serve(any, readiness, Metrics::new()).await.unwrap();
        let at = admin.address();
        assert!(get(at, "/api/pipes").await.starts_with("HTTP/1.1 404"));
        let post =
            "POST /livez HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
        assert!(ask(at, post).await.starts_with("HTTP/1.1 405"));
        let long = format!(
            "GET /{} HTTP/1.1\r\nhost: x\r\n\r\n",
            "x".repeat(HEAD_BYTES)
        );
        assert!(!ask(at, &long).await.contains(" 200 "));
        drop(admin);
        while TcpStream::connect(at).await.is_ok() {
            tokio::task::yield_now().await;
        }
    }
}
