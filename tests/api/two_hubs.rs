//! One hub reads a feed of another: over TLS with its token, and through what happens to the dataset there (AR1-AR3, DS5).

use crate::hub::{Hub, hub, hub_with};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// Reads `in` of the other hub. The secret is the other hub's token.
async fn reader_of(other: &Hub) -> Hub {
    let authority = std::fs::read_to_string(other.data().join("tls/ca.pem")).unwrap();
    let reader = hub().await;
    reader
        .put("/secrets", &json!({"token": other.token}))
        .await
        .unwrap();
    let configuration = json!([
        {"_id": "other", "type": "system:url", "base_url": format!("{}/api/", other.url),
         "custom_ca_pem_chain": authority, "authentication": "jwt", "jwt_token": "$SECRET(token)"},
        {"_id": "copy", "type": "pipe", "pump": {"schedule_interval": 86400},
         "source": {"type": "json", "system": "other", "url": "datasets/in/entities", "page_size": 2,
                    "supports_since": true, "is_since_comparable": true, "is_chronological": true}},
    ]);
    reader.put("/config", &configuration).await.unwrap();
    reader
}

async fn operate(hub: &Hub, form: &[(&str, &str)]) {
    let request = hub.request(Method::POST, "/pipes/copy/pump").form(form);
    let answer = request.send().await.unwrap();
    assert!(
        answer.status().is_success(),
        "{form:?}: {}",
        answer.text().await.unwrap()
    );
}

/// Runs the pipe and gives what it says of itself then.
async fn run(hub: &Hub) -> Value {
    operate(hub, &[("operation", "start")]).await;
    let ended = async {
        loop {
            let runtime = hub.get("/pipes/copy").await.unwrap()["runtime"].clone();
            if runtime["is-running"] == json!(false) {
                return runtime;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let runtime = tokio::time::timeout(Duration::from_secs(60), ended)
        .await
        .unwrap();
    assert_eq!(runtime["success"], json!(true), "{runtime}");
    runtime
}

async fn ids(hub: &Hub, dataset: &str) -> Vec<String> {
    let path = format!("/datasets/{dataset}/entities?history=false&deleted=false");
    let entities = hub.get(&path).await.unwrap();
    let id = |entity: &Value| entity["_id"].as_str().unwrap().to_owned();
    entities.as_array().unwrap().iter().map(id).collect()
}

async fn generation(hub: &Hub) -> String {
    let answer = hub.request(Method::GET, "/datasets/in/entities?limit=0");
    let answer = answer.send().await.unwrap();
    let generation = answer.headers()["x-dataset-generation"].to_str().unwrap();
    generation.replace('-', "")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_of_another_hub_that_was_made_again_is_read_from_its_beginning() {
    let other =
        hub_with(json!([{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}}])).await;
    let reader = reader_of(&other).await;
    let push = async |ids: &[&str]| {
        let entities: Vec<Value> = ids.iter().map(|id| json!({"_id": id})).collect();
        other
            .post("/receivers/in/entities", &json!(entities))
            .await
            .unwrap();
    };
    push(&["a", "b", "c", "d", "e"]).await;
    let runtime = run(&reader).await;
    assert_eq!(
        (&runtime["last-seen"], &runtime["reprocessing-reasons"]),
        (&json!("4"), &json!([]))
    );
    assert_eq!(ids(&reader, "copy").await, ["a", "b", "c", "d", "e"]);

    let old = generation(&other).await;
    let deleted = other
        .request(Method::DELETE, "/datasets/in")
        .send()
        .await
        .unwrap();
    assert!(deleted.status().is_success());
    push(&["f", "g", "h"]).await;
    let runtime = run(&reader).await;
    assert_eq!(runtime["last-seen"], json!("2"));
    let reasons = runtime["reprocessing-reasons"].as_array().unwrap();
    assert_eq!(reasons.len(), 1, "{reasons:?}");
    assert_eq!(
        ids(&reader, "copy").await.len(),
        8,
        "nothing was left out and nothing deleted"
    );

    // A token of the generation that is gone, set by hand: the other hub answers 410.
    let token = format!("1-{old}-0-1");
    let refused = other.request(Method::GET, &format!("/datasets/in/entities?since={token}"));
    assert_eq!(refused.send().await.unwrap().status(), 410);
    operate(
        &reader,
        &[("operation", "update-last-seen"), ("last-seen", &token)],
    )
    .await;
    push(&["i"]).await;
    assert_eq!(run(&reader).await["last-seen"], json!("3"));
    assert_eq!(ids(&reader, "copy").await.len(), 9);
}
