//! What only shows when all components are seen together: systems and datasets that are referred to, datasets with two writers.

use super::node::{Node, Place};
use super::pipe::Draft;
use crate::{Code, Diagnostic, Level, NotRunnable, Source, System};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What was found about one pipe.
#[derive(Default, PartialEq)]
pub(super) struct Found {
    pub(super) diagnostics: Vec<Diagnostic>,
    /// Why it does not run, if it would otherwise.
    pub(super) not_runnable: Option<NotRunnable>,
}

/// What is found about each of the pipes.
pub(super) fn check(
    drafts: &BTreeMap<String, Arc<Draft>>,
    systems: &BTreeMap<String, Arc<System>>,
) -> Vec<Found> {
    let written = written(drafts);
    let writers = owners(drafts, |draft| draft.pipe.sink_dataset.as_deref());
    let graves = owners(drafts, |draft| {
        draft.pipe.pump.dead_letter_dataset.as_deref()
    });
    let check = |(id, draft): (&String, &Arc<Draft>)| {
        let mut found = Found::default();
        check_systems(draft, systems, &mut found);
        let problems = &mut found.diagnostics;
        check_inputs(draft, &written, problems);
        check_sink(id, draft, &writers, problems);
        check_dead_letters(id, draft, &writers, &graves, problems);
        found
    };
    drafts.iter().map(check).collect()
}

/// Every dataset that something writes.
fn written(drafts: &BTreeMap<String, Arc<Draft>>) -> BTreeSet<String> {
    let pipes = drafts.values().map(|draft| &draft.pipe);
    pipes
        .flat_map(|pipe| {
            pipe.sink_dataset
                .iter()
                .chain(&pipe.pump.dead_letter_dataset)
        })
        .cloned()
        .collect()
}

/// Dataset → pipes, in order.
fn owners(
    drafts: &BTreeMap<String, Arc<Draft>>,
    dataset: impl Fn(&Draft) -> Option<&str>,
) -> BTreeMap<String, Vec<String>> {
    let mut owners: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (id, draft) in drafts {
        if let Some(name) = dataset(draft) {
            owners.entry(name.to_owned()).or_default().push(id.clone());
        }
    }
    owners
}

fn check_systems(draft: &Draft, systems: &BTreeMap<String, Arc<System>>, found: &mut Found) {
    let source_needs_none = matches!(
        draft.pipe.source,
        Source::Embedded(_) | Source::HttpEndpoint(_)
    );
    for (part, node) in parts(&draft.node) {
        let Some(reference) = node.get("system") else {
            continue;
        };
        let Some(name) = reference.as_str() else {
            continue;
        };
        // The hub itself, which older nodes offer as systems.
        if name.starts_with("system:sesam-node") {
            continue;
        }
        let mut tell = |level, code, message| {
            let elements = reference.place.elements();
            let problem = Diagnostic::new(level, code, message, elements);
            found.diagnostics.push(problem);
        };
        let Some(system) = systems.get(name) else {
            let level = if part == "source" && source_needs_none {
                Level::Warning
            } else {
                Level::Error
            };
            tell(
                level,
                Code::UnknownSystem,
                format!("there is no system \"{name}\""),
            );
            continue;
        };
        let kind = node.get("type").and_then(Node::as_str).unwrap_or_default();
        let needs_url = matches!((part, kind), ("source", "json" | "csv") | ("sink", "json"));
        if !needs_url {
            continue;
        }
        if !matches!(
            system.kind.as_str(),
            "system:url" | "system:microservice" | "system:rest"
        ) {
            let message = format!(
                "a {part} of type \"{kind}\" needs a system:url, and \"{name}\" is a {}",
                system.kind
            );
            tell(Level::Error, Code::WrongSystem, message);
        } else if let Err(NotRunnable::NotInThisVersion { part, kind }) = &system.runnable {
            // The system says it too, but whoever looks at the pipe wants to know why it does not run.
            let message = format!("this version cannot use \"{name}\": {part} \"{kind}\"");
            tell(Level::Warning, Code::NotInThisVersion, message);
            found
                .not_runnable
                .get_or_insert_with(|| NotRunnable::NotInThisVersion {
                    part: "system",
                    kind: system.kind.clone(),
                });
        } else if !system.valid {
            tell(
                Level::Warning,
                Code::UnknownSystem,
                format!("the configuration of the system \"{name}\" has errors"),
            );
        }
    }
}

