//! Whether a value has the JSON its property takes. The value comes back as it goes into the effective configuration.

use super::fill::{Filler, quoted};
use super::node::{Node, Tree};
use crate::fields::{integer, number};
use crate::retry_strategy::parse_statuses;
use crate::secrets::has_secrets;
use crate::tables::{Rows, Shape};
use crate::{Code, Subset, TextEncoding};
use sluice_entity::Json;

/// The longest name of a dataset.
pub(super) const MAX_NAME_BYTES: usize = 512;

/// Checks and fills in a value. Problems go to the filler; what is wrong stays as it is.
pub(super) fn check(filler: &mut Filler<'_>, shape: &Shape, node: &Node) -> Json {
    let json = || node.to_json();
    // A secret may hold what it wants; it is a text when it is filled in.
    if filler.secrets.system.is_some() && node.as_str().is_some_and(has_secrets) {
        return json();
    }
    match shape {
        Shape::Any => json(),
        Shape::Fields(rows) => fields(filler, rows, node),
        Shape::Switch(rows) => match &node.tree {
            Tree::Leaf(Json::Bool(_)) => json(),
            _ => fields(filler, rows, node),
        },
        Shape::Named(rows) | Shape::ByStatus(rows) => match &node.tree {
            Tree::Dict(members) => {
                let mut named = Vec::with_capacity(members.len());
                for (name, member) in members {
                    if matches!(shape, Shape::ByStatus(_))
                        && name != "default"
                        && parse_statuses(name).is_none()
                    {
                        filler.wrong_kind(member, "under an HTTP status, a range such as 400-428, a list of them, or \"default\"");
                    }
                    named.push((name.clone(), fields(filler, rows, member)));
                }
                Json::Object(named)
            }
            _ => wrong(filler, node, "an object"),
        },
        simple => {
            let value = json();
            match problem(simple, &value) {
                None => value,
                Some(Problem::Expected(expected)) => wrong(filler, node, &expected),
                Some(Problem::Coded(code, message)) => {
                    filler.problems.error(&node.place, code, message);
                    value
                }
                Some(Problem::Instead(instead, message)) => {
                    filler
                        .problems
                        .warning(&node.place, Code::Deprecated, message);
                    instead
                }
            }
        }
    }
}

/// The rows of an object that is one by itself, without free names.
pub(super) fn inner_rows(shape: &Shape) -> Option<Rows> {
    match shape {
        Shape::Fields(rows) => Some(rows),
        _ => None,
    }
}

fn fields(filler: &mut Filler<'_>, rows: Rows, node: &Node) -> Json {
    match &node.tree {
        Tree::Dict(_) => Json::Object(filler.object(node, || rows.iter())),
        _ => wrong(filler, node, "an object"),
    }
}

fn wrong(filler: &mut Filler<'_>, node: &Node, expected: &str) -> Json {
    filler.wrong_kind(node, expected);
    node.to_json()
}

enum Problem {
    /// The message is "this has to be ...".
    Expected(String),
    Coded(Code, String),
    /// Understood as this, with a warning.
    Instead(Json, String),
}

/// What separates, quotes or escapes within a line of text must not end it.
fn is_letter(text: &str) -> bool {
    text.len() == 1 && text.is_ascii() && !matches!(text, "\n" | "\r")
}

