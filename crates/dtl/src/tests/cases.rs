//! The case files under `tests/cases`: what each function makes of null, of nothing, of lists and of wrong types.

use std::path::PathBuf;

use sluice_entity::{Json, Limits};

use super::examples::difference;
use crate::{eval_vectors, forms, functions, transforms};

const REQUIRED: &[&str] = &["null", "missing", "empty list", "list", "wrong type"];

/// Chapter and name of every function of this version.
fn names() -> Vec<(&'static str, &'static str)> {
    let functions = functions::CHAPTERS
        .iter()
        .flat_map(|c| c.rows.iter().map(|row| (c.name, row.name)));
    let forms = forms::CHAPTERS
        .iter()
        .flat_map(|c| c.rows.iter().map(|row| (c.name, row.name)));
    let transforms = transforms::TABLES
        .iter()
        .copied()
        .flatten()
        .map(|row| ("transforms", row.name));
    functions.chain(forms).chain(transforms).collect()
}

fn case_file(chapter: &str, name: &str) -> PathBuf {
    let file = match name {
        "+" => "plus-symbol",
        "-" => "minus-symbol",
        "*" => "multiply-symbol",
        "/" => "divide-symbol",
        "%" => "mod-symbol",
        "^" => "pow-symbol",
        other => other,
    };
    folder().join(chapter).join(format!("{file}.json"))
}

/// Asked while the test runs: what was compiled in another checkout may be used in this one.
fn folder() -> PathBuf {
    let here = std::env::var_os("CARGO_MANIFEST_DIR").unwrap();
    PathBuf::from(here).join("tests/cases")
}

#[test]
fn every_function_does_with_odd_arguments_what_its_case_file_says() {
    let mut wrong = Vec::new();
    for (chapter, name) in names() {
        let file = case_file(chapter, name);
        let Ok(text) = std::fs::read(&file) else {
            wrong.push(format!("{chapter}/{name} has no case file"));
            continue;
        };
        let cases = Json::parse(&text, &Limits::default()).unwrap();
        let found: Vec<&str> = cases
            .as_array()
            .unwrap()
            .iter()
            .filter_map(|case| case.get("case")?.as_str())
            .collect();
        for required in REQUIRED {
            if !found.contains(required) {
                wrong.push(format!("{chapter}/{name} has no case \"{required}\""));
            }
        }
        let results = eval_vectors(&cases);
        let pairs = cases
            .as_array()
            .unwrap()
            .iter()
            .zip(results.as_array().unwrap());
        wrong.extend(pairs.filter_map(|(case, result)| difference(case, result)));
    }
    assert!(
        wrong.is_empty(),
        "{} problems:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_case_file_belongs_to_a_function() {
    let known: Vec<PathBuf> = names()
        .iter()
        .map(|(chapter, name)| case_file(chapter, name))
        .collect();
    for chapter in std::fs::read_dir(folder()).unwrap() {
        for file in std::fs::read_dir(chapter.unwrap().path()).unwrap() {
            let file = file.unwrap().path();
            assert!(
                known.contains(&file),
                "{} belongs to no function",
                file.display()
            );
        }
    }
}
