//! Feeds: what a read is translated to (R74), printing, headers (JP2), breaking off, backpressure.

use super::Hub;
use axum::body::Body;
use futures::StreamExt;
use http_body_util::BodyExt;
use serde_json::json;
use sluice_dataset::ReadOptions;
use sluice_protocol::ReadRequest;
use std::sync::atomic::Ordering;
use tower::ServiceExt;

#[tokio::test]
async fn parameters_become_read_options() {
    let hub = Hub::new();
    let all = ReadOptions::default();
    let cases = [
        (
            "",
            ReadRequest {
                options: all.clone(),
                ..Default::default()
            },
        ),
        (
            "?since=7&limit=0",
            ReadRequest {
                options: ReadOptions {
                    limit: Some(0),
                    ..all.clone()
                },
                since_text: Some("7".into()),
                ..Default::default()
            },
        ),
        (
            "?history=False&deleted=FALSE",
            ReadRequest {
                options: ReadOptions {
                    history: false,
                    deleted: false,
                    ..all.clone()
                },
                ..Default::default()
            },
        ),
        (
            "?reverse=True&populated=true&uncommitted=true",
            ReadRequest {
                options: ReadOptions {
                    reverse: true,
                    ..all.clone()
                },
                populated: true,
                ..Default::default()
            },
        ),
        (
            "?subset=%5B%22eq%22%2C+%22_S.a%22%2C+true%5D&mine=a%26b",
            ReadRequest {
                options: all.clone(),
                subset: Some(r#"["eq", "_S.a", true]"#.into()),
                parameters: [("mine".to_owned(), "a&b".to_owned())].into(),
                ..Default::default()
            },
        ),
        (
            "?since=1-07070707070707070707070707070707-3-41",
            ReadRequest {
                options: all.clone(),
                since_text: Some("1-07070707070707070707070707070707-3-41".into()),
                ..Default::default()
            },
        ),
    ];
    for (query, expected) in cases {
        hub.get(&format!("/api/datasets/in/entities{query}"))
            .await
            .problem_free();
        let (dataset, read) = hub.worker.reads.lock().pop().unwrap();
        assert_eq!(
            (dataset.as_str(), format!("{read:?}")),
            ("in", format!("{expected:?}")),
            "{query}"
        );
    }
}

#[tokio::test]
async fn a_feed_is_one_array_with_the_facts_of_its_dataset() {
    let hub = Hub::new();
    let answer = hub.get("/api/datasets/in/entities").await;
    assert_eq!(answer.header("content-type"), "application/json");
    assert_eq!(answer.header("x-dataset-populated"), "true");
    assert_eq!(answer.header("x-dataset-max-updated"), "2");
    assert_eq!(answer.header("x-dataset-filtered"), "false");
    assert_eq!(
        answer.header("x-dataset-generation"),
        "01010101-0101-0101-0101-010101010101"
    );
    assert!(
        !answer.headers.contains_key("x-dataset-completeness"),
        "unknown facts are left out"
    );
    let ids: Vec<_> = answer
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["_id"].clone())
        .collect();
    assert_eq!(ids, ["id0", "id1", "id2"]);
    let first = &answer.json()[0];
    assert_eq!(first["_updated"], 0);
    assert_eq!(first["price"], "~f1.10");
    assert_eq!(hub.get("/api/datasets/empty/entities").await.text, "[]");
}

#[tokio::test]
async fn a_failure_after_the_first_byte_breaks_the_connection() {
    let hub = Hub::new();
    let request = hub
        .request("GET", "/api/datasets/breaks/entities")
        .body(Body::empty())
        .unwrap();
    let mut body = hub
        .router
        .clone()
        .oneshot(request)
        .await
        .unwrap()
        .into_body()
        .into_data_stream();
    let first = body.next().await.unwrap().unwrap();
    assert!(first.starts_with(b"[\n{"), "{first:?}");
    assert!(
        body.next().await.unwrap().is_err(),
        "no closing bracket, but an error"
    );
    assert!(body.next().await.is_none());
}

#[tokio::test]
async fn a_reader_that_stops_reading_costs_one_page_ahead() {
    let hub = Hub::new();
    let request = hub
        .request("GET", "/api/datasets/endless/entities")
        .body(Body::empty())
        .unwrap();
    let mut body = hub
        .router
        .clone()
        .oneshot(request)
        .await
        .unwrap()
        .into_body();
    for _ in 0..3 {
        body.frame().await.unwrap().unwrap();
    }
    let read = || hub.worker.pages.load(Ordering::SeqCst);
    while read() < 4 {
        tokio::task::yield_now().await;
    }
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert_eq!(read(), 4, "one page is made ahead of being asked for");
}

