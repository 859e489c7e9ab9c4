//! Waiting for a deployment, the scheduler, and emptying the hub.

use super::{run_all, upload_sample};
use crate::hub::hub;
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

#[tokio::test(flavor = "multi_thread")]
async fn deploy_wait_finds_the_state_of_every_pipe() {
    let hub = hub().await;
    upload_sample(&hub).await;
    for pipe in hub.get("/pipes").await.unwrap().as_array().unwrap() {
        assert_eq!(pipe["runtime"]["state"], "Deployed", "{pipe}");
        let id = pipe["_id"].as_str().unwrap();
        assert!(
            hub.get(&format!("/pipes/{id}/pump"))
                .await
                .unwrap()
                .is_object()
        );
    }
    let pump = hub.get("/pipes/output-pipe1/pump").await.unwrap();
    assert_eq!(
        pump["runtime"]["supported-operations"],
        json!([]),
        "a publisher has no pump"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_runs_everything_and_keeps_a_log() {
    let hub = hub().await;
    let stop = hub
        .request(
            Method::POST,
            "/pipes/stop-run-all-pipes?terminate_timeout=30",
        )
        .send()
        .await
        .unwrap();
    assert_eq!(
        stop.status(),
        200,
        "stopping succeeds also when nothing runs"
    );
    assert!(stop.json::<Value>().await.is_ok());
    upload_sample(&hub).await;
    assert_eq!(run_all(&hub).await["status"], "success");
    let log = hub.get("/pipes/get-run-all-pipes-log").await.unwrap();
    let lines = log.as_array().unwrap();
    assert!(!lines.is_empty());
    for line in lines {
        assert!(
            line["loglevel"].is_string()
                && line["logdata"].is_string()
                && !line["timestamp"].is_null(),
            "{line}"
        );
    }
    let last = lines.last().unwrap()["timestamp"].to_string();
    let since = hub
        .get(&format!(
            "/pipes/get-run-all-pipes-log?since={}",
            last.trim_matches('"')
        ))
        .await
        .unwrap();
    assert_eq!(since, json!([]), "nothing after the last line");
    let answer = hub
        .request(Method::POST, "/pipes/run-all-pipes?request_mode=async")
        .send()
        .await
        .unwrap();
    let token = answer.json::<Value>().await.unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    let started = Instant::now();
    loop {
        let status = hub
            .get(&format!("/pipes/get-pipe-runner-status?token={token}"))
            .await
            .unwrap()["status"]
            .clone();
        if status == "success" {
            break;
        }
        assert!(
            status != "failed" && started.elapsed() < Duration::from_secs(60),
            "{status}"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wipe_leaves_no_pipe() {
    let hub = hub().await;
    upload_sample(&hub).await;
    hub.put(
        "/config?force=true",
        &json!([{"_id": "node", "type": "metadata",
        "task_manager": {"disable_user_pipes": true}}]),
    )
    .await
    .unwrap();
    hub.put("/config?force=true", &json!([])).await.unwrap();
    hub.put("/env", &json!({})).await.unwrap();
    assert_eq!(hub.get("/pipes").await.unwrap(), json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn reset_empties_everything_but_keeps_the_token() {
    let hub = hub().await;
    upload_sample(&hub).await;
    hub.put("/env", &json!({"a": 1})).await.unwrap();
    hub.put("/secrets", &json!({"s": "hidden"})).await.unwrap();
    run_all(&hub).await;
    for operation in ["restart", "reset"] {
        let before = hub.get("/status").await.unwrap()["node_start_time"].clone();
        let request = hub
            .request(Method::POST, "/admin")
            .form(&[("operation", operation)]);
        let answer: Value = sluice_tests::child::read(request).await.unwrap();
        assert_eq!(answer, json!({"message": "OK"}));
        let started = Instant::now();
        loop {
            let status = hub.get("/status").await;
            if status.is_ok_and(|status| status["node_start_time"] != before) {
                break;
            }
            assert!(
                started.elapsed() < Duration::from_secs(60),
                "{operation} did not happen"
            );
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let kept = operation == "restart";
        assert_eq!(
            hub.get("/pipes")
                .await
                .unwrap()
                .as_array()
                .unwrap()
                .is_empty(),
            !kept,
            "{operation}"
        );
        assert_eq!(
            hub.get("/env").await.unwrap() == json!({}),
            !kept,
            "{operation}"
        );
        let dataset = hub
            .request(Method::GET, "/datasets/input-pipe1")
            .send()
            .await
            .unwrap();
        assert_eq!(dataset.status().is_success(), kept, "{operation}");
    }
    assert_eq!(hub.get("/secrets").await.unwrap(), json!([]));
}
