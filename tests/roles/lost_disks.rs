//! Workers whose disks are lost, or who come back when their pipes are somebody else's.

use super::until;
use serde_json::{Value, json};
use sluice_tests::roles::Roles;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Offsets of restored datasets go on behind a gap.
const GAP: u64 = 1 << 32;

/// Four receivers, each read by a pipe that hops back into it.
fn pipes() -> Value {
    let pipes = (0..4).flat_map(|n| {
        let receiver = json!({"_id": format!("in{n}"), "type": "pipe", "source": {"type": "http_endpoint"}});
        let reader = json!({
            "_id": format!("read{n}"),
            "type": "pipe",
            "source": {"type": "dataset", "dataset": format!("in{n}")},
            "transform": {"type": "dtl", "rules": {"default": [
                ["copy", "*"],
                ["add", "same", ["apply-hops", "one", {"datasets": [format!("in{n} i")], "where": ["eq", "_S._id", "i._id"]}]],
            ], "one": [["add", "n", "_S.n"]]}},
            "pump": {"schedule_interval": 0.2},
        });
        [receiver, reader]
    });
    pipes.collect()
}

async fn push(hub: &Roles, pipe: usize, entities: &Value) -> u16 {
    let path = format!("/receivers/in{pipe}/entities");
    let push = hub.api.request(reqwest::Method::POST, &path).json(entities);
    match push.timeout(Duration::from_secs(20)).send().await {
        Ok(answer) => answer.status().as_u16(),
        Err(_) => 0,
    }
}

/// `_updated` by `_id`; `None` while it cannot be read.
async fn offsets(hub: &Roles, dataset: &str) -> Option<BTreeMap<String, u64>> {
    let entities = hub
        .api
        .get(&format!("/datasets/{dataset}/entities"))
        .await
        .ok()?;
    let entities = entities.as_array()?.iter();
    let offsets = entities.map(|entity| {
        let id = entity["_id"].as_str().unwrap().to_owned();
        (id, entity["_updated"].as_u64().unwrap())
    });
    Some(offsets.collect())
}

