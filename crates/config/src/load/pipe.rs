//! One pipe: resolved → effective → typed.

use super::computed::{self, Parts};
use super::fill::{Filler, Members, get, get_str, has, set};
use super::node::{Node, Place, Tree};
use super::paging;
use super::parts;
use super::shape::MAX_NAME_BYTES;
use super::transforms;
use crate::fields::Fields;
use crate::pipe::{Compaction, DependencyTracking};
use crate::tables::{DESCRIPTIVE, PIPE, PUMP, SINKS, SOURCES};
use crate::{
    Code, Component, Diagnostic, Metadata, Namespaces, NotRunnable, Pipe, Pump, ReprocessingPolicy,
    Sink, Source,
};
use sluice_dtl::Options;
use sluice_entity::{Entity, HashKey, Json, Numbers};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A pipe before the cross checks, with what they need to locate problems.
pub(super) struct Draft {
    pub(super) pipe: Pipe,
    pub(super) node: Node,
}

/// Checks and fills in a pipe.
pub(super) fn load(
    component: &Component,
    node: Node,
    mut filler: Filler<'_>,
    metadata: &Metadata,
) -> Draft {
    let id = component.id.as_str();
    check_id(id, &node, &mut filler);
    let node_wide = filler.node_wide;
    let mut pipe = filler.object(&node, || PIPE.iter().chain(DESCRIPTIVE));

    let absent = Node {
        place: node.place.clone(),
        tree: Tree::Dict(Vec::new()),
    };
    let source_node = node
        .get("source")
        .unwrap_or(&Node {
            place: node.place.clone(),
            tree: Tree::Broken,
        })
        .clone();
    let (mut source, source_type) = parts::load(&mut filler, &source_node, SOURCES, "source", None);
    computed::source(&mut source);
    paging::check(&source, &source_node, &mut filler);
    let sink_node = node
        .get("sink")
        .filter(|sink| !matches!(sink.tree, Tree::Leaf(Json::Null)))
        .unwrap_or(&absent);
    let (mut sink, sink_type) = parts::load(&mut filler, sink_node, SINKS, "sink", Some("dataset"));
    computed::sink(&mut sink, id, node_wide);
    check_sink_dataset(&sink, sink_node, &mut filler);

    let kinds = (
        get_str(&source, "type").unwrap_or_default().to_owned(),
        get_str(&sink, "type").unwrap_or_default().to_owned(),
    );
    let parts = Parts {
        source: &kinds.0,
        sink: &kinds.1,
        id,
    };
    computed::pipe(&mut pipe, &parts, node_wide);
    computed::signalling(&mut source, get(&pipe, "pump"), &parts, node_wide);
    let pump = load_pump(&mut pipe, &node, &mut filler, &parts);
    check_compaction(&pipe, &node, &mut filler);
    check_columns(&source, &node, &mut filler);

    let namespaces = Namespaces::read(&Fields::of(Some(&Json::Object(pipe.clone()))));
    let options = Options {
        pipe_id: id.to_owned(),
        namespaced_identifiers: namespaces.namespaced_identifiers,
        identity_namespace: namespaces.identity.clone(),
        property_namespace: namespaces.property.clone(),
        uri_namespaces: metadata.namespaces.clone(),
        ..Options::default()
    };
    transforms::check_indexes(&mut filler, &source_node, sink_node, &options);
    let chain = transforms::load(&mut filler, node.get("transform"), &options);

    if !source.is_empty() {
        set(&mut pipe, "source", Json::Object(source));
    }
    match chain.effective {
        Some(transform) => set(&mut pipe, "transform", transform),
        None => pipe.retain(|(key, _)| key != "transform"),
    }
    set(&mut pipe, "sink", Json::Object(sink));

    let effective = Json::Object(pipe);
    let fields = Fields::of(Some(&effective));
    let source = Source::read(effective.get("source"));
    let sink = Sink::read(effective.get("sink"));
    let valid = crate::is_valid(&filler.problems.0);
    let later = [
        (
            "source",
            source_type.is_some_and(|found| !found.runs),
            kinds.0.clone(),
        ),
        (
            "transform",
            chain.later.is_some(),
            chain.later.unwrap_or_default(),
        ),
        (
            "sink",
            sink_type.is_some_and(|found| !found.runs),
            kinds.1.clone(),
        ),
    ];
    let runnable = match later.into_iter().find(|(_, is_later, _)| *is_later) {
        _ if !valid => Err(NotRunnable::Invalid),
        Some((part, _, kind)) => Err(NotRunnable::NotInThisVersion { part, kind }),
        None => Ok(()),
    };
    let pipe = Pipe {
        id: id.to_owned(),
        inputs: inputs(&source, &effective),
        sink_dataset: match &sink {
            Sink::Dataset(sink) => Some(sink.dataset.clone()),
            Sink::NotInThisVersion { kind } if kind == "replicated_dataset" => {
                fields.inner("sink").optional_text("dataset")
            }
            _ => None,
        },
        hop_datasets: chain.datasets,
        transforms: chain.transforms,
        source,
        sink,
        pump,
        batch_size: fields.count("batch_size").max(1),
        checkpoint_interval: fields.count("checkpoint_interval").max(1),
        disable_set_last_seen: fields.flag("disable_set_last_seen"),
        enable_background_rescan: fields.flag("enable_background_rescan"),
        rescan_when_config_changes: fields.flag("rescan_when_config_changes"),
        reprocessing_policy: ReprocessingPolicy::read(&fields.text("reprocessing_policy")),
        compaction: Compaction::read(&fields.inner("compaction")),
        dependency_tracking: DependencyTracking::read(&fields.inner("dependency_tracking")),
        exclude_completeness: fields.texts("exclude_completeness"),
        include_completeness: fields.optional_texts("include_completeness"),
        config_group: component.group().to_owned(),
        content_hash: content_hash(&effective),
        namespaces,
        original: Arc::clone(&component.original),
        diagnostics: filler.problems.0,
        valid,
        runnable,
        effective: Arc::new(effective),
    };
    Draft { pipe, node }
}

