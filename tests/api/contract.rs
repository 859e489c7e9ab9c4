//! The calls of the existing command line client, in its order and with its spellings.

use crate::archive;
use crate::hub::hub;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sluice_tests::child::Child;
use std::time::{Duration, Instant};

fn metadata() -> Value {
    json!({"_id": "node", "type": "metadata", "namespaced_identifiers": true})
}

fn input() -> Value {
    json!({"_id": "input-pipe1", "type": "pipe", "source": {"type": "embedded", "entities": [
        {"_id": "test1", "name": "test1"}, {"_id": "test2", "name": "test2"}]}})
}

fn json_output() -> Value {
    json!({"_id": "output-pipe1", "type": "pipe", "source": {"type": "dataset", "dataset": "input-pipe1"},
           "sink": {"type": "http_endpoint"}})
}

fn csv_output() -> Value {
    json!({"_id": "output-pipe-csv", "type": "pipe", "source": {"type": "dataset", "dataset": "input-pipe1"},
           "sink": {"type": "csv_endpoint", "columns": ["_id", "name"]}})
}

fn receiver() -> Value {
    json!({"_id": "Tøys:Inn", "type": "pipe", "source": {"type": "http_endpoint"}})
}

async fn upload_zip(hub: &Child, force: &str, entries: &[(&str, &Value)]) -> reqwest::Response {
    let part = Part::bytes(archive::pack(entries))
        .file_name("config")
        .mime_str("application/zip")
        .unwrap();
    let request = hub.request(Method::PUT, &format!("/config?force={force}"));
    request
        .multipart(Form::new().part("file", part))
        .send()
        .await
        .unwrap()
}

async fn upload_sample(hub: &Child) {
    let answer = upload_zip(
        hub,
        "False",
        &[
            ("node-metadata.conf.json", &metadata()),
            ("pipes/input-pipe1.conf.json", &input()),
            ("pipes/output-pipe1.conf.json", &json_output()),
            ("pipes/sub/output-pipe-csv.conf.json", &csv_output()),
        ],
    )
    .await;
    assert_eq!(answer.status(), 200);
    assert!(answer.headers().contains_key("content-type"));
    let body: Value = answer.json().await.unwrap();
    assert!(body["validation_errors"].is_array(), "{body}");
}

async fn run_all(hub: &Child) -> Value {
    let path = "/pipes/run-all-pipes?extra_zero_runs=2&max_runs=100&max_run_time=900&request_mode=sync\
                &reset_pipes_and_delete_sink_datasets=False&check_input_pipes=True&output_run_statistics=True";
    sluice_tests::child::read(hub.request(Method::POST, path))
        .await
        .unwrap()
}

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
async fn test_data_is_stored_with_namespaces_under_any_id() {
    let hub = hub().await;
    hub.put("/config", &json!([metadata(), receiver()]))
        .await
        .unwrap();
    let encoded = "T%C3%B8ys%3AInn";
    assert_eq!(
        hub.get(&format!("/pipes/{encoded}")).await.unwrap()["_id"],
        "Tøys:Inn"
    );
    let answer = hub
        .post(
            &format!("/receivers/{encoded}/entities"),
            &json!([{"_id": "a/b", "name": "Ærlig"}]),
        )
        .await;
    assert!(answer.unwrap().is_object());
    let stored = hub
        .get(&format!("/datasets/{encoded}/entities"))
        .await
        .unwrap();
    assert_eq!(stored[0]["_id"], "Tøys:Inn:a/b");
    assert_eq!(stored[0]["Tøys:Inn:name"], "Ærlig");
    assert_eq!(stored[0]["_updated"], 0);
    assert_eq!(stored[0]["_previous"], Value::Null);
    assert_eq!(stored[0]["_deleted"], false);
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_reads_bare_names_and_exact_csv() {
    let hub = hub().await;
    upload_sample(&hub).await;
    assert_eq!(run_all(&hub).await["status"], "success");
    let stored = hub.get("/datasets/input-pipe1/entities").await.unwrap();
    assert_eq!(stored[0]["_id"], "input-pipe1:test1");
    assert_eq!(stored[0]["input-pipe1:name"], "test1");
    for path in [
        "/pipes/output-pipe1/entities",
        "/publishers/output-pipe1/entities",
    ] {
        let entities = hub.get(path).await.unwrap();
        let bare: Vec<Value> = entities
            .as_array()
            .unwrap()
            .iter()
            .map(|entity| json!({"_id": entity["_id"], "name": entity["name"]}))
            .collect();
        assert_eq!(
            bare,
            [
                json!({"_id": "test1", "name": "test1"}),
                json!({"_id": "test2", "name": "test2"})
            ],
            "{path}"
        );
    }
    let csv = hub
        .request(Method::GET, "/publishers/output-pipe-csv/csv")
        .send()
        .await
        .unwrap();
    assert!(
        csv.headers()["content-type"]
            .to_str()
            .unwrap()
            .starts_with("text/csv")
    );
    assert_eq!(
        csv.bytes().await.unwrap(),
        "_id,name\r\ntest1,test1\r\ntest2,test2\r\n"
    );
    let named = hub
        .request(Method::GET, "/publishers/output-pipe-csv/csv/people.csv")
        .send()
        .await
        .unwrap();
    assert!(
        named.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .contains("people.csv")
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

#[tokio::test(flavor = "multi_thread")]
async fn init_finds_the_dataset_and_a_page_of_it() {
    let hub = hub().await;
    upload_sample(&hub).await;
    run_all(&hub).await;
    let pipe = hub.get("/pipes/input-pipe1").await.unwrap();
    let dataset = pipe["config"]["effective"]["sink"]["dataset"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(
        hub.get(&format!("/datasets/{dataset}")).await.unwrap()["_id"],
        "input-pipe1"
    );
    let path =
        format!("/datasets/{dataset}/entities?limit=1&history=False&deleted=False&reverse=False");
    assert_eq!(hub.get(&path).await.unwrap().as_array().unwrap().len(), 1);
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
