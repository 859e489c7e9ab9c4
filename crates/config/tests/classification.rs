//! Whole configurations of the two shapes that the existing client tests itself with, judged from the effective configuration
//! alone, as that client does: input, internal, output or endpoint.

#![allow(clippy::unwrap_used)]

use sluice_config::{Component, Configuration, Environment, load};
use sluice_entity::{Json, Limits};

fn loaded(text: &str) -> Configuration {
    let Json::Array(list) = Json::parse(text.as_bytes(), &Limits::default()).unwrap() else {
        panic!("a list")
    };
    let components: Vec<Component> = list
        .into_iter()
        .map(|json| Component::from_json(json).unwrap())
        .collect();
    let mut environment = Environment::default();
    environment
        .variables
        .insert("environment".to_owned(), Json::from("test"));
    load(&components, &environment)
}

fn class(effective: &Json) -> &'static str {
    let text = |part: &str, name: &str| {
        effective
            .get(part)
            .and_then(|part| part.get(name))
            .and_then(Json::as_str)
    };
    let reads_datasets = effective
        .get("source")
        .is_some_and(|source| source.get("dataset").is_some() || source.get("datasets").is_some());
    let has_dataset = text("sink", "dataset").is_some();
    match (text("source", "type"), text("sink", "type")) {
        (Some("embedded"), _) => "input",
        (_, Some(sink)) if sink.ends_with("_endpoint") => "endpoint",
        _ if reads_datasets && has_dataset => "internal",
        _ if !has_dataset => "output",
        _ => "internal",
    }
}

fn classes(configuration: &Configuration) -> Vec<(&str, &'static str)> {
    configuration
        .pipes
        .iter()
        .map(|(id, pipe)| (id.as_str(), class(&pipe.effective)))
        .collect()
}

#[test]
fn published_lists() {
    let loaded = loaded(include_str!("configurations/published_lists.json"));
    assert!(
        loaded
            .pipes
            .values()
            .all(|pipe| pipe.diagnostics.is_empty() && pipe.runnable.is_ok()),
        "{loaded:?}"
    );
    assert!(
        loaded.metadata.valid
            && loaded.metadata.diagnostics.is_empty()
            && loaded.metadata.disable_user_pipes
    );
    let expected = [
        ("colours", "input"),
        ("colours-csv", "endpoint"),
        ("colours-json", "endpoint"),
        ("unlisted", "input"),
    ];
    assert_eq!(classes(&loaded), expected);
    assert!(loaded.pipes["colours"].namespaces.add && !loaded.pipes["colours"].namespaces.remove);
    assert!(
        loaded.pipes["colours-csv"].namespaces.remove
            && !loaded.pipes["colours-csv"].namespaces.add
    );
    let original = loaded.metadata.original.as_ref().unwrap();
    assert_eq!(
        original.get("task_manager").unwrap().to_string(),
        r#"{"disable_user_pipes":true}"#,
        "given back as posted"
    );
}

#[test]
fn switched_sources() {
    let loaded = loaded(include_str!("configurations/switched_sources.json"));
    assert!(loaded.pipes.values().all(|pipe| pipe.valid), "{loaded:?}");
    let expected = [
        ("Orders-2", "internal"),
        ("blåbær", "internal"),
        ("orders-1", "input"),
        ("orders-mailed", "output"),
        ("orders-out", "endpoint"),
    ];
    assert_eq!(classes(&loaded), expected);
    assert!(loaded.pipes["Orders-2"].is_receiver() && loaded.pipes["blåbær"].is_receiver());
    assert!(
        loaded.pipes["orders-mailed"].runnable.is_err()
            && loaded.pipes["orders-out"].runnable.is_ok()
    );
    let codes: Vec<&str> = loaded
        .pipes
        .values()
        .flat_map(|pipe| &pipe.diagnostics)
        .map(|problem| problem.code)
        .collect();
    assert_eq!(
        codes,
        ["unusual-id", "not-in-this-version"],
        "nothing about alternatives that are not chosen"
    );
    assert!(loaded.systems["post-office"].valid);
}
