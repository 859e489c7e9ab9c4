//! Rows that several families share.

use super::{Default, Property, Rows, Shape, row};

/// PP9.
pub(crate) const DESCRIPTIVE: Rows = &[
    row("type", Shape::Text),
    row("name", Shape::Text),
    row("description", Shape::TextOrTexts),
    row("comment", Shape::TextOrTexts),
];

/// SR20.
pub(super) const IF_EMPTY: Rows = &[row("if_source_empty", Shape::Choice(&["accept", "fail"]))
    .or(Default::NodeWide(&["global_defaults", "if_source_empty"]))];

/// Continuation that the configuration may change (R20).
pub(super) const CONTINUATION: Rows = &[
    row("supports_since", Shape::Bool).no(),
    row("is_since_comparable", Shape::Bool).yes(),
    row("is_chronological", Shape::Bool).no(),
    row("initial_since_value", Shape::TextOrInteger),
];

/// Continuation of sources that read datasets.
pub(super) const CONTINUATION_OF_DATASETS: Rows = &[
    row("supports_since", Shape::Bool).always(true),
    row("is_since_comparable", Shape::Bool).always(true),
    row("is_chronological", Shape::Bool).always(true),
];

/// How a remote system learns the since value (SR8).
pub(super) const SINCE_PROPERTY: Rows = &[
    row("updated_expression", Shape::Text),
    row("since_property_name", Shape::Text),
    row(
        "since_property_location",
        Shape::Choice(&["query", "header", "manual"]),
    ),
];

/// Which of several datasets must be populated (MG10).
pub(super) const SEVERAL_DATASETS: Rows = &[
    row("initial_datasets", Shape::Texts),
    row("ignore_non_existent_datasets", Shape::Bool).yes(),
    row("require_populated_input", Shape::Bool).or(Default::NodeWide(&[
        "global_defaults",
        "require_populated_input",
    ])),
    row("supports_signalling", Shape::Bool),
];

/// EX6.
pub(super) const TRACE: Rows = &[
    row("log_request_headers", Shape::Bool).yes(),
    row("log_request_body_maxsize", Shape::Integer(0)).integer(100),
    row("log_response_headers", Shape::Bool).yes(),
    row("log_response_body_maxsize", Shape::Integer(0)).integer(100),
    row("log_secret_redacted_bytes", Shape::Integer(-1)).integer(600),
];

/// `trace` of a part that talks to the outside.
pub(super) const TRACED: Rows = &[row("trace", Shape::Switch(TRACE))
    .or(Default::NodeWide(&["global_defaults", "trace"]))
    .not_followed("it is ignored, and no requests are logged")];

/// TR2, TR4, TR5.
pub(super) const TRIGGER_ON: Rows = &[row(
    "trigger_on",
    Shape::Fields(&[
        row("key", Shape::Text).text("_trigger"),
        row("value", Shape::Any).required(),
    ]),
)];

/// Retries of a REST call that was told to wait.
pub(super) const RATE_LIMITING: Rows = &[
    row("rate_limiting_retries", Shape::Integer(0)),
    row("rate_limiting_delay", Shape::Integer(0)).integer(1),
];

/// A download's name.
pub(super) const DOWNLOAD: Rows = &[
    row("filename", Shape::Text),
    row(
        "content_disposition",
        Shape::Choice(&["attachment", "inline"]),
    )
    .text("attachment"),
];

/// Reached through a system, at a URL.
pub(super) const SYSTEM_AND_URL: Rows = &[
    row("system", Shape::Text).required(),
    row("url", Shape::Text).required(),
];

/// Reached through a system.
pub(super) const SYSTEM: Rows = &[row("system", Shape::Text).required()];

/// SR12, TR10, SK10. Resolved before anything is checked against a table; here for the schema and for what may stand beside.
pub(super) const CONDITIONAL: Rows = &[
    row("condition", Shape::Text).required(),
    row("alternatives", Shape::Object).required(),
];

/// Access lists, anywhere they may stand.
pub(super) const PERMISSIONS: Property = row("permissions", Shape::List)
    .not_followed("it is ignored, and keeps nobody from this component");

/// HO11.
pub(super) const DEPENDENCY_TRACKING: [Property; 5] = [
    row("dependency_warning_threshold", Shape::Integer(0)).integer(10_000),
    row("dependency_error_threshold", Shape::Integer(0)).integer(50_000),
    row(
        "dependency_warning_threshold_total_bytes",
        Shape::Integer(0),
    )
    .integer(33_554_432),
    row("dependency_error_threshold_total_bytes", Shape::Integer(0)).integer(134_217_728),
    row("enable_hops_thresholds", Shape::Bool).no(),
];
