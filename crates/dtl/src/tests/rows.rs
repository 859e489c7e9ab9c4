//! What must hold for every row of the tables.

use std::collections::HashSet;

use sluice_entity::{Json, Limits};

use crate::row::Example;
use crate::signature::Signature;
use crate::{eval_vectors, forms, functions, reference, transforms};

struct Any {
    name: &'static str,
    signature: &'static str,
    doc: &'static str,
    examples: &'static [Example],
}

fn expressions() -> Vec<Any> {
    let functions = functions::CHAPTERS
        .iter()
        .flat_map(|chapter| chapter.rows)
        .map(any);
    let forms = forms::CHAPTERS
        .iter()
        .flat_map(|chapter| chapter.rows)
        .map(any);
    functions.chain(forms).collect()
}

fn steps() -> Vec<Any> {
    transforms::TABLES
        .iter()
        .copied()
        .flatten()
        .map(any)
        .collect()
}

fn any<B>(row: &'static crate::row::Row<B>) -> Any {
    Any {
        name: row.name,
        signature: row.signature,
        doc: row.doc,
        examples: row.examples,
    }
}

#[test]
fn names_are_unique_in_each_world() {
    for rows in [expressions(), steps()] {
        let names: HashSet<&str> = rows.iter().map(|row| row.name).collect();
        assert_eq!(names.len(), rows.len());
    }
}

#[test]
fn every_signature_is_in_the_notation_and_every_row_is_documented() {
    for row in expressions().iter().chain(&steps()) {
        assert!(
            Signature::parse(row.signature).is_some(),
            "{}: {}",
            row.name,
            row.signature
        );
        assert!(row.doc.ends_with('.'), "{}", row.name);
    }
}

/// Rows whose examples need more than a source entity; their case files and the tests of hops show them.
const WITHOUT_EXAMPLES: &[&str] = &[
    "apply",
    "apply-hops",
    "hops",
    "lookup-entity",
    "now",
    "uuid",
    "create",
    "fail!",
    "trip!",
    "is-changed",
];

#[test]
fn every_row_has_examples_and_they_are_true() {
    for (rows, field, result) in [
        (expressions(), "expr", "result"),
        (steps(), "rules", "target"),
    ] {
        for row in rows {
            assert!(
                !row.examples.is_empty() || WITHOUT_EXAMPLES.contains(&row.name),
                "{} has no example",
                row.name
            );
            for example in row.examples {
                let parse = |text: &str| Json::parse(text.as_bytes(), &Limits::default()).unwrap();
                let mut vector = Json::object();
                vector.set(field, parse(example.text));
                vector.set("source", parse(example.source));
                let answers = eval_vectors(&Json::Array(vec![vector]));
                let found = answers.as_array().unwrap()[0].get(result).cloned();
                assert_eq!(
                    found,
                    Some(parse(example.result)),
                    "{}: {}",
                    row.name,
                    example.text
                );
            }
        }
    }
}

#[test]
fn every_name_of_the_reference_is_implemented_or_listed_as_missing() {
    let own: HashSet<&str> = expressions().iter().map(|row| row.name).collect();
    let missing: HashSet<&str> = reference::FUNCTIONS_NOT_YET.iter().copied().collect();
    assert!(
        own.is_disjoint(&missing),
        "{:?}",
        own.intersection(&missing)
    );
    assert_eq!(own.len() + missing.len(), 149);
    let own: HashSet<&str> = steps().iter().map(|row| row.name).collect();
    let missing: HashSet<&str> = reference::TRANSFORMS_NOT_YET.iter().copied().collect();
    assert!(own.is_disjoint(&missing));
    assert_eq!(own.len() + missing.len(), 20);
}
