//! A worker as a process.

use super::{Start, link::Link, port, reach::PeerReach};
use crate::process::ready_file::ReadyFile;
use crate::process::{DataFolder, blocking, objects};
use anyhow::{Context, Result};
use serde::Serialize;
use sluice_format::Format;
use sluice_identity::{Admission, Role};
use sluice_protocol::server::{self, ServerSettings};
use sluice_protocol::transport::{Limits, Port};
use sluice_protocol::{Assignments as _, WorkerId};
use sluice_worker::{LocalWorker, Microservices};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

/// The part of the time for stopping in which pipes move away; what is left is for runs to end and for the last checkpoints.
const FOR_MOVES: f64 = 0.75;
/// How long the last requests get, at most, after everything else has ended.
const LAST_REQUESTS: Duration = Duration::from_secs(30);

#[derive(Serialize)]
struct Ready {
    address: String,
    pid: u32,
    admin: Option<SocketAddr>,
}

/// Runs it until it is asked to stop.
pub(super) async fn run(start: Start) -> Result<()> {
    let Start {
        settings,
        mut stop,
        readiness,
        metrics,
        admin,
        started,
        ..
    } = start;
    let data = settings.data.clone();
    let _folder = blocking(move || DataFolder::lock(&data)).await?;
    let (tasks, ending) = (TaskTracker::new(), CancellationToken::new());
    let link = Link::open(
        &settings,
        Role::Worker,
        &tasks,
        &ending,
        &readiness,
        &mut stop,
    );
    let Some(link) = link.await? else {
        return Ok(());
    };

    let (listener, listening) = port::listen(settings.listen).await?;
    let address = settings.address.clone();
    let address = address.unwrap_or_else(|| listening.to_string());
    let mut own = sluice_worker::Settings::new(&settings.data);
    own.worker = Some(WorkerId(settings.id.clone()));
    own.address = address.clone();
    own.store.cache_bytes = settings.store_cache;
    // Write buffers live inside the cache's budget.
    own.store.write_buffer_bytes = settings.store_cache / 2;
    own.store.format = Format::new(settings.formats);
    own.objects = objects::open(settings.object_store.as_deref())?;
    own.hub = Some(settings.hub.clone());
    own.checkpoint_every = settings.checkpoint_every;
    own.microservices = Microservices {
        hub: settings.hub.clone(),
        domain: settings.microservice_domain.clone(),
        addresses: settings.microservices.clone(),
    };
    readiness.waits_for("it opens the store");
    let topology = link.assignments.watch_topology();
    let reach = PeerReach::new(link.certificate.clone(), link.client, topology);
    let opening = LocalWorker::open(
        own,
        Arc::new(link.storage),
        Arc::new(link.assignments),
        Arc::new(reach),
        &metrics,
    );
    let worker = opening.await.context("cannot open the worker")?;

    // Whatever comes now, the store is closed before the process ends.
    let serving = async {
        let serving = ServerSettings {
            drain: ending.clone(),
            ..ServerSettings::default()
        };
        let mut routes = Routes::builder();
        server::add_worker(&mut routes, worker.clone(), serving.clone());
        let health = server::add_health(&mut routes, serving);
        let limits = Limits {
            stop: settings.stop_timeout.min(LAST_REQUESTS),
            ..Limits::default()
        };
        let admission = Admission::of([Role::Aggregator, Role::Worker]);
        let mutual = Port::mutual(&link.certificate, admission, limits)?;
        port::serve(&tasks, listener, mutual, routes.routes(), ending.clone());
        // The store must be closed when the process ends, whoever asks then.
        let asked = Arc::downgrade(&worker);
        readiness.serves(move || {
            let problem = asked.upgrade().and_then(|worker| worker.problem());
            async move { problem }
        });
        port::tell_health(&tasks, health, readiness, stop.clone());
        let ready = Ready {
            address: address.clone(),
            pid: std::process::id(),
            admin,
        };
        let _ready = ReadyFile::write_json(settings.ready_file.as_deref(), &ready)?;
        let _ = started.send(format!(
            "Worker {} of hub {} serves on {address} with the data in {}",
            settings.id,
            settings.hub,
            settings.data.display()
        ));
        stop.asked().await;
        anyhow::Ok(())
    };
    let served = serving.await;
    let deadline = Instant::now() + settings.stop_timeout;
    // Other workers take the pipes while requests are answered as ever.
    worker.leave(settings.stop_timeout.mul_f64(FOR_MOVES)).await;
    if tokio::time::timeout_at(deadline, worker.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("runs did not end in time; they go on where they were at the next start");
    }
    ending.cancel();
    tasks.close();
    tasks.wait().await;
    served
}
