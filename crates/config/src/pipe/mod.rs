//! A pipe as the runtime uses it, and as the API shows it.

mod pump;
mod sink;
mod source;
mod transform;

pub use pump::{Mode, Pump, Schedule};
pub use sink::{
    CsvEndpointSink, DatasetSink, HttpEndpointSink, JsonSink, PreventMultipleVersions, Quoting,
    SetInitialOffset, Sink,
};
pub use source::{
    Completeness, Continuation, CsvSource, DatasetSource, DecodeErrors, EmbeddedSource,
    HttpEndpointSource, IfEmpty, JsonSource, MergeDatasetsSource, MergeStrategy, Source,
    UnionDatasetsSource,
};
pub use transform::{DtlTransform, Transform};

use crate::Diagnostic;
use crate::fields::Fields;
use sluice_entity::Json;
use std::sync::Arc;

/// A validated pipe. Whether it may run is said by [`Pipe::runnable`]; the settings of one that may not are still there, as far
/// as they could be read.
#[derive(Clone, Debug)]
pub struct Pipe {
    /// `_id`.
    pub id: String,
    /// As posted.
    pub original: Arc<Json>,
    /// Every default filled in, variables replaced, conditions resolved, `$SECRET(x)` left as text (CF5).
    pub effective: Arc<Json>,
    /// Problems, located in `original`.
    pub diagnostics: Vec<Diagnostic>,
    /// No error among them.
    pub valid: bool,
    /// Why it does not run, if so.
    pub runnable: Result<(), NotRunnable>,
    /// Where it reads.
    pub source: Source,
    /// What happens to entities, in order.
    pub transforms: Vec<Transform>,
    /// Where it writes.
    pub sink: Sink,
    /// When.
    pub pump: Pump,
    /// Entities per batch (PP2).
    pub batch_size: u64,
    /// Batches between saves of the offset (PP3).
    pub checkpoint_interval: u64,
    /// PP4.
    pub disable_set_last_seen: bool,
    /// PP5.
    pub enable_background_rescan: bool,
    /// PP5: a change of [`Pipe::content_hash`] is a reason to process again.
    pub rescan_when_config_changes: bool,
    /// AR2.
    pub reprocessing_policy: ReprocessingPolicy,
    /// NS1 to NS4.
    pub namespaces: Namespaces,
    /// CO1 to CO7.
    pub compaction: Compaction,
    /// HO11.
    pub dependency_tracking: DependencyTracking,
    /// CM2.
    pub exclude_completeness: Vec<String>,
    /// CM2; `None`: all inputs.
    pub include_completeness: Option<Vec<String>>,
    /// CF2.
    pub config_group: String,
    /// Hash, as hex, of what decides about the output: not of pump, texts, metadata and permissions.
    pub content_hash: String,
    /// Datasets the source reads, in order, each once.
    pub inputs: Vec<String>,
    /// Datasets the transforms hop to or look up, each once.
    pub hop_datasets: Vec<String>,
    /// Dataset the sink writes.
    pub sink_dataset: Option<String>,
}

impl Pipe {
    /// It takes pushes instead of reading (SR6).
    pub fn is_receiver(&self) -> bool {
        matches!(self.source, Source::HttpEndpoint(_))
    }

    /// It answers requests instead of writing (SK4).
    pub fn is_publisher(&self) -> bool {
        self.sink.is_endpoint()
    }

    /// The systems it refers to, in the order source, transforms, sink.
    pub fn systems(&self) -> Vec<&str> {
        let mut systems: Vec<&str> = Vec::new();
        let transforms = match self.effective.get("transform") {
            Some(Json::Array(list)) => list.iter().collect(),
            Some(single) => vec![single],
            None => Vec::new(),
        };
        let parts = self
            .effective
            .get("source")
            .into_iter()
            .chain(transforms)
            .chain(self.effective.get("sink"));
        for system in parts.filter_map(|part| part.get("system").and_then(Json::as_str)) {
            if !systems.contains(&system) {
                systems.push(system);
            }
        }
        systems
    }
}

/// Why a pipe or system cannot run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRunnable {
    /// Its configuration has errors; they are among the diagnostics.
    Invalid,
    /// A part is of a type that this version does not run.
    NotInThisVersion {
        /// `source`, `transform`, `sink` or `system`.
        part: &'static str,
        /// The `type`.
        kind: String,
    },
}

