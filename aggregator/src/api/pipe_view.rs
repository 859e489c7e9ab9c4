//! A pipe and its pump as clients read them (client keys with hyphens).

use super::diagnostics::{ConfigError, config_errors};
use super::exact::{AnyObject, Exact};
use super::node::Configs;
use super::time;
use crate::aggregator::now_micros;
use schemars::JsonSchema;
use serde::Serialize;
use sluice_entity::Json;
use sluice_protocol::{OperationKind, PipeReport, PipeState, Queues};
use std::borrow::Cow;

/// A pipe.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Pipe {
    #[serde(rename = "_id")]
    id: String,
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    config: Option<Configs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    runtime: Option<Runtime>,
    /// Bytes of its dataset.
    #[serde(skip_serializing_if = "Option::is_none")]
    storage: Option<u64>,
}

/// A pump: the moving part of a pipe.
#[derive(Serialize, JsonSchema)]
pub(crate) struct Pump {
    #[serde(rename = "_id")]
    id: String,
    runtime: Runtime,
}

/// The state of a pipe and its pump.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub(crate) struct Runtime {
    /// `Deploying`, `Deployed` or `Removing`.
    state: &'static str,
    is_valid_config: bool,
    config_errors: Vec<ConfigError>,
    is_running: bool,
    is_disabled: bool,
    /// `scheduled`, `manual` or `off`.
    mode: Cow<'static, str>,
    /// Why it does not run now.
    waiting_for: Option<String>,
    /// How the latest run ended; null before the first.
    success: Option<bool>,
    last_message: Option<String>,
    last_original_error_message: Option<String>,
    last_started: Option<String>,
    last_run: Option<String>,
    next_run: Option<String>,
    current_time: String,
    /// Seconds.
    average_process_time: Option<f64>,
    /// The source offset as text.
    last_seen: Option<String>,
    queues: QueueSizes,
    /// Why it will process everything again.
    reprocessing_reasons: Vec<String>,
    /// What the pump can be told; empty without a pump.
    supported_operations: Vec<&'static str>,
    dead_letter_dataset: Option<String>,
    execution_dataset: String,
    /// Datasets it reads.
    dependencies: Vec<String>,
    origin: String,
    /// What of it is in the object store; absent where the hub has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    checkpoint: Option<Checkpoint>,
}

/// What of a pipe is in the object store.
#[derive(Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
struct Checkpoint {
    /// Number of the newest checkpoint; null before the first.
    number: Option<u64>,
    /// When that was made.
    made: Option<String>,
    /// Seconds since all of the pipe was in the object store; null before its worker has looked.
    age: Option<f64>,
    /// Why the last try to make one failed; null: it did not.
    problem: Option<String>,
}

/// What waits for a pipe.
#[derive(Serialize, JsonSchema)]
struct QueueSizes {
    /// Unread entries: a number, an object by dataset where there are several, null where the source has no queue.
    #[schemars(with = "Option<SourceQueue>")]
    source: Exact,
    dependencies: u64,
    retries: u64,
}

#[derive(JsonSchema)]
#[serde(untagged)]
#[allow(dead_code)] // only its schema is used
enum SourceQueue {
    One(u64),
    Each(AnyObject),
}

/// Which members of a pipe to show.
#[derive(Clone, Copy)]
pub(crate) struct Fields {
    config: bool,
    runtime: bool,
    storage: bool,
}

/// The words of the parameter `fields`.
pub(crate) const FIELD_NAMES: &[&str] = &["_id", "config", "runtime", "storage", "graph"];

impl Fields {
    /// All of them, only the named ones, or all but those named with a `-`.
    pub(crate) fn read(text: Option<&str>) -> Self {
        let words: Vec<&str> = text
            .map(|text| text.split(',').collect())
            .unwrap_or_default();
        let only = words.iter().any(|word| !word.starts_with('-'));
        let shown = |name: &str| {
            let left_out = words
                .iter()
                .any(|word| word.strip_prefix('-') == Some(name));
            !left_out && (!only || words.contains(&name))
        };
        Fields {
            config: shown("config"),
            runtime: shown("runtime"),
            storage: shown("storage"),
        }
    }
}

