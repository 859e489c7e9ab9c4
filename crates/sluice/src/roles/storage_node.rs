//! The storage node as a process.

use super::{Start, certificate, port, signer::Signer};
use crate::process::ready_file::ReadyFile;
use crate::process::{DataFolder, blocking, objects};
use anyhow::{Context, Result};
use serde::Serialize;
use sluice_format::Format;
use sluice_identity::{Admission, Role};
use sluice_protocol::Incarnation;
use sluice_protocol::server::{self, ServerSettings};
use sluice_protocol::transport::{Limits, Port, certificates};
use sluice_storage_node::{Node, PlacementSettings, Placements, Truth};
use std::net::SocketAddr;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::service::Routes;

#[derive(Serialize)]
struct Ready {
    address: String,
    enrolment: String,
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
    let identity = certificate::identity(&settings, Role::StorageNode)?;
    let data = settings.data.clone();
    let _folder = blocking(move || DataFolder::lock(&data)).await?;
    readiness.waits_for("it opens the store");
    let incarnation = incarnation(settings.incarnation)?;
    let objects = objects::open(settings.object_store.as_deref())?;
    if let Some(objects) = &objects {
        metrics.register(|registry| objects.register(registry));
    }
    let mut node_settings = sluice_storage_node::Settings {
        objects: objects::of_storage_node(objects, &settings, incarnation),
        secrets_key_file: settings.secrets_key_file.clone(),
        hash_key_file: settings.hash_key_file.clone(),
        truth: match settings.custom_resources {
            true => Truth::CustomResources,
            false => Truth::OwnHistory,
        },
        ..sluice_storage_node::Settings::new(&settings.data)
    };
    node_settings.store.format = Format::new(settings.formats);
    let node = blocking(move || Ok(Arc::new(Node::open(&node_settings)?))).await?;
    let placement = PlacementSettings {
        lease: settings.lease,
        incarnation,
        finalize_after: Some(settings.finalize_after),
        ..PlacementSettings::default()
    };
    let opening = node.clone();
    let placements =
        blocking(move || Ok(Arc::new(Placements::open(&opening, &placement)?))).await?;
    placements.register(&metrics);

    let (tasks, ending) = (TaskTracker::new(), CancellationToken::new());
    // Whatever comes now, the store is closed before the process ends.
    let serving = async {
        let (hub, watched) = (settings.hub.clone(), placements.clone());
        let (authority, bootstraps) = (
            settings.authority.clone().unwrap_or_default(),
            settings.bootstraps.clone(),
        );
        let signer = blocking(move || {
            let signer = Signer::open(&hub, &authority, bootstraps.as_deref(), &*watched);
            Ok(Arc::new(signer.context("certificates cannot be signed")?))
        })
        .await?;
        tasks.spawn(signer.clone().follow(ending.clone()));
        let own = certificate::own(&signer, identity, &tasks, &ending).await?;

        let (listener, address) = port::listen(settings.listen).await?;
        let (enrolling, enrolment) = port::listen(settings.enrolment_listen).await?;
        let limits = Limits {
            stop: settings.stop_timeout,
            ..Limits::default()
        };
        let serving = ServerSettings {
            drain: ending.clone(),
            ..ServerSettings::default()
        };
        // The store must be closed when the process ends, whoever asks for its health then.
        let keeping = Arc::downgrade(&node);
        let mut routes = Routes::builder();
        server::add_storage_node(&mut routes, node.clone(), serving.clone());
        server::add_configuration_control(&mut routes, node.clone(), serving.clone());
        server::add_microservice_control(&mut routes, node.clone(), serving.clone());
        server::add_assignments(&mut routes, placements.clone(), serving.clone());
        server::add_placement_control(&mut routes, placements.clone(), serving.clone());
        let health = server::add_health(&mut routes, serving);
        routes.add_service(certificates::service(signer.clone()));
        let admission = Admission::of([Role::Worker, Role::Aggregator, Role::Operator]);
        let mutual = Port::mutual(&own, admission, limits.clone())?;
        port::serve(&tasks, listener, mutual, routes.routes(), ending.clone());
        let first = Port::enrolment(&own, limits)?;
        let routes = Routes::new(certificates::service(signer));
        port::serve(&tasks, enrolling, first, routes, ending.clone());

        let deciding = placements.clone();
        readiness.serves(move || {
            let problem = keeping.upgrade().and_then(|node| node.problem());
            let deciding = deciding.clone();
            async move {
                match problem {
                    Some(problem) => Some(problem),
                    None => deciding.problem().await,
                }
            }
        });
        port::tell_health(&tasks, health, readiness, stop.clone());
        let ready = Ready {
            address: address.to_string(),
            enrolment: enrolment.to_string(),
            pid: std::process::id(),
            admin,
        };
        let _ready = ReadyFile::write_json(settings.ready_file.as_deref(), &ready)?;
        let _ = started.send(format!(
        "The storage node of hub {} serves on {address}, and gives first certificates on {enrolment}",
        settings.hub
    ));
        stop.asked().await;
        anyhow::Ok(())
    };
    let served = serving.await;
    ending.cancel();
    node.close().await;
    tasks.close();
    tasks.wait().await;
    drop(node);
    placements.close().await;
    served
}

fn incarnation(raised: usize) -> Result<Option<Incarnation>> {
    if raised == 0 {
        return Ok(None);
    }
    let number = u32::try_from(raised).ok().and_then(Incarnation::new);
    number
        .map(Some)
        .context("the incarnation has more than 24 bits")
}
