//! The reference's DTL examples as pipes: embedded source, transform, dataset; and what they are to store.

use serde_json::{Value, json};
use sluice_entity::{Json, Limits};
use std::path::PathBuf;

/// One example twice: to look into, and as it is written (the order of names in its expression is part of it).
pub struct Vector {
    /// As values.
    pub parsed: Value,
    /// As text has it.
    pub written: Json,
}

/// The folder with the examples; a missing one is loud, and a failure in CI.
pub fn vectors() -> Option<Vec<Vector>> {
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

/// A vector's own rules, called by the pipe's.
const RULE: &str = "rules-of-the-example";

/// What a single pipe can show: no datasets, earlier versions or half-made targets, and no id that another example may have.
pub fn fits_a_pipe(vector: &Value) -> bool {
    let beside = [
        "datasets",
        "previous",
        "secrets",
        "target",
        "expected_error",
    ];
    beside.iter().all(|key| vector.get(*key).is_none())
        && vector["config"].get("_id").is_none()
        && vector["source"].get("_deleted").is_none()
        && !vector["source"].to_string().contains("\"_updated\"")
}

/// The pipe of an example, as text: the order of names in source and rules is kept as written.
pub fn pipe(id: &str, Vector { parsed, written }: &Vector) -> String {
    let text = |key: &str| written.get(key).map(Json::to_string);
    let (result, settings) = match parsed["config"].as_object() {
        // An example's names are meant as they stand, its result must not get a namespace either.
        Some(config) => {
            let config = config
                .iter()
                .map(|(name, value)| format!("{}:{value},", json!(name)));
            (
                "::result",
                config.collect::<String>() + "\"add_namespaces\":false,",
            )
        }
        None => ("result", String::new()),
    };
    let source = text("source").unwrap();
    let source = match source.strip_prefix('{') {
        Some(rest) if parsed["source"]["_id"].is_null() => {
            let comma = if rest == "}" { "" } else { "," };
            format!("{{\"_id\":\"source\"{comma}{rest}")
        }
        _ => source,
    };
    let called = json!(["apply", RULE, "_S."]).to_string();
    let mut rules = format!(
        "\"default\":[[\"add\",\"{result}\",{}]]",
        text("expr").unwrap_or(called)
    );
    if let Some(own) = text("rules") {
        rules += &format!(",\"{RULE}\":{own}");
    }
    for name in parsed["named_rules"]
        .as_object()
        .into_iter()
        .flat_map(|named| named.keys())
    {
        let rule = written
            .get("named_rules")
            .and_then(|named| named.get(name))
            .unwrap();
        rules += &format!(",{}:{rule}", json!(name));
    }
    format!(
        "{{\"_id\":\"{id}\",\"type\":\"pipe\",{settings}\"source\":{{\"type\":\"embedded\",\"entities\":[{source}]}},\
         \"transform\":{{\"type\":\"dtl\",\"rules\":{{{rules}}}}},\"pump\":{{\"mode\":\"manual\"}}}}"
    )
}

/// What is wrong with what was stored.
pub fn differs(vector: &Value, stored: &[Value]) -> Option<String> {
    let created = vector["expected_created"]
        .as_array()
        .cloned()
        .unwrap_or_default();
    let missing = created.iter().find(|wanted| {
        !stored
            .iter()
            .any(|entity| same(&without_generated(entity), wanted))
    });
    if let Some(missing) = missing {
        return Some(format!("{missing} is not among {stored:?}"));
    }
    let source = vector["source"]["_id"].as_str().unwrap_or("source");
    let result = stored
        .iter()
        .find(|entity| entity["_id"] == source)
        .map(|entity| entity["result"].clone());
    let Some(mut result) = result else {
        return Some(format!("nothing stored for {source}: {stored:?}"));
    };
    let mut expected = vector
        .get("expected")
        .or(vector.get("expected_target"))
        .unwrap()
        .clone();
    if vector["unordered"] == json!(true) {
        for list in [&mut result, &mut expected] {
            list.as_array_mut().unwrap().sort_by_key(Value::to_string);
        }
    }
    let near = vector["tolerance"].as_f64().is_some_and(|tolerance| {
        number(&result)
            .zip(number(&expected))
            .is_some_and(|(left, right)| (left - right).abs() <= tolerance)
    });
    (!near && !same(&result, &expected)).then(|| format!("expected {expected}, got {result}"))
}

fn without_generated(entity: &Value) -> Value {
    let mut entity = entity.clone();
    entity
        .as_object_mut()
        .unwrap()
        .retain(|name, _| !name.starts_with('_') || name == "_id");
    entity
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
