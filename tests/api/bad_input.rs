//! Nonsense on every writing endpoint: a problem document with a 4xx, and nothing changed.

use crate::hub::{Hub, hub_with};
use reqwest::Method;
use serde_json::{Value, json};

const WRITING: [(&str, &str); 14] = [
    ("POST", "/receivers/in/entities"),
    ("POST", "/datasets/in/entities"),
    ("PUT", "/config"),
    ("PUT", "/config/some-group"),
    ("PUT", "/config-all"),
    ("PUT", "/env"),
    ("POST", "/env"),
    ("PUT", "/secrets"),
    ("POST", "/secrets"),
    ("POST", "/pipes"),
    ("PUT", "/pipes/in/config"),
    ("POST", "/systems"),
    ("PUT", "/systems/target/config"),
    ("PUT", "/metadata"),
];

async fn state(hub: &Hub) -> Value {
    let dataset = hub
        .request(Method::GET, "/datasets/in/entities")
        .send()
        .await
        .unwrap();
    json!({
        "config": hub.get("/config-all").await.unwrap(),
        "env": hub.get("/env").await.unwrap(),
        "secrets": hub.get("/secrets").await.unwrap(),
        "entities": dataset.json::<Value>().await.unwrap(),
    })
}

async fn sample() -> Hub {
    let hub = hub_with(json!([
        {"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}},
        {"_id": "target", "type": "system:url", "url_pattern": "http://localhost/%s"},
    ]))
    .await;
    hub.post("/receivers/in/entities", &json!([{"_id": "a"}]))
        .await
        .unwrap();
    hub.put("/env", &json!({"known": 1})).await.unwrap();
    hub
}

async fn refuse(hub: &Hub, method: &str, path: &str, body: Vec<u8>, what: &str) {
    let method = Method::from_bytes(method.as_bytes()).unwrap();
    let request = hub
        .request(method.clone(), path)
        .header("content-type", "application/json")
        .body(body);
    let answer = request.send().await.unwrap();
    let (status, kind) = (
        answer.status(),
        answer.headers().get("content-type").cloned(),
    );
    let text = answer.text().await.unwrap();
    assert!(
        status.is_client_error(),
        "{method} {path} with {what}: {status} {text}"
    );
    assert_eq!(
        kind.as_ref().map(|kind| kind.to_str().unwrap()),
        Some("application/problem+json"),
        "{path} {what}"
    );
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert!(
        problem["code"].is_string() && problem["status"] == status.as_u16(),
        "{path} {what}: {problem}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_bodies_are_refused_everywhere() {
    let hub = sample().await;
    let before = state(&hub).await;
    let bodies: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", vec![]),
        ("garbage", b"garbage".to_vec()),
        ("a cut object", b"[{\"_id\": \"x\", \"type\"".to_vec()),
        ("bad UTF-8", b"[{\"_id\": \"\xff\xfe\"}]".to_vec()),
        ("a duplicate key", br#"{"a": 1, "a": 2}"#.to_vec()),
        (
            "a duplicate key in a list",
            br#"[{"_id": "x", "a": 1, "a": 2}]"#.to_vec(),
        ),
        ("a lone surrogate", br#"[{"_id": "\ud800"}]"#.to_vec()),
        ("a number", b"17".to_vec()),
        ("200 KB of brackets", vec![b'['; 200 << 10]),
        ("2 MB of brackets", vec![b'['; 2 << 20]),
        ("2 MB of nested objects", b"{\"a\":".repeat(400_000)),
    ];
    for (method, path) in WRITING {
        for (what, body) in &bodies {
            refuse(&hub, method, path, body.clone(), what).await;
        }
    }
    assert_eq!(state(&hub).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn ids_that_cannot_be_are_refused_and_unknown_ones_not_found() {
    let hub = sample().await;
    let before = state(&hub).await;
    let pipe = |id: &str| {
        json!([{"_id": id, "type": "pipe", "source": {"type": "empty"}}])
            .to_string()
            .into_bytes()
    };
    refuse(
        &hub,
        "PUT",
        "/config?force=false",
        pipe("a/b"),
        "a pipe id with a slash",
    )
    .await;
    refuse(
        &hub,
        "POST",
        "/pipes",
        pipe("a/b"),
        "a pipe id with a slash",
    )
    .await;
    refuse(
        &hub,
        "PUT",
        "/config",
        json!([{"_id": "a/b", "type": "system:url"}])
            .to_string()
            .into(),
        "a system",
    )
    .await;
    for path in [
        "/pipes/nobody",
        "/pipes/a%2Fb",
        "/pipes/nobody/pump",
        "/pipes/nobody/entities",
        "/datasets/nobody",
        "/datasets/nobody/entities",
        "/datasets/a%2Fb/entities",
        "/systems/nobody",
        "/publishers/nobody/entities",
        "/no-such-path",
        "/config/no-such-group",
    ] {
        let answer = hub.request(Method::GET, path).send().await.unwrap();
        assert_eq!(
            answer.status(),
            404,
            "{path}: {}",
            answer.text().await.unwrap()
        );
    }
    let answer = hub
        .request(Method::POST, "/receivers/nobody/entities")
        .json(&json!([]))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 404);
    let answer = hub.request(Method::PATCH, "/pipes").send().await.unwrap();
    assert_eq!(answer.status(), 405);
    let answer = hub
        .request(Method::GET, "/datasets/%ff/entities")
        .send()
        .await
        .unwrap();
    assert!(answer.status().is_client_error());
    assert_eq!(state(&hub).await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_pump_operation_is_refused() {
    let hub = hub_with(json!([
        {"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}},
        {"_id": "once", "type": "pipe", "source": {"type": "dataset", "dataset": "in"}, "pump": {"mode": "manual"}},
    ]))
    .await;
    for form in [
        &[("operation", "fly")][..],
        &[],
        &[("operation", "update-last-seen"), ("last-seen", "{")],
    ] {
        let answer = hub
            .request(Method::POST, "/pipes/once/pump")
            .form(form)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), 400, "{form:?}");
    }
    let answer = hub
        .request(Method::POST, "/pipes/in/pump")
        .form(&[("operation", "start")])
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 400);
    assert!(
        answer
            .text()
            .await
            .unwrap()
            .contains("doesn't support the operation")
    );
}
