//! W4: look-ups over HTTPS against a server that looks up and answers something canned without TLS.

use crate::limit::Limit;
use crate::load::Hub;
use crate::process;
use anyhow::{Result, ensure};
use futures::StreamExt;
use reqwest::Client;
use serde_json::Value;
use sluice_peers_rounds::{Row, print};
use sluice_peers_store::documents::{document, id};
use sluice_peers_store::ours::World;
use sluice_peers_store::raw::Raw;
use std::time::{Duration, Instant};

const ENTITIES: u64 = 50_000;
const REQUESTS: u64 = 8_000;
const CONNECTIONS: usize = 32;

pub async fn compare(rounds: usize) -> Result<()> {
    let hub = Hub::start(&["orders"], &[]).await?;
    hub.push_documents("orders", 0, ENTITIES).await?;
    // The limit's entities lie in files: so do the hub's then, not in the write buffer, which is slower to search.
    let hub = hub.restart().await?;
    let folder = tempfile::tempdir()?;
    fill(&World::new(ENTITIES)?, folder.path())?;
    let limit = Limit::start(folder.path())?;
    let ours_at = format!("{}/api/datasets/orders/entity", hub.child.url);
    let theirs_at = format!("{}/entity", limit.url);
    let plain = Client::new();
    same(&hub.child.client, &ours_at).await?;
    let mut times = [const { Vec::new() }; 4];
    for round in 0..rounds as u64 {
        let (wall, cpu) = ask(&hub.child.client, &ours_at, hub.child.id(), round).await?;
        let (limit_wall, limit_cpu) = ask(&plain, &theirs_at, limit.id(), round).await?;
        for (times, time) in times.iter_mut().zip([wall, limit_wall, cpu, limit_cpu]) {
            times.push(time);
        }
    }
    let [wall, limit_wall, cpu, limit_cpu] = times;
    let reference = "raw look-up and canned answer, no TLS";
    print(&Row {
        work: "W4 look-up over HTTPS, processor time of the server",
        reference,
        count: REQUESTS,
        ours: &cpu,
        theirs: &limit_cpu,
        goal: Some(0.5),
    });
    print(&Row {
        work: "W4 look-up over HTTPS, 32 connections, client on the same cores",
        reference,
        count: REQUESTS,
        ours: &wall,
        theirs: &limit_wall,
        goal: None,
    });
    Ok(())
}

/// The pairs, with the index leading straight to the log entry.
fn fill(world: &World, folder: &std::path::Path) -> Result<()> {
    let raw = Raw::open(folder)?;
    world
        .pairs
        .chunks(1_000)
        .try_for_each(|pairs| raw.put(pairs, false))?;
    for (pair, document) in world.pairs.iter().zip(&world.documents) {
        raw.put_reference(id(document), &pair.log[0])?;
    }
    raw.flush()
}

/// What the hub answers is what was pushed.
async fn same(client: &Client, url: &str) -> Result<()> {
    for number in (0..ENTITIES).step_by(997) {
        let document = document(number);
        let sent: Value = serde_json::from_slice(&document)?;
        let found: Value = client
            .get(format!(
                "{url}?entity_id={}",
                std::str::from_utf8(id(&document))?
            ))
            .send()
            .await?
            .json()
            .await?;
        for name in ["_id", "order", "customer", "paid", "created", "lines"] {
            ensure!(
                found[name] == sent[name],
                "`{name}` of {number}: {} instead of {}",
                found[name],
                sent[name]
            );
        }
    }
    Ok(())
}

/// Wall time, and processor time of the server.
async fn ask(client: &Client, url: &str, server: u32, round: u64) -> Result<(Duration, Duration)> {
    let before = process::cpu(server)?;
    let started = Instant::now();
    let requests = (0..REQUESTS).map(|request| {
        let number = (request * 7_919 + round * 13) % ENTITIES;
        let id = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let request = client.get(format!("{url}?entity_id={id:016x}"));
        async move { request.send().await?.error_for_status()?.bytes().await }
    });
    let mut answers = futures::stream::iter(requests).buffer_unordered(CONNECTIONS);
    while let Some(answer) = answers.next().await {
        ensure!(answer?.len() > 500, "an answer is too short");
    }
    Ok((started.elapsed(), process::cpu(server)? - before))
}
