//! Hubs whose roles are processes of their own, which know each other only over gRPC with mutual TLS.
#![allow(clippy::unwrap_used, clippy::print_stdout)]

mod absences;
mod crossing;
mod kept;
mod lost_disks;
mod lost_storage_node;
mod moves;
mod one_hub;
mod probes;
mod two_writers;
mod upgrades;
mod verify;

use sluice_tests::roles::Roles;
use std::future::Future;
use std::time::{Duration, Instant};

/// How long something may take on a loaded machine before it counts as not happening.
const LIMIT: Duration = Duration::from_secs(60);

/// Waits until something is so.
async fn until<F: Future<Output = bool>>(what: &str, condition: impl Fn() -> F) {
    let started = Instant::now();
    while !condition().await {
        assert!(started.elapsed() < LIMIT, "not within {LIMIT:?}: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Status and problem code of a GET below `/api`.
async fn status(hub: &Roles, path: &str) -> (u16, String) {
    let answer = hub
        .api
        .request(reqwest::Method::GET, path)
        .send()
        .await
        .unwrap();
    let status = answer.status().as_u16();
    if status == 503 {
        assert!(answer.headers().contains_key("retry-after"), "{path}");
    }
    let text = answer.text().await.unwrap();
    let code = serde_json::from_str::<serde_json::Value>(&text).unwrap_or_default();
    (status, code["code"].as_str().unwrap_or_default().to_owned())
}
