//! Every metric of the API, with its unit in the name.

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use std::time::Duration;

/// Requests by operation and status.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Answered {
    operation: &'static str,
    status: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOperation {
    operation: &'static str,
}

/// What the API counts. Clones share it.
#[derive(Clone)]
pub(crate) struct Metrics {
    requests: Family<Answered, Counter>,
    seconds: Family<ByOperation, Histogram>,
}

impl Metrics {
    pub(crate) fn register(telemetry: &sluice_telemetry::Metrics) -> Self {
        let metrics = Metrics {
            requests: Family::default(),
            seconds: Family::new_with_constructor(|| {
                Histogram::new(exponential_buckets(0.000_5, 4.0, 10))
            }),
        };
        telemetry.register(|registry| {
            registry.register(
                "api_requests",
                "Requests answered, by operation and HTTP status",
                metrics.requests.clone(),
            );
            registry.register(
                "api_request_seconds",
                "Time until the answer began, seconds, by operation",
                metrics.seconds.clone(),
            );
        });
        metrics
    }

    pub(crate) fn answered(&self, operation: &'static str, status: u16, took: Duration) {
        self.requests
            .get_or_create(&Answered {
                operation,
                status: u32::from(status),
            })
            .inc();
        self.seconds
            .get_or_create(&ByOperation { operation })
            .observe(took.as_secs_f64());
    }
}