/// PP1. A pipe's id is also the name of its dataset and a part of URLs.
fn check_id(id: &str, node: &Node, filler: &mut Filler<'_>) {
    let place = node.place.key("_id");
    if id.contains('/') || id.chars().any(char::is_control) {
        filler.problems.error(
            &place,
            Code::InvalidId,
            "the \"_id\" of a pipe has no \"/\" and no control characters",
        );
    } else if id.len() > MAX_NAME_BYTES {
        let message = format!("the \"_id\" of a pipe has at most {MAX_NAME_BYTES} bytes");
        filler.problems.error(&place, Code::InvalidId, message);
    } else if id.len() > 62
        || !id
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || letter == '-')
    {
        let message =
            "the \"_id\" of a pipe is best made of letters, digits and hyphens, at most 62 of them";
        filler.problems.warning(&place, Code::UnusualId, message);
    }
}

/// The hub writes `system:` datasets itself.
fn check_sink_dataset(sink: &Members, node: &Node, filler: &mut Filler<'_>) {
    if get_str(sink, "dataset").is_some_and(|dataset| dataset.starts_with("system:")) {
        let place = node
            .get("dataset")
            .map_or(&node.place, |dataset| &dataset.place)
            .clone();
        filler.problems.error(
            &place,
            Code::InvalidDataset,
            "a pipe cannot write a dataset whose name begins with \"system:\"",
        );
    }
}

/// The effective pump goes into the pipe; receivers and publishers have none.
fn load_pump(pipe: &mut Members, node: &Node, filler: &mut Filler<'_>, parts: &Parts<'_>) -> Pump {
    let absent = Node {
        place: node.place.clone(),
        tree: Tree::Dict(Vec::new()),
    };
    let given = node.get("pump").filter(|_| has(pipe, "pump"));
    if !parts.has_pump() {
        if let Some(given) = given {
            let message = "receivers and publishers have no pump; this one has no effect";
            filler
                .problems
                .warning(&given.place, Code::IgnoredProperty, message);
        }
        pipe.retain(|(key, _)| key != "pump");
        return Pump::read(None, BTreeSet::new());
    }
    let pump_node = given.unwrap_or(&absent);
    let mut pump = filler.object(pump_node, || PUMP.iter().chain(DESCRIPTIVE));
    let explicit: BTreeSet<String> = match &pump_node.tree {
        Tree::Dict(given) => {
            let names = given
                .iter()
                .filter_map(|(key, _)| PUMP.iter().find(|row| row.is_spelled(key).is_some()));
            names.map(|row| row.name.to_owned()).collect()
        }
        _ => BTreeSet::new(),
    };
    for (loser, winner) in [
        ("schedule_interval", "cron_expression"),
        ("rescan_run_count", "rescan_cron_expression"),
    ] {
        if explicit.contains(loser) && explicit.contains(winner) {
            let message = format!("\"{loser}\" has no effect beside \"{winner}\"");
            filler
                .problems
                .warning(&pump_node.place.key(loser), Code::IgnoredProperty, message);
        }
    }
    if has(&pump, "partial_rescan_run_count") && !has(&pump, "partial_rescan_delta") {
        let message = "\"partial_rescan_run_count\" needs \"partial_rescan_delta\"";
        filler
            .problems
            .error(&pump_node.place, Code::Contradiction, message);
    }
    computed::pump(&mut pump, parts);
    let pump = Json::Object(pump);
    let typed = Pump::read(Some(&pump), explicit);
    set(pipe, "pump", pump);
    typed
}

