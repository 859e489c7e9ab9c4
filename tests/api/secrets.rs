//! A canary secret is found nowhere: no answer, no log, no file.

use crate::hub::hub;
use reqwest::Method;
use serde_json::json;
use std::path::Path;
use std::time::Duration;

const CANARY: &str = "canary-7f1c9d-value";

fn files_with(folder: &Path, text: &[u8], found: &mut Vec<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files_with(&path, text, found);
        } else if std::fs::read(&path)
            .unwrap()
            .windows(text.len())
            .any(|window| window == text)
        {
            found.push(path.display().to_string());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_never_seen_again() {
    let hub = hub().await;
    hub.put("/secrets", &json!({"canary": CANARY}))
        .await
        .unwrap();
    hub.put("/config", &json!([
        {"_id": "target", "type": "system:url", "url_pattern": "http://127.0.0.1:1/%s", "username": "u", "password": "$SECRET(canary)"},
        {"_id": "out", "type": "pipe", "source": {"type": "embedded", "entities": [{"_id": "a"}]},
         "sink": {"type": "json", "system": "target", "url": "x"}, "pump": {"mode": "manual"}},
    ]))
    .await
    .unwrap();
    hub.put("/systems/target/secrets", &json!({"canary": CANARY}))
        .await
        .unwrap();
    let start = hub
        .request(Method::POST, "/pipes/out/pump")
        .form(&[("operation", "start")]);
    start.send().await.unwrap().error_for_status().unwrap();
    // The run has used the secret, failed at it, and written why.
    let failed = async {
        while hub.get("/pipes/out/pump").await.unwrap()["runtime"]["success"] != json!(false) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), failed)
        .await
        .expect("nothing listens there: the run fails");
    let mut answers = String::new();
    for path in [
        "/secrets",
        "/systems/target/secrets",
        "/systems/target",
        "/systems",
        "/config",
        "/config-all",
        "/pipes/out",
        "/pipes/out/pump",
        "/pipes/out/entities",
        "/pipes/out/log",
        "/config-history/entity?entity_id=target",
        "/env",
        "/status",
        "/metadata",
        "/secrets/canary",
        "/systems/target/secrets/canary",
        "/datasets/system:pump_execution:out/entities",
    ] {
        answers += &hub
            .request(Method::GET, path)
            .send()
            .await
            .unwrap()
            .text()
            .await
            .unwrap();
    }
    assert!(answers.contains("canary"), "the name is shown");
    assert!(!answers.contains(CANARY), "the value is not");
    let mut found = Vec::new();
    files_with(&hub.data(), CANARY.as_bytes(), &mut found);
    assert_eq!(found, Vec::<String>::new());
    assert!(!std::fs::read_to_string(hub.log()).unwrap().contains(CANARY));
}
