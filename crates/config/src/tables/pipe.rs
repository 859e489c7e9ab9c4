//! The pipe itself (PP1 to PP12); its source, transform, sink and pump have tables of their own.

use super::common::PERMISSIONS;
use super::{Default, Rows, Shape, row};

/// Properties of a pipe. Defaults that depend on source and sink are in `load::computed`.
pub(crate) const PIPE: Rows = &[
    row("_id", Shape::Text).required(),
    row("source", Shape::Object).required().part(),
    row("transform", Shape::Any).part(),
    row("sink", Shape::Object).part(),
    row("pump", Shape::Object).part(),
    row("metadata", Shape::Object),
    PERMISSIONS,
    row("batch_size", Shape::Integer(1)),
    row("checkpoint_interval", Shape::Integer(1)),
    row("disable_set_last_seen", Shape::Bool).no(),
    row("enable_background_rescan", Shape::Bool)
        .or(Default::NodeWide(&[
            "global_defaults",
            "enable_background_rescan",
        ]))
        .not_followed("it is ignored, and rescans are runs of the pipe"),
    row("rescan_when_config_changes", Shape::Bool).or(Default::NodeWide(&[
        "global_defaults",
        "rescan_when_config_changes",
    ])),
    row(
        "reprocessing_policy",
        Shape::Choice(&["continue", "automatic"]),
    )
    .or(Default::NodeWide(&[
        "global_defaults",
        "reprocessing_policy",
    ])),
    row("infer_pipe_entity_types", Shape::Bool).or(Default::NodeWide(&[
        "global_defaults",
        "infer_pipe_entity_types",
    ])),
    row("namespaced_identifiers", Shape::Bool).or(Default::NodeWide(&["namespaced_identifiers"])),
    row(
        "namespaces",
        Shape::Fields(&[row("identity", Shape::Text), row("property", Shape::Text)]),
    )
    .or(Default::Json("{}")),
    row("add_namespaces", Shape::Bool),
    row("remove_namespaces", Shape::Bool),
    row("exclude_completeness", Shape::Texts)
        .or(Default::Json("[]"))
        .not_followed("it is ignored, and no completeness is computed"),
    row("include_completeness", Shape::Texts)
        .not_followed("it is ignored, and no completeness is computed"),
    row("compaction", Shape::Fields(COMPACTION)).or(Default::Json("{}")),
    row("dependency_tracking", Shape::Fields(DEPENDENCY_TRACKING))
        .or(Default::Json("{}"))
        .not_followed("it is ignored, and no threshold stops the pipe"),
];

/// CO1 to CO7.
const COMPACTION: Rows = &[
    row("automatic", Shape::Bool).yes(),
    // From `global_defaults.default_compaction_type`.
    row("sink", Shape::Bool)
        .not_followed("the background pass removes superseded versions in place of the runs"),
    row("keep_versions", Shape::Integer(0)).or(Default::NodeWide(&[
        "global_defaults",
        "compaction_keep_versions",
    ])),
    row("time_threshold_hours", Shape::Integer(0)).or(Default::NodeWide(&[
        "global_defaults",
        "compaction_time_threshold_hours",
    ])),
    // 720 is also the least (CO4).
    row("time_threshold_hours_pump", Shape::Integer(720)).or(Default::NodeWide(&[
        "global_defaults",
        "compaction_time_threshold_hours_pump",
    ])),
    row("growth_threshold", Shape::Factor)
        .or(Default::NodeWide(&[
            "global_defaults",
            "compaction_growth_threshold",
        ]))
        .not_followed("it is ignored, and the background pass looks at the dataset every 24 hours"),
    row("compaction_interval", Shape::Number)
        .or(Default::NodeWide(&[
            "global_defaults",
            "compaction_interval",
        ]))
        .not_followed("it is ignored, and the background pass looks at the dataset every 24 hours"),
    row("ttl_deletes_hours", Shape::Number)
        .not_followed("it is ignored, and deleted entities stay in the dataset"),
    row("ttl_deletes_timeout_seconds", Shape::Number).integer(60),
    row("retract", Shape::Bool)
        .no()
        .not_followed("it is ignored, and nothing is retracted"),
    row("retract_timeout_seconds", Shape::Number).integer(60),
];

macro_rules! from_node {
    ($($name:literal: $shape:expr,)*) => {
        &[$(row($name, $shape).or(Default::NodeWide(&["dependency_tracking", $name])),)*]
    };
}

const DEPENDENCY_TRACKING: Rows = from_node! {
    "dependency_warning_threshold": Shape::Integer(0),
    "dependency_error_threshold": Shape::Integer(0),
    "dependency_warning_threshold_total_bytes": Shape::Integer(0),
    "dependency_error_threshold_total_bytes": Shape::Integer(0),
    "enable_hops_thresholds": Shape::Bool,
};