impl std::fmt::Display for NotRunnable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            NotRunnable::Invalid => f.write_str("the configuration has errors"),
            NotRunnable::NotInThisVersion { part, kind } => {
                write!(f, "this version cannot run a {part} of type \"{kind}\"")
            }
        }
    }
}

/// `reprocessing_policy` (AR2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ReprocessingPolicy {
    /// Reasons are listed.
    #[default]
    Continue,
    /// Reasons reset the pipe at its next run.
    Automatic,
}

/// Namespaces of a pipe (NS1 to NS4).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Namespaces {
    /// DTL knows namespaces.
    pub namespaced_identifiers: bool,
    /// Namespace of identifiers.
    pub identity: String,
    /// Namespace of properties.
    pub property: String,
    /// Before the first transform.
    pub add: bool,
    /// After the last transform.
    pub remove: bool,
}

/// Compaction of the sink dataset and of the execution log (CO1 to CO7).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Compaction {
    /// A candidate for the background pass.
    pub automatic: bool,
    /// Done by the sink as part of runs.
    pub sink: bool,
    /// Versions kept of each entity.
    pub keep_versions: u64,
    /// Versions younger than this are kept, hours.
    pub time_threshold_hours: Option<u64>,
    /// Age at which execution log entries go, hours.
    pub time_threshold_hours_pump: u64,
    /// How much must have been written before the background pass bothers.
    pub growth_threshold: f64,
    /// Seconds between compactions by the sink at least.
    pub compaction_interval: f64,
    /// CO6, hours.
    pub ttl_deletes_hours: Option<f64>,
    /// CO6, seconds.
    pub ttl_deletes_timeout_seconds: f64,
    /// CO7.
    pub retract: bool,
    /// CO7, seconds.
    pub retract_timeout_seconds: f64,
}

/// Thresholds of dependency tracking (HO11); they only warn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DependencyTracking {
    /// Entities.
    pub dependency_warning_threshold: u64,
    /// Entities.
    pub dependency_error_threshold: u64,
    /// Bytes.
    pub dependency_warning_threshold_total_bytes: u64,
    /// Bytes.
    pub dependency_error_threshold_total_bytes: u64,
    /// Hops count too.
    pub enable_hops_thresholds: bool,
}

impl Namespaces {
    pub(crate) fn read(effective: &Fields<'_>) -> Self {
        let names = effective.inner("namespaces");
        Namespaces {
            namespaced_identifiers: effective.flag("namespaced_identifiers"),
            identity: names.text("identity"),
            property: names.text("property"),
            add: effective.flag("add_namespaces"),
            remove: effective.flag("remove_namespaces"),
        }
    }
}

impl Compaction {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        Compaction {
            automatic: fields.flag("automatic"),
            sink: fields.flag("sink"),
            keep_versions: fields.count("keep_versions"),
            time_threshold_hours: fields.optional_count("time_threshold_hours"),
            time_threshold_hours_pump: fields.count("time_threshold_hours_pump"),
            growth_threshold: fields.number("growth_threshold"),
            compaction_interval: fields.number("compaction_interval"),
            ttl_deletes_hours: fields.optional_number("ttl_deletes_hours"),
            ttl_deletes_timeout_seconds: fields.number("ttl_deletes_timeout_seconds"),
            retract: fields.flag("retract"),
            retract_timeout_seconds: fields.number("retract_timeout_seconds"),
        }
    }
}

impl DependencyTracking {
    pub(crate) fn read(fields: &Fields<'_>) -> Self {
        DependencyTracking {
            dependency_warning_threshold: fields.count("dependency_warning_threshold"),
            dependency_error_threshold: fields.count("dependency_error_threshold"),
            dependency_warning_threshold_total_bytes: fields
                .count("dependency_warning_threshold_total_bytes"),
            dependency_error_threshold_total_bytes: fields
                .count("dependency_error_threshold_total_bytes"),
            enable_hops_thresholds: fields.flag("enable_hops_thresholds"),
        }
    }
}

impl ReprocessingPolicy {
    pub(crate) fn read(name: &str) -> Self {
        match name {
            "automatic" => ReprocessingPolicy::Automatic,
            _ => ReprocessingPolicy::Continue,
        }
    }
}
