//! A hub at rest costs nothing: many pipes without news cause no writes to our resources, and the operator renews its Lease and does
//! nothing else. Read from the log in which the API server notes who asked it for what.

use crate::harness::{Cluster, HUB, operator_of, until};
use crate::whole::Whole;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::time::{Duration, Instant};

const REST: Duration = Duration::from_secs(60);
/// The log is written in moments of its own.
const LATE: Duration = Duration::from_secs(2);

/// A request, as the API server notes it.
struct Asked {
    user: String,
    verb: String,
    resource: String,
    group: String,
}

/// The requests about a namespace that were noted after this position of the log.
fn asked(log: &std::path::Path, from: u64, namespace: &str) -> Vec<Asked> {
    let mut file = std::fs::File::open(log).expect("the cluster was started with --audit");
    file.seek(SeekFrom::Start(from)).unwrap();
    let lines = BufReader::new(file).lines().map_while(Result::ok);
    let entries = lines.filter_map(|line| serde_json::from_str::<Value>(&line).ok());
    let of_namespace = entries.filter(|entry| entry["objectRef"]["namespace"] == namespace);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let asked = of_namespace.map(|entry| Asked {
        user: match &entry["impersonatedUser"]["username"] {
            Value::String(user) => user.clone(),
            _ => text(&entry["user"]["username"]),
        },
        verb: text(&entry["verb"]),
        resource: text(&entry["objectRef"]["resource"]),
        group: text(&entry["objectRef"]["apiGroup"]),
    });
    asked.collect()
}

impl Asked {
    fn is_write(&self) -> bool {
        !["get", "list", "watch"].contains(&self.verb.as_str())
    }
}

async fn rests(count: usize, limit: Duration) {
    let whole = Whole::start("idle").await.unwrap();
    // Every other one reads what the one before it would be pushed: every 30 s, as is the default, and never anything new.
    let pipes = (0..count).map(|number| {
        let source = match number % 2 {
            0 => json!({"type": "http_endpoint"}),
            _ => json!({"type": "dataset", "dataset": format!("idle-{}", number - 1)}),
        };
        let name = format!("idle-{number}");
        crate::harness::pipe(&name, json!({"source": source}))
    });
    let empty = whole.processes.resident().unwrap();
    let begun = Instant::now();
    whole.apply_pipes(pipes.collect()).await.unwrap();
    let applied = begun.elapsed();
    loop {
        let listed = whole.place.list("pipes").await.unwrap();
        let is_ready = |pipe: &&Value| {
            let conditions = pipe["status"]["conditions"].as_array();
            let mut conditions = conditions.into_iter().flatten();
            conditions.any(|one| one["type"] == "Ready" && one["status"] == "True")
        };
        let ready = listed.iter().filter(is_ready).count();
        if ready == count {
            break;
        }
        assert!(begun.elapsed() < limit, "{ready} of {count} are ready");
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let ready = begun.elapsed();
    // What is written of the last ones.
    let log = Cluster::of_environment().unwrap().logs.join("audit.log");
    let length = || std::fs::metadata(&log).map_or(0, |found| found.len());
    let (mut from, operator) = (length(), operator_of(&whole.place.name));
    loop {
        tokio::time::sleep(Duration::from_secs(3)).await;
        // Before it is read: what comes meanwhile is counted the next time.
        let read = length();
        let asked = asked(&log, from, &whole.place.name);
        from = read;
        let is_busy = |one: &Asked| one.is_write() && one.resource != "leases";
        if !asked.iter().any(is_busy) {
            break;
        }
        assert!(begun.elapsed() < limit + REST, "it does not come to rest");
    }
    tokio::time::sleep(REST + LATE).await;
    let mut counted: BTreeMap<(String, String, String), usize> = BTreeMap::new();
    let (mut ours, mut by_operator) = (Vec::new(), Vec::new());
    for one in asked(&log, from, &whole.place.name) {
        let what = (one.user.clone(), one.verb.clone(), one.resource.clone());
        *counted.entry(what.clone()).or_default() += 1;
        if one.is_write() && one.group == "sluice.dev" {
            ours.push(what.clone());
        }
        if one.is_write() && one.user == operator && one.resource != "leases" {
            by_operator.push(what);
        }
    }
    println!(
        "{count} pipes of {HUB}: applied after {applied:?}, ready after {ready:?}; in {REST:?} at rest: {counted:?}"
    );
    assert!(ours.is_empty(), "writes to our resources: {ours:?}");
    assert!(
        by_operator.is_empty(),
        "writes of the operator: {by_operator:?}"
    );
    let full = whole.processes.resident().unwrap();
    let each = |role: usize| full[role].saturating_sub(empty[role]) / count as u64;
    println!(
        "{:.0} pipes a second became ready; for each the storage node holds {} bytes more than empty, the worker {}",
        count as f64 / ready.as_secs_f64(),
        each(0),
        each(1)
    );
    let renewals = counted
        .iter()
        .filter(|((user, _, resource), _)| *user == operator && resource == "leases");
    let renewals: usize = renewals.map(|(_, count)| count).sum();
    assert!(renewals > 10, "the operator was there: {counted:?}");
    answers(&whole, count).await;
    whole.end().await.unwrap();
}

/// Pushes to some of them, and waits until their readers have it.
async fn answers(whole: &Whole, count: usize) {
    for _ in 0..20 {
        let number = rand::random_range(0..count / 2) * 2;
        let path = format!("/receivers/idle-{number}/entities");
        let entities = json!([{"_id": "news"}]);
        whole.api().post(&path, &entities).await.unwrap();
        let path = format!("/datasets/idle-{}/entities/news", number + 1);
        until(&path, REST, || async {
            let found = whole.api().get(&path).await;
            found.err().map(|error| format!("{error:#}"))
        })
        .await
        .unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_pipes_without_news_cause_no_writes_but_the_lease() {
    rests(200, Duration::from_secs(240)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: part of `cargo xtask test full`"]
async fn two_thousand_pipes_without_news_cause_no_writes_but_the_lease() {
    rests(2000, Duration::from_secs(900)).await;
}
