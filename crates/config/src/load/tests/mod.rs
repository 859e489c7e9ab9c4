//! Tests of loading: what goes in is JSON text, what comes out is compared as JSON.

mod codes;
mod conditions;
mod csv;
mod defaults;
mod golden;
mod not_followed;
mod properties;
mod typed;

use crate::{Component, Configuration, Diagnostic, Environment, PathElement, load};
use sluice_entity::{Json, Limits};

pub(super) fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Limits::default())
        .unwrap_or_else(|problem| panic!("{problem}: {text}"))
}

/// Variables `environment` = "test", `port` = 8080, `list` = [1], `flag` = true; global secret `password`, `own` of the system
/// `s`.
pub(super) fn environment() -> Environment {
    let mut environment = Environment::default();
    for (name, value) in [
        ("environment", "\"test\""),
        ("port", "8080"),
        ("list", "[1]"),
        ("flag", "true"),
        ("none", "null"),
    ] {
        environment.variables.insert(name.to_owned(), json(value));
    }
    environment
        .secret_names
        .global
        .insert("password".to_owned());
    environment
        .secret_names
        .systems
        .entry("s".to_owned())
        .or_default()
        .insert("own".to_owned());
    environment
}

/// Loads a JSON array of components.
pub(super) fn configuration(text: &str) -> Configuration {
    load(&components(text), &environment())
}

pub(super) fn components(text: &str) -> Vec<Component> {
    let list = json(text);
    let list = list.as_array().expect("tests load lists").iter().cloned();
    list.map(|component| {
        Component::from_json(component).unwrap_or_else(|problem| panic!("{problem:?}"))
    })
    .collect()
}

/// The effective configuration of the pipe `p`, of which only source, sink and what else is given is written down.
pub(super) fn effective(members: &str) -> Json {
    pipe(members).effective.as_ref().clone()
}

/// The pipe `p`.
pub(super) fn pipe(members: &str) -> crate::Pipe {
    let loaded = configuration(&format!(r#"[{{"_id": "p", "type": "pipe", {members}}}]"#));
    loaded.pipes["p"].as_ref().clone()
}

/// `code at/a/0`
pub(super) fn shown(diagnostic: &Diagnostic) -> String {
    format!(
        "{} {} {}",
        diagnostic.level.as_str(),
        diagnostic.code,
        place(&diagnostic.elements)
    )
}

pub(super) fn place(elements: &[PathElement]) -> String {
    let steps: Vec<String> = elements
        .iter()
        .map(|element| match element {
            PathElement::Key(key) => key.clone(),
            PathElement::Index(index) => index.to_string(),
        })
        .collect();
    steps.join("/")
}

/// The value at `a/b/0`.
pub(super) fn at<'j>(json: &'j Json, path: &str) -> Option<&'j Json> {
    path.split('/').try_fold(json, |json, step| match json {
        Json::Array(list) => list.get(step.parse::<usize>().ok()?),
        other => other.get(step),
    })
}
