//! Sinks as the runtime uses them: one struct per kind that this version runs. Field names are the property names.

use crate::TextEncoding;
use crate::fields::Fields;
use sluice_entity::Json;

/// Where a pipe writes, conditions resolved.
#[derive(Clone, Debug)]
pub enum Sink {
    /// A dataset (SK1).
    Dataset(DatasetSink),
    /// JSON push to a peer (SK3).
    Json(JsonSink),
    /// A publisher (SK4).
    HttpEndpoint(HttpEndpointSink),
    /// A publisher of CSV (SK7).
    CsvEndpoint(CsvEndpointSink),
    /// Nowhere (SK10).
    Null,
    /// Known, with its defaults in the effective configuration, but not run; also what is no sink at all.
    NotInThisVersion {
        /// The `type`; empty where there is none.
        kind: String,
    },
}

impl Sink {
    /// `type`.
    pub fn kind(&self) -> &str {
        match self {
            Sink::Dataset(_) => "dataset",
            Sink::Json(_) => "json",
            Sink::HttpEndpoint(_) => "http_endpoint",
            Sink::CsvEndpoint(_) => "csv_endpoint",
            Sink::Null => "null",
            Sink::NotInThisVersion { kind } => kind,
        }
    }

    /// A publisher: it has no pump and reads its source when it is asked (SK4).
    pub fn is_endpoint(&self) -> bool {
        self.kind().ends_with("_endpoint")
    }

    /// From an effective `sink`.
    pub(crate) fn read(effective: Option<&Json>) -> Sink {
        let fields = Fields::of(effective);
        match fields.text("type").as_str() {
            "dataset" => Sink::Dataset(DatasetSink::read(&fields)),
            "json" => Sink::Json(JsonSink::read(&fields)),
            "http_endpoint" => Sink::HttpEndpoint(HttpEndpointSink {
                filename: fields.optional_text("filename"),
                content_disposition: fields.text("content_disposition"),
            }),
            "csv_endpoint" => Sink::CsvEndpoint(CsvEndpointSink::read(&fields)),
            "null" => Sink::Null,
            kind => Sink::NotInThisVersion {
                kind: kind.to_owned(),
            },
        }
    }
}

/// `dataset`.
#[derive(Clone, Debug)]
pub struct DatasetSink {
    /// Name of the dataset.
    pub dataset: String,
    /// When the dataset becomes populated (SK2).
    pub set_initial_offset: SetInitialOffset,
    /// Explicit indexes (IX2): expressions; `"$ids"` as such.
    pub indexes: Vec<Json>,
    /// DE6; `None`: where the transform creates children.
    pub track_children: Option<bool>,
    /// DE7.
    pub enable_optimistic_locking: bool,
    /// CB1.
    pub circuit_breaker_threshold_factor: Option<f64>,
    /// CB1.
    pub circuit_breaker_threshold_count: Option<u64>,
    /// DE1.
    pub deletion_tracking: bool,
    /// DE3.
    pub mark_deletion_tracked: bool,
    /// What a second version of an entity does.
    pub prevent_multiple_versions: PreventMultipleVersions,
    /// DE5; `None`: where it is valid.
    pub suppress_filtered: Option<bool>,
    /// Bytes of one stored entity (EM16).
    pub max_entity_bytes_size: u64,
    /// Entities between saves of the seen state; accepted for compatibility.
    pub bitset_commit_interval: u64,
}

/// `set_initial_offset` (SK2).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SetInitialOffset {
    /// When the source is populated and was read to its end.
    #[default]
    IfSourcePopulated,
    /// Never.
    Never,
    /// After any successful run.
    Always,
    /// At the start of a run.
    Initially,
    /// When the pipe is configured.
    Onload,
}

/// `prevent_multiple_versions`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum PreventMultipleVersions {
    /// Versions are wanted.
    #[default]
    Off,
    /// The run fails.
    Fail,
    /// The update is skipped.
    Ignore,
}

/// `json`.
#[derive(Clone, Debug)]
pub struct JsonSink {
    /// Id of the system.
    pub system: String,
    /// Relative or absolute.
    pub url: String,
    /// Entities per request.
    pub batch_size: u64,
    /// Sent with each request.
    pub headers: Vec<(String, String)>,
}

/// `http_endpoint`.
#[derive(Clone, Debug)]
pub struct HttpEndpointSink {
    /// Suggested file name.
    pub filename: Option<String>,
    /// `attachment` or `inline`.
    pub content_disposition: String,
}

