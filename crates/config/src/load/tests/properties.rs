//! Properties over random configurations: loading never panics, is pure, and points into the component.

use super::{environment, json};
use crate::{Component, Environment, Loader, PathElement, load};
use proptest::prelude::*;
use sluice_entity::Json;

/// Names and texts that mean something somewhere, so that random components reach deep.
const WORDS: &[&str] = &[
    "_id",
    "type",
    "pipe",
    "metadata",
    "system:url",
    "system:rest",
    "source",
    "sink",
    "transform",
    "pump",
    "dataset",
    "datasets",
    "embedded",
    "entities",
    "http_endpoint",
    "csv_endpoint",
    "json",
    "conditional",
    "condition",
    "alternatives",
    "a",
    "b",
    "chained",
    "transforms",
    "dtl",
    "rules",
    "default",
    "copy",
    "*",
    "hops",
    "eq",
    "_S.a",
    "$conditional_properties",
    "$ENV(environment)",
    "$ENV(missing)",
    "x$ENV(port)",
    "$SECRET(password)",
    "$SECRET(",
    "subset",
    "indexes",
    "$ids",
    "cron_expression",
    "0 0 * * *",
    "operations",
    "retry_strategy",
    "429",
    "trace",
    "namespaces",
    "compaction",
    "keep_versions",
    "global_defaults",
    "node",
    "columns",
    "merge",
    "version",
    "template",
    "properties",
    "transform-share-rest",
    "set-initial-offset",
    "",
    "ø/å",
];

fn word() -> impl Strategy<Value = String> {
    prop_oneof![8 => proptest::sample::select(WORDS).prop_map(str::to_owned), 1 => ".{0,6}"]
}

fn tree() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::Bool),
        any::<i64>().prop_map(Json::from),
        Just(json("1e400")),
        Just(json("-0.0")),
        word().prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 80, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Json::Array),
            proptest::collection::vec((word(), inner), 0..6).prop_map(object),
        ]
    })
}

fn object(members: Vec<(String, Json)>) -> Json {
    let mut object = Json::object();
    members
        .into_iter()
        .for_each(|(name, value)| object.set(&name, value));
    object
}

fn component() -> impl Strategy<Value = Json> {
    let kind = proptest::sample::select(
        &[
            "pipe",
            "pipe",
            "pipe",
            "system:url",
            "system:microservice",
            "metadata",
        ][..],
    );
    let part = || {
        (
            proptest::sample::select(WORDS),
            proptest::collection::vec((word(), tree()), 0..6),
        )
    };
    let parts = (
        part(),
        part(),
        proptest::collection::vec((word(), tree()), 0..6),
    );
    (kind, word(), parts).prop_map(|(kind, id, (source, sink, others))| {
        let typed = |(kind, members): (&str, Vec<(String, Json)>)| {
            let mut part = object(members);
            part.set("type", Json::from(kind));
            part
        };
        let mut component = object(others);
        component.set("source", typed(source));
        component.set("sink", typed(sink));
        component.set("type", Json::from(kind));
        component.set(
            "_id",
            Json::from(if kind == "metadata" {
                "node".to_owned()
            } else {
                id
            }),
        );
        component
    })
}

/// A path leads into the JSON, or to a member that is missing where its parent is.
fn leads_into(json: &Json, elements: &[PathElement]) -> bool {
    let mut json = json;
    for (depth, element) in elements.iter().enumerate() {
        let child = match (element, json) {
            (PathElement::Key(key), Json::Object(_)) => json.get(key),
            (PathElement::Index(index), Json::Array(list)) => list.get(*index),
            _ => None,
        };
        match child {
            Some(child) => json = child,
            None => return depth + 1 == elements.len() && json.as_object().is_some(),
        }
    }
    true
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(if cfg!(debug_assertions) { 400 } else { 4000 }))]

    #[test]
    fn loading_is_pure_and_every_problem_has_a_place(posted in proptest::collection::vec(component(), 0..5)) {
        let components: Vec<Component> = posted.into_iter().filter_map(|json| Component::from_json(json).ok()).collect();
        for environment in [environment(), Environment::default()] {
            let loaded = load(&components, &environment);
            let again = load(&components, &environment);
            for (id, pipe) in &loaded.pipes {
                prop_assert_eq!(&pipe.effective, &again.pipes[id].effective);
                prop_assert_eq!(&pipe.diagnostics, &again.pipes[id].diagnostics);
                prop_assert!(pipe.valid || pipe.runnable.is_err());
                for diagnostic in &pipe.diagnostics {
                    prop_assert!(leads_into(&pipe.original, &diagnostic.elements), "{:?} in {}", diagnostic, pipe.original);
                }
            }
            for system in loaded.systems.values() {
                for diagnostic in &system.diagnostics {
                    prop_assert!(leads_into(&system.original, &diagnostic.elements), "{:?} in {}", diagnostic, system.original);
                }
            }
        }
    }

    #[test]
    fn loading_after_a_change_gives_what_loading_anew_gives(
        posted in proptest::collection::vec(component(), 1..6),
        steps in proptest::collection::vec((any::<proptest::sample::Index>(), component(), any::<bool>(), any::<bool>()), 1..6),
    ) {
        let mut components: Vec<Component> = posted.into_iter().filter_map(|json| Component::from_json(json).ok()).collect();
        let mut loader = Loader::default();
        for (at, changed, is_removed, is_bare) in steps {
            let environment = if is_bare { Environment::default() } else { environment() };
            let loaded = loader.load(&components, &environment);
            let anew = load(&components, &environment);
            prop_assert_eq!(format!("{:?}", &loaded.pipes), format!("{:?}", &anew.pipes));
            prop_assert_eq!(format!("{:?}", &loaded.systems), format!("{:?}", &anew.systems));
            prop_assert_eq!(&loaded.metadata.effective, &anew.metadata.effective);
            prop_assert_eq!(&loaded.refused, &anew.refused);
            let again = loader.load(&components, &environment);
            for (id, pipe) in &again.pipes {
                prop_assert!(std::sync::Arc::ptr_eq(pipe, &loaded.pipes[id]));
            }
            if is_removed && !components.is_empty() {
                components.remove(at.index(components.len()));
            } else if let Ok(component) = Component::from_json(changed) {
                components.push(component);
            }
        }
    }

    #[test]
    fn any_json_at_all_is_answered(posted in proptest::collection::vec(tree(), 0..4)) {
        let components: Vec<Component> = posted.into_iter().filter_map(|json| Component::from_json(json).ok()).collect();
        load(&components, &environment());
    }
}
