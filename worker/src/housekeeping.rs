//! What runs in the background: removing superseded versions (CO1-CO3) and old events of execution logs (CO4).

use crate::blocking;
use crate::clock::{Micros, SECOND};
use crate::deployment::Deployment;
use crate::execution_log;
use crate::shared::Shared;
use sluice_config::Compaction;
use sluice_dataset::{Compacted, Result, Retention, WritableDataset};
use sluice_store::{Dataset, Trimming};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two passes (CO1).
const BETWEEN: Duration = Duration::from_secs(24 * 3_600);
/// After the start, so that restarts do not put it off for ever.
const FIRST: Duration = Duration::from_secs(600);
/// Versions looked at in one step; the dataset's write lock is free between steps.
const BUDGET: u64 = 10_000;
const HOUR: Micros = 3_600 * SECOND;
/// What an execution log keeps at least, whatever is configured (CO4).
const LOG_HOURS: u64 = 720;

/// Passes over all datasets until stopped.
pub(crate) async fn run(shared: Arc<Shared>, deployment: Arc<Deployment>, stop: CancellationToken) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        compact_datasets(&shared, &deployment, &stop).await;
        compact_replicas(&shared, &deployment, &stop).await;
        trim_logs(&shared, &deployment, &stop).await;
        pause = BETWEEN;
    }
}

/// The datasets of all pipes that neither the sink nor the pass was told to leave alone (CO1).
pub(crate) async fn compact_datasets(
    shared: &Shared,
    deployment: &Deployment,
    stop: &CancellationToken,
) {
    for pipe in deployment.pipes() {
        let settings = pipe.settings();
        let is_wanted = settings.compaction.sink || settings.compaction.automatic;
        let dataset = settings.sink_dataset.as_deref().filter(|_| is_wanted);
        if let Some(dataset) = dataset.and_then(|name| shared.existing(name)) {
            let retention = retention(&settings.compaction, shared.clock.now());
            compact(dataset, retention, stop).await;
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

/// Replicas as the pipes that write the datasets ask for it, wherever those are: each keeps its own previous versions.
pub(crate) async fn compact_replicas(
    shared: &Shared,
    deployment: &Deployment,
    stop: &CancellationToken,
) {
    let taken = deployment.taken();
    for pipe in taken.configuration.pipes.values() {
        let is_wanted = pipe.compaction.sink || pipe.compaction.automatic;
        let dataset = pipe.sink_dataset.as_deref().filter(|_| is_wanted);
        if let Some(replica) = dataset.and_then(|name| shared.replica(name)) {
            let retention = retention(&pipe.compaction, shared.clock.now());
            compact(replica, retention, stop).await;
        }
        if stop.is_cancelled() {
            return;
        }
    }
}

/// The execution logs of all pipes, those that are gone included.
pub(crate) async fn trim_logs(shared: &Shared, deployment: &Deployment, stop: &CancellationToken) {
    let now = shared.clock.now();
    for dataset in shared.store.datasets() {
        let name = dataset.name().clone();
        let Some(pipe) = execution_log::pipe_of(name.as_str()) else {
            continue;
        };
        let hours = deployment.get(pipe).map_or_else(
            || deployment.taken().configuration.metadata.log_hours,
            |pipe| pipe.settings().compaction.time_threshold_hours_pump,
        );
        let kept = hours.max(LOG_HOURS).saturating_mul(HOUR);
        trim(dataset, now.saturating_sub(kept), stop).await;
        if stop.is_cancelled() {
            return;
        }
    }
}

/// One dataset to its end, step by step.
pub(crate) async fn compact(dataset: Dataset, retention: Retention, stop: &CancellationToken) {
    let step = move |dataset: &Dataset, from| dataset.compact(&retention, from, BUDGET);
    let removed = steps(&dataset, step, stop).await;
    if removed > 0 {
        tracing::info!(dataset = %dataset.name(), removed, "removed superseded versions");
    }
}

/// One execution log: what was written before a moment, but for what the pipe last did of each kind.
async fn trim(log: Dataset, before: Micros, stop: &CancellationToken) {
    let step = move |log: &Dataset, from| {
        let trimming = Trimming {
            before,
            stays: &execution_log::is_fixed,
        };
        log.trim(trimming, from, BUDGET)
    };
    let removed = steps(&log, step, stop).await;
    if removed > 0 {
        tracing::info!(dataset = %log.name(), removed, "removed old events");
    }
}

/// Steps until the end, a failure or a stop; answers how many versions went.
async fn steps(
    dataset: &Dataset,
    step: impl Fn(&Dataset, Option<u64>) -> Result<Compacted> + Clone + Send + 'static,
    stop: &CancellationToken,
) -> u64 {
    let (mut from, mut removed) = (None, 0);
    while !stop.is_cancelled() {
        let (dataset, step) = (dataset.clone(), step.clone());
        let name = dataset.name().clone();
        match blocking::run(move || step(&dataset, from)).await {
            Ok(done) => {
                removed += done.removed;
                from = done.resume;
            }
            Err(error) => {
                tracing::warn!(dataset = %name, error = %error, "cannot compact the dataset");
                return removed;
            }
        }
        if from.is_none() {
            break;
        }
    }
    removed
}

/// CO2, CO3.
pub(crate) fn retention(settings: &Compaction, now: Micros) -> Retention {
    Retention {
        keep_versions: u32::try_from(settings.keep_versions).unwrap_or(u32::MAX),
        keep_since: settings
            .time_threshold_hours
            .map(|hours| now.saturating_sub(hours.saturating_mul(HOUR))),
        consumed: None,
    }
}
