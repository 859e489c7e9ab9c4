//! A whole hub in this process, over its real port.

use crate::settings::Settings;
use crate::standalone::Hub;
use jiff::Timestamp;
use sluice_identity::{Lifetime, TokenAuthority};
use sluice_telemetry::{LogFormat, Logs};
use std::path::Path;
use std::time::{Duration, Instant};

fn settings(data: &Path) -> Settings {
    Settings {
        listen: "127.0.0.1:0".parse().unwrap(),
        developer_mode: true,
        ready_file: Some(data.with_extension("ready")),
        ..Settings::new(data)
    }
}

async fn start(data: &Path) -> anyhow::Result<Hub> {
    Hub::start(settings(data), Logs::start("warn", LogFormat::Text)?).await
}

fn client(hub: &Hub, data: &Path) -> reqwest::Client {
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let token = TokenAuthority::new(data)
        .create("test", Lifetime::DEFAULT, Timestamp::now())
        .unwrap();
    let mut headers = reqwest::header::HeaderMap::new();
    headers.insert("authorization", format!("Bearer {token}").parse().unwrap());
    let authority = std::fs::read(hub.authority().unwrap()).unwrap();
    reqwest::Client::builder()
        .tls_certs_only([reqwest::Certificate::from_pem(&authority).unwrap()])
        .default_headers(headers)
        .build()
        .unwrap()
}

async fn start_time(client: &reqwest::Client, url: &str) -> Option<String> {
    let answer = client.get(format!("{url}/api/status")).send().await.ok()?;
    let status: serde_json::Value = answer.json().await.ok()?;
    status["node_start_time"].as_str().map(str::to_owned)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_starts_serves_restarts_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let hub = start(&data).await.unwrap();
    let url = hub.url();
    let ready: serde_json::Value =
        serde_json::from_slice(&std::fs::read(data.with_extension("ready")).unwrap()).unwrap();
    assert_eq!(ready["url"], url.as_str());
    assert_eq!(ready["pid"], std::process::id());
    assert_eq!(
        ready["ca"],
        hub.authority()
            .unwrap()
            .canonicalize()
            .unwrap()
            .to_str()
            .unwrap()
    );

    let client = client(&hub, &data);
    let first = start_time(&client, &url).await.unwrap();
    let answer = client
        .put(format!("{url}/api/env"))
        .body(r#"{"kept":1.0}"#)
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_success());

    let form = client
        .post(format!("{url}/api/admin"))
        .header("content-type", "application/x-www-form-urlencoded");
    let answer = form.body("operation=restart").send().await.unwrap();
    assert_eq!(
        answer.text().await.unwrap().replace(' ', ""),
        r#"{"message":"OK"}"#
    );
    let asked = Instant::now();
    while start_time(&client, &url)
        .await
        .is_none_or(|now| now == first)
    {
        assert!(asked.elapsed() < Duration::from_secs(60), "no restart");
        tokio::task::yield_now().await;
    }
    let kept = client
        .get(format!("{url}/api/env"))
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    assert!(kept.contains("1.0"), "{kept}");

    hub.stop().await.unwrap();
    assert!(!data.with_extension("ready").exists());
    assert!(start_time(&client, &url).await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_hub_on_the_same_data_is_refused_and_harms_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let hub = start(&data).await.unwrap();
    let client = client(&hub, &data);
    let refused = format!("{:#}", start(&data).await.err().unwrap());
    assert!(refused.contains("in use by another hub"), "{refused}");
    assert!(start_time(&client, &hub.url()).await.is_some());
    hub.stop().await.unwrap();
    start(&data).await.unwrap().stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_is_taken_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let settings = Settings {
        listen: address,
        ..settings(&folder.path().join("data"))
    };
    let refused = Hub::start(settings, Logs::start("warn", LogFormat::Text).unwrap())
        .await
        .err()
        .unwrap();
    assert!(
        format!("{refused:#}").contains(&address.to_string()),
        "{refused:#}"
    );
    start(&folder.path().join("data"))
        .await
        .unwrap()
        .stop()
        .await
        .unwrap();
}
