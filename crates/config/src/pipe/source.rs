//! Sources as the runtime uses them: one struct per kind that this version runs. Field names are the property names.

mod read;

use crate::{Subset, TextEncoding, Trace};
use sluice_entity::Json;

/// Where a pipe reads, conditions resolved.
#[derive(Clone, Debug)]
pub enum Source {
    /// One dataset (SR1).
    Dataset(DatasetSource),
    /// Several datasets one after another (SR3).
    UnionDatasets(UnionDatasetsSource),
    /// Several datasets ordered by `_ts` (SR4).
    MergeDatasets(MergeDatasetsSource),
    /// Entities in the configuration (SR5).
    Embedded(EmbeddedSource),
    /// A receiver (SR6).
    HttpEndpoint(HttpEndpointSource),
    /// JSON pull (SR7).
    Json(JsonSource),
    /// A CSV document (SR10).
    Csv(CsvSource),
    /// Nothing (SR13).
    Empty(Continuation),
    /// Known, with its defaults in the effective configuration, but not run; also what is no source at all.
    NotInThisVersion {
        /// The `type`; empty where there is none.
        kind: String,
    },
}

impl Source {
    /// `type`.
    pub fn kind(&self) -> &str {
        match self {
            Source::Dataset(_) => "dataset",
            Source::UnionDatasets(_) => "union_datasets",
            Source::MergeDatasets(_) => "merge_datasets",
            Source::Embedded(_) => "embedded",
            Source::HttpEndpoint(_) => "http_endpoint",
            Source::Json(_) => "json",
            Source::Csv(_) => "csv",
            Source::Empty(_) => "empty",
            Source::NotInThisVersion { kind } => kind,
        }
    }

    /// What a run without entities means (SR20).
    pub fn if_source_empty(&self) -> IfEmpty {
        match self {
            Source::Dataset(source) => source.if_source_empty,
            Source::UnionDatasets(source) => source.if_source_empty,
            Source::MergeDatasets(source) => source.if_source_empty,
            Source::Embedded(source) => source.if_source_empty,
            Source::Json(source) => source.if_source_empty,
            Source::Csv(source) => source.if_source_empty,
            Source::HttpEndpoint(_) | Source::Empty(_) | Source::NotInThisVersion { .. } => {
                IfEmpty::Accept
            }
        }
    }

    /// Whether a change of an input dataset starts a run at once (PU4).
    pub fn supports_signalling(&self) -> bool {
        match self {
            Source::Dataset(source) => source.supports_signalling,
            Source::UnionDatasets(source) => source.supports_signalling,
            Source::MergeDatasets(source) => source.supports_signalling,
            _ => false,
        }
    }

    /// Whether runs wait until the inputs are populated (SR21).
    pub fn require_populated_input(&self) -> bool {
        match self {
            Source::Dataset(source) => source.require_populated_input,
            Source::UnionDatasets(source) => source.require_populated_input,
            Source::MergeDatasets(source) => source.require_populated_input,
            _ => false,
        }
    }

    /// How it goes on where it stopped.
    pub fn continuation(&self) -> Continuation {
        match self {
            Source::Embedded(source) => source.continuation.clone(),
            Source::Json(source) => source.continuation.clone(),
            Source::Csv(source) => source.continuation.clone(),
            Source::Empty(continuation) => continuation.clone(),
            Source::Dataset(_) | Source::UnionDatasets(_) | Source::MergeDatasets(_) => {
                Continuation {
                    supports_since: true,
                    is_since_comparable: true,
                    is_chronological: true,
                    initial_since_value: None,
                }
            }
            Source::HttpEndpoint(_) | Source::NotInThisVersion { .. } => Continuation::default(),
        }
    }
}

/// `if_source_empty` (SR20).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IfEmpty {
    /// An empty run is a run like others.
    #[default]
    Accept,
    /// An empty run fails.
    Fail,
}

/// How a source goes on where the last run stopped (R20 to R24).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Continuation {
    /// It uses a since value when it gets one.
    pub supports_since: bool,
    /// Two since values can be compared.
    pub is_since_comparable: bool,
    /// Entities come in the order of their since values.
    pub is_chronological: bool,
    /// The since value of a first run: a text or an integer.
    pub initial_since_value: Option<Json>,
}

/// `dataset`.
#[derive(Clone, Debug)]
pub struct DatasetSource {
    /// Name of the dataset.
    pub dataset: String,
    /// Every version instead of the latest.
    pub include_previous_versions: bool,
    /// Entities with `$replaced` too.
    pub include_replaced: bool,
    /// Only this part of the dataset.
    pub subset: Option<Subset>,
    /// Completeness filter (CM3).
    pub completeness: Completeness,
    /// Datasets that must have any completeness at all (CM4).
    pub initial_completeness: Vec<String>,
    /// Wait until the dataset is populated (SR21).
    pub require_populated_input: bool,
    /// Run when the dataset changes (PU4); already decided from pump, sink and node default.
    pub supports_signalling: bool,
    /// SR20.
    pub if_source_empty: IfEmpty,
}

