//! `sluice dtl eval --vectors`: examples of the language in, their results out, one object for each in order.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use sluice_entity::{Datetime, Decimals, Entity, Json, Limits, Style, Value};

use crate::compile::{Compiled, NUMBERS, compile, compile_expression_with};
use crate::diagnostic::{Diagnostic, Level};
use crate::eval::Evaluator;
use crate::failure::{Failure, FailureKind};
use crate::options::Options;
use crate::outside::{Environment, MemoryLookup};
use crate::program::Program;

/// Evaluates a list of examples. Each has an `id` and either `expr`, an expression, or `rules`, transforms that
/// run as a rule called by `apply` would: on `target`, with nothing inherited from `source`. Besides, as far as
/// present: `source`, `previous`, `datasets`, `named_rules`, `secrets`, `config`. Gives for each its `id` and either
/// `result`, or `target` (null if none is emitted) and `created`, or `error`.
pub fn eval_vectors(input: &Json) -> Json {
    let Some(vectors) = input.as_array() else {
        return Json::Array(vec![answer(
            input,
            vec![("error", Json::from("expected a list of examples"))],
        )]);
    };
    let evaluated = vectors.iter().map(|vector| match evaluate(vector) {
        Ok(fields) => answer(vector, fields),
        Err(message) => answer(vector, vec![("error", Json::from(message))]),
    });
    Json::Array(evaluated.collect())
}

fn answer(vector: &Json, fields: Vec<(&str, Json)>) -> Json {
    let mut answer = Json::object();
    answer.set("id", vector.get("id").cloned().unwrap_or(Json::Null));
    for (name, value) in fields {
        answer.set(name, value);
    }
    answer
}

fn evaluate(vector: &Json) -> Result<Vec<(&'static str, Json)>, String> {
    let options = options(vector.get("config"));
    let mut named = vector
        .get("named_rules")
        .and_then(Json::as_object)
        .unwrap_or_default()
        .to_vec();
    let world = World::new(vector.get("secrets"));
    let lookup = lookup(vector.get("datasets"))?;
    let source = entity(vector.get("source"), "source")?;
    let previous = match vector.get("previous") {
        None | Some(Json::Null) => None,
        present => Some(entity(present, "previous")?),
    };
    match (vector.get("expr"), vector.get("rules")) {
        (Some(expression), None) => {
            let program = program(compile_expression_with(expression, &named, &options))?;
            let mut evaluator = Evaluator::new(&program, &world, &lookup);
            let value = evaluator
                .evaluate(&source, previous.as_ref())
                .map_err(describe)?;
            Ok(vec![("result", print(value.value()))])
        }
        (None, Some(rules)) => {
            named.insert(0, ("default".to_owned(), rules.clone()));
            let mut transform = Json::object();
            transform.set("rules", Json::Object(named));
            transform.set("id_required", Json::from(false));
            let program = program(compile(&transform, &options))?;
            let target = entity(vector.get("target"), "target")?;
            let mut evaluator = Evaluator::new(&program, &world, &lookup);
            let applied = evaluator.apply(&source, previous.as_ref(), target.body());
            let (target, created) = applied.map_err(describe)?;
            let target = target.map_or(Json::Null, |target| print(target.value()));
            let created = created.iter().map(|entity| print(entity.body())).collect();
            Ok(vec![("target", target), ("created", Json::Array(created))])
        }
        _ => Err("an example has either \"expr\" or \"rules\"".to_owned()),
    }
}

fn options(config: Option<&Json>) -> Options {
    let get = |name: &str| config.and_then(|config| config.get(name));
    let namespace = |name: &str| {
        get("namespaces")
            .and_then(|namespaces| namespaces.get(name))
            .and_then(Json::as_str)
    };
    Options {
        pipe_id: get("_id")
            .and_then(Json::as_str)
            .unwrap_or_default()
            .to_owned(),
        namespaced_identifiers: get("namespaced_identifiers")
            .and_then(Json::as_bool)
            .unwrap_or(false),
        identity_namespace: namespace("identity").unwrap_or_default().to_owned(),
        property_namespace: namespace("property").unwrap_or_default().to_owned(),
        ..Options::default()
    }
}

/// An absent entity is an empty one.
fn entity(json: Option<&Json>, name: &str) -> Result<Entity, String> {
    let json = json.cloned().unwrap_or_else(Json::object);
    Entity::new(json.to_value(&NUMBERS)).ok_or_else(|| format!("\"{name}\" is no object"))
}

fn lookup(datasets: Option<&Json>) -> Result<MemoryLookup, String> {
    let mut lookup = MemoryLookup::new();
    for (name, entities) in datasets.and_then(Json::as_object).unwrap_or_default() {
        let entities = entities
            .as_array()
            .ok_or_else(|| format!("dataset \"{name}\" is no list"))?;
        let entities: Result<Vec<Entity>, String> = entities
            .iter()
            .map(|json| entity(Some(json), name))
            .collect();
        lookup.insert(name, entities?);
    }
    Ok(lookup)
}

fn program(compiled: Compiled) -> Result<Arc<Program>, String> {
    compiled.program.ok_or_else(|| {
        let errors = compiled
            .diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.level == Level::Error);
        errors.map(located).collect::<Vec<_>>().join("; ")
    })
}

fn located(diagnostic: &Diagnostic) -> String {
    let place: Vec<String> = diagnostic
        .elements
        .iter()
        .map(ToString::to_string)
        .collect();
    format!(
        "{}: {} at {}",
        diagnostic.code,
        diagnostic.message,
        place.join(".")
    )
}

/// What rules say themselves stays as it is; anything else is located.
fn describe(failure: Failure) -> String {
    match failure.kind {
        FailureKind::Fail | FailureKind::Trip => failure.message,
        _ => failure.to_string(),
    }
}

/// Numbers as plain numbers of full precision, other rich types as transit strings.
fn print(value: Value<'_>) -> Json {
    let mut text = Vec::new();
    value.write_json(
        &mut text,
        &Style {
            decimals: Decimals::Plain,
            ..Style::default()
        },
    );
    Json::parse(&text, &Limits::default()).unwrap_or(Json::Null)
}

/// A clock that stands still, identifiers that count, and the secrets of the example.
struct World {
    secrets: Json,
    identifiers: AtomicU64,
}

impl World {
    fn new(secrets: Option<&Json>) -> World {
        World {
            secrets: secrets.cloned().unwrap_or(Json::Null),
            identifiers: AtomicU64::new(1),
        }
    }
}

impl Environment for World {
    fn now(&self) -> Datetime {
        Datetime::from_unix(1_767_225_600, 0).expect("2026 is between the years 1 and 9999")
    }

    fn uuid(&self) -> [u8; 16] {
        let number = u128::from(self.identifiers.fetch_add(1, Ordering::Relaxed));
        *uuid::Builder::from_random_bytes(number.to_be_bytes())
            .as_uuid()
            .as_bytes()
    }

    fn secret(&self, name: &str) -> Option<String> {
        self.secrets
            .get(name)
            .and_then(Json::as_str)
            .map(str::to_owned)
    }
}
