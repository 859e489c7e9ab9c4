//! W2: new and unchanged entities.
//!
//! Reading and hashing is a stage of its own in the hub, so the writer's time is compared with puts alone, and the time of all
//! threads, from bytes, with a loop by hand that reads the same bytes into typed values before it puts them.

use anyhow::{Result, ensure};
use rustix::time::{ClockId, clock_gettime};
use sluice_dataset::Dataset as _;
use sluice_peers_rounds::{Contestant, Row, print, run, timed};
use sluice_peers_store::documents::Order;
use sluice_peers_store::ours::{BATCH, Ours, World, reader};
use sluice_peers_store::raw::Raw;
use sluice_store::Durability;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};

pub fn compare(world: &World, rounds: usize) -> Result<()> {
    same_pairs(world)?;
    new_entities(world, rounds);
    unchanged(world, rounds)
}

/// A second store writes the same pairs from the same bytes.
fn same_pairs(world: &World) -> Result<()> {
    let again = World::new(world.documents.len().min(5_000) as u64)?;
    for (pair, other) in again.pairs.iter().zip(&world.pairs) {
        // Behind the key lies the time of the version; the store was given the same one.
        ensure!(
            pair.log == other.log && pair.id == other.id,
            "two stores wrote different pairs"
        );
    }
    Ok(())
}

fn new_entities(world: &World, rounds: usize) {
    let count = world.documents.len() as u64;
    let [
        writer,
        puts,
        staged,
        staged_cpu,
        by_hand_cpu,
        prepared_cpu,
        puts_cpu,
    ] = run(
        [
            fresh(|path| writer(world, path)),
            fresh(|path| puts(world, path, false)),
            fresh(|path| staged(world, path)),
            fresh(|path| cpu(|| staged(world, path))),
            fresh(|path| cpu(|| puts(world, path, true))),
            fresh(|path| cpu(|| writer(world, path))),
            fresh(|path| cpu(|| puts(world, path, false))),
        ],
        rounds,
    );
    let row = |work, reference, ours, theirs, goal| {
        print(&Row {
            work,
            reference,
            count,
            ours,
            theirs,
            goal,
        });
    };
    row("W2 new, the writer", "raw puts", &writer, &puts, Some(0.8));
    row(
        "W2 new, from bytes, CPU of all threads",
        "typed read and raw puts",
        &staged_cpu,
        &by_hand_cpu,
        Some(0.6),
    );
    row(
        "W2 new, without reading, CPU of all threads",
        "raw puts",
        &prepared_cpu,
        &puts_cpu,
        None,
    );
    row(
        "W2 new, from bytes, two threads, wall",
        "raw puts without reading",
        &staged,
        &puts,
        None,
    );
}

fn unchanged(world: &World, rounds: usize) -> Result<()> {
    let count = world.documents.len() as u64;
    let ours = Ours::open(world.folder.path())?;
    let folder = tempfile::tempdir()?;
    let raw = Raw::open(folder.path())?;
    for pairs in world.pairs.chunks(BATCH) {
        raw.put(pairs, false)?;
    }
    raw.flush()?;
    let newest = ours.dataset.status()?.max_offset;
    let [full, by_hand, shortcut, look_up, prepared] = run(
        [
            timed(|| {
                let mut reader = reader();
                for batch in world.documents.chunks(BATCH) {
                    let prepared: Vec<_> = batch
                        .iter()
                        .map(|bytes| ours.prepare(&mut reader, bytes).expect("read before"))
                        .collect();
                    ours.append(&prepared, Durability::Buffered)
                        .expect("a commit");
                }
            }),
            timed(|| {
                for (documents, pairs) in
                    world.documents.chunks(BATCH).zip(world.pairs.chunks(BATCH))
                {
                    typed(documents);
                    raw.look_up(pairs).expect("a look-up");
                }
            }),
            timed(|| {
                for batch in world.documents.chunks(BATCH) {
                    ours.pass_over(batch).expect("all passed over");
                }
            }),
            timed(|| {
                world
                    .pairs
                    .chunks(BATCH)
                    .for_each(|pairs| raw.look_up(pairs).expect("a look-up"))
            }),
            timed(|| {
                for batch in world.prepared.chunks(BATCH) {
                    ours.append(batch, Durability::Buffered).expect("a commit");
                }
            }),
        ],
        rounds,
    );
    ensure!(
        ours.dataset.status()?.max_offset == newest,
        "something changed"
    );
    let row = |work, reference, ours, theirs, goal| {
        print(&Row {
            work,
            reference,
            count,
            ours,
            theirs,
            goal,
        });
    };
    row(
        "W2 unchanged, full read",
        "typed read and look-up",
        &full,
        &by_hand,
        Some(0.6),
    );
    row(
        "W2 unchanged, hash of the bytes first",
        "look-up only",
        &shortcut,
        &look_up,
        Some(0.9),
    );
    row(
        "W2 unchanged, without reading",
        "look-up only",
        &prepared,
        &look_up,
        None,
    );
    row(
        "W2 unchanged, full read",
        "look-up only",
        &full,
        &look_up,
        None,
    );
    Ok(())
}

