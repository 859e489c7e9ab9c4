//! The life of a hub: what is opened once, and the roles, which a restart opens again.

use super::Started;
use super::process::OneProcess;
use super::roles::Roles;
use super::steps::Steps;
use crate::process::certificate::{keep_fresh, open};
use crate::process::ready_file::{ReadyFile, url};
use crate::process::{DataFolder, blocking};
use crate::settings::Settings;
use anyhow::{Context, Result};
use rustls::ServerConfig;
use sluice_aggregator::{Aggregator, Limits, Parts, Serving};
use sluice_identity::{ServerCertificate, TokenVerifier};
use sluice_telemetry::{Logs, Metrics, Stop};
use std::net::TcpListener;
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

/// Runs a hub until it is asked to stop. `started` hears when it serves for the first time.
pub(super) async fn serve(
    settings: Settings,
    logs: Logs,
    mut stop: Stop,
    started: oneshot::Sender<Started>,
) -> Result<()> {
    let mut steps = Steps::new();
    let fixed = prepare(settings, logs, &mut steps).await?;
    let renewing = keep_fresh(fixed.certificate.clone(), stop.clone());
    let mut started = Some(started);
    let mut port = None;
    let outcome = loop {
        let round = match Round::open(&fixed, port.take(), &mut steps).await {
            Ok(round) => round,
            Err(error) => break Err(error),
        };
        steps.done(&url(round.serving.address()));
        if let Some(started) = started.take() {
            let _ = started.send(Started {
                address: round.serving.address(),
                authority: fixed.certificate.authority(),
            });
        }
        tokio::select! {
            () = stop.asked() => break round.close(&fixed).await,
            () = round.process.restart_asked() => {
                tracing::info!("restarting");
                port = Some(round.port.try_clone()?);
                if let Err(error) = round.close(&fixed).await {
                    break Err(error);
                }
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

/// The roles and the API on top of them, from one opening to the next closing.
struct Round {
    roles: Roles,
    process: Arc<OneProcess>,
    serving: Serving,
    /// A second handle to the port, to be kept over a restart: connections then wait instead of being refused.
    port: TcpListener,
    ready: ReadyFile,
}

impl Round {
    /// Opens everything, on the port of the round before if there was one.
    async fn open(fixed: &Fixed, port: Option<TcpListener>, steps: &mut Steps) -> Result<Round> {
        let metrics = Metrics::new();
        let roles = Roles::open(&fixed.settings, &metrics, steps).await?;
        steps.next();
        match Self::serve(fixed, port, &roles, metrics).await {
            Ok((process, serving, port, ready)) => Ok(Round {
                roles,
                process,
                serving,
                port,
                ready,
            }),
            Err(error) => {
                roles.close(fixed.settings.stop_timeout).await;
                Err(error)
            }
        }
    }

    async fn serve(
        fixed: &Fixed,
        port: Option<TcpListener>,
        roles: &Roles,
        metrics: Metrics,
    ) -> Result<(Arc<OneProcess>, Serving, TcpListener, ReadyFile)> {
        let port = port.map_or_else(|| sluice_aggregator::listen(fixed.settings.listen), Ok)?;
        let listener = port.try_clone().context("cannot share the port")?;
        let process = Arc::new(OneProcess::default());
        let aggregator = fixed.aggregator(roles, process.clone(), metrics);
        let serving = sluice_aggregator::serve(aggregator, listener, fixed.tls.clone()).await?;
        let authority = fixed.certificate.authority();
        let ready_file = fixed.settings.ready_file.as_deref();
        let ready = ReadyFile::write(ready_file, serving.address(), authority.as_deref(), None)?;
        Ok((process, serving, port, ready))
    }

    /// Ends runs while the last requests are answered.
    async fn close(self, fixed: &Fixed) -> Result<()> {
        drop((self.ready, self.port));
        let patience = fixed.settings.stop_timeout;
        let (served, ()) = tokio::join!(self.serving.stop(patience), self.roles.close(patience));
        served.context("the API did not stop in order")
    }
}

impl Fixed {
    fn aggregator(
        &self,
        roles: &Roles,
        process: Arc<OneProcess>,
        metrics: Metrics,
    ) -> Arc<Aggregator> {
        let limits = Limits {
            body: self.settings.request_limit,
            connections: self.settings.connections,
            ..Limits::default()
        };
        Arc::new(Aggregator::new(Parts {
            worker: roles.worker(),
            storage: roles.storage(),
            process,
            verifier: self.verifier.clone(),
            metrics,
            logs: self.logs.clone(),
            settings: sluice_aggregator::Settings {
                developer_mode: self.settings.developer_mode,
                limits,
                ..sluice_aggregator::Settings::default()
            },
        }))
    }
}
