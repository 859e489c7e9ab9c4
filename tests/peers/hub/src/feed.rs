//! W3 with TLS: a whole dataset over HTTPS against a scan of the same log.

use crate::load::Hub;
use crate::process;
use anyhow::{Result, ensure};
use futures::StreamExt;
use reqwest::Method;
use sluice_peers_rounds::{Row, print};
use sluice_peers_store::ours::World;
use sluice_peers_store::raw::Raw;
use std::time::Instant;

const ENTITIES: u64 = 50_000;

pub async fn compare(rounds: usize) -> Result<()> {
    let hub = Hub::start(&["orders"], &[]).await?;
    hub.push_documents("orders", 0, ENTITIES).await?;
    let count = hub
        .child
        .get("/datasets/orders/entities")
        .await?
        .as_array()
        .map_or(0, Vec::len);
    ensure!(count as u64 == ENTITIES, "{count} entities came out");
    let world = World::new(ENTITIES)?;
    let folder = tempfile::tempdir()?;
    let raw = Raw::open(folder.path())?;
    world
        .pairs
        .chunks(1_000)
        .try_for_each(|pairs| raw.put(pairs, false))?;
    raw.flush()?;
    let (mut ours, mut processor, mut theirs) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..rounds {
        let before = process::cpu(hub.child.id())?;
        let started = Instant::now();
        download(&hub).await?;
        ours.push(started.elapsed());
        processor.push(process::cpu(hub.child.id())? - before);
        let started = Instant::now();
        ensure!(
            raw.scan()?.0 as u64 == ENTITIES,
            "the scan missed something"
        );
        theirs.push(started.elapsed());
    }
    let row = |work, ours| {
        print(&Row {
            work,
            reference: "raw scan",
            count: ENTITIES,
            ours,
            theirs: &theirs,
            goal: None,
        });
    };
    row("W3 feed over HTTPS", &ours);
    row("W3 feed over HTTPS, processor time of the hub", &processor);
    Ok(())
}

async fn download(hub: &Hub) -> Result<u64> {
    let response = hub
        .child
        .request(Method::GET, "/datasets/orders/entities")
        .send()
        .await?;
    let mut chunks = response.error_for_status()?.bytes_stream();
    let mut total = 0;
    while let Some(chunk) = chunks.next().await {
        total += chunk?.len() as u64;
    }
    Ok(total)
}
