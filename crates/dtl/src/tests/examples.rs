//! Comparing examples of the language with what they give.

use sluice_entity::{Json, Number};

/// What is wrong with the result of an example; `None` when it is the expected one.
pub(super) fn difference(vector: &Json, result: &Json) -> Option<String> {
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
            let exact = Number::parse(x).zip(Number::parse(y));
            exact.is_some_and(|(x, y)| x == y || (x.to_f64() - y.to_f64()).abs() <= tolerance)
        }
        _ => a == b,
    }
}
