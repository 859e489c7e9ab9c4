//! The pump of a pipe: when it runs and what it does with errors (PU1 to PU18). Field names are the property names.

use crate::fields::Fields;
use sluice_entity::Json;
use std::collections::BTreeSet;

/// When a pipe runs and how it deals with errors.
#[derive(Clone, Debug)]
pub struct Pump {
    /// PU1, PU2. [`Schedule::None`]: a receiver or publisher, nothing below has a meaning.
    pub schedule: Schedule,
    /// PU10.
    pub mode: Mode,
    /// Every n-th run is a full one (PU6).
    pub rescan_run_count: Option<u64>,
    /// Full runs by cron (PU6).
    pub rescan_cron_expression: Option<String>,
    /// Every n-th run is a partial one (PU7).
    pub partial_rescan_run_count: Option<u64>,
    /// How far it goes back (PU7): offsets or seconds.
    pub partial_rescan_delta: Option<u64>,
    /// PU9.
    pub run_at_startup: bool,
    /// PU9.
    pub run_at_startup_if_not_populated: bool,
    /// PU11.
    pub max_read_retries: u64,
    /// Seconds (PU11).
    pub read_retry_delay: f64,
    /// PU12.
    pub max_consecutive_write_errors: u64,
    /// Seconds (PU12).
    pub write_retry_delay: f64,
    /// PU12.
    pub batch_retries: u64,
    /// PU12.
    pub fallback_to_single_entities_on_batch_fail: bool,
    /// PU13; 0 switches the retry queue off.
    pub max_write_errors_in_retry_dataset: u64,
    /// PU13.
    pub max_retries_per_entity: u64,
    /// PU14.
    pub dead_letter_dataset: Option<String>,
    /// PU14.
    pub track_dead_letters: bool,
    /// PU18, seconds.
    pub max_seconds_per_entity: Option<f64>,
    /// PU15.
    pub log_events_noop_runs: bool,
    /// PU15.
    pub log_events_noop_runs_changes_only: bool,
    /// PU15, seconds.
    pub notification_granularity: u64,
    /// Names of the properties that the configuration itself sets: they win over a system's `retry_strategy` (SY2).
    pub explicit: BTreeSet<String>,
}

/// When a pump starts by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Schedule {
    /// So many seconds apart, more or less up to `jitter` seconds (PU1).
    Interval {
        /// Seconds between runs.
        seconds: f64,
        /// Greatest deviation, seconds; 0 where the configuration gives the interval.
        jitter: f64,
    },
    /// A cron expression that was checked, UTC (PU2).
    Cron {
        /// As written.
        expression: String,
    },
    /// The pipe has no pump.
    None,
}

/// `mode` (PU10).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// By schedule and by hand.
    #[default]
    Scheduled,
    /// By hand.
    Manual,
    /// Not at all.
    Off,
}

impl Mode {
    /// Name in configuration and API.
    pub fn as_str(self) -> &'static str {
        match self {
            Mode::Scheduled => "scheduled",
            Mode::Manual => "manual",
            Mode::Off => "off",
        }
    }
}

impl Pump {
    /// Whether the pipe has a pump at all.
    pub fn exists(&self) -> bool {
        self.schedule != Schedule::None
    }

    /// From an effective `pump`; `None` for pipes without one. `explicit` are the names that the original sets.
    pub(crate) fn read(effective: Option<&Json>, explicit: BTreeSet<String>) -> Pump {
        let fields = Fields::of(effective);
        let schedule = match (effective, fields.optional_text("cron_expression")) {
            (None, _) => Schedule::None,
            (Some(_), Some(expression)) => Schedule::Cron { expression },
            (Some(_), None) => {
                let seconds = fields.number("schedule_interval");
                // Default intervals are spread by 5 % so that thousands of pipes do not start in the same instant.
                let jitter = if explicit.contains("schedule_interval") {
                    0.0
                } else {
                    seconds * 0.05
                };
                Schedule::Interval { seconds, jitter }
            }
        };
        Pump {
            schedule,
            mode: match fields.text("mode").as_str() {
                "manual" => Mode::Manual,
                "off" => Mode::Off,
                _ => Mode::Scheduled,
            },
            rescan_run_count: fields.optional_count("rescan_run_count"),
            rescan_cron_expression: fields.optional_text("rescan_cron_expression"),
            partial_rescan_run_count: fields.optional_count("partial_rescan_run_count"),
            partial_rescan_delta: fields.optional_count("partial_rescan_delta"),
            run_at_startup: fields.flag("run_at_startup"),
            run_at_startup_if_not_populated: fields.flag("run_at_startup_if_not_populated"),
            max_read_retries: fields.count("max_read_retries"),
            read_retry_delay: fields.number("read_retry_delay"),
            max_consecutive_write_errors: fields.count("max_consecutive_write_errors"),
            write_retry_delay: fields.number("write_retry_delay"),
            batch_retries: fields.count("batch_retries"),
            fallback_to_single_entities_on_batch_fail: fields
                .flag("fallback_to_single_entities_on_batch_fail"),
            max_write_errors_in_retry_dataset: fields.count("max_write_errors_in_retry_dataset"),
            max_retries_per_entity: fields.count("max_retries_per_entity"),
            dead_letter_dataset: fields.optional_text("dead_letter_dataset"),
            track_dead_letters: fields.flag("track_dead_letters"),
            max_seconds_per_entity: fields.optional_number("max_seconds_per_entity"),
            log_events_noop_runs: fields.flag("log_events_noop_runs"),
            log_events_noop_runs_changes_only: fields.flag("log_events_noop_runs_changes_only"),
            notification_granularity: fields.count("notification_granularity"),
            explicit,
        }
    }
}
