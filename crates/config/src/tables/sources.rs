//! Every source type (SR1 to SR20).

use super::common::{
    CONDITIONAL, CONTINUATION, CONTINUATION_OF_DATASETS, IF_EMPTY, RATE_LIMITING, SEVERAL_DATASETS,
    SINCE_PROPERTY, SYSTEM, SYSTEM_AND_URL, TRACED,
};
use super::rest::OPERATION;
use super::{Default, Rows, Shape, Type, later, row, runs};

/// The family.
pub(crate) const SOURCES: &[Type] = &[
    runs("dataset", &[DATASET, IF_EMPTY, CONTINUATION_OF_DATASETS]),
    runs(
        "union_datasets",
        &[
            UNION_DATASETS,
            SEVERAL_DATASETS,
            IF_EMPTY,
            CONTINUATION_OF_DATASETS,
        ],
    ),
    runs(
        "merge_datasets",
        &[
            MERGE_DATASETS,
            SEVERAL_DATASETS,
            IF_EMPTY,
            CONTINUATION_OF_DATASETS,
        ],
    ),
    runs("embedded", &[EMBEDDED, IF_EMPTY, CONTINUATION]),
    runs(
        "http_endpoint",
        &[HTTP_ENDPOINT, TRACED, CONTINUATION_OF_RECEIVERS],
    ),
    runs("json", &[SYSTEM_AND_URL, JSON, IF_EMPTY, CONTINUATION]),
    runs("csv", &[SYSTEM_AND_URL, CSV, IF_EMPTY, CONTINUATION]),
    runs("empty", &[CONTINUATION_OF_EMPTY]),
    runs("conditional", &[CONDITIONAL]),
    later(
        "merge",
        &[MERGE, SEVERAL_DATASETS, IF_EMPTY, CONTINUATION_OF_DATASETS],
    ),
    later(
        "rest",
        &[
            SYSTEM,
            REST,
            RATE_LIMITING,
            IF_EMPTY,
            TRACED,
            SINCE_PROPERTY,
            CONTINUATION,
        ],
    ),
    later("sql", &[SYSTEM, SQL, IF_EMPTY, CONTINUATION_OF_SQL]).with_one_of(&[&["table", "query"]]),
    later("kafka", &[SYSTEM, KAFKA, IF_EMPTY]),
    later("ldap", &[SYSTEM, LDAP, IF_EMPTY, CONTINUATION_OF_RECEIVERS]),
    later(
        "binary",
        &[SYSTEM_AND_URL, BINARY, IF_EMPTY, CONTINUATION_OF_DATASETS],
    ),
    later("rdf", &[SYSTEM_AND_URL, RDF, IF_EMPTY, CONTINUATION]),
    later(
        "sparql",
        &[SYSTEM, SPARQL, IF_EMPTY, CONTINUATION_OF_SPARQL],
    ),
    later(
        "sdshare",
        &[SYSTEM_AND_URL, SDSHARE, IF_EMPTY, CONTINUATION_OF_SDSHARE],
    ),
    // Retired, and one that real configurations hold although no page describes it.
    later(
        "diff_datasets",
        &[
            DIFF_DATASETS,
            SEVERAL_DATASETS,
            IF_EMPTY,
            CONTINUATION_OF_DATASETS,
        ],
    ),
    later("config", &[IF_EMPTY]),
];

const DATASET: Rows = &[
    row("dataset", Shape::Dataset).required(),
    row("include_previous_versions", Shape::Bool).no(),
    row("include_replaced", Shape::Bool).yes(),
    row("subset", Shape::Subset).not_followed("the pipe does not run"),
    row("completeness", Shape::Completeness)
        .no()
        .not_followed("the pipe does not run"),
    row("initial_completeness", Shape::Texts).not_followed("the pipe does not run"),
    row("require_populated_input", Shape::Bool).or(Default::NodeWide(&[
        "global_defaults",
        "require_populated_input",
    ])),
    row("supports_signalling", Shape::Bool),
];

const UNION_DATASETS: Rows = &[
    row("datasets", Shape::Datasets).required(),
    row("include_previous_versions", Shape::Bool).no(),
    row("prefix_ids", Shape::Bool).yes(),
];

const MERGE_DATASETS: Rows = &[
    row("datasets", Shape::Datasets).required(),
    row("strategy", Shape::Choice(&["latest", "all"])).text("latest"),
];

const DIFF_DATASETS: Rows = &[
    row("datasets", Shape::Datasets).required(),
    row("whitelist", Shape::Texts),
    row("blacklist", Shape::Texts),
    row("treat_lists_as_sets", Shape::Bool).no(),
    row("ignore_deletes", Shape::Bool).no(),
];

const MERGE: Rows = &[
    row("version", Shape::MergeVersion).integer(2),
    row("datasets", Shape::AliasedDatasets).required(),
    row("equality", Shape::List),
    row("equality_sets", Shape::List),
    row("identity", Shape::Choice(&["composite", "first"])).text("composite"),
    row("strategy", Shape::Choice(&["default", "compact", "list"])).text("default"),
    row("include_internal_properties", Shape::Bool).no(),
    row("max_merged", Shape::Integer(1)).or(Default::NodeWide(&["global_defaults", "max_merged"])),
];

const EMBEDDED: Rows = &[
    row("entities", Shape::Entities).required(),
    row("system", Shape::Text),
];

