//! Table, router, description and the list of public paths agree.

use super::samples::samples;
use super::{Answer, Hub};
use crate::api::operation::{Access, Answer as Described};
use crate::api::{NOT_IN_THIS_VERSION, OPERATIONS, openapi};
use axum::body::Body;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// All paths of the public description of the compatible hub, below `/api`.
const PUBLIC_PATHS: &str = include_str!("../../../tests/public-paths.txt");

fn without_names(path: &str) -> String {
    let segment = |segment: &str| {
        if segment.starts_with('{') {
            "{}".to_owned()
        } else {
            segment.to_owned()
        }
    };
    path.split('/').map(segment).collect::<Vec<_>>().join("/")
}

#[test]
fn every_public_path_is_served_or_waits_for_a_feature() {
    let below_api = |path: &str| {
        if path == "/api" {
            Some("/".to_owned())
        } else {
            path.strip_prefix("/api").map(without_names)
        }
    };
    let public: BTreeSet<String> = PUBLIC_PATHS.lines().map(without_names).collect();
    assert_eq!(public.len(), 64);
    let served: BTreeSet<String> = OPERATIONS
        .iter()
        .filter_map(|operation| below_api(operation.path))
        .collect();
    let waiting: BTreeSet<String> = NOT_IN_THIS_VERSION
        .iter()
        .filter_map(|missing| below_api(missing.path))
        .collect();
    let served: BTreeSet<&String> = public.intersection(&served).collect();
    let waiting: BTreeSet<&String> = waiting
        .iter()
        .filter(|path| !served.contains(path))
        .collect();
    assert_eq!(
        (served.len(), waiting.len()),
        (39, 25),
        "the second may only shrink"
    );
    assert!(
        waiting.iter().all(|path| public.contains(*path)),
        "{waiting:?}"
    );
    assert_eq!(served.union(&waiting).count(), public.len());
}

#[tokio::test]
async fn what_is_not_in_this_version_says_which_feature_is_missing() {
    let hub = Hub::new();
    for missing in NOT_IN_THIS_VERSION {
        for verb in missing.verbs {
            let path = missing
                .path
                .replace("{*rest_of_path}", "a/b")
                .replace(['{', '}'], "");
            let answer = hub.call(verb.method().as_str(), &path, Body::empty()).await;
            assert_eq!(answer.problem(501), "not-in-this-version", "{path}");
            assert_eq!(answer.json()["feature"], missing.feature);
        }
    }
}

#[tokio::test]
async fn every_operation_answers_what_the_description_says() {
    let document = openapi();
    let samples = samples();
    for operation in OPERATIONS {
        let (path, body, content_type) = samples
            .get(operation.id)
            .unwrap_or_else(|| panic!("no sample for {}", operation.id));
        let hub = Hub::configured().await;
        hub.put("/api/env", r#"{"known": 1}"#).await.problem_free();
        hub.put("/api/secrets", r#"{"known": "hidden"}"#)
            .await
            .problem_free();
        hub.put("/api/systems/target/secrets", r#"{"known": "hidden"}"#)
            .await
            .problem_free();
        hub.post(
            "/api/systems",
            r#"[{"_id": "micro", "type": "system:microservice"}]"#,
        )
        .await
        .problem_free();
        let request = hub
            .request(operation.verb.method().as_str(), path)
            .header("content-type", *content_type);
        let answer = hub.send(request.body(Body::from(*body)).unwrap()).await;
        let described = describe(&document, operation.path, operation.verb.method().as_str());
        check(
            &document,
            operation.id,
            &described,
            operation.answer,
            &answer,
        );
    }
    assert_eq!(
        samples.len(),
        OPERATIONS.len(),
        "a sample without an operation"
    );
}

fn describe(document: &Value, path: &str, method: &str) -> Value {
    document["paths"][path.replace("{*", "{")][method.to_ascii_lowercase()].clone()
}

fn check(document: &Value, id: &str, described: &Value, kind: Described, answer: &Answer) {
    assert_eq!(described["operationId"], id);
    let status = answer.status.as_u16().to_string();
    let content = &described["responses"][&status]["content"];
    assert!(
        content.is_object(),
        "{id} answered {status}, which is not described: {}",
        answer.text
    );
    let media_type = answer.header("content-type").split(';').next().unwrap();
    let media = content
        .as_object()
        .unwrap()
        .iter()
        .find(|(name, _)| *name == "*/*" || name.split(';').next() == Some(media_type));
    let (_, media) = media.unwrap_or_else(|| panic!("{id} answered {media_type}"));
    if matches!(kind, Described::Document(_) | Described::Anything) {
        return;
    }
    let mut schema = media["schema"].clone();
    if let Some(schema) = schema.as_object_mut() {
        schema.insert("components".to_owned(), document["components"].clone());
    }
    let validator = jsonschema::validator_for(&schema).unwrap();
    let value = answer.json();
    let problems: Vec<String> = validator
        .iter_errors(&value)
        .map(|error| error.to_string())
        .collect();
    assert!(problems.is_empty(), "{id}: {problems:?} in {value}");
}

#[test]
fn the_description_has_exactly_the_operations_of_the_table() {
    let document = openapi();
    let described: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, methods)| {
            methods
                .as_object()
                .unwrap()
                .keys()
                .map(|method| (path.clone(), method.clone()))
        })
        .collect();
    let routed: BTreeSet<(String, String)> = OPERATIONS
        .iter()
        .map(|operation| {
            (
                operation.path.replace("{*", "{"),
                operation.verb.method().as_str().to_ascii_lowercase(),
            )
        })
        .collect();
    assert_eq!(described, routed);
    assert_eq!(routed.len(), OPERATIONS.len(), "no row is there twice");
    let ids: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.id).collect();
    assert_eq!(ids.len(), OPERATIONS.len(), "no id is there twice");
}

