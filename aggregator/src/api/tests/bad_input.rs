//! Nonsense on every operation: a 4xx with a problem document, and nothing changed (R73).

use super::Hub;
use crate::api::OPERATIONS;
use crate::api::operation::{Kind, Operation, Place, RequestBody};
use crate::{Limits, Settings};
use axum::body::Body;
use bytes::Bytes;

/// The operation's path with `in` for each of its parameters and what else it needs, so that only the nonsense is wrong.
fn path_of(operation: &Operation, query: &str) -> String {
    let mut path = String::new();
    for segment in operation.path.split('/').skip(1) {
        path.push('/');
        path.push_str(match segment {
            "{system_id}" => "target",
            _ if segment.starts_with('{') => "in",
            _ => segment,
        });
    }
    let needed = operation
        .parameters
        .iter()
        .filter(|one| one.required && one.place != Place::Path);
    let needed = needed.filter(|one| !query.starts_with(&format!("{}=", one.name)));
    let needed: String = needed.map(|one| format!("&{}=x", one.name)).collect();
    format!("{path}?{query}{needed}")
}

fn nonsense(body: RequestBody) -> Vec<(&'static str, Vec<u8>)> {
    let json = || {
        vec![
            ("nothing", vec![]),
            ("garbage", b"garbage".to_vec()),
            ("cut off", b"[{\"_id\": \"x\"".to_vec()),
            ("bad UTF-8", b"{\"_id\": \"\xff\"}".to_vec()),
            ("a duplicate key", br#"{"a": 1, "a": 2}"#.to_vec()),
            ("a lone surrogate", br#"{"a": "\ud800"}"#.to_vec()),
            ("a number", b"17".to_vec()),
            ("null", b"null".to_vec()),
            ("two values", b"{} {}".to_vec()),
            ("200 KB of brackets", vec![b'['; 200 << 10]),
            ("2 MB of brackets", vec![b'['; 2 << 20]),
            ("2 MB of nested objects", b"{\"a\":".repeat(400_000)),
        ]
    };
    match body {
        RequestBody::None | RequestBody::Text | RequestBody::Anything => Vec::new(),
        RequestBody::Form => {
            vec![
                ("a bad escape", b"operation=%zz".to_vec()),
                ("bad UTF-8", b"operation=%ff".to_vec()),
                ("raw bytes", vec![0xff]),
            ]
        }
        RequestBody::Json(_) | RequestBody::Entities => json(),
        RequestBody::Configuration => {
            let mut bodies = json();
            bodies.push(("a cut archive", b"PK\x03\x04not really".to_vec()));
            bodies.push(("a list of numbers", b"[1, 2]".to_vec()));
            bodies
        }
    }
}

#[tokio::test]
async fn malformed_bodies_are_refused_everywhere() {
    let hub = Hub::configured().await;
    let before = hub.storage.snapshot().revision;
    let mut refused = 0;
    for operation in OPERATIONS {
        for (what, body) in nonsense(operation.body) {
            let method = operation.verb.method();
            let mut path = path_of(operation, "");
            if matches!(operation.body, RequestBody::Form) {
                path.truncate(path.find('?').unwrap());
            }
            let answer = hub.call(method.as_str(), &path, body).await;
            assert!(
                answer.status.is_client_error(),
                "{} with {what}: {} {}",
                operation.id,
                answer.status,
                answer.text
            );
            answer.problem(answer.status.as_u16());
            refused += 1;
        }
    }
    assert!(refused > 150, "{refused}");
    assert_eq!(hub.storage.snapshot().revision, before, "nothing changed");
    assert!(hub.worker.pushes.lock().is_empty());
}

#[tokio::test]
async fn parameters_are_refused_with_their_name() {
    let hub = Hub::configured().await;
    for operation in OPERATIONS {
        let method = operation.verb.method();
        for parameter in operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == Place::Query)
        {
            let bad: &[&str] = match parameter.kind {
                Kind::Text => continue,
                Kind::Boolean(_) => &["perhaps", "1", "", "tru"],
                Kind::Number(_) => &[
                    "-1",
                    "%2B1",
                    "1.0",
                    "1e3",
                    "many",
                    "",
                    "18446744073709551616",
                ],
                Kind::Since => &["-1", "x", "1.5", "", "1-2-3"],
                Kind::Choice(_) => &["elsewhere", "", "SINK"],
                Kind::Words(_) => &["elsewhere", "config,,", "-"],
            };
            for value in bad {
                let answer = hub
                    .call(
                        method.as_str(),
                        &path_of(operation, &format!("{}={value}", parameter.name)),
                        "",
                    )
                    .await;
                assert_eq!(
                    answer.problem(400),
                    "invalid-parameter",
                    "{} {}={value}",
                    operation.id,
                    parameter.name
                );
                assert_eq!(answer.json()["parameter"], parameter.name);
            }
            let twice = path_of(operation, &format!("{0}=1&{0}=1", parameter.name));
            let answer = hub.call(method.as_str(), &twice, "").await;
            assert!(
                ["repeated-parameter", "invalid-parameter"].contains(&answer.problem(400).as_str()),
                "{twice}"
            );
        }
    }
}

#[tokio::test]
async fn paths_and_queries_must_be_well_encoded() {
    let hub = Hub::configured().await;
    for operation in OPERATIONS
        .iter()
        .filter(|operation| operation.path.contains('{'))
    {
        for bad in ["%", "%zz", "%ff", "a%c3"] {
            let good = path_of(operation, "");
            let path = good.replacen("/in", &format!("/{bad}"), 1).replacen(
                "/target",
                &format!("/{bad}"),
                1,
            );
            let answer = hub.call(operation.verb.method().as_str(), &path, "").await;
            assert_eq!(
                answer.problem(400),
                "invalid-encoding",
                "{} {path}",
                operation.id
            );
        }
    }
    for query in ["a=%", "%zz=1", "a=%ff"] {
        assert_eq!(
            hub.get(&format!("/api/pipes?{query}")).await.problem(400),
            "invalid-encoding",
            "{query}"
        );
    }
}

#[tokio::test]
async fn missing_parameters_and_unknown_ids_are_named() {
    let hub = Hub::configured().await;
    for path in [
        "/api/datasets/in/entity",
        "/api/config-history/entity",
        "/api/pipes/get-pipe-runner-status",
    ] {
        assert_eq!(
            hub.get(path).await.problem(400),
            "missing-parameter",
            "{path}"
        );
    }
    let unknown = [
        "/api/pipes/nobody",
        "/api/pipes/nobody/pump",
        "/api/pipes/nobody/config",
        "/api/pipes/nobody/entities",
        "/api/pipes/nobody/log",
        "/api/datasets/nobody",
        "/api/datasets/nobody/entities",
        "/api/systems/nobody",
        "/api/datasets/nobody/entity?entity_id=a",
        "/api/systems/nobody/config",
        "/api/systems/nobody/status",
        "/api/systems/nobody/secrets",
        "/api/publishers/nobody/entities",
        "/api/publishers/nobody/csv",
        "/api/config/no-such-group",
        "/api/config-history/entity?entity_id=nobody",
    ];
    for path in unknown {
        let answer = hub.get(path).await;
        answer.problem(404);
        assert!(
            answer.text.contains("nobody") || answer.text.contains("no-such-group"),
            "{path}: {}",
            answer.text
        );
    }
    for (method, path) in [
        ("DELETE", "/api/env/nobody"),
        ("DELETE", "/api/secrets/nobody"),
        ("DELETE", "/api/systems/nobody"),
        ("DELETE", "/api/systems/target/secrets/nobody"),
        ("DELETE", "/api/datasets/nobody"),
        ("DELETE", "/api/pipes/nobody"),
        ("POST", "/api/receivers/nobody/entities"),
    ] {
        hub.call(method, path, "[]").await.problem(404);
    }
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused_from_its_announced_length_or_while_it_comes() {
    let limits = Limits {
        body: 1000,
        ..Limits::default()
    };
    let hub = Hub::with(Settings {
        limits,
        ..Settings::default()
    });
    let at_limit = format!(r#"{{"a": "{}"}}"#, "x".repeat(991));
    assert_eq!(at_limit.len(), 1000);
    hub.put("/api/env", at_limit.clone()).await.problem_free();
    let above = format!("{at_limit} ");
    assert_eq!(
        hub.put("/api/env", above.clone()).await.problem(413),
        "too-large"
    );

    let announced = hub
        .request("PUT", "/api/env")
        .header("content-length", "1000000");
    let never_read = Body::from_stream(futures::stream::poll_fn(
        |_| -> std::task::Poll<Option<Result<Bytes, std::io::Error>>> {
            panic!("a body that is announced too long is not read")
        },
    ));
    let answer = hub.send(announced.body(never_read).unwrap()).await;
    assert_eq!(answer.problem(413), "too-large");
    assert_eq!(answer.json()["limit"], 1000);

    let endless = Body::from_stream(futures::stream::repeat_with(|| {
        Ok::<_, std::io::Error>(Bytes::from_static(&[b' '; 100]))
    }));
    assert_eq!(hub.put("/api/env", endless).await.problem(413), "too-large");
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stalls_or_crawls_is_given_up() {
    let hub = Hub::new();
    let stalled = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    assert_eq!(hub.put("/api/env", stalled).await.problem(408), "slow-body");
    let crawling = Body::from_stream(futures::stream::unfold((), |()| async {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
        Some((Ok::<_, std::io::Error>(Bytes::from_static(b" ")), ()))
    }));
    assert_eq!(
        hub.put("/api/env", crawling).await.problem(408),
        "slow-body"
    );
    let broken = Body::from_stream(futures::stream::iter([Err::<Bytes, _>(
        std::io::Error::other("gone"),
    )]));
    assert_eq!(
        hub.post("/api/receivers/in/entities", broken)
            .await
            .problem(400),
        "broken-body"
    );
}

#[tokio::test(start_paused = true)]
async fn bodies_share_one_budget_and_wait_for_it_in_vain_only_for_a_time() {
    let limits = Limits {
        bodies_in_flight: 8 << 10,
        push_reserve: 8 << 10,
        ..Limits::default()
    };
    let hub = Hub::with(Settings {
        limits,
        ..Settings::default()
    });
    let pending = Body::from_stream(futures::stream::pending::<Result<Bytes, std::io::Error>>());
    let pushing = hub.post("/api/receivers/in/entities", pending);
    let other = async {
        tokio::task::yield_now().await;
        hub.put("/api/env", "{}").await
    };
    let (_, answer) = tokio::join!(pushing, other);
    assert_eq!(answer.problem(503), "busy");
    hub.put("/api/env", "{}").await.problem_free();
}

#[tokio::test]
async fn compressed_bodies_are_refused() {
    let hub = Hub::new();
    for (method, path) in [("PUT", "/api/env"), ("POST", "/api/receivers/in/entities")] {
        let request = hub
            .request(method, path)
            .header("content-encoding", "gzip")
            .body(Body::from("x"))
            .unwrap();
        assert_eq!(
            hub.send(request).await.problem(415),
            "unsupported-content-encoding"
        );
    }
}