impl Pipe {
    pub(crate) fn new(report: PipeReport, fields: Fields) -> Self {
        Pipe {
            id: report.id.clone(),
            r#type: "pipe",
            storage: fields.storage.then_some(report.storage),
            config: fields.config.then(|| Configs {
                original: Exact(report.original.clone()),
                effective: Exact(report.effective.clone()),
            }),
            runtime: fields.runtime.then(|| Runtime::new(report)),
        }
    }
}

impl Pump {
    pub(crate) fn new(report: PipeReport) -> Self {
        Pump {
            id: format!("pump:{}", report.id),
            runtime: Runtime::new(report),
        }
    }
}

impl Runtime {
    fn new(report: PipeReport) -> Self {
        let last_run = report.last_run.as_ref();
        let failed = last_run.filter(|run| !run.success);
        Runtime {
            state: match report.state {
                PipeState::Deploying => "Deploying",
                PipeState::Deployed => "Deployed",
                PipeState::Removing => "Removing",
            },
            is_valid_config: report.valid,
            config_errors: config_errors(&report.diagnostics),
            is_running: report.running,
            is_disabled: report.disabled,
            mode: report.mode,
            success: last_run.map(|run| run.success),
            last_message: last_run.map(|run| run.message.clone()),
            last_original_error_message: failed.map(|run| run.message.clone()),
            last_started: report.last_started.map(time::text),
            last_run: last_run.map(|run| time::text(run.finished)),
            next_run: report.next_run.map(time::text),
            current_time: time::text(now_micros()),
            average_process_time: report.average_process_time,
            last_seen: report.last_seen.as_ref().and_then(last_seen),
            queues: QueueSizes::new(&report.queues),
            supported_operations: if report.has_pump {
                report
                    .supported_operations
                    .iter()
                    .copied()
                    .map(OperationKind::as_str)
                    .collect()
            } else {
                Vec::new()
            },
            execution_dataset: execution_dataset(&report.id),
            waiting_for: report.waiting_for,
            reprocessing_reasons: report.reprocessing_reasons,
            dead_letter_dataset: report.dead_letter_dataset,
            dependencies: report.dependencies,
            origin: report.origin,
            checkpoint: report.checkpoint.map(|checkpoint| {
                let age = |whole| now_micros().saturating_sub(whole) as f64 / 1e6;
                Checkpoint {
                    number: checkpoint.number,
                    made: checkpoint.made.map(time::text),
                    age: checkpoint.whole.map(age),
                    problem: checkpoint.problem,
                }
            }),
        }
    }
}

/// Clients compare it with the text they set, so it is a text whatever the source counts in.
fn last_seen(offset: &Json) -> Option<String> {
    match offset {
        Json::Null => None,
        Json::String(text) => Some(text.clone()),
        other => Some(other.to_string()),
    }
}

impl QueueSizes {
    fn new(queues: &Queues) -> Self {
        let mut sizes = queues
            .source
            .iter()
            .map(|(dataset, size)| (dataset.clone(), super::error::number(*size)));
        let source = match queues.source.len() {
            0 => Json::Null,
            1 => sizes.next().map_or(Json::Null, |(_, size)| size),
            _ => Json::Object(sizes.collect()),
        };
        QueueSizes {
            source: source.into(),
            dependencies: queues.dependencies,
            retries: queues.retries,
        }
    }
}

/// The dataset with the execution log of a pipe (EX1).
pub(crate) fn execution_dataset(pipe: &str) -> String {
    format!("system:pump_execution:{pipe}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_chosen_or_left_out() {
        let shown = |text| {
            let fields = Fields::read(text);
            (fields.config, fields.runtime, fields.storage)
        };
        assert_eq!(shown(None), (true, true, true));
        assert_eq!(shown(Some("runtime")), (false, true, false));
        assert_eq!(shown(Some("-config")), (false, true, true));
        assert_eq!(shown(Some("config,storage")), (true, false, true));
    }
}