/// Completeness filter of a dataset source (CM3).
#[derive(Clone, Debug, PartialEq)]
pub enum Completeness {
    /// None.
    Off,
    /// Of the source dataset itself.
    Own,
    /// The smallest of these datasets'.
    Datasets(Vec<String>),
    /// Computed by an expression at the start of a run.
    Expression(Json),
}

/// `union_datasets`.
#[derive(Clone, Debug)]
pub struct UnionDatasetsSource {
    /// Names, read in this order.
    pub datasets: Vec<String>,
    /// Those that must be populated; absent: all of them.
    pub initial_datasets: Option<Vec<String>>,
    /// A missing one of `initial_datasets` does not hold the pipe up.
    pub ignore_non_existent_datasets: bool,
    /// SR21.
    pub require_populated_input: bool,
    /// Every version instead of the latest.
    pub include_previous_versions: bool,
    /// PU4.
    pub supports_signalling: bool,
    /// `_id` becomes `<dataset>:<id>`.
    pub prefix_ids: bool,
    /// SR20.
    pub if_source_empty: IfEmpty,
}

/// `merge_datasets`.
#[derive(Clone, Debug)]
pub struct MergeDatasetsSource {
    /// Names.
    pub datasets: Vec<String>,
    /// Those that must be populated; absent: all of them.
    pub initial_datasets: Option<Vec<String>>,
    /// A missing one of `initial_datasets` does not hold the pipe up.
    pub ignore_non_existent_datasets: bool,
    /// SR21.
    pub require_populated_input: bool,
    /// What comes out for one id.
    pub strategy: MergeStrategy,
    /// PU4.
    pub supports_signalling: bool,
    /// SR20.
    pub if_source_empty: IfEmpty,
}

/// `strategy` of `merge_datasets` (SR4).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MergeStrategy {
    /// The newest version across the datasets.
    #[default]
    Latest,
    /// A dict keyed by dataset.
    All,
}

/// `embedded`.
#[derive(Clone, Debug)]
pub struct EmbeddedSource {
    /// The entities, objects as written (variables filled in).
    pub entities: Vec<Json>,
    /// How it goes on.
    pub continuation: Continuation,
    /// SR20.
    pub if_source_empty: IfEmpty,
}

/// `http_endpoint`.
#[derive(Clone, Debug)]
pub struct HttpEndpointSource {
    /// The sink dataset counts as populated from the beginning (R57).
    pub auto_populate_dataset: bool,
    /// EM15.
    pub do_float_as_decimal: bool,
    /// EM15.
    pub do_float_as_int: bool,
    /// A template that accepts a request with an empty result; may hold `$SECRET(x)`.
    pub validation_expression: Option<String>,
    /// EX6.
    pub trace: Trace,
}

/// `json`.
#[derive(Clone, Debug)]
pub struct JsonSource {
    /// Id of the system.
    pub system: String,
    /// Relative or absolute.
    pub url: String,
    /// `limit` of each request.
    pub page_size: Option<u64>,
    /// Sent to the peer.
    pub subset: Option<Subset>,
    /// Sent with each request.
    pub headers: Vec<(String, String)>,
    /// Ask the peer for signals (PU5).
    pub supports_signalling: bool,
    /// How it goes on.
    pub continuation: Continuation,
    /// SR20.
    pub if_source_empty: IfEmpty,
}

/// `csv`.
#[derive(Clone, Debug)]
pub struct CsvSource {
    /// Id of the system.
    pub system: String,
    /// Relative or absolute.
    pub url: String,
    /// The first row names the columns.
    pub has_header: bool,
    /// Names of the columns; they win over the header.
    pub field_names: Option<Vec<String>>,
    /// Guess the dialect; only where `dialect` is absent.
    pub auto_dialect: bool,
    /// `excel`, `excel_tab` or `unix_dialect`.
    pub dialect: Option<String>,
    /// Only where given by the configuration; the dialect's otherwise.
    pub delimiter: Option<String>,
    /// The character set of the document.
    pub encoding: TextEncoding,
    /// Fail on bytes that are no text (`strict`), or replace them.
    pub decode_error_strategy: DecodeErrors,
    /// Columns that make up `_id`, at least one.
    pub primary_key: Vec<String>,
    /// Columns to take.
    pub whitelist: Option<Vec<String>>,
    /// Columns to leave.
    pub blacklist: Option<Vec<String>>,
    /// Empty cells give `""` instead of nothing.
    pub preserve_empty_strings: bool,
    /// NUL characters are escaped before parsing.
    pub escape_null_bytes: bool,
    /// How it goes on.
    pub continuation: Continuation,
    /// SR20.
    pub if_source_empty: IfEmpty,
}

/// `decode_error_strategy` of a CSV source.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DecodeErrors {
    /// The run fails.
    #[default]
    Strict,
    /// U+FFFD takes their place.
    Replace,
}
