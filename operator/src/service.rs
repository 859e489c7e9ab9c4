//! The operator from start to end: connect, lead, look after hubs, let go of the lease.

use crate::context::Context;
use crate::lease::Leadership;
use crate::{Error, Result, Settings, controllers};
use kube::Client;
use sluice_telemetry::Stop;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Time for reconciles to end when the operator is told to.
const TO_END: Duration = Duration::from_secs(10);

/// Runs until asked to stop. It ends with an error when another operator may lead: what is half done then is the other one's.
pub async fn run(settings: Settings, mut stop: Stop, started: impl FnOnce(&str)) -> Result<()> {
    let client = Client::try_default()
        .await
        .map_err(|error| Error::Connect(error.into()))?;
    started(&settings.lease.holder);
    let mut leading = tokio::select! {
        leading = Leadership::win(client.clone(), settings.lease.clone()) => leading?,
        () = stop.asked() => return Ok(()),
    };
    tracing::info!(epoch = leading.epoch(), "leading");
    let context = Arc::new(Context::new(client, settings, leading.epoch()));
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
    tokio::select! {
        // No reconcile goes on: the process ends with this error.
        lost = leading.lost() => return Err(lost),
        () = working => {}
    }
    leading.release().await;
    Ok(())
}