/// The first answer there is: it has to have everything.
async fn read(hub: &Roles, dataset: &str) -> BTreeMap<String, u64> {
    let begun = Instant::now();
    loop {
        if let Some(offsets) = offsets(hub, dataset).await {
            return offsets;
        }
        assert!(begun.elapsed() < super::LIMIT, "{dataset} is not answered");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn has(hub: &Roles, dataset: &str, count: usize) -> bool {
    let offsets = offsets(hub, dataset).await;
    offsets.is_some_and(|offsets| offsets.len() == count)
}

fn manifests(hub: &Roles) -> usize {
    let objects = hub.objects().unwrap();
    let is_manifest = |path: &&std::path::PathBuf| path.to_string_lossy().contains("/manifests/");
    objects.iter().filter(is_manifest).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_of_a_lost_disk_are_restored_with_all_that_was_pushed_and_their_offsets() {
    let mut hub = Roles::start_with_objects(2, "3s", "1s").await.unwrap();
    hub.api.put("/config", &pipes()).await.unwrap();
    for pipe in 0..4 {
        let entities: Value = (0..50)
            .map(|n| json!({"_id": format!("{n}"), "n": n}))
            .collect();
        assert_eq!(push(&hub, pipe, &entities).await, 200);
    }
    {
        let hub = &hub;
        for pipe in 0..4 {
            until("everything was read", || has_both(hub, pipe, 50)).await;
        }
        until("every pipe has a checkpoint", || async {
            manifests(hub) >= 8
        })
        .await;
    }
    // Long enough for a round that contains all of it.
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    let mut before = BTreeMap::new();
    for dataset in datasets() {
        before.insert(dataset.clone(), offsets(&hub, &dataset).await.unwrap());
    }
    // What no checkpoint has: only the push log does.
    for pipe in 0..4 {
        let late = json!([{"_id": "late", "n": -1}, {"_id": "7", "n": 700}]);
        assert_eq!(push(&hub, pipe, &late).await, 200);
    }
    hub.workers[0].as_mut().unwrap().kill().unwrap();
    hub.workers[0] = None;
    hub.lose_disk(0).unwrap();
    let lost = Instant::now();
    {
        let hub = &hub;
        for pipe in 0..4 {
            until("the pipes are back", || has_both(hub, pipe, 51)).await;
        }
    }
    let away = lost.elapsed();
    println!(
        "all pipes were back and level {:.1} s after the loss",
        away.as_secs_f64()
    );
    assert!(away < Duration::from_secs(30), "{away:?}");
    for dataset in datasets() {
        let after = offsets(&hub, &dataset).await.unwrap();
        let before = &before[&dataset];
        let moved = before.iter().filter(|(id, offset)| after[*id] != **offset);
        let moved: BTreeSet<&str> = moved.map(|(id, _)| id.as_str()).collect();
        assert_eq!(
            moved,
            BTreeSet::from(["7"]),
            "{dataset}: only what was pushed again"
        );
        let seven = hub
            .api
            .get(&format!("/datasets/{dataset}/entities/7"))
            .await
            .unwrap();
        assert_eq!(seven["n"], 700, "{dataset}");
    }
    assert!(hub.log("w1").unwrap().contains("the pipe's state is here"));
    for pipe in 0..4 {
        assert_eq!(push(&hub, pipe, &json!([{"_id": "after"}])).await, 200);
    }
    // The worker comes back under its name with a blank disk: it has nothing of what it had, and is given pipes like a new one.
    hub.start_worker(0).await.unwrap();
    let hub = &hub;
    until("both have pipes", || async {
        let pipes = hub.pipes_per_worker().await.unwrap_or_default();
        pipes.iter().all(|count| *count > 0)
    })
    .await;
    for pipe in 0..4 {
        until("it goes on", || has_both(hub, pipe, 52)).await;
    }
    let mut restored = 0;
    for dataset in datasets() {
        until("the pipe answers", || async {
            offsets(hub, &dataset).await.is_some()
        })
        .await;
        let after = offsets(hub, &dataset).await.unwrap();
        restored += usize::from(after["after"] >= GAP);
    }
    assert_eq!(restored, 4, "two receivers and their readers");
}

fn datasets() -> impl Iterator<Item = String> {
    (0..4).flat_map(|pipe| [format!("in{pipe}"), format!("read{pipe}")])
}

async fn has_both(hub: &Roles, pipe: usize, count: usize) -> bool {
    has(hub, &format!("in{pipe}"), count).await && has(hub, &format!("read{pipe}"), count).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_owner_that_was_frozen_past_its_lease_acknowledges_nothing_and_nothing_acknowledged_is_lost()
 {
    let mut hub = Roles::start_with_objects(2, "3s", "1s").await.unwrap();
    hub.api.put("/config", &pipes()).await.unwrap();
    for pipe in 0..4 {
        assert_eq!(push(&hub, pipe, &json!([{"_id": "first"}])).await, 200);
    }
    let (stop, count) = (Arc::new(AtomicBool::new(false)), AtomicUsize::new(0));
    let count = &count;
    let hub_now = &hub;
    let pushers = (0..8).map(|pusher| {
        let stop = stop.clone();
        async move {
            let (mut acknowledged, mut number) = (Vec::new(), 0);
            while !stop.load(Ordering::Relaxed) {
                let (pipe, id) = (pusher % 4, format!("{pusher}-{number}"));
                number += 1;
                if push(hub_now, pipe, &json!([{"_id": id}])).await == 200 {
                    acknowledged.push((pipe, id));
                    count.fetch_add(1, Ordering::Relaxed);
                } else {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
            acknowledged
        }
    });
    let disturbance = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        let frozen = hub_now.workers[0].as_ref().unwrap();
        frozen.freeze().unwrap();
        until("all pipes are on the other", || async {
            let pipes = hub_now.pipes_per_worker().await.unwrap_or_default();
            pipes.get(1) == Some(&8)
        })
        .await;
        tokio::time::sleep(Duration::from_secs(1)).await;
        frozen.thaw().unwrap();
        // Long enough for what was in flight to be answered, and for some of it to be.
        tokio::time::sleep(Duration::from_secs(3)).await;
        until("pushes are taken again", || async {
            count.load(Ordering::Relaxed) > 100
        })
        .await;
        stop.store(true, Ordering::Relaxed);
    };
    let (pushed, ()) = tokio::join!(futures::future::join_all(pushers), disturbance);
    let pushed: Vec<(usize, String)> = pushed.into_iter().flatten().collect();
    // What only it has does not count.
    hub.workers[0].as_mut().unwrap().kill().unwrap();
    hub.workers[0] = None;
    for pipe in 0..4 {
        let dataset = format!("in{pipe}");
        let there = read(&hub, &dataset).await;
        let missing = pushed
            .iter()
            .filter(|(to, id)| *to == pipe && !there.contains_key(id));
        assert_eq!(
            missing.collect::<Vec<_>>(),
            Vec::<&(usize, String)>::new(),
            "in{pipe}"
        );
    }
    println!("{} pushes acknowledged, all are there", pushed.len());
}
