//! A hub that reads its own publishers and pushes to its own receivers, through the API like any other (JP1, JP5, R23, R27, R74).

use crate::hub::{Hub, hub};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::Duration;

/// A hub with a system `self` that leads to its own API, and these components.
async fn own_hub(components: &[Value]) -> Hub {
    let hub = hub().await;
    hub.put("/secrets", &json!({"token": hub.token}))
        .await
        .unwrap();
    configure(&hub, components).await;
    hub
}

async fn configure(hub: &Hub, components: &[Value]) {
    let authority = std::fs::read_to_string(hub.data().join("tls/ca.pem")).unwrap();
    let own = json!({"_id": "self", "type": "system:url", "base_url": format!("{}/api/", hub.url),
        "custom_ca_pem_chain": authority, "authentication": "jwt", "jwt_token": "$SECRET(token)"});
    let components: Vec<&Value> = std::iter::once(&own).chain(components).collect();
    hub.put("/config", &json!(components)).await.unwrap();
}

fn receiver(id: &str) -> Value {
    json!({"_id": id, "type": "pipe", "source": {"type": "http_endpoint"}})
}

fn publisher(id: &str, source: Value) -> Value {
    json!({"_id": id, "type": "pipe", "source": source, "sink": {"type": "http_endpoint"}})
}

fn reader(id: &str, publisher: &str, page_size: Option<u64>) -> Value {
    let mut reader = json!({"_id": id, "type": "pipe", "pump": {"mode": "manual"},
        "source": {"type": "json", "system": "self", "url": format!("publishers/{publisher}/entities"),
            "supports_since": true, "is_chronological": true}});
    if let Some(size) = page_size {
        reader["source"]["page_size"] = json!(size);
    }
    reader
}

async fn push(hub: &Hub, receiver: &str, ids: impl IntoIterator<Item = u32>) {
    let ids = ids.into_iter();
    let entities: Vec<Value> = ids.map(|id| json!({"_id": id.to_string()})).collect();
    let path = format!("/receivers/{receiver}/entities");
    hub.post(&path, &json!(entities)).await.unwrap();
}

