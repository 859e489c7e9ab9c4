//! The dataset `system:config`: reading like any other, listing, and what is refused.

use super::Hub;
use serde_json::{Value, json};

const PATH: &str = "/api/datasets/system:config";

async fn offsets(hub: &Hub, query: &str) -> Vec<u64> {
    let answer = hub.get(&format!("{PATH}/entities{query}")).await;
    let entities = answer.problem_free().json();
    let offset = |entity: &Value| entity["_updated"].as_u64().unwrap();
    entities.as_array().unwrap().iter().map(offset).collect()
}

#[tokio::test]
async fn the_history_is_read_like_any_dataset() {
    let hub = Hub::configured().await;
    let pages: &[(&str, &[u64])] = &[
        ("", &[0, 1, 2, 3, 4, 5]),
        ("?since=1&limit=3", &[2, 3, 4]),
        ("?since=5", &[]),
        ("?limit=0", &[]),
        ("?reverse=true&since=3", &[2, 1, 0]),
        ("?history=false", &[2, 5]),
        ("?history=false&since=2", &[5]),
        ("?history=false&reverse=true&limit=1", &[5]),
        ("?deleted=false", &[0, 1, 2, 3, 4, 5]),
        ("?history=false&deleted=false", &[2, 5]),
        ("?since=1-00000000000000000000000000000000-0-4", &[5]),
    ];
    for (query, expected) in pages {
        assert_eq!(offsets(&hub, query).await, *expected, "{query}");
    }
    let answer = hub.get(&format!("{PATH}/entities")).await;
    let facts = ["populated", "max-updated", "generation"]
        .map(|name| answer.header(&format!("x-dataset-{name}")).to_owned());
    assert_eq!(facts, ["true", "5", "00000000-0000-0000-0000-000000000000"]);
    let entities = answer.json();
    let time = 1_700_000_000_000_000u64;
    assert_eq!(
        entities[3],
        json!({"_id": "target", "_updated": 3, "_ts": time, "_deleted": false, "$user": "tester", "type": "system:url"})
    );
    assert_eq!(
        entities[4],
        json!({"_id": "target", "_updated": 4, "_previous": 3, "_ts": time, "_deleted": true, "$user": "tester", "type": "system"})
    );
    let headers = hub.call("OPTIONS", &format!("{PATH}/entities"), "").await;
    assert_eq!(headers.problem_free().header("x-dataset-max-updated"), "5");
}

#[tokio::test]
async fn one_version_is_found_by_id_and_offset() {
    let hub = Hub::configured().await;
    for (path, offset) in [
        ("/entity?entity_id=in", 2),
        ("/entity?entity_id=in&offset=1", 1),
        ("/entities/target", 5),
    ] {
        let found = hub.get(&format!("{PATH}{path}")).await.problem_free();
        assert_eq!(found.json()["_updated"], offset, "{path}");
    }
    for path in ["/entity?entity_id=in&offset=4", "/entities/nobody"] {
        let answer = hub.get(&format!("{PATH}{path}")).await;
        assert_eq!(answer.problem(404), "unknown-entity", "{path}");
    }
}

#[tokio::test]
async fn it_is_listed_among_the_internal_datasets() {
    let hub = Hub::configured().await;
    let ids = async |query: &str| {
        let listed = hub.get(&format!("/api/datasets{query}")).await.json();
        let id = |dataset: &Value| dataset["_id"].as_str().unwrap().to_owned();
        listed
            .as_array()
            .unwrap()
            .iter()
            .map(id)
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, ["in", "system:config"]);
    assert_eq!(ids("?include-internal-datasets=false").await, ["in"]);

    let runtime = hub.get(PATH).await.problem_free().json()["runtime"].clone();
    let expected = [
        ("origin", json!("system")),
        ("populated", json!(true)),
        ("max-offset", json!(5)),
        ("count-log-exists", json!(6)),
        ("count-log-deleted", json!(2)),
        ("count-index-exists", json!(2)),
        ("count-index-deleted", json!(0)),
    ];
    for (name, value) in expected {
        assert_eq!(runtime[name], value, "{name}");
    }
}

#[tokio::test]
async fn an_empty_history_is_an_empty_dataset() {
    let hub = Hub::new();
    assert_eq!(hub.get(&format!("{PATH}/entities")).await.text, "[]");
    let runtime = hub.get(PATH).await.problem_free().json()["runtime"].clone();
    assert_eq!(runtime["max-offset"], Value::Null);
}

#[tokio::test]
async fn it_cannot_be_changed_and_wrong_questions_are_refused() {
    let hub = Hub::configured().await;
    let deleted = hub.call("DELETE", PATH, "").await;
    assert_eq!(deleted.problem(403), "internal-dataset");
    let entities = format!("{PATH}/entities");
    let written = hub.post(&entities, r#"[{"_id": "in"}]"#).await;
    assert_eq!(written.problem(403), "internal-dataset");
    assert_eq!(offsets(&hub, "").await.len(), 6);

    let other = "1-00000000000000000000000000000001-0-4";
    for (query, status, code) in [
        ("since=x", 400, "invalid-parameter"),
        (&format!("since={other}"), 410, "other-generation"),
        ("subset=[]", 404, "unknown-index"),
    ] {
        let answer = hub.get(&format!("{entities}?{query}")).await;
        assert_eq!(answer.problem(status), code, "{query}");
    }
}

#[tokio::test]
async fn secrets_are_in_it_by_name_only() {
    let hub = Hub::configured().await;
    let system = r#"{"_id": "target", "type": "system:url", "password": "$SECRET(door)"}"#;
    hub.put("/api/systems/target/config", system)
        .await
        .problem_free();
    for path in ["/api/secrets", "/api/systems/target/secrets"] {
        hub.put(path, r#"{"door": "open sesame"}"#)
            .await
            .problem_free();
    }
    let text = hub.get(&format!("{PATH}/entities")).await.text;
    assert!(text.contains("$SECRET(door)"), "{text}");
    assert!(!text.contains("open sesame"), "{text}");
}
