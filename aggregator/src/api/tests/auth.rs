//! Who gets in, what needs the developer mode, what every answer carries.

use super::Hub;
use crate::{Limits, Settings};
use axum::body::Body;
use http::Request;
use std::collections::BTreeSet;

const OPEN: [&str; 4] = ["/health/live", "/health/ready", "/api/health", "/api/ping"];

fn bare(path: &str) -> Request<Body> {
    Request::builder().uri(path).body(Body::empty()).unwrap()
}

#[tokio::test]
async fn without_a_token_only_probes_are_answered() {
    let hub = Hub::new();
    for path in OPEN {
        assert_eq!(hub.send(bare(path)).await.status, 200, "{path}");
    }
    let closed = [
        "/",
        "/api",
        "/api/",
        "/api/pipes",
        "/api/ping/",
        "/api/models",
        "/api/reference",
        "/metrics",
        "/log-filter",
        "/nothing",
    ];
    for path in closed {
        let answer = hub.send(bare(path)).await;
        assert_eq!(answer.problem(401), "missing-token", "{path}");
        assert_eq!(answer.header("www-authenticate"), "Bearer realm=\"sluice\"");
    }
}

#[tokio::test]
async fn a_token_must_be_a_bearer_token_of_this_hub() {
    let hub = Hub::new();
    let other = Hub::new();
    let cases = [
        (format!("Bearer {}", hub.token), 200, ""),
        (format!("BEARER  {} ", hub.token), 200, ""),
        (format!("Bearer {}", other.token), 401, "invalid-token"),
        (format!("Bearer {}x", hub.token), 401, "invalid-token"),
        ("Bearer a.b.c".to_owned(), 401, "invalid-token"),
        ("Bearer".to_owned(), 401, "missing-token"),
        (format!("Basic {}", hub.token), 401, "missing-token"),
        (hub.token.clone(), 401, "missing-token"),
    ];
    for (value, status, code) in cases {
        let mut request = bare("/api");
        request
            .headers_mut()
            .insert("authorization", value.parse().unwrap());
        let answer = hub.send(request).await;
        assert_eq!(answer.status, status, "{value}");
        if status == 401 {
            assert_eq!(answer.problem(401), code, "{value}");
            assert!(
                !answer.text.contains(&hub.token),
                "an answer never repeats a token"
            );
        }
    }
}

#[tokio::test]
async fn calls_that_destroy_or_run_everything_need_the_developer_mode() {
    let hub = Hub::with(Settings::default());
    let calls = [
        ("/api/pipes/run-all-pipes", ""),
        ("/api/pipes/delete-all-sink-datasets", ""),
        ("/api/datasets/in/entities", "[]"),
        ("/api/admin", "operation=reset"),
    ];
    for (path, body) in calls {
        let answer = hub.post(path, body).await;
        assert_eq!(answer.problem(403), "developer-mode-needed", "{path}");
        assert!(answer.text.contains("--developer-mode"), "{}", answer.text);
    }
    assert_eq!(
        hub.get("/api").await.json()["status"]["developer_mode"],
        false
    );
    assert!(hub.worker.runs.lock().is_empty() && hub.worker.pushes.lock().is_empty());
    assert_eq!(
        hub.worker.resets.load(std::sync::atomic::Ordering::SeqCst),
        0
    );
    assert_eq!(
        Hub::new().get("/api").await.json()["status"]["developer_mode"],
        true
    );
}

#[tokio::test]
async fn ready_says_why_it_is_not() {
    let hub = Hub::new();
    *hub.process.not_ready.lock() = Some("the store is being opened".into());
    for path in ["/health/ready", "/api/health"] {
        let answer = hub.send(bare(path)).await;
        assert_eq!(answer.problem(503), "not-ready", "{path}");
        assert_eq!(answer.json()["detail"], "the store is being opened");
        assert_eq!(answer.header("retry-after"), "1");
    }
    assert_eq!(hub.send(bare("/health/live")).await.status, 200);
}

#[tokio::test]
async fn every_answer_has_safe_headers_and_no_value_twice() {
    let hub = Hub::new();
    for path in [
        "/api",
        "/nothing",
        "/api/datasets/in/entities",
        "/api/publishers/in/csv",
        "/api/models",
    ] {
        let answer = hub.get(path).await;
        assert_eq!(
            answer.header("strict-transport-security"),
            "max-age=31536000",
            "{path}"
        );
        assert_eq!(answer.header("x-content-type-options"), "nosniff");
        assert_eq!(answer.header("cache-control"), "no-store");
        assert!(answer.headers.contains_key("x-request-id"));
        assert!(
            !answer.headers.contains_key("content-encoding"),
            "never compressed unasked"
        );
        for name in answer.headers.keys() {
            let values: Vec<&str> = answer
                .headers
                .get_all(name)
                .iter()
                .flat_map(|value| value.to_str().unwrap().split(','))
                .map(str::trim)
                .collect();
            assert_eq!(
                values.iter().collect::<BTreeSet<_>>().len(),
                values.len(),
                "{path} {name}: {values:?}"
            );
        }
    }
}

#[tokio::test]
async fn a_panic_in_a_handler_is_a_problem_without_details() {
    let hub = Hub::new();
    let answer = hub.get("/api/pipes/panics").await;
    assert_eq!(answer.problem(500), "internal");
    assert!(!answer.text.contains("goes wrong"), "{}", answer.text);
    assert_eq!(
        hub.get("/api/pipes/in").await.status,
        200,
        "the others go on"
    );
}

#[tokio::test]
async fn requests_beyond_the_limit_are_told_to_come_again() {
    let limits = Limits {
        requests_in_flight: 0,
        ..Limits::default()
    };
    let hub = Hub::with(Settings {
        limits,
        ..Settings::default()
    });
    let answer = hub.get("/api").await;
    assert_eq!(answer.problem(503), "busy");
    assert_eq!(answer.header("retry-after"), "1");
}

#[tokio::test]
async fn requests_are_counted_by_operation_and_status() {
    let hub = Hub::new();
    hub.get("/api/pipes/in").await.problem_free();
    hub.get("/api/pipes/nobody").await.problem(404);
    let metrics = hub.get("/metrics").await;
    assert!(
        metrics
            .header("content-type")
            .starts_with("application/openmetrics-text")
    );
    for line in [
        r#"sluice_api_requests_total{operation="get-pipe",status="200"} 1"#,
        r#"sluice_api_requests_total{operation="get-pipe",status="404"} 1"#,
        r#"sluice_api_request_seconds_count{operation="get-pipe"} 2"#,
    ] {
        assert!(metrics.text.contains(line), "{line} in {}", metrics.text);
    }
    let bad = hub.put("/log-filter", "sluice=loud").await;
    assert_eq!(bad.problem(400), "invalid-log-filter");
    assert_eq!(hub.get("/log-filter").await.text, "info");
}
