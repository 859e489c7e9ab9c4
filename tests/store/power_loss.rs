//! Power cuts on a disk that forgets what was not synced: every acknowledged push is there.

use crate::crash::verify;
use crate::flow::{self, CUSTOMERS, History, ORDERS};
use crate::load::Pusher;
use crate::volatile::{Disk, Loss};
use anyhow::{Context, Result};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use sluice_tests::child::{Child, run};
use std::time::Duration;

/// Power cuts in an ordinary test run; `SLUICE_POWER_ROUNDS` sets another number.
const ROUNDS: u64 = 10;
const PUSHERS: usize = 2;

#[tokio::test(flavor = "multi_thread")]
async fn a_power_cut_loses_no_acknowledged_push() -> Result<()> {
    let setting = |name: &str, default| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse().ok())
            .unwrap_or(default)
    };
    let rounds: u64 = setting("SLUICE_POWER_ROUNDS", ROUNDS);
    let seed: u64 = setting("SLUICE_SEED", rand::random::<u32>().into());
    println!("power loss test: {rounds} cuts, SLUICE_SEED={seed}");
    if !can_mount() {
        let loud = "the power loss test CANNOT RUN: /dev/fuse cannot be opened (it needs FUSE and the right to mount)";
        assert!(std::env::var_os("CI").is_none(), "{loud}");
        println!("{loud}");
        return Ok(());
    }
    let mut random = StdRng::seed_from_u64(seed);
    let folder = tempfile::tempdir()?;
    let mountpoint = folder.path().join("disk");
    std::fs::create_dir(&mountpoint)?;
    let disk = Disk::new();
    let mut pushers: Vec<Pusher> = (0..PUSHERS).map(|name| Pusher::new(name, seed)).collect();
    let mut histories = [ORDERS, CUSTOMERS].map(History::new);
    let mut unsynced = 0;
    for round in 0..=rounds {
        let mount = disk.mount(&mountpoint).context("mounting the disk")?;
        let data = mount.path().join("data");
        if round > 0 {
            let report = run(&["check".as_ref(), data.as_os_str()]);
            report.with_context(|| format!("sluice check after cut {round} (seed {seed})"))?;
        }
        // The hub's data is a folder of the disk; its log and ready file lie beside it, on the same disk.
        let mut hub = Child::start(&data)
            .await
            .with_context(|| format!("start {round} (seed {seed})"))?;
        if round == 0 {
            hub.put("/config?force=false", &flow::configuration())
                .await?;
        } else {
            verify(&hub, &mut pushers, &mut histories)
                .await
                .with_context(|| format!("after cut {round} (seed {seed})"))?;
        }
        if round == rounds {
            break;
        }
        let lifetime = Duration::from_millis(random.random_range(20..600));
        let (client, url, cut) = (hub.client.clone(), hub.url.clone(), disk.clone());
        let loads = pushers
            .iter_mut()
            .map(|pusher| pusher.push_until_gone(client.clone(), url.clone()));
        let power = async {
            tokio::time::sleep(lifetime).await;
            cut.cut_power();
            hub.kill()
        };
        let (counts, killed) = tokio::join!(futures::future::try_join_all(loads), power);
        killed?;
        counts?;
        drop(hub);
        drop(mount);
        unsynced += disk.unsynced_operations();
        let loss = if random.random_range(0..2) == 0 {
            Loss::Dropped
        } else {
            Loss::Torn
        };
        disk.lose(loss, &mut |below| random.random_range(0..below));
    }
    assert!(
        unsynced > 0,
        "no cut ever hit an unsynced write: the test proves nothing"
    );
    Ok(())
}

fn can_mount() -> bool {
    std::fs::OpenOptions::new()
        .read(true)
        .write(true)
        .open("/dev/fuse")
        .is_ok()
}
