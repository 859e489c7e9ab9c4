//! A full disk: writes say so, reads go on, and everything resumes by itself when there is room again.

use crate::flow;
use anyhow::{Context, Result, ensure};
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use sluice_tests::child::{Child, run};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// Bytes of the volume: room for the hub's own files and some pushes.
const VOLUME: &str = "256M";
const CACHE: &str = "32MiB";
/// The disk fills up and gets room again this often.
const TIMES: usize = 2;
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
    // Buffers in proportion to the volume: the write-ahead log takes room for one in advance.
    let flags = ["--developer-mode", "--store-cache", CACHE];
    let mut hub = Child::start_with(&volume.mountpoint.join("data"), &flags).await?;
    hub.put("/config", &flow::configuration()).await?;
    let mut acknowledged = Vec::new();
    for time in 0..TIMES {
        fill_and_free(&mut hub, &volume, time, &mut acknowledged)
            .await
            .with_context(|| format!("time {time}"))?;
    }
    flow::verify_derived(&hub).await?;
    ensure_stored(&hub, &acknowledged).await?;
    hub.kill()?;
    run(&[
        OsStr::new("check"),
        volume.mountpoint.join("data").as_os_str(),
    ])?;
    drop(hub);
    Ok(())
}

/// Fills the volume up to the refusal, gives the room back, and waits until everything goes on.
async fn fill_and_free(
    hub: &mut Child,
    volume: &Volume,
    time: usize,
    acknowledged: &mut Vec<String>,
) -> Result<()> {
    // What takes the room, so that the test does not have to push all of it.
    let ballast = volume.mountpoint.join("ballast");
    let room = free_bytes(&volume.mountpoint)?;
    let taken = room.saturating_sub(24 << 20);
    ensure!(
        taken > 48 << 20,
        "an idle hub leaves only {room} bytes of the volume: nothing to give back later"
    );
    std::fs::write(&ballast, vec![1; usize::try_from(taken)?])?;
    let refused = push_until_refused(hub, time, acknowledged).await?;
    ensure!(
        refused.0 == StatusCode::INSUFFICIENT_STORAGE,
        "a full disk is answered 507, not {refused:?}"
    );
    ensure!(
        refused.1["code"] == "disk-full",
        "with the reason: {}",
        refused.1
    );
    ensure_stored(hub, acknowledged).await?;
    ensure!(hub.is_running(), "the process stays up");
    std::fs::remove_file(&ballast)?;
    let freed = Instant::now();
    let id = format!("after-{time}");
    while let Err(refused) = push(hub, &id, "").await? {
        ensure!(
            freed.elapsed() < RESUME_LIMIT,
            "writes did not resume: {refused:?}"
        );
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    acknowledged.push(id);
    // The derived pipes failed while there was no room; asked again, they come out right.
    for pipe in ["orders-priced", "orders-large"] {
        flow::wait_until_quiet(hub).await?;
        while let Err(failed) = flow::rescan(hub, pipe).await {
            ensure!(
                freed.elapsed() < 2 * RESUME_LIMIT,
                "runs did not resume: {failed:#}"
            );
        }
    }
    Ok(())
}

/// Reads go on, and show every acknowledged entity.
async fn ensure_stored(hub: &Child, acknowledged: &[String]) -> Result<()> {
    let stored = flow::content(hub, flow::ORDERS).await?;
    let lost = acknowledged.iter().find(|id| !stored.contains_key(*id));
    ensure!(lost.is_none(), "{lost:?} was acknowledged and is not there");
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

/// Pushes one entity: `Ok`, or status and problem of the refusal.
async fn push(hub: &Child, id: &str, text: &str) -> Result<Result<(), (StatusCode, Value)>> {
    let body =
        json!([{"_id": id, "sequence": 1, "quantity": 20, "customer_id": "nobody", "text": text}]);
    let answer = hub
        .request(Method::POST, "/receivers/orders/entities")
        .json(&body)
        .send()
        .await?;
    let status = answer.status();
    Ok(if status.is_success() {
        Ok(())
    } else {
        Err((status, answer.json().await?))
    })
}

/// Pushes incompressible entities and notes the acknowledged ids; gives the first refusal.
async fn push_until_refused(
    hub: &Child,
    time: usize,
    acknowledged: &mut Vec<String>,
) -> Result<(StatusCode, Value)> {
    for number in 0..2000 {
        let text: String = (0..2000)
            .map(|_| uuid::Uuid::new_v4().simple().to_string())
            .collect();
        let id = format!("order-{time}-{number}");
        if let Err(refused) = push(hub, &id, &text).await? {
            return Ok(refused);
        }
        acknowledged.push(id);
    }
    anyhow::bail!("the volume never filled up")
}
