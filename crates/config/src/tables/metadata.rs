//! The node metadata (CF3).

use super::common::{DEPENDENCY_TRACKING, TRACE};
use super::{Default, Rows, Shape, row};

/// Properties of the metadata component.
pub(crate) const METADATA: Rows = &[
    row("_id", Shape::Text).text("node"),
    row("namespaced_identifiers", Shape::Bool).no(),
    row(
        "namespaces",
        Shape::Fields(&[row("default", Shape::TextMap).or(Default::Json("{}"))]),
    )
    .or(Default::Json("{}")),
    row("global_defaults", Shape::Fields(GLOBAL_DEFAULTS)).or(Default::Json("{}")),
    row("dependency_tracking", Shape::Fields(&DEPENDENCY_TRACKING))
        .or(Default::Json("{}"))
        .not_followed("it is ignored, and no threshold stops a pipe"),
    row("task_manager", Shape::Fields(TASK_MANAGER)).or(Default::Json("{}")),
    row("metadata", Shape::Object),
    row("backup", Shape::Object),
    row("rdf", Shape::Object).deprecated("\"namespaces\""),
];

const TASK_MANAGER: Rows = &[
    row("disable_pump_scheduler", Shape::Bool).no(),
    row("disable_user_pipes", Shape::Bool).no(),
];

const GLOBAL_DEFAULTS: Rows = &[
    row("use_signalling_internally", Shape::Bool).yes(),
    row("use_signalling_externally", Shape::Bool).no(),
    row(
        "default_compaction_type",
        Shape::Choice(&["sink", "background"]),
    )
    .text("sink"),
    row("compaction_interval", Shape::Number)
        .integer(0)
        .not_followed(
            "it is ignored, and the background pass looks at every dataset every 24 hours",
        ),
    row("compaction_keep_versions", Shape::Integer(0)).integer(2),
    row("compaction_time_threshold_hours", Shape::Integer(0)),
    row("compaction_time_threshold_hours_pump", Shape::Integer(720)).integer(720),
    row("compaction_growth_threshold", Shape::Factor)
        .integer(1)
        .not_followed(
            "it is ignored, and the background pass looks at every dataset every 24 hours",
        ),
    row("max_entity_bytes_size", Shape::Integer(1)).integer(104_857_600),
    row("run_at_startup_if_not_populated", Shape::Bool).no(),
    row("infer_pipe_entity_types", Shape::Bool).yes(),
    row("use_config_circuit_breaker", Shape::Bool).no(),
    row(
        "reprocessing_policy",
        Shape::Choice(&["continue", "automatic"]),
    )
    .text("continue"),
    row("rescan_when_config_changes", Shape::Bool).no(),
    row("enable_background_rescan", Shape::Bool)
        .no()
        .not_followed("it is ignored, and rescans are runs of their pipes"),
    row("eager_load_microservices", Shape::Bool).yes(),
    row("enable_cpp_extensions", Shape::Bool),
    row("symmetric_namespace_collapse", Shape::Bool).no(),
    row("max_merged", Shape::Integer(1)).integer(50_000),
    row("always_index_ids", Shape::Bool).no(),
    row("if_source_empty", Shape::Choice(&["accept", "fail"])).text("accept"),
    row("require_populated_input", Shape::Bool).no(),
    row("trace", Shape::Switch(TRACE))
        .no()
        .not_followed("it is ignored, and no requests are logged"),
    // Ours: certificates are checked unless the configuration says otherwise; exceptions are named per system.
    row("verify_ssl", Shape::Bool).yes(),
];
