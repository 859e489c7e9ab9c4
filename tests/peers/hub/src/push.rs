//! W5: HTTPS pushes, acknowledged after a sync, against synced batches of the same stored pairs.

use crate::load::{Hub, array};
use anyhow::{Context, Result};
use futures::StreamExt;
use sluice_peers_rounds::{Row, print};
use sluice_peers_store::documents::document;
use sluice_peers_store::ours::World;
use sluice_peers_store::raw::Raw;
use std::time::{Duration, Instant};

/// What is pushed in one round.
struct Shape {
    entities: u64,
    in_one_push: u64,
    connections: usize,
    goal: Option<f64>,
}

pub async fn compare(rounds: usize) -> Result<()> {
    let hub = Hub::start(&["orders"], &[]).await?;
    let world = World::new(20_000)?;
    let mut next = 0;
    for shape in [
        Shape {
            entities: 5_000,
            in_one_push: 100,
            connections: 1,
            goal: None,
        },
        Shape {
            entities: 5_000,
            in_one_push: 100,
            connections: 4,
            goal: Some(0.8),
        },
        Shape {
            entities: 20_000,
            in_one_push: 1_000,
            connections: 1,
            goal: None,
        },
        Shape {
            entities: 20_000,
            in_one_push: 1_000,
            connections: 4,
            goal: Some(0.8),
        },
    ] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            ours.push(pushes(&hub, next, &shape).await?);
            next += shape.entities;
            theirs.push(batches(&world, shape.in_one_push, shape.entities)?);
        }
        print(&Row {
            work: &format!(
                "W5 pushes of {} over HTTPS, {} at a time",
                shape.in_one_push, shape.connections
            ),
            reference: "raw synced batches",
            count: shape.entities,
            ours: &ours,
            theirs: &theirs,
            goal: shape.goal,
        });
    }
    let single = Shape {
        entities: 3_200,
        in_one_push: 1,
        connections: 64,
        goal: Some(20.0),
    };
    const ALONE: u64 = 200;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..rounds {
        ours.push(pushes(&hub, next, &single).await? / 3_200);
        next += single.entities;
        theirs.push(batches(&world, 1, ALONE)? / u32::try_from(ALONE)?);
    }
    print(&Row {
        work: "W5 64 single pushers over HTTPS",
        reference: "raw synced puts of a single writer",
        count: 1,
        ours: &ours,
        theirs: &theirs,
        goal: single.goal,
    });
    let stored = hub.child.get("/datasets/orders").await?["runtime"]["count-log-exists"].clone();
    let count = stored
        .as_u64()
        .with_context(|| format!("no count of the log: {stored}"))?;
    anyhow::ensure!(
        count == next,
        "{next} entities were acknowledged, {count} are there"
    );
    Ok(())
}

async fn pushes(hub: &Hub, first: u64, shape: &Shape) -> Result<Duration> {
    let bodies: Vec<Vec<u8>> = (0..shape.entities / shape.in_one_push)
        .map(|push| first + push * shape.in_one_push)
        .map(|from| array(from..from + shape.in_one_push, document))
        .collect();
    let started = Instant::now();
    let mut answers =
        futures::stream::iter(bodies.into_iter().map(|body| hub.push("orders", body)))
            .buffer_unordered(shape.connections);
    while let Some(answer) = answers.next().await {
        answer?;
    }
    Ok(started.elapsed())
}

fn batches(world: &World, size: u64, count: u64) -> Result<Duration> {
    let folder = tempfile::tempdir()?;
    let raw = Raw::open(folder.path())?;
    let started = Instant::now();
    for pairs in world.pairs[..count as usize].chunks(size as usize) {
        raw.put(pairs, true)?;
    }
    Ok(started.elapsed())
}
