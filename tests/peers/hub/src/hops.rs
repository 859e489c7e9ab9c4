//! A hop into 10⁴, 10⁵ and 10⁶ entities: what it costs must not depend on how many there are.

use crate::load::{Hub, stream};
use crate::process;
use anyhow::{Context, Result, ensure};
use reqwest::Method;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

const SIZES: [u64; 3] = [10_000, 100_000, 1_000_000];
/// Rows that hop, each to one entity.
const ROWS: u64 = 20_000;
const ROUNDS: usize = 9;

/// Small: the index is measured, not the reading of long entities.
fn target(number: u64) -> Vec<u8> {
    let id = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!(r#"{{"_id": "{id:016x}", "number": {number}, "name": "target {number}"}}"#).into_bytes()
}

/// The row's key is a number below each of the sizes, scattered.
fn row(number: u64) -> Vec<u8> {
    let keys = SIZES.map(|size| number * 7_919 % size);
    format!(
        r#"{{"_id": "{number}", "k0": {}, "k1": {}, "k2": {}}}"#,
        keys[0], keys[1], keys[2]
    )
    .into_bytes()
}

fn pipe(number: usize) -> Value {
    json!({
        "_id": format!("hop-{number}"),
        "type": "pipe",
        "source": {"type": "dataset", "dataset": "rows"},
        "transform": {"type": "dtl", "rules": {"default": [
            ["copy", "_id"],
            ["add", "found", ["hops", {
                "datasets": [format!("target-{number} t")],
                "where": [["eq", format!("_S.k{number}"), "t.number"]],
                "return": "t.name",
            }]],
        ]}},
        "pump": {"mode": "manual"},
    })
}

pub async fn measure() -> Result<()> {
    let receivers = ["rows", "target-0", "target-1", "target-2"];
    let pipes: Vec<Value> = (0..SIZES.len()).map(pipe).collect();
    let hub = Hub::start(&receivers, &pipes).await?;
    hub.push("rows", stream(0, ROWS, row)).await?;
    for (number, size) in SIZES.into_iter().enumerate() {
        hub.push(&format!("target-{number}"), stream(0, size, target))
            .await?;
    }
    // The first run builds the index or waits for it, and writes; later ones find nothing changed.
    for number in 0..SIZES.len() {
        rescan(&hub, &format!("hop-{number}")).await?;
    }
    // A small dataset would lie in the write buffer as a whole and a large one would not: like is compared with like.
    let hub = hub.restart().await?;
    let mut times = [const { Vec::new() }; SIZES.len()];
    for round in 0..=ROUNDS {
        for (number, times) in times.iter_mut().enumerate() {
            let before = process::cpu(hub.child.id())?;
            rescan(&hub, &format!("hop-{number}")).await?;
            let time = process::cpu(hub.child.id())? - before;
            // The first finds nothing in the cache.
            if round > 0 {
                times.push(time);
            }
        }
    }
    for number in 0..SIZES.len() {
        check(&hub, number).await?;
    }
    let medians = times
        .each_ref()
        .map(|times| sluice_peers_rounds::median(times).as_secs_f64());
    for (size, median) in SIZES.iter().zip(medians) {
        println!(
            "hop into {size} entities: {:.1} µs of processor time a row, whole run included",
            median / ROWS as f64 * 1e6
        );
    }
    let slope = (medians[2] / medians[0]).log10() / 2.0;
    let verdict = if slope <= 0.05 { "met" } else { "missed" };
    println!("hop: slope {slope:.3} from 10^4 to 10^6; goal 0.05: {verdict}");
    Ok(())
}

/// A full run, from the request until the pipe is still again.
async fn rescan(hub: &Hub, pipe: &str) -> Result<()> {
    let runtime = || async {
        Ok::<_, anyhow::Error>(hub.child.get(&format!("/pipes/{pipe}")).await?["runtime"].clone())
    };
    let before = runtime().await?["last-run"].clone();
    let request = hub
        .child
        .request(Method::POST, &format!("/pipes/{pipe}/pump"))
        .form(&[("operation", "start-rescan")]);
    let started = Instant::now();
    request.send().await?.error_for_status()?;
    loop {
        let runtime = runtime().await?;
        if runtime["is-running"] == json!(false) && runtime["last-run"] != before {
            ensure!(
                runtime["success"] == json!(true),
                "{pipe} failed: {}",
                runtime["last-message"]
            );
            return Ok(());
        }
        ensure!(
            started.elapsed() < Duration::from_secs(300),
            "{pipe} does not end"
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Every row found its entity.
async fn check(hub: &Hub, number: usize) -> Result<()> {
    let found = hub
        .child
        .get(&format!("/datasets/hop-{number}/entities?history=false"))
        .await?;
    let found = found.as_array().context("a feed is an array")?;
    ensure!(found.len() as u64 == ROWS, "{} rows came out", found.len());
    for entity in found {
        let row: u64 = entity["_id"].as_str().context("an id")?.parse()?;
        let expected = json!([format!("target {}", row * 7_919 % SIZES[number])]);
        ensure!(
            entity["found"] == expected,
            "row {row} found {}",
            entity["found"]
        );
    }
    Ok(())
}
