//! The definitions of all kinds, as files for `crds/` and the chart.

use crate::{DataHub, Pipe, System, Worker, WorkerPool};
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::CustomResourceExt;
use serde_json::Value;

/// The definitions, in the order of their names.
pub fn definitions() -> Vec<CustomResourceDefinition> {
    vec![
        DataHub::crd(),
        Pipe::crd(),
        System::crd(),
        Worker::crd(),
        WorkerPool::crd(),
    ]
}

/// All of them as YAML, one document each.
pub fn print() -> String {
    definitions().iter().map(document).collect()
}

/// JSON is YAML too, but nobody likes to read it: this writes blocks, and quotes every text, which is then never misread.
fn document(definition: &CustomResourceDefinition) -> String {
    let value = serde_json::to_value(definition).unwrap_or_default();
    let mut text = String::from("---\n");
    write(&value, 0, &mut text);
    text
}

fn write(value: &Value, depth: usize, text: &mut String) {
    let indent = "  ".repeat(depth);
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                text.push_str(&format!("{indent}{}:", name(key)));
                write_after(value, depth, text);
            }
        }
        Value::Array(items) => {
            for item in items {
                let mut block = String::new();
                match item {
                    Value::Object(map) if !map.is_empty() => {
                        write(item, depth + 1, &mut block);
                        let rest = block.get(indent.len() + 2..).unwrap_or_default();
                        text.push_str(&format!("{indent}- {rest}"));
                    }
                    _ => text.push_str(&format!("{indent}- {item}\n")),
                }
            }
        }
        plain => text.push_str(&format!("{indent}{plain}\n")),
    }
}

fn write_after(value: &Value, depth: usize, text: &mut String) {
    match value {
        Value::Object(map) if !map.is_empty() => {
            text.push('\n');
            write(value, depth + 1, text);
        }
        Value::Array(items) if !items.is_empty() => {
            text.push('\n');
            write(value, depth + 1, text);
        }
        plain => text.push_str(&format!(" {plain}\n")),
    }
}

fn name(key: &str) -> String {
    let is_plain = key.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '$')
        && key
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || "-_/.$".contains(letter));
    // Words that YAML reads as something else.
    let is_word = ["true", "false", "null", "yes", "no", "on", "off", "y", "n"]
        .contains(&key.to_ascii_lowercase().as_str());
    if is_plain && !is_word {
        key.to_owned()
    } else {
        Value::from(key).to_string()
    }
}

#[cfg(test)]
mod tests;