/// Source, transforms and sink with their names.
fn parts(pipe: &Node) -> Vec<(&'static str, &Node)> {
    let mut parts: Vec<(&'static str, &Node)> = Vec::new();
    for name in ["source", "transform", "sink"] {
        if let Some(node) = pipe.get(name) {
            flatten(name, node, &mut parts);
        }
    }
    parts
}

fn flatten<'n>(name: &'static str, node: &'n Node, parts: &mut Vec<(&'static str, &'n Node)>) {
    match &node.tree {
        super::Tree::List(list) => list.iter().for_each(|item| flatten(name, item, parts)),
        _ => {
            parts.push((name, node));
            if let Some(inner) = node.get("transforms") {
                flatten(name, inner, parts);
            }
        }
    }
}

fn check_inputs(draft: &Draft, written: &BTreeSet<String>, found: &mut Vec<Diagnostic>) {
    // The hub writes its own datasets.
    let exists = |name: &str| written.contains(name) || name.starts_with("system:");
    let sources = draft.pipe.inputs.iter().map(|name| (name, "source"));
    let hops = draft
        .pipe
        .hop_datasets
        .iter()
        .map(|name| (name, "transform"));
    for (name, part) in sources.chain(hops) {
        if exists(name) {
            continue;
        }
        let message = format!("no pipe writes the dataset \"{name}\"");
        let place = draft
            .node
            .get(part)
            .map(|node| mention(node, name))
            .unwrap_or_default();
        found.push(Diagnostic::new(
            Level::Warning,
            Code::UnknownDataset,
            message,
            place.elements(),
        ));
    }
}

/// Where a part names a dataset: the text itself, or `"dataset alias"`; the part where no text does.
fn mention(node: &Node, dataset: &str) -> Place {
    let mut place = None;
    node.texts(&mut |text, at| {
        let names = text == dataset
            || text
                .strip_prefix(dataset)
                .is_some_and(|rest| rest.starts_with(' ') && rest.split_whitespace().count() == 1);
        if names && place.is_none() {
            place = Some(at.clone());
        }
    });
    place.unwrap_or_else(|| node.place.clone())
}

fn check_sink(
    id: &str,
    draft: &Draft,
    writers: &BTreeMap<String, Vec<String>>,
    found: &mut Vec<Diagnostic>,
) {
    let Some(dataset) = &draft.pipe.sink_dataset else {
        return;
    };
    if let Some(other) = another(id, writers.get(dataset)) {
        let message = format!("the pipe \"{other}\" writes the dataset \"{dataset}\" too");
        let place = draft
            .node
            .get("sink")
            .map(|sink| sink.get("dataset").unwrap_or(sink).place.clone())
            .unwrap_or_default();
        found.push(Diagnostic::new(
            Level::Error,
            Code::SharedSinkDataset,
            message,
            place.elements(),
        ));
    }
}

/// R35.
fn check_dead_letters(
    id: &str,
    draft: &Draft,
    writers: &BTreeMap<String, Vec<String>>,
    graves: &BTreeMap<String, Vec<String>>,
    found: &mut Vec<Diagnostic>,
) {
    let Some(dataset) = &draft.pipe.pump.dead_letter_dataset else {
        return;
    };
    let place = draft.node.get("pump").map(|pump| {
        pump.get("dead_letter_dataset")
            .unwrap_or(pump)
            .place
            .clone()
    });
    let own = format!("system:dead-letter:{id}");
    let message = if dataset.starts_with("system:") && *dataset != own {
        format!(
            "a pipe cannot write the dataset \"{dataset}\": only the hub writes datasets whose names begin with \"system:\""
        )
    } else if let Some(other) = another(id, graves.get(dataset)) {
        format!("the pipe \"{other}\" has the dead-letter dataset \"{dataset}\" too")
    } else if let Some(writer) = writers.get(dataset).and_then(|writers| writers.first()) {
        format!(
            "the pipe \"{writer}\" writes the dataset \"{dataset}\"; dead letters need one of their own"
        )
    } else {
        return;
    };
    let elements = place.unwrap_or_default().elements();
    found.push(Diagnostic::new(
        Level::Error,
        Code::SharedDeadLetterDataset,
        message,
        elements,
    ));
}

fn another<'o>(id: &str, owners: Option<&'o Vec<String>>) -> Option<&'o str> {
    owners?
        .iter()
        .map(String::as_str)
        .find(|owner| *owner != id)
}
