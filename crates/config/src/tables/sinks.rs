//! Every sink type (SK1 to SK13).

use super::common::{CONDITIONAL, DOWNLOAD, RATE_LIMITING, SYSTEM, SYSTEM_AND_URL, TRACED};
use super::rest::OPERATION;
use super::{Default, Rows, Shape, Type, later, row, runs};

/// The family.
pub(crate) const SINKS: &[Type] = &[
    runs("dataset", &[DATASET]),
    runs("json", &[SYSTEM_AND_URL, JSON]),
    runs("http_endpoint", &[HTTP_ENDPOINT, DOWNLOAD]),
    runs("csv_endpoint", &[CSV_ENDPOINT, DOWNLOAD]),
    runs("conditional", &[CONDITIONAL]),
    runs("null", &[]),
    later("rest", &[SYSTEM, REST, RATE_LIMITING, TRACED]),
    later("sql", &[SYSTEM, SQL]),
    later("xml_endpoint", &[XML_ENDPOINT, DOWNLOAD]),
    later("excel_endpoint", &[EXCEL_ENDPOINT, DOWNLOAD]),
    later("elasticsearch", &[SYSTEM, ELASTICSEARCH]),
    later("kafka", &[SYSTEM, KAFKA]),
    later("replicated_dataset", &[REPLICATED_DATASET]),
    later("mail", &[SYSTEM, MAIL]),
    later("sms", &[SYSTEM, SMS]),
    later("solr", &[SYSTEM, SOLR]),
    later("sparql", &[SYSTEM_AND_URL, SPARQL]),
    later("sdshare", &[SYSTEM_AND_URL, SDSHARE]),
];

const SET_INITIAL_OFFSET: Shape = Shape::Choice(&[
    "if-source-populated",
    "never",
    "always",
    "initially",
    "onload",
]);

const DATASET: Rows = &[
    // The pipe's id where it is absent.
    row("dataset", Shape::Dataset),
    row("set_initial_offset", SET_INITIAL_OFFSET).text("if-source-populated"),
    row("indexes", Shape::Indexes).or(Default::Json("[]")),
    row("track_children", Shape::Bool).not_followed("the pipe does not run"),
    row("enable_optimistic_locking", Shape::Bool)
        .no()
        .not_followed("the pipe does not run"),
    row("circuit_breaker_threshold_factor", Shape::Number)
        .not_followed("it is ignored, and no number of changes stops the pipe"),
    row("circuit_breaker_threshold_count", Shape::Integer(0))
        .not_followed("it is ignored, and no number of changes stops the pipe"),
    row("deletion_tracking", Shape::Bool).yes(),
    row("mark_deletion_tracked", Shape::Bool).no(),
    row("bitset_commit_interval", Shape::Integer(1)).integer(1_000_000),
    row("prevent_multiple_versions", Shape::BoolOr(&["ignore"])).no(),
    row("suppress_filtered", Shape::Bool),
    row("max_entity_bytes_size", Shape::Integer(1)).or(Default::NodeWide(&[
        "global_defaults",
        "max_entity_bytes_size",
    ])),
];

const JSON: Rows = &[
    row("batch_size", Shape::Integer(1)).integer(100),
    row("headers", Shape::TextMap),
];

const HTTP_ENDPOINT: Rows = &[row("prefix_includes", Shape::Texts).deprecated("nothing")];

const CSV_ENDPOINT: Rows = &[
    row("columns", Shape::SomeTexts).required(),
    row(
        "quoting",
        Shape::Choice(&["all", "minimal", "non-numeric", "none"]),
    )
    .text("minimal"),
    row("delimiter", Shape::Letter).text(","),
    row("doublequote", Shape::Bool).yes(),
    row("include_header", Shape::Bool).yes(),
    row("escapechar", Shape::Letter),
    row("lineterminator", Shape::Text).text("\r\n"),
    row("quotechar", Shape::Letter).text("\""),
    row("byte_order_mark", Shape::Bool).no(),
    row("encoding", Shape::Encoding).text("utf-8"),
    row(
        "encode_error_strategy",
        Shape::Choice(&["ignore", "replace", "xmlcharrefreplace", "backslashreplace"]),
    )
    .text("backslashreplace"),
    row("skip-deleted-entities", Shape::Bool).yes(),
];

const REST: Rows = &[
    row("operation", Shape::Text),
    row("operations", Shape::Named(OPERATION)).secret(),
    row("properties", Shape::Object),
    row("payload", Shape::Payload),
];