/// CO2: no version at all may be kept only for a time.
fn check_compaction(pipe: &Members, node: &Node, filler: &mut Filler<'_>) {
    let compaction = Fields::of(get(pipe, "compaction"));
    if compaction.optional_count("keep_versions") == Some(0)
        && compaction.any("time_threshold_hours").is_none()
    {
        let place = node
            .get("compaction")
            .map_or(&node.place, |compaction| &compaction.place)
            .clone();
        let message = "\"keep_versions\" 0 needs \"time_threshold_hours\"";
        filler.problems.error(&place, Code::Contradiction, message);
    }
}

/// SR10: the columns of a CSV document have names, from its header or from the configuration.
fn check_columns(source: &Members, node: &Node, filler: &mut Filler<'_>) {
    let is_csv = get_str(source, "type") == Some("csv");
    let Some(given) = node.get("source").filter(|_| is_csv) else {
        return;
    };
    let source = Json::Object(source.clone());
    let fields = Fields::of(Some(&source));
    let names = fields.optional_texts("field_names");
    let named = names.as_ref().is_some_and(|names| !names.is_empty());
    if !fields.flag("has_header") && !named {
        let message =
            "without a header (\"has_header\": false) \"field_names\" has to name the columns";
        filler
            .problems
            .error(&given.place, Code::MissingProperty, message);
    }
    let Some(names) = names.filter(|names| !names.is_empty()) else {
        return;
    };
    for column in fields.texts("primary_key") {
        if !names.contains(&column) {
            let place = given
                .get("primary_key")
                .map_or(&given.place, |key| &key.place)
                .clone();
            let message = format!("\"{column}\" of the primary key is not among \"field_names\"");
            filler.problems.error(&place, Code::Contradiction, message);
        }
    }
}

/// Datasets that the source reads, each once.
fn inputs(source: &Source, effective: &Json) -> Vec<String> {
    let mut names = match source {
        Source::Dataset(source) => vec![source.dataset.clone()],
        Source::UnionDatasets(source) => source.datasets.clone(),
        Source::MergeDatasets(source) => source.datasets.clone(),
        Source::NotInThisVersion { kind } => {
            let named = Fields::of(effective.get("source")).texts("datasets");
            match kind.as_str() {
                // "dataset alias"
                "merge" => named
                    .iter()
                    .filter_map(|name| name.split_whitespace().next())
                    .map(str::to_owned)
                    .collect(),
                "diff_datasets" => named,
                _ => Vec::new(),
            }
        }
        _ => Vec::new(),
    };
    let mut seen = BTreeSet::new();
    names.retain(|name| !name.is_empty() && seen.insert(name.clone()));
    names
}

/// What does not change the output.
const DESCRIBES_ONLY: &[&str] = &[
    "name",
    "description",
    "comment",
    "metadata",
    "permissions",
    "pump",
    "disable_set_last_seen",
];

/// The hash compares configurations of one hub over time; it is no secret and needs no key of its own.
const HASH_KEY: HashKey = HashKey([0x736c_7569_6365, 0x636f_6e66_6967, 1, 0]);

/// Hash, as hex, of what decides about a pipe's output in its effective configuration; of any object the hash of what it means but
/// for what only describes it.
pub fn content_hash(effective: &Json) -> String {
    let relevant = effective
        .as_object()
        .unwrap_or_default()
        .iter()
        .filter(|(key, _)| !DESCRIBES_ONLY.contains(&key.as_str()));
    // Below one name, because names that begin with "_" at the root of an entity are not content.
    let content = Json::Object(vec![(
        "content".to_owned(),
        Json::Object(relevant.cloned().collect()),
    )]);
    let entity = Entity::new(content.to_value(&Numbers::default()));
    entity
        .map(|entity| entity.content_hash(&HASH_KEY).to_string())
        .unwrap_or_default()
}

/// A pipe beyond the limits: shown as it is, not looked into.
pub(super) fn untouched(component: &Component, problem: Diagnostic) -> Draft {
    let nothing = Fields::of(None);
    let pipe = Pipe {
        id: component.id.clone(),
        original: Arc::clone(&component.original),
        effective: Arc::clone(&component.original),
        diagnostics: vec![problem],
        valid: false,
        runnable: Err(NotRunnable::Invalid),
        source: Source::read(None),
        transforms: Vec::new(),
        sink: Sink::read(None),
        pump: Pump::read(None, BTreeSet::new()),
        batch_size: 1,
        checkpoint_interval: 1,
        disable_set_last_seen: false,
        enable_background_rescan: false,
        rescan_when_config_changes: false,
        reprocessing_policy: ReprocessingPolicy::Continue,
        namespaces: Namespaces::default(),
        compaction: Compaction::read(&nothing),
        dependency_tracking: DependencyTracking::read(&nothing),
        exclude_completeness: Vec::new(),
        include_completeness: None,
        config_group: component.group().to_owned(),
        content_hash: String::new(),
        inputs: Vec::new(),
        hop_datasets: Vec::new(),
        sink_dataset: None,
    };
    Draft {
        pipe,
        node: Node {
            place: Place::default(),
            tree: Tree::Broken,
        },
    }
}
