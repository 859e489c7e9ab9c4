//! The operator from start to end: connect, lead, look after hubs, let go of the lease.

use crate::context::Context;
use crate::lease::Leadership;
use crate::metrics::Metrics;
use crate::{Error, Result, Settings, api_server, controllers};
use kube::Config;
use sluice_telemetry::Stop;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time for reconciles to end when the operator is told to.
const TO_END: Duration = Duration::from_secs(10);

/// Runs until asked to stop. It ends with an error when another operator may lead: what is half done then is the other one's.
pub async fn run(
    settings: Settings,
    metrics: Metrics,
    stop: Stop,
    started: impl FnOnce(&str),
) -> Result<()> {
    let config = Config::infer().await;
    let config = config.map_err(|error| Error::Connect(error.into()))?;
    run_at(config, settings, metrics, stop, started).await
}

/// The same at an API server that is named.
pub async fn run_at(
    config: Config,
    settings: Settings,
    metrics: Metrics,
    mut stop: Stop,
    started: impl FnOnce(&str),
) -> Result<()> {
    let client = api_server::connect(config, &metrics)?;
    started(&settings.lease.holder);
    let mut leading = tokio::select! {
        leading = Leadership::win(client.clone(), settings.lease.clone()) => leading?,
        () = stop.asked() => return Ok(()),
    };
    tracing::info!(epoch = leading.epoch(), "leading");
    metrics.leads(true);
    let context = Context::new(client, settings, metrics.clone(), leading.epoch());
    let context = Arc::new(context);
    let (tasks, ending) = (TaskTracker::new(), CancellationToken::new());
    let working = async {
        controllers::start(&context, &tasks, &ending).await;
        stop.asked().await;
        ending.cancel();
        tasks.close();
        if tokio::time::timeout(TO_END, tasks.wait()).await.is_err() {
            tracing::warn!("reconciles did not end in time; the next operator goes on with them");
        }
    };
    let ended = tokio::select! {
        lost = leading.lost() => Err(lost),
        () = working => Ok(()),
    };
    metrics.leads(false);
    if ended.is_ok() {
        leading.release().await;
    } else {
        // No reconcile goes on: the process ends with this error.
        ending.cancel();
    }
    ended
}
