//! The pump (PU1 to PU18).

use super::{Default, Rows, Shape, row};

/// Properties of `pump`. The schedule's default depends on source and sink; see `load::computed`.
pub(crate) const PUMP: Rows = &[
    row("schedule_interval", Shape::Number),
    row("cron_expression", Shape::Cron),
    row("mode", Shape::Choice(&["scheduled", "manual", "off"])).text("scheduled"),
    row("rescan_run_count", Shape::Integer(1)),
    row("rescan_cron_expression", Shape::Cron),
    row("partial_rescan_run_count", Shape::Integer(1)),
    row("partial_rescan_delta", Shape::Integer(1)),
    row("run_at_startup", Shape::Bool).no(),
    row("run_at_startup_if_not_populated", Shape::Bool).or(Default::NodeWide(&[
        "global_defaults",
        "run_at_startup_if_not_populated",
    ])),
    row("max_read_retries", Shape::Integer(0)).integer(0),
    row("read_retry_delay", Shape::Number).integer(0),
    row("max_consecutive_write_errors", Shape::Integer(0)).integer(1),
    row("write_retry_delay", Shape::Number).integer(0),
    row("batch_retries", Shape::Integer(0)).integer(3),
    row("fallback_to_single_entities_on_batch_fail", Shape::Bool).yes(),
    row("max_write_errors_in_retry_dataset", Shape::Integer(0)).integer(0),
    row("max_retries_per_entity", Shape::Integer(0)).integer(5),
    row("dead_letter_dataset", Shape::Dataset),
    row("use_dead_letter_dataset", Shape::Bool).deprecated("\"dead_letter_dataset\""),
    row("track_dead_letters", Shape::Bool).no(),
    row("max_seconds_per_entity", Shape::Number),
    row("log_events_noop_runs", Shape::Bool).no(),
    row("log_events_noop_runs_changes_only", Shape::Bool).yes(),
    row("notification_granularity", Shape::Integer(0)).integer(999_999_999_999_999),
];
