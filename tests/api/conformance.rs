//! The reference's DTL examples through a real pipe: embedded source, transform, dataset, API.

use crate::hub::hub;
use serde_json::{Value, json};
use sluice_entity::{Json, Limits};
use std::path::PathBuf;

/// One example twice: to look into, and as it is written (the order of names in its expression is part of it).
struct Vector {
    parsed: Value,
    written: Json,
}

/// The folder with the examples; a missing one is loud, and a failure in CI.
fn vectors() -> Option<Vec<Vector>> {
    let folder = std::env::var_os("SLUICE_CONFORMANCE").map(PathBuf::from);
    let file = folder.map(|folder| folder.join("dtl-open.json"));
    match file.as_ref().map(std::fs::read) {
        Some(Ok(text)) => {
            let parsed: Vec<Value> = serde_json::from_slice(&text).unwrap();
            let Ok(Json::Array(written)) = Json::parse(&text, &Limits::default()) else {
                panic!("{file:?} is no list")
            };
            Some(
                parsed
                    .into_iter()
                    .zip(written)
                    .map(|(parsed, written)| Vector { parsed, written })
                    .collect(),
            )
        }
        other => {
            let loud = format!(
                "the conformance examples CANNOT BE READ: SLUICE_CONFORMANCE: {file:?} {other:?}"
            );
            assert!(std::env::var_os("CI").is_none(), "{loud}");
            println!("{loud}");
            None
        }
    }
}

/// Stands in a pipe for its expression.
const EXPRESSION: &str = "the expression of the example";

fn expression(written: &Json) -> String {
    written.get("expr").unwrap().to_string()
}

/// Only what an ordinary pipe can show: one expression, no settings, datasets or earlier versions of its own.
fn fits_a_pipe(vector: &Value) -> bool {
    let plain = [
        "named_rules",
        "datasets",
        "previous",
        "config",
        "secrets",
        "target",
        "tolerance",
        "unordered",
        "expected_error",
    ];
    vector.get("expr").is_some()
        && plain.iter().all(|key| vector.get(*key).is_none())
        && vector["source"].get("_deleted").is_none()
        && !vector["source"].to_string().contains("\"_updated\"")
}

#[tokio::test(flavor = "multi_thread")]
async fn documented_examples_hold_in_a_pipe() {
    let Some(vectors) = vectors() else { return };
    let hub = hub().await;
    let (mut pipes, mut wanted) = (Vec::new(), Vec::new());
    for (
        number,
        Vector {
            parsed: vector,
            written,
        },
    ) in vectors.iter().enumerate()
    {
        if !fits_a_pipe(vector) {
            continue;
        }
        let mut source = vector["source"].clone();
        if source["_id"].is_null() {
            source["_id"] = json!("source");
        }
        let id = format!("example-{number}");
        pipes.push(
            json!({"_id": id, "type": "pipe", "source": {"type": "embedded", "entities": [source]},
            "transform": {"type": "dtl", "rules": {"default": [["add", "result", EXPRESSION]]}},
            "pump": {"mode": "manual"}})
            .to_string()
            .replace(&json!(EXPRESSION).to_string(), &expression(written)),
        );
        wanted.push((id, vector));
    }
    let upload = hub
        .request(reqwest::Method::PUT, "/config?force=true")
        .header("content-type", "application/json");
    sluice_tests::child::read(upload.body(format!("[{}]", pipes.join(","))))
        .await
        .unwrap();
    let (mut passed, mut later, mut wrong) = (0, 0, Vec::new());
    let listed = hub.get("/pipes").await.unwrap();
    for (id, vector) in wanted {
        let pipe = listed
            .as_array()
            .unwrap()
            .iter()
            .find(|pipe| pipe["_id"] == id.as_str())
            .unwrap();
        if pipe["runtime"]["is-valid-config"] == json!(false) {
            let problems = pipe["runtime"]["config-errors"].to_string();
            assert!(problems.contains("version"), "{}: {problems}", vector["id"]);
            later += 1;
            continue;
        }
        let form = [("operation", "start")];
        let started = hub
            .request(reqwest::Method::POST, &format!("/pipes/{id}/pump"))
            .form(&form)
            .send()
            .await
            .unwrap();
        assert!(
            started.status().is_success(),
            "{}",
            started.text().await.unwrap()
        );
        let result = loop {
            let runtime = hub.get(&format!("/pipes/{id}")).await.unwrap()["runtime"].clone();
            if runtime["success"] == json!(false) {
                break json!({"failed": runtime["last-message"]});
            }
            if runtime["success"] == json!(true) && runtime["is-running"] == json!(false) {
                break hub.get(&format!("/datasets/{id}/entities")).await.unwrap()[0]["result"]
                    .clone();
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        };
        if same(&result, &vector["expected"]) {
            passed += 1;
        } else {
            wrong.push(format!(
                "{}: expected {}, got {result}",
                vector["id"], vector["expected"]
            ));
        }
    }
    println!(
        "conformance through pipes: {passed} pass, {later} use functions of a later version, {} differ",
        wrong.len()
    );
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(passed > 100, "only {passed} examples ran");
}

/// Numbers by value, decimals from their tagged text; everything else exactly.
fn same(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right)
                    .all(|(left, right)| same(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .all(|(key, left)| right.get(key).is_some_and(|right| same(left, right)))
        }
        _ => match (number(left), number(right)) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
    }
}

fn number(value: &Value) -> Option<f64> {
    value
        .as_f64()
        .or_else(|| value.as_str()?.strip_prefix("~f")?.parse().ok())
}
