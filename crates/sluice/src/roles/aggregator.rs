//! An aggregator as a process.

use super::{Start, link::Link, reach::PeerReach};
use crate::process::certificate::{keep_fresh, open};
use crate::process::ready_file::{ReadyFile, url};
use crate::process::{DataFolder, blocking};
use anyhow::{Context, Result};
use async_trait::async_trait;
use sluice_aggregator::{Aggregator, Fleet, Limits, Parts, Process};
use sluice_identity::{Role, TokenVerifier};
use sluice_protocol::{Assignments as _, Code, Error, StorageNode as _};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// This process, as the API sees it: it is served only when the storage node was reached, and it restarts nothing but itself.
struct OneOfMany;

#[async_trait]
impl Process for OneOfMany {
    fn not_ready(&self) -> Option<String> {
        None
    }

    async fn restart(&self) -> sluice_protocol::Result<()> {
        let message = "the processes of a hub are restarted one by one, not through the API";
        Err(Error::new(
            Code::NotInThisVersion,
            "not-in-this-version",
            message,
        ))
    }
}

/// Runs it until it is asked to stop.
pub(super) async fn run(start: Start) -> Result<()> {
    let Start {
        settings,
        logs,
        mut stop,
        readiness,
        metrics,
        admin,
        started,
    } = start;
    let data = settings.data.clone();
    let _folder = blocking(move || DataFolder::lock(&data)).await?;
    let keys = settings.clone();
    let (verifier, server_certificate) = blocking(move || {
        let verifier = TokenVerifier::open(&keys.data)?;
        Ok((Arc::new(verifier), open(&keys)?))
    })
    .await?;
    let tls = server_certificate.tls_settings()?;
    let (tasks, ending) = (TaskTracker::new(), CancellationToken::new());
    let link = Link::open(
        &settings,
        Role::Aggregator,
        &tasks,
        &ending,
        &readiness,
        &mut stop,
    );
    let Some(link) = link.await? else {
        return Ok(());
    };
    let Link {
        certificate,
        client,
        storage,
        assignments,
    } = link;
    let topology = assignments.watch_topology();
    let reach = Arc::new(PeerReach::new(certificate, client, topology.clone()));
    let fleet = Fleet::new(topology, storage.watch(), reach);
    let limits = Limits {
        body: settings.request_limit,
        connections: settings.connections,
        ..Limits::default()
    };
    let aggregator = Arc::new(Aggregator::new(Parts {
        worker: Arc::new(fleet),
        storage: Arc::new(storage),
        process: Arc::new(OneOfMany),
        verifier,
        metrics,
        logs,
        settings: sluice_aggregator::Settings {
            developer_mode: settings.developer_mode,
            limits,
            ..sluice_aggregator::Settings::default()
        },
    }));
    let listener = sluice_aggregator::listen(settings.listen)?;
    let serving = sluice_aggregator::serve(aggregator, listener, tls).await?;
    let authority = server_certificate.authority();
    let renewing = keep_fresh(server_certificate, stop.clone());
    let address = serving.address();
    let ready_file = settings.ready_file.as_deref();
    let _ready = ReadyFile::write(ready_file, address, authority.as_deref(), admin)?;
    // It has configuration and topology, or it would not have come here, and answers with what it has.
    readiness.serves(|| async { None });
    let trusted = authority.map(|path| format!(", trusted through {}", path.display()));
    let _ = started.send(format!(
        "Aggregator {} of hub {} serves {}{}",
        settings.id,
        settings.hub,
        url(address),
        trusted.unwrap_or_default()
    ));
    stop.asked().await;
    renewing.abort();
    let stopped = serving.stop(settings.stop_timeout).await;
    // The watches end with what holds them.
    drop(assignments);
    ending.cancel();
    tasks.close();
    tasks.wait().await;
    stopped.context("the API did not stop in order")
}
