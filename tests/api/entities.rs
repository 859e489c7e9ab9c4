//! Reading datasets: R74, headers, and entity ids of every kind.

use crate::hub::{Hub, hub_with};
use reqwest::Method;
use serde_json::{Value, json};

const AWKWARD_IDS: [&str; 9] = [
    "a/b",
    "..",
    "a%2fb",
    "a%2Fb",
    "urn:x:y",
    "Ærø",
    "A_b",
    "with space",
    "?since=1&limit=0#x",
];

async fn hub_with_receiver() -> Hub {
    hub_with(json!([{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}}])).await
}

async fn push(hub: &Hub, entities: Value) {
    hub.post("/receivers/in/entities", &entities).await.unwrap();
}

fn ids(feed: &Value) -> Vec<String> {
    feed.as_array()
        .unwrap()
        .iter()
        .map(|entity| entity["_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn entity_ids_are_stored_exactly_and_found_again() {
    let hub = hub_with_receiver().await;
    let entities: Vec<Value> = AWKWARD_IDS
        .iter()
        .map(|id| json!({"_id": id, "is": id}))
        .collect();
    push(&hub, json!(entities)).await;
    assert_eq!(
        ids(&hub.get("/datasets/in/entities").await.unwrap()),
        AWKWARD_IDS
    );
    for id in AWKWARD_IDS {
        let by_query = hub
            .request(Method::GET, "/datasets/in/entity")
            .query(&[("entity_id", id)]);
        let found = sluice_tests::child::read(by_query).await.unwrap();
        assert_eq!(found["is"], id);
    }
    for (path, id) in [
        ("a%2Fb", "a/b"),
        ("a/b", "a/b"),
        ("a%252fb", "a%2fb"),
        ("%C3%86r%C3%B8", "Ærø"),
    ] {
        let found = hub
            .get(&format!("/datasets/in/entities/{path}"))
            .await
            .unwrap();
        assert_eq!(found["is"], id, "{path}");
    }
    let missing = hub
        .request(Method::GET, "/datasets/in/entity?entity_id=nobody")
        .send()
        .await
        .unwrap();
    assert_eq!(missing.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_since_and_limit_to_an_empty_page() {
    let hub = hub_with_receiver().await;
    push(&hub, json!([{"_id": "a"}, {"_id": "b"}, {"_id": "c"}])).await;
    push(
        &hub,
        json!([{"_id": "a", "changed": true}, {"_id": "b", "_deleted": true}]),
    )
    .await;
    let get = async |query: &str| {
        hub.get(&format!("/datasets/in/entities{query}"))
            .await
            .unwrap()
    };
    assert_eq!(
        ids(&get("").await),
        ["a", "b", "c", "a", "b"],
        "history is the default"
    );
    assert_eq!(
        ids(&get("?history=false").await),
        ["c", "a", "b"],
        "each id once, at its latest offset"
    );
    assert_eq!(ids(&get("?history=false&deleted=false").await), ["c", "a"]);
    assert_eq!(ids(&get("?reverse=true&limit=2").await), ["b", "a"]);
    assert_eq!(
        ids(&get("?reverse=True&since=3").await),
        ["c", "b", "a"],
        "since means below when reversed"
    );
    assert_eq!(
        ids(&get("?since=2").await),
        ["a", "b"],
        "since is exclusive"
    );
    assert_eq!(get("?limit=0").await, json!([]));
    assert_eq!(get("?since=400").await, json!([]));
    let (mut since, mut seen) = (String::new(), Vec::new());
    loop {
        let page = get(&format!("?limit=2{since}")).await;
        let Some(last) = page.as_array().unwrap().last() else {
            break;
        };
        since = format!("&since={}", last["_updated"]);
        seen.extend(ids(&page));
    }
    assert_eq!(seen, ["a", "b", "c", "a", "b"]);
    let previous = get("?since=3").await;
    assert_eq!(previous[0]["_previous"], 1);
    assert_eq!(previous[0]["_deleted"], true);
    assert_eq!(get("/../entity?entity_id=a&offset=0").await["_updated"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_since_or_limit_is_refused() {
    let hub = hub_with_receiver().await;
    push(&hub, json!([{"_id": "a"}])).await;
    for query in [
        "since=-1",
        "since=x",
        "since=1.5",
        "limit=-1",
        "limit=many",
        "history=perhaps",
    ] {
        let answer = hub
            .request(Method::GET, &format!("/datasets/in/entities?{query}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{query}");
        assert_eq!(
            answer.headers()["content-type"],
            "application/problem+json",
            "{query}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_says_where_it_stands() {
    let hub = hub_with_receiver().await;
    push(&hub, json!([{"_id": "a"}, {"_id": "b"}])).await;
    let answer = hub
        .request(Method::GET, "/datasets/in/entities?since=1")
        .send()
        .await
        .unwrap();
    let headers = answer.headers().clone();
    assert_eq!(
        headers["x-dataset-populated"], "true",
        "receivers are populated at load"
    );
    assert_eq!(headers["x-dataset-max-updated"], "1");
    let generation = headers["x-dataset-generation"].clone();
    assert!(
        !headers.contains_key("content-encoding"),
        "never compressed unasked"
    );
    hub.request(Method::DELETE, "/datasets/in")
        .send()
        .await
        .unwrap()
        .error_for_status()
        .unwrap();
    push(&hub, json!([{"_id": "a"}])).await;
    let again = hub
        .request(Method::GET, "/datasets/in/entities")
        .send()
        .await
        .unwrap();
    assert_ne!(
        again.headers()["x-dataset-generation"],
        generation,
        "recreated: another generation"
    );
    assert_eq!(again.json::<Value>().await.unwrap()[0]["_updated"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_starts_before_its_end_is_read() {
    let hub = hub_with_receiver().await;
    let padding = "x".repeat(1000);
    for part in 0..20 {
        let batch: Vec<Value> = (0..1000)
            .map(|number| json!({"_id": format!("{part}-{number}"), "text": padding}))
            .collect();
        push(&hub, json!(batch)).await;
    }
    let mut answer = hub
        .request(Method::GET, "/datasets/in/entities")
        .send()
        .await
        .unwrap();
    let first = answer.chunk().await.unwrap().unwrap();
    assert!(first.len() < 10_000_000, "20 MB came in one piece");
    let mut length = first.len();
    while let Some(chunk) = answer.chunk().await.unwrap() {
        length += chunk.len();
    }
    assert!(length > 20_000_000);
}
