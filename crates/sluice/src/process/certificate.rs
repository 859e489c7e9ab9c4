//! The certificate of the port: the hub's own or yours, and the task that renews it.

use crate::settings::Settings;
use anyhow::{Context, Result};
use jiff::Timestamp;
use sluice_identity::ServerCertificate;
use sluice_telemetry::Stop;
use std::time::Duration;
use tokio::task::JoinHandle;

/// How often changed files and the end of the certificate are looked for.
const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Makes or reads it. Blocks.
pub(crate) fn open(settings: &Settings) -> Result<ServerCertificate> {
    let now = Timestamp::now();
    let certificate = match (&settings.tls_certificate, &settings.tls_key) {
        (Some(certificate), Some(key)) => ServerCertificate::given(certificate, key, now)?,
        _ => ServerCertificate::own(
            &settings.data,
            settings.tls_names.iter().cloned().chain(host_name()),
            now,
        )?,
    };
    tracing::info!(end = %certificate.end(), "certificate loaded");
    Ok(certificate)
}

/// Keeps it fresh until the hub stops.
pub(crate) fn keep_fresh(certificate: ServerCertificate, mut stop: Stop) -> JoinHandle<()> {
    tokio::spawn(async move {
        while tokio::time::timeout(LOOK_EVERY, stop.asked())
            .await
            .is_err()
        {
            let renewing = certificate.clone();
            let renewed =
                tokio::task::spawn_blocking(move || renewing.renew(Timestamp::now())).await;
            match renewed.context("looking at the certificate was interrupted") {
                Ok(Ok(true)) => tracing::info!(end = %certificate.end(), "certificate renewed"),
                Ok(Ok(false)) => {}
                Ok(Err(error)) => tracing::error!(
                    error = &error as &dyn std::error::Error,
                    end = %certificate.end(),
                    "the certificate cannot be renewed; the present one stays in use"
                ),
                Err(error) => tracing::error!(%error, "the certificate was not looked at"),
            }
        }
    })
}

/// The name of this machine, if it can be found.
fn host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname")
        .or_else(|_| std::fs::read_to_string("/etc/hostname"));
    name.ok()
        .map(|name| name.trim().to_owned())
        .filter(|name| !name.is_empty())
}
