//! Damage on a stopped hub's disk: `sluice check` fails, names the file, and changes nothing itself.
//!
//! The store's own tests plant a hundred damages record by record; this one goes through the command, on what a hub wrote.

use crate::flow::{self, ORDERS};
use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use sluice_tests::child::{Child, run};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// Text enough for a table of several blocks.
const ENTITIES: usize = 500;

fn check(data: &Path) -> Result<String> {
    run(&[OsStr::new("check"), data.as_os_str()])
}

/// A folder whose datasets lie in tables, the latest push in the write-ahead log, and which no hub uses any more.
async fn written(data: &Path) -> Result<()> {
    let mut hub = Child::start(data).await?;
    hub.put("/config", &flow::configuration()).await?;
    let orders: Vec<Value> = (0..ENTITIES)
        .map(|number| json!({"_id": format!("order-{number}"), "sequence": 1, "quantity": number, "text": "long ".repeat(100)}))
        .collect();
    hub.post("/receivers/orders/entities", &json!(orders))
        .await?;
    flow::wait_until_quiet(&hub).await?;
    hub.kill()?;
    // Recovery moves what the log held into tables.
    let mut hub = Child::start(data).await?;
    hub.post(
        "/receivers/customers/entities",
        &json!([{"_id": "c", "sequence": 1, "name": "only in the log"}]),
    )
    .await?;
    flow::wait_until_quiet(&hub).await?;
    ensure!(
        flow::content(&hub, ORDERS).await?.len() == ENTITIES,
        "the sample was not stored"
    );
    let in_use = check(data)
        .err()
        .context("a folder in use was checked")?
        .to_string();
    ensure!(
        in_use.contains("in use") && in_use.contains(&hub.id().to_string()),
        "{in_use}"
    );
    hub.kill()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    std::fs::create_dir_all(to)?;
    for entry in std::fs::read_dir(from)? {
        let (entry, target) = (entry?.path(), to.join("x"));
        let target = target.with_file_name(entry.file_name().context("an entry has a name")?);
        if entry.is_dir() {
            copy(&entry, &target)?;
        } else {
            std::fs::copy(&entry, &target)?;
        }
    }
    Ok(())
}

/// The largest file of the datasets' store with this ending.
fn largest(data: &Path, ending: &str) -> Result<PathBuf> {
    let folder = data.join("datasets");
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    for entry in std::fs::read_dir(&folder)? {
        let path = entry?.path();
        if path.to_str().is_some_and(|name| name.ends_with(ending)) {
            files.push((path.metadata()?.len(), path));
        }
    }
    let (size, path) = files
        .into_iter()
        .max()
        .with_context(|| format!("{} has no {ending}", folder.display()))?;
    ensure!(size > 0, "{} is empty", path.display());
    Ok(path)
}

fn flip_bit(path: &Path, position: impl Fn(usize) -> usize) -> Result<()> {
    let mut bytes = std::fs::read(path)?;
    let position = position(bytes.len());
    bytes[position] ^= 0x10;
    Ok(std::fs::write(path, bytes)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn the_check_command_names_the_damaged_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let data = folder.path().join("data");
    written(&data).await?;
    ensure!(
        check(&data)?.contains("all is well"),
        "undamaged data is clean"
    );
    // What is done to which file.
    type Damage = fn(&Path) -> Result<()>;
    let damages: [(&str, &str, Damage); 4] = [
        ("a bit flipped in a data block", ".sst", |path| {
            flip_bit(path, |length| length / 3)
        }),
        ("a missing table", ".sst", |path| {
            Ok(std::fs::remove_file(path)?)
        }),
        ("a table cut short", ".sst", |path| {
            let file = std::fs::File::options().write(true).open(path)?;
            Ok(file.set_len(file.metadata()?.len() / 2)?)
        }),
        // Behind the first bytes follow whole records: this is no torn tail.
        ("a bit flipped in the write-ahead log", ".log", |path| {
            flip_bit(path, |_| 12)
        }),
    ];
    for (number, (what, ending, damage)) in damages.into_iter().enumerate() {
        let copied = folder.path().join(format!("damaged-{number}"));
        copy(&data, &copied)?;
        let path = largest(&copied, ending)?;
        let name = path
            .file_name()
            .and_then(OsStr::to_str)
            .context("a file of the store has a name")?;
        damage(&path)?;
        let report = check(&copied)
            .err()
            .with_context(|| format!("{what} in {name} was not noticed"))?
            .to_string();
        ensure!(
            report.contains("datasets: ") && report.contains(name),
            "{what} in {name}: {report}"
        );
        ensure!(report.contains("DAMAGED"), "{what} in {name}: {report}");
        let again = check(&copied)
            .err()
            .with_context(|| format!("{what}: the check repaired it"))?
            .to_string();
        ensure!(
            again == report,
            "{what}: the second check says something else: {again}"
        );
    }
    ensure!(
        check(&data)?.contains("all is well"),
        "the checks changed the original"
    );
    Ok(())
}
