//! Starting, stopping and starting again, with the data asserted: in this process, where both ends can be seen.

use reqwest::Method;
use serde_json::{Value, json};
use sluice_tests::child::read;
use sluice_tests::in_process::InProcess;

const COMPONENTS: &str = r#"[
    {"_id": "crm", "type": "system:url", "url_pattern": "https://crm.test/%s", "password": "$SECRET(password)"},
    {"_id": "people", "type": "pipe", "source": {"type": "http_endpoint"}}
]"#;

async fn get(hub: &InProcess, path: &str) -> Value {
    read(hub.request(Method::GET, path)).await.unwrap()
}

async fn ids(hub: &InProcess) -> Vec<String> {
    let entities = get(hub, "/datasets/people/entities").await;
    entities
        .as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["_id"].as_str().unwrap().to_owned())
        .collect()
}

async fn push(hub: &InProcess, id: &str) {
    read(
        hub.request(Method::POST, "/receivers/people/entities")
            .json(&json!([{"_id": id}])),
    )
    .await
    .unwrap();
}

async fn with_data() -> InProcess {
    let hub = InProcess::start().await.unwrap();
    read(
        hub.request(Method::PUT, "/secrets")
            .json(&json!({"password": "hidden"})),
    )
    .await
    .unwrap();
    read(
        hub.request(Method::PUT, "/config")
            .body(COMPONENTS)
            .header("content-type", "application/json"),
    )
    .await
    .unwrap();
    push(&hub, "1").await;
    hub
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_was_stopped_goes_on_where_it_was() {
    let hub = with_data().await;
    let configuration = get(&hub, "/config-all").await;
    let folder = hub.stop().await.unwrap();
    let hub = InProcess::start_in(folder, |_| {}).await.unwrap();
    assert_eq!(get(&hub, "/config-all").await, configuration);
    assert_eq!(get(&hub, "/secrets").await, json!(["password"]));
    push(&hub, "2").await;
    assert_eq!(ids(&hub).await, ["1", "2"]);
    hub.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_during_a_restart_wait_and_are_answered() {
    let hub = with_data().await;
    for round in 2..5 {
        let before = get(&hub, "/status").await["node_start_time"].clone();
        read(
            hub.request(Method::POST, "/admin")
                .form(&[("operation", "restart")]),
        )
        .await
        .unwrap();
        // Connections of the hub before the restart may be closed under a request; new ones must not be refused.
        while get_patiently(&hub, "/status").await["node_start_time"] == before {}
        push(&hub, &round.to_string()).await;
    }
    assert_eq!(ids(&hub).await, ["1", "2", "3", "4"]);
    hub.stop().await.unwrap();
}

/// Asks again when an old connection was closed under the request, never when a new one was refused.
async fn get_patiently(hub: &InProcess, path: &str) -> Value {
    loop {
        match hub.request(Method::GET, path).send().await {
            Ok(answer) => {
                if let Ok(value) = answer.json().await {
                    return value;
                }
            }
            Err(error) => assert!(!error.is_connect(), "{error:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_with_secrets_and_without_their_key_refuses_to_start_and_says_why() {
    let hub = with_data().await;
    let key = hub.data().join("keys/secrets.key");
    let folder = hub.stop().await.unwrap();
    let elsewhere = tempfile::tempdir().unwrap();
    let moved = elsewhere.path().join("secrets.key");
    std::fs::copy(&key, &moved).unwrap();
    std::fs::remove_file(&key).unwrap();

    let data = folder.path().join("data");
    let settings = sluice_tests::in_process::settings(&data);
    let logs = sluice_telemetry::Logs::start("warn", sluice_telemetry::LogFormat::Text).unwrap();
    let refused = sluice::standalone::Hub::start(settings, logs)
        .await
        .err()
        .unwrap();
    let refused = format!("{refused:#}");
    assert!(
        refused.contains("secrets.key") && refused.contains("--secrets-key-file"),
        "{refused}"
    );

    let hub = InProcess::start_in(folder, |settings| settings.secrets_key_file = Some(moved))
        .await
        .unwrap();
    assert_eq!(ids(&hub).await, ["1"]);
    hub.stop().await.unwrap();
}
