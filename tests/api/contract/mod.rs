//! The calls of the existing command line client, in its order and with its spellings. Here: the sample they work on.

mod configuration;
mod entities;
mod running;

use crate::archive;
use reqwest::Method;
use reqwest::multipart::{Form, Part};
use serde_json::{Value, json};
use sluice_tests::child::Child;

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
