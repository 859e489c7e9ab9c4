//! The API on a real port: TLS, both HTTP versions, broken feeds, graceful stop.

use super::Hub;
use crate::{listen, serve};
use bytes::Bytes;
use futures::{SinkExt, StreamExt};
use reqwest::{Certificate, Client, ClientBuilder, Version};
use sluice_identity::ServerCertificate;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ANY_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

struct Served {
    hub: Hub,
    serving: crate::Serving,
    authority: Certificate,
    _tls: tempfile::TempDir,
}

async fn served() -> Served {
    let hub = Hub::new();
    let folder = tempfile::tempdir().unwrap();
    let certificate = ServerCertificate::own(folder.path(), [], jiff::Timestamp::now()).unwrap();
    let authority = std::fs::read(certificate.authority().unwrap()).unwrap();
    let authority = Certificate::from_pem(&authority).unwrap();
    let serving = serve(
        Arc::clone(&hub.aggregator),
        listen(ANY_PORT).unwrap(),
        certificate.tls_settings().unwrap(),
    )
    .await
    .unwrap();
    Served {
        hub,
        serving,
        authority,
        _tls: folder,
    }
}

impl Served {
    fn client(&self, version: Version) -> Client {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let builder = ClientBuilder::new()
            .tls_certs_only([self.authority.clone()])
            .timeout(Duration::from_secs(20));
        let builder = if version == Version::HTTP_11 {
            builder.http1_only()
        } else {
            builder
        };
        builder.build().unwrap()
    }
    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.serving.address().port())
    }
}

#[tokio::test]
async fn both_versions_of_http_are_served_over_tls_and_stop_when_told() {
    let served = served().await;
    assert_ne!(served.serving.address().port(), 0);
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let client = served.client(version);
        let answer = client
            .get(served.url("/api/pipes"))
            .bearer_auth(&served.hub.token)
            .send()
            .await
            .unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (200, version));
        let answer = client.get(served.url("/api/pipes")).send().await.unwrap();
        assert_eq!(answer.status(), 401);
    }
    let (url, client) = (served.url("/health/live"), served.client(Version::HTTP_11));
    served.serving.stop(Duration::from_secs(5)).await.unwrap();
    assert!(client.get(url).send().await.unwrap_err().is_connect());
}

#[tokio::test]
async fn a_feed_that_breaks_off_is_seen_as_broken_by_the_client() {
    let served = served().await;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let request = served
            .client(version)
            .get(served.url("/api/datasets/breaks/entities"));
        let request = request.bearer_auth(&served.hub.token);
        // Broken before or after the client has seen the status: either way it has no complete answer.
        let read = async { request.send().await?.bytes().await };
        assert!(
            read.await.is_err(),
            "{version:?}: a closed array always means complete"
        );
    }
}

#[tokio::test]
async fn a_refusal_arrives_while_the_client_is_still_sending_its_body() {
    let served = served().await;
    let token = served.hub.token.as_str();
    let cases = [
        ("PUT", "/api/env", "wrong", 401),
        ("PUT", "/api/nothing", token, 404),
        ("PUT", "/api/ping", token, 405),
        ("POST", "/api/receivers/unknown/entities", token, 404),
        ("PUT", "/api/env", token, 400),
    ];
    for version in [Version::HTTP_11, Version::HTTP_2] {
        let client = served.client(version);
        for size in [70 << 10, 2 << 20, 20 << 20] {
            let body = Bytes::from(vec![b'x'; size]);
            for (method, path, token, status) in cases {
                let answer = client
                    .request(method.parse().unwrap(), served.url(path))
                    .bearer_auth(token)
                    .body(body.clone())
                    .send()
                    .await
                    .unwrap_or_else(|error| panic!("{version:?} {path} {size}: {error:?}"));
                assert_eq!(answer.version(), version);
                assert_eq!(answer.status(), status, "{version:?} {path} {size}");
                let problem: serde_json::Value = answer.json().await.unwrap();
                assert_eq!(problem["status"], status, "{version:?} {path} {size}");
            }
        }
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_with_an_answer() {
    let served = served().await;
    let limit = served.hub.aggregator.settings.limits.body;
    for version in [Version::HTTP_11, Version::HTTP_2] {
        // Without an announced length the limit is met in the middle of the body.
        let chunk = Bytes::from(vec![b' '; 1 << 20]);
        let chunks = futures::stream::iter(std::iter::repeat_n(chunk, (limit >> 20) + 8));
        let request = served
            .client(version)
            .put(served.url("/api/env"))
            .bearer_auth(&served.hub.token)
            .body(reqwest::Body::wrap_stream(
                chunks.map(Ok::<_, std::io::Error>),
            ));
        let answer = request.send().await.unwrap();
        assert_eq!((answer.status().as_u16(), answer.version()), (413, version));
        let problem: serde_json::Value = answer.json().await.unwrap();
        assert_eq!(problem["code"], "too-large");
    }
}

#[tokio::test]
async fn a_request_in_flight_is_finished_before_the_end() {
    let served = served().await;
    let (mut body, chunks) = futures::channel::mpsc::channel::<Result<Bytes, std::io::Error>>(1);
    let request = served
        .client(Version::HTTP_11)
        .post(served.url("/api/receivers/in/entities"));
    let pushing = tokio::spawn(
        request
            .bearer_auth(&served.hub.token)
            .body(reqwest::Body::wrap_stream(chunks))
            .send(),
    );
    body.send(Ok(Bytes::from_static(b"[{\"_id\": \"a\"}")))
        .await
        .unwrap();
    served.hub.worker.began.notified().await;
    let worker = Arc::clone(&served.hub.worker);
    let stopping = tokio::spawn(served.serving.stop(Duration::from_secs(20)));
    body.send(Ok(Bytes::from_static(b"]"))).await.unwrap();
    drop(body);
    assert_eq!(pushing.await.unwrap().unwrap().status(), 200);
    stopping.await.unwrap().unwrap();
    assert_eq!(worker.pushes.lock().len(), 1);
}

#[tokio::test]
async fn plain_http_gets_no_answer() {
    let served = served().await;
    let mut connection = tokio::net::TcpStream::connect(served.serving.address())
        .await
        .unwrap();
    connection
        .write_all(b"GET /health/live HTTP/1.1\r\nhost: localhost\r\n\r\n")
        .await
        .unwrap();
    let mut answer = Vec::new();
    let _ = connection.read_to_end(&mut answer).await;
    assert!(!answer.starts_with(b"HTTP/"), "{answer:?}");
}

#[tokio::test]
async fn an_address_in_use_is_named() {
    let served = served().await;
    let error = listen(served.serving.address()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("cannot listen on {}", served.serving.address())
    );
}