/// What is wrong with a value without inner rows.
fn problem(shape: &Shape, value: &Json) -> Option<Problem> {
    let is_text = |value: &Json| value.as_str().is_some();
    let texts = |value: &Json| {
        value
            .as_array()
            .is_some_and(|list| list.iter().all(is_text))
    };
    let one_of =
        |names: &[&str], value: &Json| value.as_str().is_some_and(|text| names.contains(&text));
    let (fits, expected) = match shape {
        Shape::Bool => (value.as_bool().is_some(), "true or false".to_owned()),
        Shape::Integer(least) => (
            integer(value).is_some_and(|number| number >= *least),
            format!("an integer of at least {least}"),
        ),
        Shape::Number => (
            number(value).is_some_and(|number| number >= 0.0),
            "a number that is not negative".to_owned(),
        ),
        Shape::Factor => (
            number(value).is_some_and(|number| number >= 1.0),
            "a number of at least 1".to_owned(),
        ),
        Shape::Text => (is_text(value), "a text".to_owned()),
        Shape::Letter => (
            value.as_str().is_some_and(is_letter),
            "one ASCII character that ends no line".to_owned(),
        ),
        Shape::Texts => (texts(value), "a list of texts".to_owned()),
        Shape::SomeTexts => (
            texts(value) && value.as_array().is_some_and(|list| !list.is_empty()),
            "a list of at least one text".to_owned(),
        ),
        Shape::TextOrTexts => (
            is_text(value) || texts(value),
            "a text or a list of texts".to_owned(),
        ),
        Shape::TextOrInteger => (
            is_text(value) || integer(value).is_some(),
            "a text or an integer".to_owned(),
        ),
        Shape::Choice(names) => (one_of(names, value), quoted(names)),
        Shape::Choices(names) => {
            let all = value
                .as_array()
                .is_some_and(|list| list.iter().all(|item| one_of(names, item)));
            (
                all || one_of(names, value),
                format!("{}, or a list of them", quoted(names)),
            )
        }
        Shape::BoolOr(names) => (
            value.as_bool().is_some() || one_of(names, value),
            format!("true, false, {}", quoted(names)),
        ),
        Shape::List => (value.as_array().is_some(), "a list".to_owned()),
        // A transform may give them their `_id`.
        Shape::Entities => {
            let fits = value
                .as_array()
                .is_some_and(|list| list.iter().all(|item| item.as_object().is_some()));
            (fits, "a list of objects".to_owned())
        }
        Shape::Object => (value.as_object().is_some(), "an object".to_owned()),
        Shape::TextMap => {
            let all = value
                .as_object()
                .is_some_and(|members| members.iter().all(|(_, value)| is_text(value)));
            (all, "an object of texts".to_owned())
        }
        Shape::TextOrObject => (
            is_text(value) || value.as_object().is_some(),
            "a text or an object".to_owned(),
        ),
        Shape::Payload => {
            let fits = is_text(value) || value.as_object().is_some() || value.as_array().is_some();
            (fits, "a text, a list or an object".to_owned())
        }
        Shape::Statuses => (
            value
                .as_str()
                .is_some_and(|text| parse_statuses(text).is_some()),
            "HTTP statuses and ranges such as \"200-299,404\"".to_owned(),
        ),
        Shape::Completeness => {
            let fits = value.as_bool().is_some() || texts(value) || value.as_object().is_some();
            (
                fits,
                "true, false, a list of datasets or an object with an expression".to_owned(),
            )
        }
        Shape::Indexes => (
            value.as_str() == Some("$ids") || value.as_array().is_some(),
            "\"$ids\" or a list of expressions".to_owned(),
        ),
        Shape::Dataset => return dataset(value),
        Shape::Datasets | Shape::AliasedDatasets => {
            let names = value.as_array().filter(|names| !names.is_empty());
            match names {
                Some(names) => return names.iter().find_map(dataset),
                None => (false, "a list of at least one dataset".to_owned()),
            }
        }
        Shape::MergeVersion => {
            let message = "version 1 is understood as version 2, the only one there is";
            match integer(value) {
                Some(2) => return None,
                Some(1) => return Some(Problem::Instead(Json::from(2i64), message.to_owned())),
                _ => (false, "2".to_owned()),
            }
        }
        Shape::Subset => {
            let message = "a subset is [\"eq\", an expression over _S, a literal]";
            return Subset::read(value)
                .is_none()
                .then(|| Problem::Coded(Code::InvalidSubset, message.to_owned()));
        }
        Shape::Encoding => (
            value
                .as_str()
                .is_some_and(|name| TextEncoding::named(name).is_some()),
            "the name of a character set such as \"utf-8\", \"utf-16\", \"latin-1\" or \"cp1252\""
                .to_owned(),
        ),
        Shape::Cron => match value.as_str() {
            Some(text) => {
                let problem = crate::parse_cron(text).err();
                return problem.map(|problem| {
                    Problem::Coded(Code::InvalidCron, format!("no cron expression: {problem}"))
                });
            }
            None => (false, "a text with a cron expression".to_owned()),
        },
        // Handled before.
        Shape::Any | Shape::Fields(_) | Shape::Switch(_) | Shape::Named(_) | Shape::ByStatus(_) => {
            return None;
        }
    };
    (!fits).then_some(Problem::Expected(expected))
}

/// The name of a dataset goes into URLs and keys.
fn dataset(value: &Json) -> Option<Problem> {
    match value.as_str() {
        None | Some("") => Some(Problem::Expected("the name of a dataset".to_owned())),
        Some(name) if name.contains('/') || name.chars().any(char::is_control) => {
            let message = "the name of a dataset has no \"/\" and no control characters".to_owned();
            Some(Problem::Coded(Code::InvalidDataset, message))
        }
        Some(name) if name.len() > MAX_NAME_BYTES => {
            let message = format!("the name of a dataset has at most {MAX_NAME_BYTES} bytes");
            Some(Problem::Coded(Code::InvalidDataset, message))
        }
        Some(_) => None,
    }
}
