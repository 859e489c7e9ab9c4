//! The registry of metrics. Names, units and meanings are in the `metrics.rs` of the crate that counts.

use parking_lot::Mutex;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use std::fmt;
use std::sync::Arc;

/// All metrics of a process. Clones share it.
#[derive(Clone)]
pub struct Metrics(Arc<Mutex<Registry>>);

impl Metrics {
    /// An empty registry; every name in it begins with `sluice_`.
    pub fn new() -> Self {
        Metrics(Arc::new(Mutex::new(Registry::with_prefix("sluice"))))
    }

    /// Lets a crate add its metrics.
    pub fn register(&self, add: impl FnOnce(&mut Registry)) {
        add(&mut self.0.lock());
    }

    /// Everything in OpenMetrics text form, which Prometheus reads. Its content type is [`Metrics::CONTENT_TYPE`].
    pub fn encode(&self) -> String {
        let mut text = String::new();
        // Writing into a string cannot fail; a collector that does leaves its lines out.
        let _ = encode(&mut text, &self.0.lock());
        text
    }

    /// What an answer with [`Metrics::encode`] is labelled.
    pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
}

impl Default for Metrics {
    fn default() -> Self {
        Metrics::new()
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::metrics::counter::Counter;

    #[test]
    fn a_registered_counter_is_printed_with_its_meaning() {
        let metrics = Metrics::new();
        let runs: Counter = Counter::default();
        metrics.register(|registry| registry.register("pipe_runs", "Runs of pipes", runs.clone()));
        runs.inc_by(3);
        let text = metrics.clone().encode();
        assert!(
            text.contains("# HELP sluice_pipe_runs Runs of pipes"),
            "{text}"
        );
        assert!(text.contains("sluice_pipe_runs_total 3"), "{text}");
        assert!(text.ends_with("# EOF\n"), "{text}");
    }
}
