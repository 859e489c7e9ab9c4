//! The life of a hub: what is opened once, and the roles, which a restart opens again.

use super::certificate::{keep_fresh, open};
use super::process::OneProcess;
use super::ready_file::{ReadyFile, url};
use super::roles::Roles;
use super::steps::Steps;
use super::{DataFolder, Started};
use crate::settings::Settings;
use anyhow::{Context, Result};
use rustls::ServerConfig;
use sluice_aggregator::{Aggregator, Limits, Parts, Serving};
use sluice_identity::{ServerCertificate, TokenVerifier};
use sluice_telemetry::{Logs, Metrics, Stop};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio::sync::oneshot;

/// What lives as long as the process.
struct Fixed {
    settings: Settings,
    logs: Logs,
    verifier: Arc<TokenVerifier>,
    certificate: ServerCertificate,
    tls: Arc<ServerConfig>,
    _folder: DataFolder,
}

/// Why the roles end.
enum End {
    Stop,
    Restart,
}

/// Runs a hub until it is asked to stop. `started` hears when it serves for the first time.
pub(super) async fn serve(
    settings: Settings,
    logs: Logs,
    stop: Stop,
    started: oneshot::Sender<Started>,
) -> Result<()> {
    let mut steps = Steps::new();
    let fixed = prepare(settings, logs, &mut steps).await?;
    let renewing = keep_fresh(fixed.certificate.clone(), stop.clone());
    let mut address = fixed.settings.listen;
    let mut started = Some(started);
    let outcome = loop {
        let (bound, end) =
            match serve_once(&fixed, address, steps, stop.clone(), &mut started).await {
                Ok(ended) => ended,
                Err(error) => break Err(error),
            };
        match end {
            End::Stop => break Ok(()),
            End::Restart => {
                tracing::info!("restarting");
                // The same port again, also when any was asked for.
                address = bound;
                steps = Steps::again_from("opening the configuration");
            }
        }
    };
    renewing.abort();
    tracing::info!("stopped");
    outcome
}

async fn prepare(settings: Settings, logs: Logs, steps: &mut Steps) -> Result<Fixed> {
    steps.next();
    let data = settings.data.clone();
    let folder = blocking(move || DataFolder::lock(&data)).await?;
    steps.next();
    blocking(move || {
        let verifier = Arc::new(TokenVerifier::open(&settings.data)?);
        let certificate = open(&settings)?;
        let tls = certificate.tls_settings()?;
        Ok(Fixed {
            settings,
            logs,
            verifier,
            certificate,
            tls,
            _folder: folder,
        })
    })
    .await
}

/// Opens the roles, serves until something ends them, closes them. Answers the address they were served at.
async fn serve_once(
    fixed: &Fixed,
    address: SocketAddr,
    mut steps: Steps,
    mut stop: Stop,
    started: &mut Option<oneshot::Sender<Started>>,
) -> Result<(SocketAddr, End)> {
    let metrics = Metrics::new();
    let roles = Roles::open(&fixed.settings, &metrics, &mut steps).await?;
    steps.next();
    let process = Arc::new(OneProcess::default());
    let serving = match listen(fixed, address, &roles, &process, metrics).await {
        Ok(serving) => serving,
        Err(error) => {
            roles.close(fixed.settings.stop_timeout).await;
            return Err(error);
        }
    };
    let address = serving.address();
    let authority = fixed.certificate.authority();
    let ready = ReadyFile::write(
        fixed.settings.ready_file.as_deref(),
        address,
        authority.as_deref(),
    );
    steps.done(&url(address));
    if let Some(started) = started.take() {
        let _ = started.send(Started { address, authority });
    }
    let end = match &ready {
        Err(_) => End::Stop,
        Ok(_) => tokio::select! {
            () = stop.asked() => End::Stop,
            () = process.restart_asked() => End::Restart,
        },
    };
    let written = ready.map(drop);
    // A hub that is told to stop ends its runs while the last requests are answered.
    let patience = fixed.settings.stop_timeout;
    let (served, closing) = tokio::join!(serving.stop(patience), roles.close(patience));
    written?;
    served.context("the API did not stop in order")?;
    if tokio::time::timeout(patience, closing.closed())
        .await
        .is_err()
    {
        tracing::warn!("the stores are still in use by a request");
    }
    Ok((address, end))
}

async fn listen(
    fixed: &Fixed,
    address: SocketAddr,
    roles: &Roles,
    process: &Arc<OneProcess>,
    metrics: Metrics,
) -> Result<Serving> {
    let settings = &fixed.settings;
    let limits = Limits {
        body: settings.request_limit,
        connections: settings.connections,
        ..Limits::default()
    };
    let aggregator = Arc::new(Aggregator::new(Parts {
        worker: roles.worker(),
        storage: roles.storage(),
        process: process.clone(),
        verifier: fixed.verifier.clone(),
        metrics,
        logs: fixed.logs.clone(),
        settings: sluice_aggregator::Settings {
            developer_mode: settings.developer_mode,
            limits,
            ..sluice_aggregator::Settings::default()
        },
    }));
    Ok(sluice_aggregator::serve(aggregator, address, fixed.tls.clone()).await?)
}

/// Runs what blocks on a thread for it.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("starting was interrupted")?
}
