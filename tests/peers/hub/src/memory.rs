//! What a hub needs in memory: ten times the entities, a push of 4 GB, a reader that stops reading.

use crate::load::{Hub, stream};
use crate::process;
use anyhow::{Context, Result, ensure};
use futures::StreamExt;
use reqwest::{Method, Response};
use sluice_peers_store::documents::document;
use std::time::{Duration, Instant};

const SMALL: u64 = 100_000;
const LARGE: u64 = 1_000_000;
const LIMIT: u64 = 512 << 20;
/// 100,000 entities take 83 MB.
const SMALL_CACHE: &str = "48MiB";
/// Bytes of the push that is larger than memory.
const PUSH: u64 = 4 << 30;

pub async fn measure() -> Result<()> {
    // A cache that both sizes fill: what grows then grows with the entities.
    let flags = ["--store-cache", SMALL_CACHE];
    let (_, small) = filled(SMALL, &flags).await?;
    let (_, large) = filled(LARGE, &flags).await?;
    compared(&format!("cache of {SMALL_CACHE}"), small, large);
    let (_, small) = filled(SMALL, &[]).await?;
    let (hub, large) = filled(LARGE, &[]).await?;
    compared("cache as it is by default", small, large);
    first_byte(&hub).await?;
    stopped_reader(&hub).await
}

fn compared(what: &str, small: u64, large: u64) {
    let growth = large as f64 / small as f64;
    println!(
        "memory, {what}: peak {} MB with {SMALL} entities, {} MB with {LARGE}: {growth:.2} times; goals 1.10: {}, 512 MB: {}",
        small >> 20,
        large >> 20,
        verdict(growth <= 1.1),
        verdict(large <= LIMIT),
    );
}

fn verdict(is_met: bool) -> &'static str {
    if is_met { "met" } else { "missed" }
}

/// A hub with so many entities, pushed and read once; and its peak.
async fn filled(count: u64, flags: &[&str]) -> Result<(Hub, u64)> {
    let hub = Hub::start_with(&["orders"], &[], flags).await?;
    hub.push_documents("orders", 0, count).await?;
    let mut chunks = open(&hub).await?.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        chunk?;
    }
    let peak = process::peak(hub.child.id())?;
    Ok((hub, peak))
}

async fn open(hub: &Hub) -> Result<Response> {
    let request = hub
        .child
        .request(Method::GET, "/datasets/orders/entities")
        .timeout(Duration::from_secs(600));
    Ok(request.send().await?.error_for_status()?)
}

async fn first_byte(hub: &Hub) -> Result<()> {
    let started = Instant::now();
    let mut chunks = open(hub).await?.bytes_stream();
    chunks.next().await.context("an answer")??;
    let first = started.elapsed();
    while let Some(chunk) = chunks.next().await {
        chunk?;
    }
    let whole = started.elapsed();
    println!(
        "feed of {LARGE} entities: first byte after {:.1} ms, whole after {:.1} s; goal, before the scan ends: {}",
        first.as_secs_f64() * 1e3,
        whole.as_secs_f64(),
        verdict(first < whole / 20),
    );
    Ok(())
}

/// A reader that takes one piece and no more: the hub comes to rest, and what it holds is a page or two.
async fn stopped_reader(hub: &Hub) -> Result<()> {
    let pid = hub.child.id();
    at_rest(pid).await?;
    let before = process::resident(pid)?;
    let response = open(hub).await?;
    let mut chunks = response.bytes_stream();
    chunks.next().await.context("an answer")??;
    at_rest(pid).await?;
    let held = process::resident(pid)?.saturating_sub(before);
    println!(
        "a reader that stops: the hub comes to rest and holds {:.1} MB more; goal, a batch (16 MB with its buffers): {}",
        held as f64 / f64::from(1 << 20),
        verdict(held <= 16 << 20),
    );
    drop(chunks);
    Ok(())
}

/// Waits until the process takes no processor time for half a second.
async fn at_rest(pid: u32) -> Result<()> {
    let started = Instant::now();
    loop {
        let before = process::cpu(pid)?;
        tokio::time::sleep(Duration::from_millis(500)).await;
        if process::cpu(pid)? - before <= Duration::from_millis(10) {
            return Ok(());
        }
        ensure!(
            started.elapsed() < Duration::from_secs(60),
            "the hub does not come to rest"
        );
    }
}

/// One body of 4 GB, all entities new: each is read and written.
pub async fn large_push() -> Result<()> {
    let hub = Hub::start(&["orders"], &[]).await?;
    let count = PUSH / document(1).len() as u64;
    let started = Instant::now();
    hub.push("orders", stream(0, count, document)).await?;
    let peak = process::peak(hub.child.id())?;
    println!(
        "push of 4 GB in one body ({count} entities): {:.0} s, peak {} MB; goal 512 MB: {}",
        started.elapsed().as_secs_f64(),
        peak >> 20,
        verdict(peak <= LIMIT),
    );
    Ok(())
}