/// Runs a pipe and gives its runtime then.
async fn run(hub: &Hub, pipe: &str, operation: &str) -> Value {
    let request = hub.request(Method::POST, &format!("/pipes/{pipe}/pump"));
    let started = request.form(&[("operation", operation)]).send().await;
    assert!(started.unwrap().status().is_success());
    let ended = async {
        loop {
            let runtime = hub.get(&format!("/pipes/{pipe}")).await.unwrap()["runtime"].clone();
            if runtime["is-running"] == json!(false) {
                return runtime;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let ended = tokio::time::timeout(Duration::from_secs(60), ended);
    ended.await.unwrap()
}

async fn ids(hub: &Hub, path: &str) -> Vec<String> {
    let entities = hub.get(path).await.unwrap();
    let id = |entity: &Value| entity["_id"].as_str().unwrap().to_owned();
    let mut ids: Vec<String> = entities.as_array().unwrap().iter().map(id).collect();
    ids.sort();
    ids
}

async fn live(hub: &Hub, dataset: &str) -> Vec<String> {
    ids(
        hub,
        &format!("/datasets/{dataset}/entities?history=false&deleted=false"),
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn feeds_of_several_datasets_are_pulled_page_by_page_and_nothing_is_deleted() {
    let sources = [
        (
            "union",
            json!({"type": "union_datasets", "datasets": ["a", "b"]}),
        ),
        (
            "latest",
            json!({"type": "merge_datasets", "datasets": ["a", "b"]}),
        ),
        (
            "all",
            json!({"type": "merge_datasets", "datasets": ["a", "b"], "strategy": "all"}),
        ),
    ];
    let mut components = vec![receiver("a"), receiver("b")];
    for (id, source) in &sources {
        components.push(publisher(id, source.clone()));
        components.push(reader(&format!("by-page-{id}"), id, Some(2)));
        components.push(reader(&format!("whole-{id}"), id, None));
    }
    let hub = own_hub(&components).await;
    push(&hub, "a", 0..5).await;
    push(&hub, "b", 3..7).await;
    let publish = |pipe: &str, query: &str| {
        hub.request(
            Method::GET,
            &format!("/publishers/{pipe}/entities?limit=2{query}"),
        )
        .send()
    };
    for (id, _) in &sources {
        let expected = ids(&hub, &format!("/publishers/{id}/entities")).await;
        for reader in [format!("by-page-{id}"), format!("whole-{id}")] {
            for operation in ["start", "start-rescan", "start"] {
                let runtime = run(&hub, &reader, operation).await;
                assert_eq!(runtime["success"], json!(true), "{runtime}");
                assert_eq!(live(&hub, &reader).await, expected, "{reader}");
            }
        }
        for bad in ["1", "0", "999999", "x", "%7B%22a%22%3A1%7D"] {
            let refused = publish(id, &format!("&since={bad}")).await.unwrap();
            assert_eq!(refused.status(), 400, "{id} {bad}");
        }
    }

    // One of the inputs is made again: positions in it are gone, and the readers begin again.
    let first: Vec<Value> = publish("union", "").await.unwrap().json().await.unwrap();
    let token = first[1]["_updated"].as_str().unwrap().to_owned();
    let deleted = hub.request(Method::DELETE, "/datasets/a").send().await;
    assert!(deleted.unwrap().status().is_success());
    push(&hub, "a", 7..10).await;
    let gone = publish("union", &format!("&since={token}")).await.unwrap();
    assert_eq!(gone.status(), 410);
    for (id, _) in &sources {
        let expected = ids(&hub, &format!("/publishers/{id}/entities")).await;
        let reader = format!("by-page-{id}");
        let runtime = run(&hub, &reader, "start").await;
        assert_eq!(runtime["success"], json!(true), "{runtime}");
        let reasons = runtime["reprocessing-reasons"].as_array().unwrap();
        assert_eq!(reasons.len(), 1, "{reasons:?}");
        let there = live(&hub, &reader).await;
        assert!(expected.iter().all(|id| there.contains(id)), "{reader}");
        run(&hub, &reader, "start-rescan").await;
        assert_eq!(live(&hub, &reader).await, expected, "{reader}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_that_makes_several_entities_of_one_is_pulled_completely_by_any_page_size() {
    let made = |n: u32| json!(["dict", "_id", ["concat", "_S._id", format!("-{n}")]]);
    let rules = json!([["create", ["list", made(1), made(2)]], ["copy", "*"]]);
    let mut many = publisher("many", json!({"type": "dataset", "dataset": "in"}));
    many["transform"] = json!({"type": "dtl", "rules": {"default": rules}});
    let sizes = [1, 2, 3, 4, 100];
    let mut components = vec![receiver("in"), many];
    components.extend(sizes.map(|size| reader(&format!("by-{size}"), "many", Some(size))));
    let hub = own_hub(&components).await;
    push(&hub, "in", 0..5).await;
    let expected = ids(&hub, "/publishers/many/entities").await;
    assert_eq!(expected.len(), 15);
    for size in sizes {
        let pipe = format!("by-{size}");
        let runtime = run(&hub, &pipe, "start").await;
        assert_eq!(runtime["success"], json!(true), "{runtime}");
        assert_eq!(live(&hub, &pipe).await, expected, "{pipe}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_push_that_lacks_an_entity_deletes_nothing_at_its_target() {
    let out = |entities: Value| {
        json!({"_id": "out", "type": "pipe", "source": {"type": "embedded", "entities": entities},
            "sink": {"type": "json", "system": "self", "url": "receivers/in/entities"},
            "pump": {"mode": "manual", "batch_retries": 0, "write_retry_delay": 0, "max_retries_per_entity": 1,
                "max_write_errors_in_retry_dataset": 10, "max_consecutive_write_errors": 10}})
    };
    let mut narrow = receiver("in");
    narrow["sink"] = json!({"type": "dataset", "max_entity_bytes_size": 100});
    let first = json!([{"_id": "a"}, {"_id": "b"}, {"_id": "c"}]);
    let hub = own_hub(&[narrow.clone(), out(first)]).await;
    let runtime = run(&hub, "out", "start").await;
    assert_eq!(runtime["success"], json!(true), "{runtime}");
    assert_eq!(live(&hub, "in").await, ["a", "b", "c"]);
    // `b` lives, but its new version is refused; `c` is gone.
    let second = json!([{"_id": "a"}, {"_id": "b", "text": "x".repeat(200)}]);
    configure(&hub, &[narrow.clone(), out(second)]).await;
    for _ in 0..3 {
        let runtime = run(&hub, "out", "start").await;
        assert_eq!(runtime["success"], json!(true), "{runtime}");
        let message = runtime.to_string();
        assert!(
            message.contains("deletes at the target were withheld: 1 of"),
            "{message}"
        );
        assert_eq!(live(&hub, "in").await, ["a", "b", "c"]);
    }
    let third = json!([{"_id": "a"}, {"_id": "b", "text": "short"}]);
    configure(&hub, &[narrow, out(third)]).await;
    run(&hub, "out", "start").await;
    assert_eq!(live(&hub, "in").await, ["a", "b"]);
}
