//! The reference's examples, when the folder that holds them is named by `SLUICE_CONFORMANCE`.

use sluice_entity::{Json, Limits};

use crate::eval_vectors;
use crate::reference;

/// Every example whose functions this version has gives its documented result.
#[test]
#[allow(clippy::print_stderr)]
fn documented_examples_give_their_documented_results() {
    let Ok(folder) = std::env::var("SLUICE_CONFORMANCE") else {
        assert!(
            std::env::var("CI").is_err(),
            "SLUICE_CONFORMANCE must name the folder of dtl-open.json in CI"
        );
        eprintln!(
            "\n*** SLUICE_CONFORMANCE is not set: the documented examples of the language are NOT checked ***\n"
        );
        return;
    };
    let text = std::fs::read(std::path::Path::new(&folder).join("dtl-open.json")).unwrap();
    let vectors = Json::parse(&text, &Limits::default()).unwrap();
    let all = vectors.as_array().unwrap();
    let implemented: Vec<Json> = all
        .iter()
        .filter(|vector| uses_only_known(vector))
        .cloned()
        .collect();
    let results = eval_vectors(&Json::Array(implemented.clone()));
    let wrong: Vec<String> = implemented
        .iter()
        .zip(results.as_array().unwrap())
        .filter_map(|(vector, result)| difference(vector, result))
        .collect();
    eprintln!(
        "{} of {} documented examples checked",
        implemented.len(),
        all.len()
    );
    assert!(
        wrong.is_empty(),
        "{} of {} differ:\n{}",
        wrong.len(),
        implemented.len(),
        wrong.join("\n")
    );
}

fn uses_only_known(vector: &Json) -> bool {
    let parts = ["expr", "rules", "named_rules"]
        .iter()
        .filter_map(|name| vector.get(name));
    let mut names = Vec::new();
    parts.for_each(|part| called(part, &mut names));
    !names.iter().any(|name| reference::is_known(name))
}

/// Everything that may be a call; `literal` and `comment` do not call what is in them.
fn called<'j>(json: &'j Json, names: &mut Vec<&'j str>) {
    match json {
        Json::Array(elements) => {
            let name = elements.first().and_then(Json::as_str);
            names.extend(name);
            if !matches!(name, Some("literal" | "comment")) {
                elements.iter().for_each(|element| called(element, names));
            }
        }
        Json::Object(entries) => entries.iter().for_each(|(_, value)| called(value, names)),
        _ => {}
    }
}

fn difference(vector: &Json, result: &Json) -> Option<String> {
    let unordered = vector.get("unordered").and_then(Json::as_bool) == Some(true);
    let tolerance = vector
        .get("tolerance")
        .and_then(Json::as_f64)
        .unwrap_or(0.0);
    let matches = |expected: &str, found: &str| {
        let (expected, found) = (
            vector.get(expected).unwrap_or(&Json::Null),
            result.get(found).unwrap_or(&Json::Null),
        );
        same(expected, found, unordered, tolerance)
    };
    let fine = match (vector.get("expected"), vector.get("expected_error")) {
        (Some(_), _) => result.get("result").is_some() && matches("expected", "result"),
        (None, Some(message)) => result.get("error") == Some(message),
        (None, None) => {
            let none = Json::Array(Vec::new());
            let created = vector.get("expected_created").unwrap_or(&none);
            result.get("target").is_some()
                && matches("expected_target", "target")
                && same(
                    created,
                    result.get("created").unwrap_or(&none),
                    unordered,
                    tolerance,
                )
        }
    };
    (!fine).then(|| format!("{}\n  gave {result}", vector))
}

fn same(a: &Json, b: &Json, unordered: bool, tolerance: f64) -> bool {
    match (a, b) {
        (Json::Array(a), Json::Array(b)) if unordered => {
            a.len() == b.len()
                && a.iter()
                    .all(|a| b.iter().any(|b| same(a, b, false, tolerance)))
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b, false, tolerance))
        }
        (Json::Object(a), Json::Object(own)) => {
            let field = |(name, value): &(String, Json)| {
                b.get(name)
                    .is_some_and(|other| same(value, other, false, tolerance))
            };
            a.len() == own.len() && a.iter().all(field)
        }
        (Json::Number(x), Json::Number(y)) => {
            let exact = sluice_entity::Number::parse(x).zip(sluice_entity::Number::parse(y));
            exact.is_some_and(|(x, y)| x == y || (x.to_f64() - y.to_f64()).abs() <= tolerance)
        }
        _ => a == b,
    }
}
