//! Which of the two forms keeps a configuration as it is. The API server reads integers into 64 bits and everything else into
//! floating point, and sorts keys.

use serde_json::{Map, Value};
use sluice_entity::Json;

/// Below these the order of keys is the order of properties that somebody gets to see.
const ORDERED: [&str; 2] = ["transform", "entities"];

/// A configuration in a form that keeps it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Form {
    Object(Map<String, Value>),
    Text(String),
}

impl Form {
    /// The object wherever that says the same.
    pub(crate) fn of(configuration: &Json) -> Form {
        let text = configuration.to_string();
        if is_kept(configuration, false)
            && let Ok(object) = serde_json::from_str(&text)
        {
            return Form::Object(object);
        }
        Form::Text(text)
    }
}

fn is_kept(json: &Json, is_ordered: bool) -> bool {
    match json {
        Json::Number(_) => is_kept_number(&json.to_string()),
        Json::Array(items) => items.iter().all(|item| is_kept(item, is_ordered)),
        Json::Object(members) => {
            let names = members.iter().map(|(name, _)| name);
            let is_sorted = !is_ordered || names.is_sorted();
            let inner = |(name, value): &(String, Json)| {
                is_kept(value, is_ordered || ORDERED.contains(&name.as_str()))
            };
            is_sorted && members.iter().all(inner)
        }
        _ => true,
    }
}

/// Whether a number comes back in the same characters.
fn is_kept_number(text: &str) -> bool {
    if let Ok(integer) = text.parse::<i64>() {
        return integer.to_string() == text;
    }
    let Ok(number) = text.parse::<f64>() else {
        return false;
    };
    // The API server writes others with an exponent, and whole ones without a fraction.
    let is_plain = (1e-6..1e21).contains(&number.abs()) && number.fract() != 0.0;
    is_plain && number.to_string() == text
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::Limits;

    fn is_object(text: &str) -> bool {
        let json = Json::parse(text.as_bytes(), &Limits::default()).unwrap();
        match Form::of(&json) {
            Form::Object(object) => {
                let back = Value::Object(object).to_string();
                let back = Json::parse(back.as_bytes(), &Limits::default()).unwrap();
                assert!(back.same_meaning(&json), "{back}");
                true
            }
            Form::Text(kept) => {
                assert_eq!(kept, json.to_string());
                false
            }
        }
    }

    #[test]
    fn numbers_that_would_change_make_a_text() {
        for kept in ["0", "-7", "9223372036854775807", "0.5", "1.25", "-3.75"] {
            assert!(is_object(&format!(r#"{{"n": {kept}}}"#)), "{kept}");
        }
        for lost in [
            "1.0",
            "-0",
            "1e2",
            "0.10",
            "9223372036854775808",
            "123456789012345678901234567890",
            "0.1000000000000000055511151231257827",
            "1e400",
            "0.0000001",
        ] {
            assert!(!is_object(&format!(r#"{{"n": [{lost}]}}"#)), "{lost}");
        }
    }

    #[test]
    fn the_order_of_keys_counts_where_it_becomes_the_order_of_properties() {
        assert!(is_object(
            r#"{"_id": "a", "type": "pipe", "source": {"b": 1, "a": 2}}"#
        ));
        assert!(!is_object(
            r#"{"transform": [{"rules": {"b": [], "a": []}}]}"#
        ));
        assert!(!is_object(
            r#"{"source": {"entities": [{"b": 1, "a": 2}]}}"#
        ));
        assert!(is_object(
            r#"{"transform": [{"rules": {"a": [], "b": []}}]}"#
        ));
    }
}
