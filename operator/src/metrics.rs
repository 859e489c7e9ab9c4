//! Every metric of this crate: names, units, meanings.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use std::fmt;
use std::time::{Duration, Instant};

/// What an operator counts. Clones share it.
#[derive(Clone)]
pub struct Metrics {
    reconciles: Family<Ended, Counter>,
    seconds: Family<OfKind, Histogram>,
    running: Family<OfKind, Gauge>,
    failing: Family<OfKind, Gauge>,
    leading: Gauge,
    requests: Family<Request, Counter>,
    request_seconds: Family<OfVerb, Histogram>,
    writes: Family<Outcome, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfKind {
    kind: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ended {
    kind: &'static str,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfVerb {
    verb: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    verb: &'static str,
    /// Of HTTP; 0 where there was no answer.
    status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    outcome: &'static str,
}

impl Metrics {
    /// Of an operator whose metrics are shown with those of its process.
    pub fn register(telemetry: &sluice_telemetry::Metrics) -> Self {
        let metrics = Metrics::default();
        telemetry.register(|registry| {
            registry.register(
                "operator_reconciles",
                "Looks at a resource, by its kind and how they ended",
                metrics.reconciles.clone(),
            );
            registry.register(
                "operator_reconcile_seconds",
                "Time that a look at a resource took",
                metrics.seconds.clone(),
            );
            registry.register(
                "operator_reconciling",
                "Resources that are looked at now",
                metrics.running.clone(),
            );
            registry.register(
                "operator_failing",
                "Resources that wait for another try after a failure",
                metrics.failing.clone(),
            );
            registry.register(
                "operator_leading",
                "Whether this operator leads",
                metrics.leading.clone(),
            );
            registry.register(
                "operator_api_requests",
                "Requests to the API server, by verb and HTTP status; 0: no answer",
                metrics.requests.clone(),
            );
            registry.register(
                "operator_api_request_seconds",
                "Time until the API server's answer began, without watches",
                metrics.request_seconds.clone(),
            );
            registry.register(
                "operator_api_writes",
                "Changes of configuration through the API, by how they ended or were put off",
                metrics.writes.clone(),
            );
        });
        metrics
    }

    /// A look at a resource begins.
    pub(crate) fn reconciling(&self, kind: &'static str) -> Reconciling {
        let running = self.running.get_or_create_owned(&OfKind { kind });
        running.inc();
        Reconciling {
            metrics: self.clone(),
            running,
            kind,
            begun: Instant::now(),
        }
    }

    /// So many resources of a kind fail.
    pub(crate) fn failing(&self, kind: &'static str, count: usize) {
        let count = i64::try_from(count).unwrap_or(i64::MAX);
        self.failing.get_or_create(&OfKind { kind }).set(count);
    }

    /// It leads from now on, or not any more.
    pub(crate) fn leads(&self, leads: bool) {
        self.leading.set(i64::from(leads));
    }

    /// The API server has begun to answer, or there was no answer.
    pub(crate) fn requested(&self, verb: &'static str, status: Option<u16>, took: Duration) {
        let status = status.map_or(0, u32::from);
        self.requests.get_or_create(&Request { verb, status }).inc();
        if verb != WATCH {
            self.request_seconds
                .get_or_create(&OfVerb { verb })
                .observe(took.as_secs_f64());
        }
    }

    /// What became of a change through the API.
    pub(crate) fn wrote(&self, outcome: &'static str) {
        self.writes.get_or_create(&Outcome { outcome }).inc();
    }
}

/// A watch is no request that ends.
pub(crate) const WATCH: &str = "watch";

/// A look at a resource. Dropped without an end it counts as running no more.
pub(crate) struct Reconciling {
    metrics: Metrics,
    running: Gauge,
    kind: &'static str,
    begun: Instant,
}

impl Reconciling {
    /// How it ended.
    pub(crate) fn ended(self, is_done: bool) {
        let (kind, outcome) = (self.kind, if is_done { "done" } else { "failed" });
        let ended = Ended { kind, outcome };
        self.metrics.reconciles.get_or_create(&ended).inc();
        let took = self.begun.elapsed().as_secs_f64();
        self.metrics
            .seconds
            .get_or_create(&OfKind { kind })
            .observe(took);
    }
}

impl Drop for Reconciling {
    fn drop(&mut self) {
        self.running.dec();
    }
}

impl Default for Metrics {
    /// Not shown anywhere.
    fn default() -> Self {
        let seconds = || Histogram::new(exponential_buckets(0.001, 4.0, 10));
        Metrics {
            reconciles: Family::default(),
            seconds: Family::new_with_constructor(seconds),
            running: Family::default(),
            failing: Family::default(),
            leading: Gauge::default(),
            requests: Family::default(),
            request_seconds: Family::new_with_constructor(seconds),
            writes: Family::default(),
        }
    }
}

impl fmt::Debug for Metrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Metrics").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn looks_at_resources_are_counted_by_how_they_end_also_those_that_are_cut_off() {
        let telemetry = sluice_telemetry::Metrics::new();
        let metrics = Metrics::register(&telemetry);
        metrics.reconciling("worker").ended(true);
        metrics.reconciling("worker").ended(false);
        drop(metrics.reconciling("worker"));
        let running = metrics.reconciling("worker");
        metrics.requested("patch", Some(409), Duration::from_millis(3));
        metrics.requested(WATCH, None, Duration::ZERO);
        let text = telemetry.encode();
        for line in [
            r#"sluice_operator_reconciles_total{kind="worker",outcome="done"} 1"#,
            r#"sluice_operator_reconciles_total{kind="worker",outcome="failed"} 1"#,
            r#"sluice_operator_reconciling{kind="worker"} 1"#,
            r#"sluice_operator_api_requests_total{verb="patch",status="409"} 1"#,
            r#"sluice_operator_api_requests_total{verb="watch",status="0"} 1"#,
        ] {
            assert!(text.contains(line), "{line} is missing: {text}");
        }
        drop(running);
        assert!(
            telemetry
                .encode()
                .contains(r#"sluice_operator_reconciling{kind="worker"} 0"#)
        );
    }
}
