//! What runs in the background: removing superseded versions (CO1-CO4).

use crate::blocking;
use crate::clock::{Micros, SECOND};
use crate::deployment::Deployment;
use crate::execution_log;
use crate::shared::Shared;
use sluice_config::Compaction;
use sluice_dataset::{Result, Retention, WritableDataset};
use sluice_store::Dataset;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Between two passes (CO1).
const BETWEEN: Duration = Duration::from_secs(24 * 3_600);
/// After the start, so that restarts do not put it off for ever.
const FIRST: Duration = Duration::from_secs(600);
/// Superseded versions looked at in one step; the dataset's write lock is free between steps.
const BUDGET: u64 = 10_000;
const HOUR: Micros = 3_600 * SECOND;

/// Passes over all datasets until stopped.
pub(crate) async fn run(shared: Arc<Shared>, deployment: Arc<Deployment>, stop: CancellationToken) {
    let mut pause = FIRST;
    loop {
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = stop.cancelled() => return,
        }
        for pipe in deployment.pipes() {
            let settings = pipe.settings();
            let now = shared.clock.now();
            if let Some(dataset) = settings
                .sink_dataset
                .as_deref()
                .and_then(|name| shared.existing(name))
            {
                compact(dataset, retention(&settings.compaction, now), &stop).await;
            }
            let log = execution_log::dataset_name(&pipe.id)
                .ok()
                .and_then(|name| shared.store.dataset(&name));
            if let Some(log) = log {
                compact(log, log_retention(&settings.compaction, now), &stop).await;
            }
            if stop.is_cancelled() {
                return;
            }
        }
        pause = BETWEEN;
    }
}

/// One dataset to its end, step by step.
pub(crate) async fn compact(dataset: Dataset, retention: Retention, stop: &CancellationToken) {
    let mut from = None;
    let mut removed = 0;
    while !stop.is_cancelled() {
        match step(&dataset, retention, from).await {
            Ok((some, next)) => {
                removed += some;
                from = next;
            }
            Err(error) => {
                tracing::warn!(dataset = %dataset.name(), error = %error, "cannot compact the dataset");
                return;
            }
        }
        if from.is_none() {
            break;
        }
    }
    if removed > 0 {
        tracing::info!(dataset = %dataset.name(), removed, "removed superseded versions");
    }
}

async fn step(
    dataset: &Dataset,
    retention: Retention,
    from: Option<u64>,
) -> Result<(u64, Option<u64>)> {
    let dataset = dataset.clone();
    blocking::run(move || {
        let compacted = dataset.compact(&retention, from, BUDGET)?;
        Ok((compacted.removed, compacted.resume))
    })
    .await
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

/// CO4: by time alone.
fn log_retention(settings: &Compaction, now: Micros) -> Retention {
    let hours = settings.time_threshold_hours_pump.max(720);
    Retention {
        keep_versions: 1,
        keep_since: Some(now.saturating_sub(hours.saturating_mul(HOUR))),
        consumed: None,
    }
}
