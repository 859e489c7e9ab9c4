//! W5 without HTTP: synced transactions against synced batches of the same pairs, and 64 single pushers that share syncs.

use anyhow::Result;
use sluice_peers_rounds::{Contestant, Row, print, run};
use sluice_peers_store::ours::{Ours, World, reader};
use sluice_peers_store::raw::Raw;
use sluice_store::Durability;
use std::path::Path;
use std::time::{Duration, Instant};

/// Pushes of one entity by a single pusher in a round.
const SINGLE: usize = 200;
/// Pushers side by side, and what each of them pushes.
const PUSHERS: usize = 64;
const EACH: usize = 50;

pub fn compare(world: &World, rounds: usize) -> Result<()> {
    for (size, count) in [(100, 10_000), (1_000, 40_000)] {
        let count = count.min(world.documents.len());
        let [writer, one, four, theirs] = run(
            [
                fresh(|path| prepared(world, path, size, count)),
                fresh(|path| pushers(world, path, 1, size, count)),
                fresh(|path| pushers(world, path, 4, size, count)),
                fresh(|path| batches(world, path, size, count)),
            ],
            rounds,
        );
        let row = |work: &str, ours, goal| {
            let work = format!("W5 {work} of {size}");
            print(&Row {
                work: &work,
                reference: "raw synced batches",
                count: count as u64,
                ours,
                theirs: &theirs,
                goal,
            });
        };
        row("the writer, synced transactions", &writer, None);
        row("from bytes, one pusher, synced transactions", &one, None);
        row(
            "from bytes, four pushers, synced transactions",
            &four,
            Some(0.8),
        );
    }
    group_commit(world, rounds)
}

/// The times are those of one push, so that the ratio is that of the rates.
fn group_commit(world: &World, rounds: usize) -> Result<()> {
    let [together, alone] = run(
        [
            fresh(|path| {
                Ok(pushers(world, path, PUSHERS, 1, PUSHERS * EACH)? / (PUSHERS * EACH) as u32)
            }),
            fresh(|path| Ok(batches(world, path, 1, SINGLE)? / SINGLE as u32)),
        ],
        rounds,
    );
    print(&Row {
        work: "W5 64 single pushers, one entity each time",
        reference: "raw synced puts of a single writer",
        count: 1,
        ours: &together,
        theirs: &alone,
        goal: Some(20.0),
    });
    Ok(())
}

fn fresh<'a>(work: impl Fn(&Path) -> Result<Duration> + 'a) -> Contestant<'a> {
    Box::new(move || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        work(folder.path()).expect("an empty folder takes what another took")
    })
}

/// The writer's own time, entities read and hashed before.
fn prepared(world: &World, path: &Path, size: usize, count: usize) -> Result<Duration> {
    let ours = Ours::open(path)?;
    let started = Instant::now();
    for batch in world.prepared[..count].chunks(size) {
        ours.append(batch, Durability::Synced)?;
    }
    Ok(started.elapsed())
}

fn batches(world: &World, path: &Path, size: usize, count: usize) -> Result<Duration> {
    let raw = Raw::open(path)?;
    let started = Instant::now();
    for pairs in world.pairs[..count.min(world.pairs.len())].chunks(size) {
        raw.put(pairs, true)?;
    }
    Ok(started.elapsed())
}

/// Pushers side by side, from bytes; each takes its share of the documents, so many in one transaction.
fn pushers(
    world: &World,
    path: &Path,
    pushers: usize,
    size: usize,
    count: usize,
) -> Result<Duration> {
    let ours = Ours::open(path)?;
    let started = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        let threads: Vec<_> = world.documents[..count]
            .chunks(count.div_ceil(pushers))
            .map(|documents| {
                let ours = &ours;
                scope.spawn(move || -> Result<()> {
                    let mut reader = reader();
                    for documents in documents.chunks(size) {
                        let prepared: Result<Vec<_>> = documents
                            .iter()
                            .map(|bytes| ours.prepare(&mut reader, bytes))
                            .collect();
                        ours.append(&prepared?, Durability::Synced)?;
                    }
                    Ok(())
                })
            })
            .collect();
        for thread in threads {
            thread.join().expect("a pusher does not panic")?;
        }
        Ok(())
    })?;
    Ok(started.elapsed())
}
