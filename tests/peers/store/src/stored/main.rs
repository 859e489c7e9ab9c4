//! W2, W3 and W5 without the network: the store against RocksDB by hand, on the same stored pairs.

mod feed;
mod ingest;
mod push;

use anyhow::Result;
use sluice_peers_store::ours::World;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let only = arguments.next().unwrap_or_default();
    let count = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(50_000);
    let rounds = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(7);
    let world = World::new(count)?;
    println!(
        "{count} entities of {} bytes, {} stored; {rounds} rounds; pairs written by hand are those of the store",
        world.source_bytes() / world.documents.len(),
        world
            .pairs
            .iter()
            .map(|pair| pair.log[1].len())
            .sum::<usize>()
            / world.pairs.len(),
    );
    let is_wanted = |name: &str| only.is_empty() || name.contains(&only);
    if is_wanted("ingest") {
        ingest::compare(&world, rounds)?;
    }
    if is_wanted("feed") {
        feed::compare(&world, rounds)?;
    }
    if is_wanted("push") {
        push::compare(&world, rounds)?;
    }
    Ok(())
}