/// `csv_endpoint`.
#[derive(Clone, Debug)]
pub struct CsvEndpointSink {
    /// Properties, in order.
    pub columns: Vec<String>,
    /// What is quoted.
    pub quoting: Quoting,
    /// Between fields.
    pub delimiter: String,
    /// A quote inside a quoted field is doubled instead of escaped.
    pub doublequote: bool,
    /// The first line names the columns.
    pub include_header: bool,
    /// Escapes delimiters and quotes where quoting does not.
    pub escapechar: Option<String>,
    /// Between lines.
    pub lineterminator: String,
    /// Around quoted fields.
    pub quotechar: String,
    /// Begin with U+FEFF.
    pub byte_order_mark: bool,
    /// The character set of the document.
    pub encoding: TextEncoding,
    /// What happens to characters the encoding lacks: `ignore`, `replace`, `xmlcharrefreplace`, `backslashreplace`.
    pub encode_error_strategy: String,
    /// Deleted entities do not appear.
    pub skip_deleted_entities: bool,
    /// Suggested file name.
    pub filename: Option<String>,
    /// `attachment` or `inline`.
    pub content_disposition: String,
}

/// `quoting` of a CSV publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoting {
    /// Only where necessary.
    #[default]
    Minimal,
    /// Everything.
    All,
    /// Everything but numbers.
    NonNumeric,
    /// Nothing.
    None,
}

impl DatasetSink {
    fn read(fields: &Fields<'_>) -> Self {
        DatasetSink {
            dataset: fields.text("dataset"),
            set_initial_offset: match fields.text("set_initial_offset").as_str() {
                "never" => SetInitialOffset::Never,
                "always" => SetInitialOffset::Always,
                "initially" => SetInitialOffset::Initially,
                "onload" => SetInitialOffset::Onload,
                _ => SetInitialOffset::IfSourcePopulated,
            },
            indexes: match fields.any("indexes") {
                Some(Json::Array(list)) => list.clone(),
                Some(single @ Json::String(_)) => vec![single.clone()],
                _ => Vec::new(),
            },
            track_children: fields.any("track_children").and_then(Json::as_bool),
            enable_optimistic_locking: fields.flag("enable_optimistic_locking"),
            circuit_breaker_threshold_factor: fields
                .optional_number("circuit_breaker_threshold_factor"),
            circuit_breaker_threshold_count: fields
                .optional_count("circuit_breaker_threshold_count"),
            deletion_tracking: fields.flag("deletion_tracking"),
            mark_deletion_tracked: fields.flag("mark_deletion_tracked"),
            prevent_multiple_versions: match fields.any("prevent_multiple_versions") {
                Some(Json::Bool(true)) => PreventMultipleVersions::Fail,
                Some(Json::String(_)) => PreventMultipleVersions::Ignore,
                _ => PreventMultipleVersions::Off,
            },
            suppress_filtered: fields.any("suppress_filtered").and_then(Json::as_bool),
            max_entity_bytes_size: fields.count("max_entity_bytes_size"),
            bitset_commit_interval: fields.count("bitset_commit_interval"),
        }
    }
}

impl JsonSink {
    fn read(fields: &Fields<'_>) -> Self {
        JsonSink {
            system: fields.text("system"),
            url: fields.text("url"),
            batch_size: fields.count("batch_size").max(1),
            headers: fields.text_map("headers"),
        }
    }
}

impl CsvEndpointSink {
    fn read(fields: &Fields<'_>) -> Self {
        CsvEndpointSink {
            columns: fields.texts("columns"),
            quoting: match fields.text("quoting").as_str() {
                "all" => Quoting::All,
                "non-numeric" => Quoting::NonNumeric,
                "none" => Quoting::None,
                _ => Quoting::Minimal,
            },
            delimiter: fields.text("delimiter"),
            doublequote: fields.flag("doublequote"),
            include_header: fields.flag("include_header"),
            escapechar: fields.optional_text("escapechar"),
            lineterminator: fields.text("lineterminator"),
            quotechar: fields.text("quotechar"),
            byte_order_mark: fields.flag("byte_order_mark"),
            encoding: TextEncoding::named(&fields.text("encoding")).unwrap_or_default(),
            encode_error_strategy: fields.text("encode_error_strategy"),
            skip_deleted_entities: fields.flag("skip-deleted-entities"),
            filename: fields.optional_text("filename"),
            content_disposition: fields.text("content_disposition"),
        }
    }
}
