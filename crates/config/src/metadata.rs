//! The node metadata: what holds for all pipes unless they say otherwise (CF3).

use crate::Diagnostic;
use crate::fields::Fields;
use sluice_entity::Json;
use std::sync::Arc;

/// The validated node metadata; all defaults when none is configured.
#[derive(Clone, Debug)]
pub struct Metadata {
    /// As posted; `None` when nothing is configured.
    pub original: Option<Arc<Json>>,
    /// Every default filled in.
    pub effective: Arc<Json>,
    /// Problems, located in `original`.
    pub diagnostics: Vec<Diagnostic>,
    /// No error among them.
    pub valid: bool,
    /// NS1, the node-wide default.
    pub namespaced_identifiers: bool,
    /// `namespaces.default`: namespace to URI (NS6).
    pub namespaces: Vec<(String, String)>,
    /// PU19: no run starts by itself.
    pub disable_pump_scheduler: bool,
    /// The pipes of the configuration do not run by themselves.
    pub disable_user_pipes: bool,
    /// CB5.
    pub use_config_circuit_breaker: bool,
    /// `worker_threads` of the hub's own datasets are bounded by the worker; this bounds merges (MG8).
    pub max_merged: u64,
    /// `compaction_time_threshold_hours_pump`: hours that execution logs go back, where no pipe says otherwise (CO4).
    pub log_hours: u64,
}

impl Metadata {
    pub(crate) fn read(
        original: Option<Arc<Json>>,
        effective: Json,
        diagnostics: Vec<Diagnostic>,
    ) -> Self {
        let fields = Fields::of(Some(&effective));
        let defaults = fields.inner("global_defaults");
        let scheduler = fields.inner("task_manager");
        Metadata {
            namespaced_identifiers: fields.flag("namespaced_identifiers"),
            namespaces: fields.inner("namespaces").text_map("default"),
            disable_pump_scheduler: scheduler.flag("disable_pump_scheduler"),
            disable_user_pipes: scheduler.flag("disable_user_pipes"),
            use_config_circuit_breaker: defaults.flag("use_config_circuit_breaker"),
            max_merged: defaults.count("max_merged"),
            log_hours: defaults.count("compaction_time_threshold_hours_pump"),
            valid: crate::is_valid(&diagnostics),
            original,
            effective: Arc::new(effective),
            diagnostics,
        }
    }
}