#[test]
fn every_parameter_of_a_path_is_declared_and_named_once() {
    for operation in OPERATIONS {
        let in_path: BTreeSet<String> = operation
            .path
            .split('/')
            .filter_map(|segment| segment.strip_prefix('{'))
            .map(|name| {
                name.trim_end_matches('}')
                    .trim_start_matches('*')
                    .to_owned()
            })
            .collect();
        let declared: BTreeSet<String> = operation
            .parameters
            .iter()
            .filter(|parameter| parameter.place == crate::api::operation::Place::Path)
            .map(|parameter| parameter.name.to_owned())
            .collect();
        assert_eq!(in_path, declared, "{}", operation.id);
        let names: BTreeSet<&str> = operation
            .parameters
            .iter()
            .map(|parameter| parameter.name)
            .collect();
        assert_eq!(names.len(), operation.parameters.len(), "{}", operation.id);
    }
}

#[tokio::test]
async fn unknown_paths_and_methods_are_problems_too() {
    let hub = Hub::new();
    for path in [
        "/",
        "/nothing",
        "/api/pipes/",
        "/api/pipes/in/nothing",
        "/API",
    ] {
        assert_eq!(hub.get(path).await.problem(404), "unknown-path", "{path}");
    }
    hub.get("/api/pipes//pump").await.problem(404);
    let answer = hub.call("PATCH", "/api/pipes", "").await;
    assert_eq!(answer.problem(405), "method-not-allowed");
    assert_eq!(answer.header("allow"), "GET, HEAD, POST");
    let answer = hub.call("PUT", "/api/models", "").await;
    assert_eq!(answer.problem(405), "method-not-allowed");
    let head = hub.call("HEAD", "/api/datasets/in/entities", "").await;
    assert_eq!((head.status.as_u16(), head.text.as_str()), (200, ""));
    assert_eq!(head.header("x-dataset-populated"), "true");
}

#[tokio::test]
async fn the_reference_is_a_page_or_the_document() {
    let hub = Hub::new();
    let page = hub.get("/api/reference").await;
    assert!(
        page.text
            .contains("GET /api/datasets/{dataset_id}/entities"),
        "{}",
        page.text
    );
    let request = hub
        .request("GET", "/api/reference")
        .header("accept", "application/json")
        .body(Body::empty());
    let document = hub.send(request.unwrap()).await.json();
    assert_eq!(document["openapi"], "3.1.0");
    assert_eq!(
        document,
        hub.get("/api/reference/openapi.json").await.json()
    );
    assert_eq!(document["security"], json!([{"token": []}]));
}

#[test]
fn only_probes_are_open() {
    let open: Vec<&str> = OPERATIONS
        .iter()
        .filter(|operation| operation.access == Access::Open)
        .map(|operation| operation.path)
        .collect();
    assert_eq!(
        open,
        ["/health/live", "/health/ready", "/api/health", "/api/ping"]
    );
}