const SQL: Rows = &[
    row("table", Shape::Text).required(),
    row("primary_key", Shape::TextOrTexts),
    row("schema", Shape::Text),
    row("bulk_schema", Shape::Text),
    row("timestamp", Shape::Text).text("sesam-timestamp"),
    row("use_bulk_operations", Shape::Bool).no(),
    row("keep_failed_bulk_operation_files", Shape::Bool).no(),
    row("bulk_operation_timeout", Shape::Integer(0)).integer(600),
    row("bulk_operation_queue_size", Shape::Integer(1)).integer(3),
    row("bulk_operation_buffer_size", Shape::Integer(1)).integer(50_000_000),
    // 1000 with bulk operations, 100 without; see `load::computed`.
    row("batch_size", Shape::Integer(1)),
    row("truncate_table_on_first_run", Shape::Bool).no(),
    row("create_table_if_missing", Shape::Bool).no(),
    row("recreate_table_on_first_run", Shape::Bool).no(),
    row("schema_definition", Shape::List),
    row("skip_identity_columns", Shape::Bool).no(),
    row("remove_pk_char_trailing_spaces", Shape::Bool).yes(),
    row("whitelist", Shape::Texts).deprecated("a transform that removes the properties"),
    row("blacklist", Shape::Texts).deprecated("a transform that removes the properties"),
];

const XML_ENDPOINT: Rows = &[
    row("wrapper", Shape::Text),
    row("root-attributes", Shape::Object),
    row("include-xml-decl", Shape::Bool).no(),
    row("skip-deleted-entities", Shape::Bool).yes(),
    row("byte_order_mark", Shape::Bool).no(),
];

const EXCEL_ENDPOINT: Rows = &[
    row("columns", Shape::Texts),
    row("skip-deleted-entities", Shape::Bool).yes(),
];

const ELASTICSEARCH: Rows = &[
    row("default_index", Shape::Text),
    row("default_type", Shape::Text),
    row("index_mapping_properties", Shape::Object),
    row("index_check_document", Shape::Text),
    row("first_run_delete_query", Shape::Object),
];

const KAFKA: Rows = &[
    row("topic", Shape::Text).required(),
    row(
        "key_serializer",
        Shape::Choice(&["bytes", "string", "json", "confluent_schema_json"]),
    )
    .text("string"),
    row(
        "value_serializer",
        Shape::Choice(&["bytes", "string", "json", "confluent_schema_json"]),
    )
    .text("json"),
    row("strategy", Shape::Choice(&["key-value", "value"])).text("key-value"),
    row("delivery_timeout_ms", Shape::Integer(0)).integer(120_000),
];

const REPLICATED_DATASET: Rows = &[
    row("dataset", Shape::Dataset),
    row("set_initial_offset", SET_INITIAL_OFFSET).text("if-source-populated"),
    row("indexes", Shape::Indexes).or(Default::Json("[]")),
    row("change_tracking", Shape::Bool).yes(),
    row("bitset_commit_interval", Shape::Integer(1)).integer(1_000_000),
    row("allow_normal_dataset", Shape::Bool).no(),
    row("auto_migrate_to_replicated_dataset", Shape::Bool).no(),
];

const MAIL: Rows = &[
    row("body_template", Shape::Text),
    row("body_template_property", Shape::Text).text("body_template"),
    row("subject_template", Shape::Text),
    row("subject_template_property", Shape::Text).text("subject_template"),
    row("text_body_template", Shape::Text),
    row("text_body_template_property", Shape::Text).text("text_body_template"),
    row("recipients", Shape::Text),
    row("recipients_property", Shape::Text).text("recipients"),
    row("mail_from", Shape::Text).required(),
    row(
        "unhandled_template_variable_replacement",
        Shape::Choice(&["debug", "empty_string", "strict"]),
    )
    .text("debug"),
];

const SMS: Rows = &[
    row("body_template", Shape::Text),
    row("body_template_property", Shape::Text).text("body_template"),
    row("recipients", Shape::Text),
    row("recipients_property", Shape::Text).text("recipients"),
    row("from_number", Shape::Text).required(),
];

const SOLR: Rows = &[
    row("commit_within", Shape::Integer(0)),
    row("commit_at_end", Shape::Bool).yes(),
];

const SPARQL: Rows = &[
    row("update_url", Shape::Text),
    row("graph", Shape::Text).required(),
    row("do_diff", Shape::Bool).no(),
    row("write_sdshare_updated", Shape::Bool).yes(),
    row("prefix_includes", Shape::Texts).deprecated("nothing"),
];

const SDSHARE: Rows = &[
    row("graph", Shape::Text).required(),
    row("prefix_includes", Shape::Texts).deprecated("nothing"),
];