const HTTP_ENDPOINT: Rows = &[
    row("auto_populate_dataset", Shape::Bool).yes(),
    row("do_float_as_decimal", Shape::Bool).yes(),
    row("do_float_as_int", Shape::Bool).yes(),
    row("validation_expression", Shape::Text)
        .secret()
        .not_followed("the receiver takes no pushes"),
    row("system", Shape::Text),
];

const JSON: Rows = &[
    row("page_size", Shape::Integer(1)),
    row("subset", Shape::Subset),
    row("headers", Shape::TextMap),
    row("supports_signalling", Shape::Bool).no(),
];

const CSV: Rows = &[
    row("has_header", Shape::Bool).yes(),
    row("field_names", Shape::Texts),
    row("auto_dialect", Shape::Bool).yes(),
    row(
        "dialect",
        Shape::Choice(&["excel", "excel_tab", "unix_dialect"]),
    ),
    // Absent means what the dialect says, a comma where nothing does: a default here would hide the guess.
    row("delimiter", Shape::Letter),
    row("encoding", Shape::Encoding).text("UTF-8"),
    row(
        "decode_error_strategy",
        Shape::Choice(&["strict", "replace"]),
    )
    .text("strict"),
    row("primary_key", Shape::TextOrTexts).required(),
    row("whitelist", Shape::Texts),
    row("blacklist", Shape::Texts),
    row("preserve_empty_strings", Shape::Bool).no(),
    row("escape_null_bytes", Shape::Bool).no(),
];

const REST: Rows = &[
    row("operation", Shape::Text).required(),
    row("operations", Shape::Named(OPERATION)).secret(),
    row("properties", Shape::Object),
    row("payload", Shape::Payload),
    row("response_property", Shape::Text),
    row("response_headers_property", Shape::Text),
    row("response_include_content_type", Shape::Bool).no(),
    row("payload_property", Shape::Text),
    row("id_expression", Shape::Text),
];

const SQL: Rows = &[
    row("table", Shape::Text),
    row("query", Shape::TextOrTexts),
    row("primary_key", Shape::TextOrTexts),
    row("updated_column", Shape::Text),
    row("updated_query", Shape::TextOrTexts),
    row("schema", Shape::Text),
    row("whitelist", Shape::Texts),
    row("blacklist", Shape::Texts),
    row("preserve_null_values", Shape::Bool).no(),
    row("fetch_size", Shape::Integer(1)).integer(1000),
];

const KAFKA: Rows = &[
    row("topic", Shape::Text).required(),
    row("partitions", Shape::List),
    row("seek_to_beginning", Shape::Bool).yes(),
    row(
        "key_deserializer",
        Shape::Choice(&["bytes", "string", "json", "schema_registry_avro"]),
    )
    .text("string"),
    row(
        "value_deserializer",
        Shape::Choice(&["bytes", "string", "json", "schema_registry_avro"]),
    )
    .text("json"),
    row("strategy", Shape::Choice(&["key-value", "value"])).text("key-value"),
    row("strict", Shape::Bool).yes(),
    row("consumer_timeout_ms", Shape::Integer(0)).integer(10_000),
];

const LDAP: Rows = &[
    row("search_base", Shape::Text).text("*"),
    row("search_filter", Shape::Text).text("(objectClass=organizationalPerson)"),
    row("attributes", Shape::Text).text("*"),
    row("id_attribute", Shape::Text).text("cn"),
    row("page_size", Shape::Integer(1)).integer(500),
    row("attribute_blacklist", Shape::Texts).or(Default::Json("[]")),
];

const BINARY: Rows = &[
    row("supports_signalling", Shape::Bool).no(),
    row("page_size", Shape::Integer(1)),
    row("subset", Shape::Subset),
];

const RDF: Rows = &[
    row("format", Shape::Choice(&["nt", "ttl", "n3", "xml"])).text("nt"),
    row("sort_lists", Shape::Bool).yes(),
    row("is_sorted", Shape::Bool).no(),
];

const SPARQL: Rows = &[
    row("fragments_query", Shape::TextOrTexts).required(),
    row("fragment_query", Shape::TextOrTexts).required(),
    row("initial_since_value", Shape::Text).text("0001-01-01T00:00:00Z"),
];

const SDSHARE: Rows = &[row("sort_lists", Shape::Bool).yes()];

const CONTINUATION_OF_RECEIVERS: Rows = &[
    row("supports_since", Shape::Bool).always(false),
    row("is_since_comparable", Shape::Bool).always(true),
    row("is_chronological", Shape::Bool).always(false),
];

const CONTINUATION_OF_EMPTY: Rows = &[
    row("supports_since", Shape::Bool).always(false),
    row("is_since_comparable", Shape::Bool).always(true),
    row("is_chronological", Shape::Bool).always(true),
];

const CONTINUATION_OF_SDSHARE: Rows = &[
    row("supports_since", Shape::Bool).yes(),
    row("is_since_comparable", Shape::Bool).always(true),
    row("is_chronological", Shape::Bool).no(),
];

/// Both flags follow from the query; see `load::computed`.
const CONTINUATION_OF_SPARQL: Rows = &[
    row("supports_since", Shape::Bool),
    row("is_since_comparable", Shape::Bool).yes(),
    row("is_chronological", Shape::Bool).no(),
];

/// The flags follow from `table`, `query` and `updated_column`; see `load::computed`.
const CONTINUATION_OF_SQL: Rows = &[
    row("supports_since", Shape::Bool),
    row("is_since_comparable", Shape::Bool).yes(),
    row("is_chronological", Shape::Bool),
    row("is_chronological_full", Shape::Bool),
    row("initial_since_value", Shape::TextOrInteger),
];
