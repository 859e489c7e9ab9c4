//! The JSON push protocol: change tracking, sequences, full pushes, and what bad bodies leave behind (none).

use crate::hub::{Hub, hub_with};
use reqwest::Method;
use serde_json::{Value, json};

async fn hub_with_receiver() -> Hub {
    hub_with(json!([{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}}])).await
}

async fn live_ids(hub: &Hub) -> Vec<String> {
    let feed = hub
        .get("/datasets/in/entities?history=false&deleted=false")
        .await
        .unwrap();
    feed.as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["_id"].as_str().unwrap().to_owned())
        .collect()
}

async fn push(hub: &Hub, query: &str, body: Value) -> reqwest::Response {
    hub.request(Method::POST, &format!("/receivers/in/entities?{query}"))
        .json(&body)
        .send()
        .await
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_change_makes_a_version() {
    let hub = hub_with_receiver().await;
    for body in [
        json!([{"_id": "a", "x": 1, "y": 2}]),
        json!([{"y": 2, "_id": "a", "x": 1, "_ts": 99, "_other": "dropped", "_deleted": false}]),
        json!([{"_id": "a", "x": 2, "y": 2}]),
        json!([{"_id": "a", "x": 1, "y": 2}]),
        json!({"_id": "a", "x": 1, "y": 2, "_deleted": true}),
    ] {
        assert_eq!(push(&hub, "", body).await.status(), 200);
    }
    let log = hub.get("/datasets/in/entities").await.unwrap();
    let versions = log.as_array().unwrap();
    assert_eq!(versions.len(), 4, "{log}");
    assert_eq!(
        versions[0]["_hash"], versions[2]["_hash"],
        "the same content has the same hash again"
    );
    assert!(versions[0].get("_other").is_none());
    assert_eq!(
        versions[3]["x"], 1,
        "a deleted version keeps its properties"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_push_deletes_what_it_did_not_mention() {
    let hub = hub_with_receiver().await;
    push(&hub, "", json!([{"_id": "a"}, {"_id": "b"}, {"_id": "c"}])).await;
    let first = "sequence_id=1&is_full=true&is_first=true&request_id=1";
    assert_eq!(push(&hub, first, json!([{"_id": "a"}])).await.status(), 200);
    assert_eq!(
        live_ids(&hub).await,
        ["a", "b", "c"],
        "nothing is deleted before the end"
    );
    push(&hub, "", json!([{"_id": "d"}])).await;
    let last = "sequence_id=1&is_full=true&is_last=true&request_id=2&previous_request_id=1";
    assert_eq!(push(&hub, last, json!([])).await.status(), 200);
    assert_eq!(
        live_ids(&hub).await,
        ["a", "d"],
        "an incremental push in between is spared"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_sequence_conflicts_and_deletes_nothing() {
    let hub = hub_with_receiver().await;
    push(&hub, "", json!([{"_id": "a"}, {"_id": "b"}])).await;
    assert_eq!(
        push(
            &hub,
            "sequence_id=1&is_full=true&is_first=true&request_id=1",
            json!([])
        )
        .await
        .status(),
        200
    );
    for query in [
        "sequence_id=1&is_full=true&is_last=true&request_id=3&previous_request_id=2",
        "sequence_id=1&is_full=false&request_id=2&previous_request_id=1",
        "sequence_id=1&is_full=true&is_first=true&request_id=2",
    ] {
        assert_eq!(push(&hub, query, json!([])).await.status(), 409, "{query}");
    }
    assert_eq!(live_ids(&hub).await, ["a", "b"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_delete_needs_a_word() {
    let hub = hub_with_receiver().await;
    let many: Vec<Value> = (0..150)
        .map(|number| json!({"_id": number.to_string()}))
        .collect();
    push(&hub, "", json!(many)).await;
    let full = "sequence_id=1&is_full=true&is_first=true&is_last=true&request_id=1";
    let refused = push(&hub, full, json!([{"_id": "1"}])).await;
    assert_eq!(refused.status(), 409);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["code"],
        "mass-delete"
    );
    assert_eq!(live_ids(&hub).await.len(), 150);
    let allowed =
        format!("{full}2&allow-mass-delete=true").replace("sequence_id=1&", "sequence_id=2&");
    assert_eq!(
        push(&hub, &allowed, json!([{"_id": "1"}])).await.status(),
        200
    );
    assert_eq!(live_ids(&hub).await, ["1"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_entity_is_named_and_none_before_it_is_stored() {
    let hub = hub_with_receiver().await;
    let cases = [
        (r#"[{"_id": "a"}, {"_id": "b", "x": }]"#, Some(1)),
        (r#"[{"_id": "a"}, {"x": 1}]"#, Some(1)),
        (r#"[{"_id": "a"}, {"_id": 7}]"#, Some(1)),
        (r#"[{"_id": "a"}, 5]"#, Some(1)),
        (r#"[{"_id": "a"}, {"_id": "b", "x": 1, "x": 2}]"#, Some(1)),
        (r#"[{"_id": "a"}"#, None),
        (r#""text""#, None),
        ("", None),
    ];
    for (body, index) in cases {
        let request = hub
            .request(Method::POST, "/receivers/in/entities")
            .header("content-type", "application/json");
        let answer = request.body(body).send().await.unwrap();
        assert_eq!(answer.status(), 400, "{body}");
        let problem: Value = answer.json().await.unwrap();
        assert!(
            problem["code"].is_string() && problem["detail"].is_string(),
            "{problem}"
        );
        if let Some(index) = index {
            assert_eq!(problem["index"], index, "{body} {problem}");
        }
        let dataset = hub
            .request(Method::GET, "/datasets/in/entities")
            .send()
            .await
            .unwrap();
        let stored = if dataset.status().is_success() {
            dataset.json().await.unwrap()
        } else {
            json!([])
        };
        assert_eq!(stored, json!([]), "{body}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_is_written_as_it_arrives_and_says_how_far_it_came() {
    let hub = hub_with_receiver().await;
    let padding = "y".repeat(10_000);
    let mut body = String::from("[");
    for number in 0..2500 {
        body.push_str(&json!({"_id": number.to_string(), "text": padding}).to_string());
        body.push(',');
    }
    body.push_str("{\"_id\": ]");
    assert!(body.len() > 17 << 20, "longer than what is checked whole");
    let answer = hub
        .request(Method::POST, "/receivers/in/entities")
        .body(body)
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    let problem: Value = answer.json().await.unwrap();
    assert_eq!(problem["index"], 2500, "{problem}");
    let accepted = problem["accepted"].as_u64().unwrap();
    assert_eq!(live_ids(&hub).await.len() as u64, accepted, "{problem}");
    assert!(accepted > 0);
}
