//! Defaults that follow from other properties: what a row of a table cannot say.

use super::fill::{Members, get, get_str, has, is_true, set, set_if_absent};
use sluice_entity::Json;

/// Sources whose properties get namespaces by default (NS3).
const ADDS_NAMESPACES: &[&str] = &[
    "csv",
    "kafka",
    "ldap",
    "sql",
    "embedded",
    "http_endpoint",
    "json",
];

/// Sinks in front of which namespaces go by default (NS4).
const REMOVES_NAMESPACES: &[&str] = &[
    "csv_endpoint",
    "elasticsearch",
    "mail",
    "rest",
    "sms",
    "solr",
    "kafka",
    "sql",
    "http_endpoint",
    "json",
];

/// Intervals below this switch signalling off where the configuration sets them (PU4), seconds.
const LONG_INTERVAL: f64 = 3_600.0;

/// Properties of a source that follow from its others.
pub(super) fn source(source: &mut Members) {
    match get_str(source, "type") {
        Some("sql") => {
            let has_column = has(source, "updated_column");
            let supports = has_column || has(source, "updated_query");
            set_if_absent(source, "supports_since", || Json::Bool(supports));
            let chronological = has_column && has(source, "table");
            set_if_absent(source, "is_chronological", || Json::Bool(chronological));
            let chronological = is_true(source, "is_chronological");
            set_if_absent(source, "is_chronological_full", || {
                Json::Bool(chronological)
            });
        }
        Some("sparql") => {
            let query = get(source, "fragments_query")
                .map(Json::to_string)
                .unwrap_or_default();
            set_if_absent(source, "supports_since", || {
                Json::Bool(query.contains("${since}"))
            });
        }
        _ => {}
    }
}

/// Properties of a sink that follow from the pipe and its others.
pub(super) fn sink(sink: &mut Members, pipe_id: &str, node_wide: &Json) {
    let kind = get_str(sink, "type").unwrap_or_default().to_owned();
    if matches!(kind.as_str(), "dataset" | "replicated_dataset") {
        set_if_absent(sink, "dataset", || Json::from(pipe_id));
    }
    let index_ids = node_wide
        .get("global_defaults")
        .and_then(|defaults| defaults.get("always_index_ids"));
    if kind == "dataset" && index_ids.and_then(Json::as_bool) == Some(true) {
        match get(sink, "indexes") {
            Some(Json::Array(given))
                if !given.iter().any(|index| index.as_str() == Some("$ids")) =>
            {
                let indexes = std::iter::once(Json::from("$ids"))
                    .chain(given.iter().cloned())
                    .collect::<Vec<_>>();
                set(sink, "indexes", Json::Array(indexes));
            }
            _ => {}
        }
    }
    if kind == "sql" {
        let rows = if is_true(sink, "use_bulk_operations") {
            1000i64
        } else {
            100
        };
        set_if_absent(sink, "batch_size", || Json::from(rows));
    }
}

/// What a pipe's own defaults look at.
pub(super) struct Parts<'a> {
    pub(super) source: &'a str,
    pub(super) sink: &'a str,
    pub(super) id: &'a str,
}

impl Parts<'_> {
    /// A receiver or publisher (SR6, SK4).
    pub(super) fn has_pump(&self) -> bool {
        self.source != "http_endpoint" && !self.sink.ends_with("_endpoint")
    }

    /// Reads and writes datasets of the hub (PU4).
    fn is_internal(&self) -> bool {
        matches!(
            self.source,
            "dataset" | "union_datasets" | "merge_datasets" | "merge" | "diff_datasets"
        ) && matches!(self.sink, "dataset" | "replicated_dataset")
    }
}

/// Properties of the pipe that follow from its parts (PP2, PP3, NS2 to NS4, CO1).
pub(super) fn pipe(pipe: &mut Members, parts: &Parts<'_>, node_wide: &Json) {
    set_if_absent(pipe, "batch_size", || {
        Json::from(if parts.sink == "rest" { 1i64 } else { 100 })
    });
    let batch_size = get(pipe, "batch_size")
        .and_then(crate::fields::integer)
        .unwrap_or(100)
        .max(1);
    set_if_absent(pipe, "checkpoint_interval", || {
        Json::from(if batch_size == 1 {
            1
        } else {
            (10_000 / batch_size).max(1)
        })
    });
    for name in ["identity", "property"] {
        if let Some((_, Json::Object(namespaces))) =
            pipe.iter_mut().find(|(key, _)| key == "namespaces")
        {
            set_if_absent(namespaces, name, || Json::from(parts.id));
        }
    }
    let namespaced = is_true(pipe, "namespaced_identifiers");
    set_if_absent(pipe, "add_namespaces", || {
        Json::Bool(namespaced && ADDS_NAMESPACES.contains(&parts.source))
    });
    set_if_absent(pipe, "remove_namespaces", || {
        Json::Bool(namespaced && REMOVES_NAMESPACES.contains(&parts.sink))
    });
    let by_sink = node_wide
        .get("global_defaults")
        .and_then(|defaults| defaults.get("default_compaction_type"));
    let by_sink = by_sink.and_then(Json::as_str) != Some("background");
    if let Some((_, Json::Object(compaction))) =
        pipe.iter_mut().find(|(key, _)| key == "compaction")
    {
        set_if_absent(compaction, "sink", || Json::Bool(by_sink));
    }
}

/// Properties of the pump that follow from the parts (PU1, PU14).
pub(super) fn pump(pump: &mut Members, parts: &Parts<'_>) {
    if !has(pump, "cron_expression") {
        let is_dataset_to_dataset = parts.source == "dataset" && parts.sink == "dataset";
        set_if_absent(pump, "schedule_interval", || {
            Json::from(if is_dataset_to_dataset { 30i64 } else { 900 })
        });
    }
    if is_true(pump, "use_dead_letter_dataset") {
        set_if_absent(pump, "dead_letter_dataset", || {
            Json::from(format!("system:dead-letter:{}", parts.id))
        });
    }
}

/// Whether a dataset-type source takes signals (PU4): as it says, else between internal pipes that have no schedule of their own
/// under an hour.
pub(super) fn signalling(
    source: &mut Members,
    own_pump: Option<&Json>,
    parts: &Parts<'_>,
    node_wide: &Json,
) {
    if !matches!(
        parts.source,
        "dataset" | "union_datasets" | "merge_datasets" | "merge" | "diff_datasets"
    ) {
        return;
    }
    let node_wide = node_wide
        .get("global_defaults")
        .and_then(|defaults| defaults.get("use_signalling_internally"));
    let has_own_schedule = own_pump.is_some_and(|pump| {
        let interval = pump
            .get("schedule_interval")
            .and_then(crate::fields::number);
        pump.get("cron_expression").is_some()
            || interval.is_some_and(|seconds| seconds < LONG_INTERVAL)
    });
    let on =
        parts.is_internal() && !has_own_schedule && node_wide.and_then(Json::as_bool) == Some(true);
    set_if_absent(source, "supports_signalling", || Json::Bool(on));
}
