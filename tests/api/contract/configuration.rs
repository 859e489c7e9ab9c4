//! Upload, download and what the hub makes of a configuration.

use super::{csv_output, input, json_output, metadata, upload_sample, upload_zip};
use crate::archive;
use crate::hub::hub;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn every_online_command_begins_with_the_developer_mode_check() {
    let hub = hub().await;
    assert_eq!(
        hub.get("").await.unwrap()["status"]["developer_mode"],
        json!(true)
    );
    assert_eq!(
        hub.get("/").await.unwrap()["status"]["developer_mode"],
        json!(true)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn upload_replaces_variables_then_configuration() {
    let hub = hub().await;
    hub.put("/env", &json!({"old": 1})).await.unwrap();
    hub.put(
        "/env",
        &json!({"text": "x", "number": 3, "list": [1, {"a": true}], "nothing": null}),
    )
    .await
    .unwrap();
    let variables = hub.get("/env").await.unwrap();
    assert_eq!(
        variables,
        json!({"text": "x", "number": 3, "list": [1, {"a": true}], "nothing": null})
    );
    upload_sample(&hub).await;
    upload_zip(&hub, "false", &[("pipes/input-pipe1.conf.json", &input())]).await;
    let pipes = hub.get("/pipes").await.unwrap();
    let ids: Vec<_> = pipes
        .as_array()
        .unwrap()
        .iter()
        .map(|pipe| pipe["_id"].as_str().unwrap())
        .collect();
    assert_eq!(
        ids,
        ["input-pipe1"],
        "what an upload does not contain is gone"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn all_three_forms_of_upload_are_taken() {
    let hub = hub().await;
    upload_sample(&hub).await;
    let zip = archive::pack(&[("pipes/input-pipe1.conf.json", &input())]);
    let raw = hub
        .request(Method::PUT, "/config")
        .header("content-type", "application/zip")
        .body(zip);
    assert_eq!(raw.send().await.unwrap().status(), 200);
    assert_eq!(
        hub.get("/pipes").await.unwrap().as_array().unwrap().len(),
        1
    );
    hub.put("/config", &json!([input(), json_output()]))
        .await
        .unwrap();
    assert_eq!(
        hub.get("/pipes").await.unwrap().as_array().unwrap().len(),
        2
    );
    let list = json!([metadata(), input()]).to_string();
    let part = Part::text(list)
        .file_name("config")
        .mime_str("application/json")
        .unwrap();
    let form = hub
        .request(Method::PUT, "/config?force=true")
        .multipart(Form::new().part("file", part));
    assert_eq!(form.send().await.unwrap().status(), 200);
    assert_eq!(
        hub.get("/pipes").await.unwrap().as_array().unwrap().len(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rejected_upload_names_the_place_and_changes_nothing() {
    let hub = hub().await;
    hub.put("/config", &json!([input()])).await.unwrap();
    let broken = json!({"_id": "broken", "type": "pipe", "source": {"type": "no-such-source"}});
    let answer = hub
        .request(Method::PUT, "/config?force=false")
        .json(&json!([broken]))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    let body: Value = answer.json().await.unwrap();
    let rejected = &body["validation_errors"][0];
    assert_eq!(rejected["posted-config"]["_id"], "broken");
    assert_eq!(rejected["is-valid-config"], false);
    assert_eq!(rejected["config-errors"][0]["level"], "error");
    assert_eq!(
        rejected["config-errors"][0]["elements"],
        "$['source']['type']"
    );
    let pipes = hub.get("/pipes").await.unwrap();
    assert_eq!(pipes[0]["_id"], "input-pipe1", "nothing changed");
    let forced = hub
        .request(Method::PUT, "/config?force=True")
        .json(&json!([broken]))
        .send()
        .await
        .unwrap();
    assert_eq!(forced.status(), 200);
    let pipe = hub.get("/pipes/broken").await.unwrap();
    assert_eq!(pipe["runtime"]["is-valid-config"], false);
    assert_eq!(pipe["runtime"]["config-errors"][0]["level"], "error");
}

#[tokio::test(flavor = "multi_thread")]
async fn download_gives_back_what_was_uploaded() {
    let hub = hub().await;
    upload_sample(&hub).await;
    let request = hub
        .request(Method::GET, "/config")
        .header("accept", "application/zip");
    let bytes = request
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap()
        .bytes()
        .await
        .unwrap();
    let entries = archive::unpack(&bytes);
    assert_eq!(entries["node-metadata.conf.json"], metadata());
    assert_eq!(entries["pipes/input-pipe1.conf.json"], input());
    assert_eq!(entries["pipes/output-pipe-csv.conf.json"], csv_output());
    assert_eq!(
        entries.len(),
        4,
        "no directory entries: {:?}",
        entries.keys()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn effective_configuration_shows_defaults_and_choices() {
    let hub = hub().await;
    hub.put("/env", &json!({"profile": "test"})).await.unwrap();
    let conditional = json!({"_id": "chosen", "type": "pipe", "source": {
    "type": "conditional", "condition": "$ENV(profile)",
    "alternatives": {
        "test": {"type": "embedded", "entities": []},
        "prod": {"type": "dataset", "dataset": "does-not-exist"},
    }}});
    hub.put("/config", &json!([conditional, json_output(), input()]))
        .await
        .unwrap();
    let pipe = hub.get("/pipes/chosen").await.unwrap();
    assert_eq!(pipe["config"]["original"]["source"]["type"], "conditional");
    assert_eq!(pipe["config"]["effective"]["source"]["type"], "embedded");
    assert_eq!(pipe["config"]["effective"]["sink"]["type"], "dataset");
    assert_eq!(pipe["config"]["effective"]["sink"]["dataset"], "chosen");
    assert_eq!(pipe["config"]["effective"]["batch_size"], 100);
    assert_eq!(pipe["runtime"]["is-valid-config"], true, "{pipe}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_pipe_is_written_and_removed_by_itself() {
    let hub = hub().await;
    let added = hub
        .request(Method::POST, "/pipes")
        .json(&json!([input()]))
        .send()
        .await
        .unwrap();
    assert!(
        added.status().is_success(),
        "{}",
        added.text().await.unwrap()
    );
    let mut changed = input();
    changed["batch_size"] = json!(7);
    hub.put("/pipes/input-pipe1/config?force=true", &changed)
        .await
        .unwrap();
    assert_eq!(
        hub.get("/pipes/input-pipe1").await.unwrap()["config"]["effective"]["batch_size"],
        7
    );
    let removed = hub
        .request(Method::DELETE, "/pipes/input-pipe1")
        .send()
        .await
        .unwrap();
    assert!(removed.status().is_success());
    let gone = hub
        .request(Method::GET, "/pipes/input-pipe1")
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 404);
    assert_eq!(gone.headers()["content-type"], "application/problem+json");
}
