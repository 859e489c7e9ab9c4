//! Between the configuration tree and values.

use super::Json;
use crate::buffer::ValueBuf;
use crate::builder::Builder;
use crate::layout::MAX_DEPTH;
use crate::number::{self, Number};
use crate::print::Style;
use crate::read::{Limits, Numbers, to_number};
use crate::value::{Kind, Value};

impl Json {
    /// The value: transit strings decoded, numbers as the entity reader takes them.
    /// Of a name given twice the last value counts.
    pub fn to_value(&self, numbers: &Numbers) -> ValueBuf {
        let mut builder = Builder::new();
        self.build(&mut builder, numbers);
        builder.finish()
    }

    fn build(&self, builder: &mut Builder, numbers: &Numbers) {
        match self {
            Json::Null => builder.null(),
            Json::Bool(value) => builder.bool(*value),
            Json::Number(text) => match number::scan_number(text.as_bytes()) {
                Ok(scanned) if scanned.length == text.len() => {
                    builder.number(&to_number(scanned, text.as_bytes(), *numbers));
                }
                _ => builder.null(),
            },
            Json::String(text) => builder.transit(text),
            Json::Array(items) => {
                builder.begin_list();
                for item in items {
                    item.build(builder, numbers);
                }
                builder.end();
            }
            Json::Object(fields) => {
                builder.begin_dict();
                for (name, value) in fields {
                    builder.name(name);
                    value.build(builder, numbers);
                }
                builder.end();
            }
        }
    }

    /// The tree of a value, rich types as transit strings; `to_value` gives the value again.
    pub fn from_value(value: Value<'_>) -> Json {
        from_value(value, 0)
    }

    /// Strings and what is written as one.
    fn from_text(value: Value<'_>) -> Json {
        let mut text = Vec::new();
        value.write_json(
            &mut text,
            &Style {
                escape_tilde: true,
                ..Style::default()
            },
        );
        Json::parse(&text, &Limits::default()).unwrap_or(Json::Null)
    }
}

/// Deeper than any value may be is damage, and null.
fn from_value(value: Value<'_>, depth: usize) -> Json {
    match value.kind() {
        Kind::List | Kind::Dict if depth >= MAX_DEPTH => Json::Null,
        Kind::Null => Json::Null,
        Kind::Bool => Json::Bool(value.as_bool() == Some(true)),
        Kind::Int | Kind::Float => value
            .as_number()
            .map_or(Json::Null, |number| Json::from(&number)),
        Kind::List => Json::Array(
            value
                .as_list()
                .into_iter()
                .flatten()
                .map(|item| from_value(item, depth + 1))
                .collect(),
        ),
        Kind::Dict => {
            let fields = value.as_dict().into_iter().flatten();
            Json::Object(
                fields
                    .map(|(name, value)| (name.to_owned(), from_value(value, depth + 1)))
                    .collect(),
            )
        }
        _ => Json::from_text(value),
    }
}

impl From<&Number> for Json {
    fn from(number: &Number) -> Json {
        match number {
            Number::Float(float) if !float.is_finite() => Json::Null,
            number => Json::Number(number.to_string().into()),
        }
    }
}

impl From<&str> for Json {
    fn from(text: &str) -> Json {
        Json::String(text.to_owned())
    }
}

impl From<String> for Json {
    fn from(text: String) -> Json {
        Json::String(text)
    }
}

impl From<bool> for Json {
    fn from(value: bool) -> Json {
        Json::Bool(value)
    }
}

impl From<i64> for Json {
    fn from(number: i64) -> Json {
        Json::Number(number.to_string().into())
    }
}

impl From<u64> for Json {
    fn from(number: u64) -> Json {
        Json::Number(number.to_string().into())
    }
}

impl From<Vec<Json>> for Json {
    fn from(items: Vec<Json>) -> Json {
        Json::Array(items)
    }
}
