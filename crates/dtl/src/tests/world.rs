//! What tests evaluate in: a still clock, entities from JSON text, and short ways to compile and run.

use std::sync::Arc;

use sluice_entity::{Datetime, Entity, Json, Limits, Style};

use crate::compile::NUMBERS;
use crate::{
    Code, Compiled, Environment, Evaluator, Failure, Lookup, MemoryLookup, Options, Program,
    compile,
};

pub(super) struct Still;

impl Environment for Still {
    fn now(&self) -> Datetime {
        Datetime::parse("2026-01-02T03:04:05Z").unwrap()
    }

    fn uuid(&self) -> [u8; 16] {
        [7; 16]
    }

    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}

pub(super) fn json(text: &str) -> Json {
    Json::parse(text.as_bytes(), &Limits::default()).unwrap()
}

pub(super) fn entity(text: &str) -> Entity {
    Entity::new(json(text).to_value(&NUMBERS)).unwrap()
}

pub(super) fn datasets(text: &str) -> MemoryLookup {
    let mut lookup = MemoryLookup::new();
    for (name, entities) in json(text).as_object().unwrap() {
        let entities = entities
            .as_array()
            .unwrap()
            .iter()
            .map(|e| Entity::new(e.to_value(&NUMBERS)).unwrap());
        lookup.insert(name, entities);
    }
    lookup
}

pub(super) fn namespaced() -> Options {
    Options {
        pipe_id: "pipe".to_owned(),
        namespaced_identifiers: true,
        identity_namespace: "foo".to_owned(),
        property_namespace: "bar".to_owned(),
        ..Options::default()
    }
}

pub(super) fn compiled(transform: &str, options: &Options) -> Compiled {
    compile(&json(transform), options)
}

pub(super) fn program(transform: &str, options: &Options) -> Arc<Program> {
    let compiled = compiled(transform, options);
    compiled
        .program
        .unwrap_or_else(|| panic!("{:?}", compiled.diagnostics))
}

/// Codes with their places, such as `unknown-rule at rules.default.0.2.1`.
pub(super) fn remarks(transform: &str) -> Vec<String> {
    let place = |elements: &[crate::PathElement]| {
        elements
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(".")
    };
    let found = compiled(transform, &Options::default()).diagnostics;
    found
        .iter()
        .map(|found| format!("{} at {}", found.code, place(&found.elements)))
        .collect()
}

pub(super) fn codes(transform: &str) -> Vec<Code> {
    compiled(transform, &Options::default())
        .diagnostics
        .iter()
        .map(|found| found.code)
        .collect()
}

/// All entities that come out, as JSON text.
pub(super) fn run(
    program: &Program,
    lookup: &dyn Lookup,
    source: &Entity,
) -> Result<Vec<String>, Failure> {
    let mut out = Vec::new();
    Evaluator::new(program, &Still, lookup)
        .transform(source, None, None, &mut |entity| out.push(text(&entity)))?;
    Ok(out)
}

pub(super) fn text(entity: &Entity) -> String {
    let mut out = Vec::new();
    entity.body().write_json(&mut out, &Style::default());
    String::from_utf8(out).unwrap()
}

/// One rule without datasets.
pub(super) fn transformed(transform: &str, source: &str) -> Vec<String> {
    let program = program(transform, &Options::default());
    run(&program, &MemoryLookup::new(), &entity(source)).unwrap()
}
