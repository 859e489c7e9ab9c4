//! Variables and secrets at work (EV1, EV2): what depends on them follows a change at once, and the other side gets the value.

use crate::hub::{Hub, hub};
use axum::extract::State;
use axum::http::{HeaderMap, header::AUTHORIZATION};
use axum::routing::get;
use axum::{Json, Router};
use reqwest::Method;
use serde_json::{Value, json};
use sluice_tests::child::read;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

async fn send(hub: &Hub, method: Method, path: &str, body: &Value) -> Value {
    read(hub.request(method, path).json(body)).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn variables_are_added_changed_and_removed_one_by_one() {
    let hub = hub().await;
    hub.put("/env", &json!({"a": 1, "b": [true]}))
        .await
        .unwrap();
    send(&hub, Method::POST, "/env", &json!({"c": null})).await;
    send(&hub, Method::PATCH, "/env", &json!({"a": "one"})).await;
    send(&hub, Method::DELETE, "/env/b", &Value::Null).await;
    assert_eq!(
        hub.get("/env").await.unwrap(),
        json!({"a": "one", "c": null})
    );
    let unknown = hub.request(Method::DELETE, "/env/b").send().await.unwrap();
    assert_eq!(unknown.status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_variable_changes_the_effective_configuration_with_its_type() {
    let hub = hub().await;
    hub.put("/env", &json!({"size": 7})).await.unwrap();
    let pipe = json!([{"_id": "p", "type": "pipe", "batch_size": "$ENV(size)", "source": {"type": "empty"}}]);
    hub.put("/config", &pipe).await.unwrap();
    let shown = hub.get("/pipes/p").await.unwrap();
    assert_eq!(shown["config"]["effective"]["batch_size"], 7);
    assert_eq!(shown["config"]["original"]["batch_size"], "$ENV(size)");

    send(&hub, Method::PATCH, "/env", &json!({"size": 8})).await;
    let shown = hub.get("/pipes/p").await.unwrap();
    assert_eq!(shown["config"]["effective"]["batch_size"], 8);

    send(&hub, Method::DELETE, "/env/size", &Value::Null).await;
    let shown = hub.get("/pipes/p").await.unwrap();
    assert_eq!(shown["runtime"]["is-valid-config"], false);
    let errors = shown["runtime"]["config-errors"].to_string();
    assert!(
        errors.contains("size") && errors.contains("batch_size"),
        "{errors}"
    );
}

/// A side that wants to know who asks, and remembers what it was told.
async fn guarded() -> (String, Arc<Mutex<Vec<String>>>) {
    async fn answer(
        State(told): State<Arc<Mutex<Vec<String>>>>,
        headers: HeaderMap,
    ) -> Json<Value> {
        let said = headers[AUTHORIZATION].to_str().unwrap().to_owned();
        told.lock().unwrap().push(said);
        Json(json!([{"_id": "a"}]))
    }
    let told = Arc::<Mutex<Vec<String>>>::default();
    let router = Router::new()
        .route("/rows", get(answer))
        .with_state(told.clone());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await });
    (url, told)
}

async fn run(hub: &Hub, pipe: &str) {
    let path = format!("/pipes/{pipe}/pump");
    let start = hub
        .request(Method::POST, &path)
        .form(&[("operation", "start")]);
    read(start).await.unwrap();
    let started = Instant::now();
    loop {
        let pump = hub.get(&path).await.unwrap();
        if pump["runtime"]["is-running"] == false && pump["runtime"]["success"] == true {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{pump}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_other_side_gets_the_secret_of_the_system_before_the_global_one() {
    let hub = hub().await;
    let (url, told) = guarded().await;
    assert_eq!(
        send(
            &hub,
            Method::POST,
            "/secrets",
            &json!({"word": "global", "other": "x"})
        )
        .await,
        json!(["other", "word"]),
        "names, never values"
    );
    hub.put("/config", &json!([
        {"_id": "side", "type": "system:url", "url_pattern": format!("{url}/%s"),
         "authentication": "basic", "username": "hub", "password": "$SECRET(word)"},
        {"_id": "rows", "type": "pipe", "source": {"type": "json", "system": "side", "url": "rows"},
         "pump": {"mode": "manual"}},
    ]))
    .await
    .unwrap();
    run(&hub, "rows").await;
    hub.put("/systems/side/secrets", &json!({"word": "its own"}))
        .await
        .unwrap();
    run(&hub, "rows").await;
    send(
        &hub,
        Method::DELETE,
        "/systems/side/secrets/word",
        &Value::Null,
    )
    .await;
    send(&hub, Method::POST, "/secrets", &json!({"word": "changed"})).await;
    run(&hub, "rows").await;
    // Base64 of "hub:global", "hub:its own" and "hub:changed".
    let expected = [
        "Basic aHViOmdsb2JhbA==",
        "Basic aHViOml0cyBvd24=",
        "Basic aHViOmNoYW5nZWQ=",
    ];
    assert_eq!(*told.lock().unwrap(), expected);

    let left = send(&hub, Method::DELETE, "/secrets/other", &Value::Null).await;
    assert_eq!(left, json!(["word"]));
    let unknown = hub.request(Method::DELETE, "/secrets/other").send().await;
    assert_eq!(unknown.unwrap().status(), 404);
}
