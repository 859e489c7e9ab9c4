//! W3, W4 and W5 through the hub as it is shipped: a process of its own, asked over HTTPS; and what it needs in memory.
//!
//! `SLUICE_BINARY` names the hub's binary. The raw limits run here or, where they serve requests, in a copy of this process.

#[allow(dead_code, reason = "the tests use more of it")]
#[path = "../../../harness/child.rs"]
mod child;
mod feed;
mod hops;
mod limit;
mod load;
mod look_up;
mod memory;
mod process;
mod push;

use anyhow::Result;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = std::env::args().skip(1);
    let only = arguments.next().unwrap_or_default();
    if only == limit::COMMAND {
        return limit::serve(&arguments.next().unwrap_or_default()).await;
    }
    let rounds = arguments
        .next()
        .and_then(|text| text.parse().ok())
        .unwrap_or(7);
    let is_wanted = |name: &str| only.is_empty() || name == only;
    if is_wanted("push") {
        push::compare(rounds).await?;
    }
    if is_wanted("feed") {
        feed::compare(rounds).await?;
    }
    if is_wanted("look-up") {
        look_up::compare(rounds).await?;
    }
    if is_wanted("hops") {
        hops::measure().await?;
    }
    if is_wanted("memory") {
        memory::measure().await?;
    }
    if only == "large-push" {
        memory::large_push().await?;
    }
    Ok(())
}