#[tokio::test]
async fn entity_ids_arrive_exactly() {
    let hub = Hub::new();
    let by_path = [
        ("a/b", "a/b"),
        ("a%2Fb", "a/b"),
        ("a%252fb", "a%2fb"),
        ("%C3%86r%C3%B8:x", "Ærø:x"),
        ("..", ".."),
        ("a/../b//c/", "a/../b//c/"),
        ("+", "+"),
    ];
    for (path, id) in by_path {
        let answer = hub
            .get(&format!("/api/datasets/a%2Fb/entities/{path}"))
            .await
            .problem_free();
        assert_eq!(answer.json()["_id"], id);
        assert_eq!(
            hub.worker.looked_up.lock().pop().unwrap(),
            (id.to_owned(), None)
        );
    }
    for (query, id) in [
        ("a%2Fb", "a/b"),
        ("a/b", "a/b"),
        ("a+b%2B", "a b+"),
        ("%253F", "%3F"),
        ("x&offset=5", "x"),
        ("", ""),
    ] {
        hub.get(&format!(
            "/api/datasets/bl%C3%A5b%C3%A6r%3Ax/entity?entity_id={query}"
        ))
        .await
        .problem_free();
        let offset = query.contains("offset").then_some(5);
        assert_eq!(
            hub.worker.looked_up.lock().pop().unwrap(),
            (id.to_owned(), offset)
        );
    }
}

#[tokio::test]
async fn pipe_entities_are_the_latest_of_a_stage() {
    let hub = Hub::new();
    let stages = [
        ("", "Sink"),
        ("source", "Source"),
        ("before-transform", "BeforeTransform"),
        ("after-transforms", "AfterTransform"),
    ];
    for (stage, expected) in stages {
        let query = if stage.is_empty() {
            String::new()
        } else {
            format!("?stage={stage}")
        };
        hub.get(&format!("/api/pipes/in/entities{query}"))
            .await
            .problem_free();
        let (asked, read) = hub.worker.reads.lock().pop().unwrap();
        assert_eq!(asked, format!("in {expected}"));
        assert_eq!(read.options, ReadOptions::latest());
    }
}

#[tokio::test]
async fn publishers_show_the_latest_and_hand_all_parameters_on() {
    let hub = Hub::new();
    hub.get("/api/publishers/in/entities?since=abc&limit=2&name=%C3%86")
        .await
        .problem_free();
    let asked = hub.worker.published.lock().pop().unwrap();
    assert_eq!(
        asked.read.options,
        ReadOptions {
            limit: Some(2),
            ..ReadOptions::latest()
        }
    );
    assert_eq!(asked.read.since_text.as_deref(), Some("abc"));
    assert_eq!(
        json!(asked.read.parameters),
        json!({"since": "abc", "limit": "2", "name": "Æ"})
    );
    let csv = hub.get("/api/publishers/in/csv/people%20%C3%86.csv").await;
    assert_eq!(csv.text, "_id,name\r\na,b\r\n");
    assert_eq!(csv.header("content-type"), "text/csv; charset=utf-8");
    assert_eq!(
        csv.header("content-disposition"),
        "attachment; filename=\"people _.csv\"; filename*=UTF-8''people%20%C3%86.csv"
    );
    assert_eq!(
        hub.get("/api/publishers/in/csv?linked_excel_file=x")
            .await
            .problem(501),
        "not-in-this-version"
    );
}

#[tokio::test]
async fn options_show_headers_and_refuse_webhooks() {
    let hub = Hub::new();
    let answer = hub
        .call("OPTIONS", "/api/datasets/in/entities?since=4", "")
        .await
        .problem_free();
    assert_eq!(answer.header("allow"), "GET, HEAD, OPTIONS, POST");
    assert_eq!(answer.header("x-dataset-max-updated"), "2");
    let webhook = "/api/datasets/in/entities?webhook=https://x&token=y";
    assert_eq!(
        hub.call("OPTIONS", webhook, "").await.problem(501),
        "not-in-this-version"
    );
}

#[tokio::test]
async fn the_log_of_a_pipe_is_its_execution_dataset() {
    let hub = Hub::new();
    let answer = hub.get("/api/pipes/in/log?limit=3").await.problem_free();
    assert_eq!(answer.text, "[]", "a pipe that never ran has an empty log");
    let (dataset, read) = hub.worker.reads.lock().pop().unwrap();
    assert_eq!(
        (dataset.as_str(), read.options.limit, read.options.history),
        ("system:pump_execution:in", Some(3), true)
    );
}
