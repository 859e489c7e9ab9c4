//! What every call of the API can reach.

use crate::Settings;
use crate::budget::Budget;
use crate::metrics::Metrics;
use async_trait::async_trait;
use sluice_identity::TokenVerifier;
use sluice_protocol::{ConfigurationSnapshot, Result, StorageNode, Worker};
use sluice_telemetry::Logs;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// What only the process around the roles can do or know.
#[async_trait]
pub trait Process: Send + Sync {
    /// Why the hub does not serve yet (a store is being opened, the configuration loaded); `None` when it is ready.
    fn not_ready(&self) -> Option<String>;
    /// Starts the roles anew, data kept, with a new [`Aggregator`] and so another start time. Answers when that is under way.
    async fn restart(&self) -> Result<()>;
}

/// What an [`Aggregator`] is made of.
pub struct Parts {
    /// Pipes and datasets.
    pub worker: Arc<dyn Worker>,
    /// Configuration, variables, secrets.
    pub storage: Arc<dyn StorageNode>,
    /// The process around.
    pub process: Arc<dyn Process>,
    /// Knows valid tokens.
    pub verifier: Arc<TokenVerifier>,
    /// The registry that `/metrics` prints; the API adds its own.
    pub metrics: sluice_telemetry::Metrics,
    /// The filter that `/log-filter` shows and changes.
    pub logs: Logs,
    /// How the API behaves.
    pub settings: Settings,
}

/// The roles and settings behind the API.
pub struct Aggregator {
    pub(crate) worker: Arc<dyn Worker>,
    pub(crate) storage: Arc<dyn StorageNode>,
    pub(crate) process: Arc<dyn Process>,
    pub(crate) verifier: Arc<TokenVerifier>,
    pub(crate) metrics: sluice_telemetry::Metrics,
    pub(crate) logs: Logs,
    pub(crate) settings: Settings,
    pub(crate) bodies: Budget,
    pub(crate) counted: Metrics,
    started: AtomicU64,
}

impl Aggregator {
    /// Puts the parts together.
    pub fn new(parts: Parts) -> Self {
        let Parts {
            worker,
            storage,
            process,
            verifier,
            metrics,
            logs,
            settings,
        } = parts;
        let bodies = Budget::new(
            settings.limits.bodies_in_flight,
            settings.limits.budget_wait,
        );
        let counted = Metrics::register(&metrics);
        let started = AtomicU64::new(now_micros());
        Aggregator {
            worker,
            storage,
            process,
            verifier,
            metrics,
            logs,
            settings,
            bodies,
            counted,
            started,
        }
    }

    /// The present configuration.
    pub(crate) fn configuration(&self) -> Arc<ConfigurationSnapshot> {
        self.storage.watch().borrow().clone()
    }

    /// Waits until the worker has taken up the present configuration, so that the next call sees it.
    pub(crate) async fn deployed(&self) -> Result<()> {
        let revision = self.configuration().revision;
        let wait = self.worker.wait_for_revision(revision);
        match tokio::time::timeout(self.settings.limits.deploy_wait, wait).await {
            Ok(outcome) => outcome,
            Err(_) => {
                // The change itself is durable; clients see `Deploying` until it is taken up.
                tracing::warn!(revision, "configuration is not taken up yet");
                Ok(())
            }
        }
    }

    /// When the hub started or was reset; microseconds since 1970 UTC.
    pub(crate) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    /// Remembers a start. Two starts never have the same time: clients wait for it to change.
    pub(crate) fn starts_anew(&self) {
        let now = now_micros();
        self.started.fetch_max(now, Ordering::Relaxed);
        let _ = self
            .started
            .compare_exchange(now, now + 1, Ordering::Relaxed, Ordering::Relaxed);
    }
}

/// Microseconds since 1970 UTC.
pub(crate) fn now_micros() -> u64 {
    let since = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