/// A contestant that gets an empty folder each time.
fn fresh<'a>(work: impl Fn(&std::path::Path) -> Result<Duration> + 'a) -> Contestant<'a> {
    Box::new(move || {
        let folder = tempfile::tempdir().expect("a temporary folder");
        work(folder.path()).expect("an empty folder takes what another took")
    })
}

/// What all threads of this process took, background work and closing included.
fn cpu(work: impl FnOnce() -> Result<Duration>) -> Result<Duration> {
    let before = clock_gettime(ClockId::ProcessCPUTime);
    work()?;
    let after = clock_gettime(ClockId::ProcessCPUTime);
    let nanoseconds =
        (after.tv_sec - before.tv_sec) * 1_000_000_000 + i64::from(after.tv_nsec - before.tv_nsec);
    Ok(Duration::from_nanos(u64::try_from(nanoseconds)?))
}

/// The writer's own time, entities read and hashed before.
fn writer(world: &World, path: &std::path::Path) -> Result<Duration> {
    let ours = Ours::open(path)?;
    let started = Instant::now();
    for batch in world.prepared.chunks(BATCH) {
        ours.append(batch, Durability::Buffered)?;
    }
    let elapsed = started.elapsed();
    ours.store.flush()?;
    Ok(elapsed)
}

fn puts(world: &World, path: &std::path::Path, is_reading: bool) -> Result<Duration> {
    let raw = Raw::open(path)?;
    let started = Instant::now();
    for (documents, pairs) in world.documents.chunks(BATCH).zip(world.pairs.chunks(BATCH)) {
        if is_reading {
            typed(documents);
        }
        raw.put(pairs, false)?;
    }
    let elapsed = started.elapsed();
    raw.flush()?;
    Ok(elapsed)
}

/// From bytes: one thread reads and hashes, one writes.
fn staged(world: &World, path: &std::path::Path) -> Result<Duration> {
    let ours = Ours::open(path)?;
    let started = Instant::now();
    std::thread::scope(|scope| -> Result<()> {
        let (sender, receiver) = sync_channel(4);
        let ours = &ours;
        scope.spawn(move || {
            let mut reader = reader();
            for batch in world.documents.chunks(BATCH) {
                let prepared: Result<Vec<_>> = batch
                    .iter()
                    .map(|bytes| ours.prepare(&mut reader, bytes))
                    .collect();
                if sender.send(prepared).is_err() {
                    break;
                }
            }
        });
        for batch in receiver {
            ours.append(&batch?, Durability::Buffered)?;
        }
        Ok(())
    })?;
    let elapsed = started.elapsed();
    ours.store.flush()?;
    Ok(elapsed)
}

fn typed(documents: &[Vec<u8>]) {
    for bytes in documents {
        let order: Order = serde_json::from_slice(bytes).expect("generated JSON");
        std::hint::black_box(order);
    }
}
