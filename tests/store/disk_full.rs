//! A full disk: writes say so, reads go on, and everything resumes by itself when there is room again.

use crate::flow;
use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sluice_tests::child::Child;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Bytes of the volume: room for the hub's own files and some pushes.
const VOLUME: &str = "256M";
const RESUME_LIMIT: Duration = Duration::from_secs(10);

/// A small ext4 volume on a loop device, unmounted when dropped.
struct Volume {
    mountpoint: PathBuf,
}

impl Volume {
    fn mount(folder: &Path) -> Result<Volume> {
        let (image, mountpoint) = (folder.join("image"), folder.join("volume"));
        std::fs::create_dir(&mountpoint)?;
        let image = image.to_str().context("the temporary folder is text")?;
        let at = mountpoint
            .to_str()
            .context("the temporary folder is text")?;
        for command in [
            &["truncate", "-s", VOLUME, image][..],
            &["mkfs.ext4", "-q", "-m", "0", image],
            &["mount", "-o", "loop", image, at],
        ] {
            let output = Command::new(command[0]).args(&command[1..]).output()?;
            ensure!(
                output.status.success(),
                "{command:?}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
        }
        Ok(Volume { mountpoint })
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.mountpoint).status();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_writes_and_nothing_else() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let volume = match Volume::mount(folder.path()) {
        Ok(volume) => volume,
        Err(reason) => {
            let loud =
                format!("the disk full test CANNOT RUN: no loop volume (it needs root): {reason}");
            assert!(std::env::var_os("CI").is_none(), "{loud}");
            println!("{loud}");
            return Ok(());
        }
    };
    let mut hub = Child::start(&volume.mountpoint.join("data")).await?;
    hub.put("/config", &flow::configuration()).await?;
    // What takes the room, so that the test does not have to push all of it.
    let ballast = volume.mountpoint.join("ballast");
    let room = free_bytes(&volume.mountpoint)?;
    let taken = room.saturating_sub(24 << 20);
    ensure!(
        taken > 48 << 20,
        "an idle hub leaves only {room} bytes of the volume: nothing to give back later"
    );
    std::fs::write(&ballast, vec![1; usize::try_from(taken)?])?;
    let (mut acknowledged, refused) = push_until_refused(&hub).await?;
    ensure!(
        refused.0 == StatusCode::INSUFFICIENT_STORAGE,
        "a full disk is answered 507, not {refused:?}"
    );
    ensure!(
        refused.1["code"] == "disk-full",
        "with the reason: {}",
        refused.1
    );
    let stored = flow::content(&hub, flow::ORDERS).await?;
    ensure!(
        acknowledged.iter().all(|id| stored.contains_key(id)),
        "reads go on and show every acknowledged entity"
    );
    ensure!(hub.is_running(), "the process stays up");
    std::fs::remove_file(&ballast)?;
    let freed = Instant::now();
    loop {
        let body = json!([{"_id": "after", "sequence": 1, "quantity": 1, "customer_id": "x"}]);
        let answer = hub
            .request(Method::POST, "/receivers/orders/entities")
            .json(&body)
            .send()
            .await?;
        if answer.status().is_success() {
            acknowledged.push("after".to_owned());
            break;
        }
        ensure!(
            freed.elapsed() < RESUME_LIMIT,
            "writes did not resume: {}",
            answer.text().await?
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    // The derived pipes failed while there was no room; they are asked once and must come out right.
    for pipe in ["orders-priced", "orders-large"] {
        flow::wait_until_quiet(&hub).await?;
        flow::rescan(&hub, pipe).await?;
    }
    flow::verify_derived(&hub).await?;
    let stored = flow::content(&hub, flow::ORDERS).await?;
    ensure!(
        acknowledged.iter().all(|id| stored.contains_key(id)),
        "nothing acknowledged is lost"
    );
    hub.kill()?;
    drop(hub);
    Ok(())
}

fn free_bytes(folder: &Path) -> Result<u64> {
    let output = Command::new("df")
        .args(["--output=avail", "-B1"])
        .arg(folder)
        .output()?;
    let text = String::from_utf8(output.stdout)?;
    text.lines()
        .nth(1)
        .and_then(|line| line.trim().parse().ok())
        .context("df prints the free bytes")
}

/// Pushes incompressible entities; gives the acknowledged ids and the first refusal.
async fn push_until_refused(hub: &Child) -> Result<(Vec<String>, (StatusCode, Value))> {
    let mut acknowledged = Vec::new();
    for number in 0..2000 {
        let text: String = (0..2000)
            .map(|_| uuid::Uuid::new_v4().simple().to_string())
            .collect();
        let id = format!("order-{number}");
        let body = json!([{"_id": id, "sequence": 1, "quantity": 20, "customer_id": "nobody", "text": text}]);
        let answer = hub
            .request(Method::POST, "/receivers/orders/entities")
            .json(&body)
            .send()
            .await?;
        let status = answer.status();
        if !status.is_success() {
            return Ok((acknowledged, (status, answer.json().await?)));
        }
        acknowledged.push(id);
    }
    anyhow::bail!("the volume never filled up")
}
