//! Every metric of this crate: names, units, meanings.

use crate::pipe::Figures;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use std::time::Duration;

/// What operators see of the pipes of a worker.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    runs_completed: Counter,
    runs_failed: Counter,
    entities_read: Counter,
    entities_changed: Counter,
    read_errors: Counter,
    write_errors: Counter,
    entities_pushed: Counter,
    pushes_failed: Counter,
    entities_published: Counter,
    entities_passed_over: Counter,
    comparisons_in_vain: Counter,
    comparing_stopped: Counter,
    replica_versions: Counter,
    replica_failures: Counter,
    replica_rewinds: Counter,
    checkpoints_made: Counter,
    checkpoints_failed: Counter,
    checkpoint_age: Gauge,
}

impl Metrics {
    /// Adds all of them to the registry.
    pub(crate) fn register(&self, registry: &mut Registry) {
        let rows: [(&str, &str, &Counter); 17] = [
            (
                "pipe_runs_completed",
                "Runs of pipes that read their source to the end",
                &self.runs_completed,
            ),
            (
                "pipe_runs_failed",
                "Runs of pipes that stopped before their end",
                &self.runs_failed,
            ),
            (
                "pipe_entities_read",
                "Entities that runs read from their sources",
                &self.entities_read,
            ),
            (
                "pipe_entities_changed",
                "Versions that runs appended, or entities they delivered",
                &self.entities_changed,
            ),
            (
                "pipe_read_errors",
                "Failed reads of sources, retried ones included",
                &self.read_errors,
            ),
            (
                "pipe_write_errors",
                "Failed writes to sinks, retried ones included",
                &self.write_errors,
            ),
            (
                "receiver_entities",
                "Entities that receivers took",
                &self.entities_pushed,
            ),
            (
                "receiver_requests_refused",
                "Requests that receivers refused or could not finish",
                &self.pushes_failed,
            ),
            (
                "publisher_entities",
                "Entities that publishers gave",
                &self.entities_published,
            ),
            (
                "pass_over_entities",
                "Received entities that were not read, since their bytes were those last received",
                &self.entities_passed_over,
            ),
            (
                "pass_over_misses",
                "Received entities whose bytes were compared and were others",
                &self.comparisons_in_vain,
            ),
            (
                "pass_over_stopped",
                "Times that a pipe stopped comparing bytes for a while, since it did not pay",
                &self.comparing_stopped,
            ),
            (
                "replica_versions",
                "Versions of other workers' datasets that were copied into replicas",
                &self.replica_versions,
            ),
            (
                "replica_failures",
                "Streams from owners of datasets that broke, or could not be opened",
                &self.replica_failures,
            ),
            (
                "replica_rewinds",
                "Times that a replica gave up what its owner had lost",
                &self.replica_rewinds,
            ),
            (
                "checkpoints_made",
                "Checkpoints of pipes that were made",
                &self.checkpoints_made,
            ),
            (
                "checkpoints_failed",
                "Checkpoints of pipes that could not be made",
                &self.checkpoints_failed,
            ),
        ];
        for (name, help, counter) in rows {
            registry.register(name, help, counter.clone());
        }
        registry.register(
            "checkpoint_age_seconds",
            "How long ago all of the pipe was in the object store that is behind most",
            self.checkpoint_age.clone(),
        );
    }

    /// A run has ended.
    pub(crate) fn run_ended(&self, success: bool, figures: &Figures) {
        if success {
            self.runs_completed.inc()
        } else {
            self.runs_failed.inc()
        };
        self.entities_read.inc_by(figures.read);
        self.entities_changed.inc_by(figures.changes);
        self.read_errors.inc_by(figures.read_errors);
        self.write_errors.inc_by(figures.write_errors);
    }

    /// Versions were copied into a replica.
    pub(crate) fn replica_copied(&self, versions: u64) {
        self.replica_versions.inc_by(versions);
    }

    /// The owner of a replica cannot be followed for a while.
    pub(crate) fn replica_failed(&self) {
        self.replica_failures.inc();
    }

    /// A replica gave up what its owner had lost.
    pub(crate) fn replica_rewound(&self) {
        self.replica_rewinds.inc();
    }

    /// A checkpoint was made.
    pub(crate) fn checkpoint_made(&self) {
        self.checkpoints_made.inc();
    }

    /// A checkpoint could not be made.
    pub(crate) fn checkpoint_failed(&self) {
        self.checkpoints_failed.inc();
    }

    /// So long ago the pipe that is behind most was whole in the object store.
    pub(crate) fn set_checkpoint_age(&self, age: Duration) {
        self.checkpoint_age
            .set(i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
    }

    /// A push has ended.
    pub(crate) fn push_ended(&self, received: Option<u64>) {
        match received {
            Some(received) => self.entities_pushed.inc_by(received),
            None => self.pushes_failed.inc(),
        };
    }

    /// Received bytes were compared.
    pub(crate) fn compared(&self, same: u64, different: u64, stopped: bool) {
        self.entities_passed_over.inc_by(same);
        self.comparisons_in_vain.inc_by(different);
        self.comparing_stopped.inc_by(u64::from(stopped));
    }

    /// Entities that were passed over so far.
    #[cfg(test)]
    pub(crate) fn passed_over(&self) -> u64 {
        self.entities_passed_over.get()
    }

    /// A publisher gave some entities.
    pub(crate) fn published(&self, entities: u64) {
        self.entities_published.inc_by(entities);
    }
}
