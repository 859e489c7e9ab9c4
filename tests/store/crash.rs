//! SIGKILL at random instants under load: nothing acknowledged is lost, nothing is applied twice, everything derived is right.

use crate::flow::{self, CUSTOMERS, History, ORDERS};
use crate::load::{self, Pusher};
use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sluice_tests::child::{Child, run};
use std::ffi::OsStr;
use std::time::Duration;

/// Kills in an ordinary test run; `SLUICE_CRASH_ROUNDS` sets another number.
const ROUNDS: u64 = 25;
/// Kills of one hub. Its log only grows, and each kill is followed by a look at all of it.
const KILLS: u64 = 50;
const PUSHERS: usize = 3;

fn setting(name: &str, default: u64) -> u64 {
    std::env::var(name)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(default)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_hub_loses_nothing_and_repeats_nothing() -> Result<()> {
    let rounds = setting("SLUICE_CRASH_ROUNDS", ROUNDS);
    let seed = setting("SLUICE_SEED", rand::random::<u32>().into());
    println!("crash test: {rounds} kills, SLUICE_SEED={seed}");
    let mut done = 0;
    while done < rounds {
        let kills = KILLS.min(rounds - done);
        // The first hub takes the seed itself, so that a run with the seed of another one's message repeats that hub.
        let acknowledged = kill_one_hub(seed.wrapping_add(done), kills).await?;
        done += kills;
        println!(
            "crash test: {done} of {rounds} kills, {acknowledged} pushes acknowledged by this hub"
        );
        assert!(
            acknowledged > kills,
            "the hub was killed before it did any work"
        );
    }
    Ok(())
}

/// Answers how many pushes the hub acknowledged.
async fn kill_one_hub(seed: u64, rounds: u64) -> Result<u64> {
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    let mut pushers: Vec<Pusher> = (0..PUSHERS).map(|name| Pusher::new(name, seed)).collect();
    let mut histories = [ORDERS, CUSTOMERS].map(History::new);
    let mut hub = Child::start(&data).await?;
    hub.put("/config?force=false", &flow::configuration())
        .await?;
    let mut acknowledged = 0;
    for round in 0..rounds {
        let lifetime = Duration::from_millis(random.random_range(20..600));
        let (client, url) = (hub.client.clone(), hub.url.clone());
        let loads = pushers
            .iter_mut()
            .map(|pusher| pusher.push_until_gone(client.clone(), url.clone()));
        let kill = async {
            tokio::time::sleep(lifetime).await;
            hub.kill()
        };
        let (counts, killed) = tokio::join!(futures::future::try_join_all(loads), kill);
        killed?;
        acknowledged += counts?.iter().sum::<u64>();
        let report = run(&[OsStr::new("check"), data.as_os_str()]);
        report.with_context(|| format!("sluice check after kill {round} (seed {seed})"))?;
        if random.random_range(0..4) == 0 {
            let after = Duration::from_millis(random.random_range(5..300));
            Child::kill_while_starting(&data, after).await?;
        }
        hub = Child::start(&data).await?;
        verify(&hub, &mut pushers, &mut histories)
            .await
            .with_context(|| format!("after kill {round} (seed {seed})"))?;
    }
    Ok(acknowledged)
}

/// Everything that must hold after a restart.
pub(crate) async fn verify(
    hub: &Child,
    pushers: &mut [Pusher],
    histories: &mut [History],
) -> Result<()> {
    let stored = load::stored(hub).await?;
    for pusher in pushers {
        pusher.verify(&stored)?;
    }
    for history in histories {
        history.follow(hub).await?;
    }
    flow::verify_derived(hub).await
}
