//! The operator as a process.

use super::Start;
use crate::process::ready_file::ReadyFile;
use anyhow::{Context, Result, bail};
use serde::Serialize;
use sluice_operator::Metrics;
use sluice_operator::lease::LeaseSettings;
use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

/// Of the Lease that operators share.
const LEASE: &str = "sluice-operator";
const LEASE_LENGTH: Duration = Duration::from_secs(15);
const RENEW_EVERY: Duration = Duration::from_secs(3);

#[derive(Serialize)]
struct Ready {
    pid: u32,
    admin: Option<SocketAddr>,
}

/// Runs it until it is asked to stop.
pub(super) async fn run(start: Start) -> Result<()> {
    let Start {
        settings,
        stop,
        readiness,
        metrics,
        admin,
        started,
        ..
    } = start;
    let Some(namespace) = settings.namespace.clone() else {
        bail!("the operator's namespace is missing");
    };
    let ready_file = settings.ready_file.clone();
    readiness.waits_for("it looks for the API server");
    let own = sluice_operator::Settings {
        namespaces: settings.namespaces.clone(),
        image: settings.image.clone(),
        storage_nodes: BTreeMap::new(),
        lease: LeaseSettings {
            namespace,
            name: LEASE.to_owned(),
            holder: settings.id.clone(),
            deployment: settings.deployment.clone(),
            length: LEASE_LENGTH,
            renew_every: RENEW_EVERY,
        },
    };
    let ready = Ready {
        pid: std::process::id(),
        admin,
    };
    let _ready = ReadyFile::write_json(ready_file.as_deref(), &ready)?;
    let greet = |holder: &str| {
        // Whether it leads or stands by: it does what it is there for.
        readiness.serves(|| async { None });
        let _ = started.send(format!("Operator {holder} looks after hubs when it leads"));
    };
    sluice_operator::run(own, Metrics::register(&metrics), stop, greet)
        .await
        .context("the operator ended")
}
