//! Everything of a hub is deleted, in orders left to chance, with its storage node there or away, and with an operator that is killed
//! on the way: all of it ends within a bound, and keys and claims stay as the policy says.

use crate::harness::{Fate, HUB, Kubelet, Place, Processes, Within, hub, pipe, pool, until};
use anyhow::{Context, Result, ensure};
use futures::stream::{self, StreamExt};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use std::time::Duration;

/// A worker waits for leave a minute at most.
const BOUND: Duration = Duration::from_secs(150);
const LIMIT: Duration = Duration::from_secs(120);
/// Hubs that end at the same time.
const AT_ONCE: usize = 6;
/// What goes with the hub or by itself, whatever the policy.
const GOES: [&str; 9] = [
    "datahubs",
    "workerpools",
    "workers",
    "pipes",
    "systems",
    "pods",
    "deployments",
    "services",
    "poddisruptionbudgets",
];
const KEPT: [&str; 4] = ["home-root-ca", "home-keys", "home-token-key", "home-api-ca"];

/// How one hub ends.
#[derive(Clone, Debug)]
struct Ending {
    policy: &'static str,
    has_storage_node: bool,
    /// Kind and name; the namespace has none.
    order: Vec<(&'static str, String)>,
    /// Before which of them the operator is killed and another one started.
    restart: usize,
}

impl Ending {
    fn of(seed: u64, workers: &[String]) -> Ending {
        let mut chance = StdRng::seed_from_u64(seed);
        let mut order = vec![
            ("datahubs", HUB.to_owned()),
            ("workerpools", "main".to_owned()),
            ("pipes", "orders".to_owned()),
            ("systems", "shop".to_owned()),
        ];
        order.extend(workers.iter().map(|name| ("workers", name.clone())));
        if (seed / 4) % 2 == 1 && seed % 2 == (seed / 2) % 2 {
            order.push(("namespaces", String::new()));
        }
        order.shuffle(&mut chance);
        Ending {
            // Each with each.
            policy: ["Retain", "Delete"][usize::from(seed % 2 == 1)],
            has_storage_node: (seed / 2) % 2 == 0,
            restart: chance.random_range(0..order.len()),
            order,
        }
    }

    fn ends_namespace(&self) -> bool {
        self.order.iter().any(|(kind, _)| *kind == "namespaces")
    }
}

async fn install(place: &Place, policy: &str) -> Result<Vec<String>> {
    let more = json!({"deletionPolicy": policy});
    place.apply("datahubs", &hub(more)).await?;
    place.apply("workerpools", &pool(2, policy)).await?;
    let config = json!({"source": {"type": "embedded", "entities": [{"_id": "1"}]}});
    place.apply("pipes", &pipe("orders", config)).await?;
    let config = json!({"type": "system:url", "url_pattern": "http://shop.test/%s"});
    let system =
        json!({"metadata": {"name": "shop"}, "spec": {"hubRef": {"name": HUB}, "config": config}});
    place.apply("systems", &system).await?;
    until("the hub is made", LIMIT, || async {
        let (workers, claims) = (
            place.names("workers").await,
            place.names("persistentvolumeclaims").await,
        );
        let count = |names: Result<Vec<String>>| names.map_or(0, |names| names.len());
        let made = (count(workers), count(claims));
        (made != (2, 3)).then(|| format!("{made:?}"))
    })
    .await?;
    place.names("workers").await
}

/// What a namespace's end does to what is in it, but to the operator's Lease: operators have their own namespace.
async fn end_of_namespace(place: &Place) -> Result<()> {
    place.end().await?;
    for kind in GOES
        .into_iter()
        .chain(["persistentvolumeclaims", "secrets", "configmaps"])
    {
        for name in place.names(kind).await? {
            place.delete(kind, &name).await?;
        }
    }
    Ok(())
}

async fn run(prefix: &str, seed: u64) -> Result<String> {
    let place = Place::named(&format!("{prefix}-{seed}")).await?;
    let first = Within::start(&place, None, |_| Fate::Forwarded).await?;
    let workers = install(&place, Ending::of(seed, &[]).policy).await?;
    let ending = Ending::of(seed, &workers);
    let mut processes = None;
    let mut operator = first;
    if ending.has_storage_node {
        let mut started = Processes::start(&place).await?;
        started.add_worker(&place, &workers[0]).await?;
        operator.kill().await?;
        let at = Some(started.storage_node.as_str());
        operator = Within::start(&place, at, |_| Fate::Forwarded).await?;
        place
            .until_true("workers", &workers[0], "Ready", LIMIT)
            .await?;
        processes = Some(started);
    }
    let at = processes
        .as_ref()
        .map(|started| started.storage_node.clone());
    for (number, (kind, name)) in ending.order.iter().enumerate() {
        if number == ending.restart {
            operator.kill().await?;
            operator = Within::start(&place, at.as_deref(), |_| Fate::Forwarded).await?;
        }
        match *kind {
            "namespaces" => end_of_namespace(&place).await?,
            kind => place.delete(kind, name).await?,
        }
    }
    let took = until("everything has ended", BOUND, || async {
        match left(&place, &ending).await {
            Ok(left) => left,
            Err(error) => Some(error.to_string()),
        }
    })
    .await
    .with_context(|| format!("{ending:?}"))?;
    operator.stop().await?;
    check(&place, &ending)
        .await
        .with_context(|| format!("{ending:?}"))?;
    if !ending.ends_namespace() {
        place.end().await?;
    }
    Ok(format!("{seed}: {took:?}"))
}

/// What is still there of what is to go.
async fn left(place: &Place, ending: &Ending) -> Result<Option<String>> {
    let mut left = Vec::new();
    for kind in GOES {
        for name in place.names(kind).await? {
            left.push(format!("{kind}/{name}"));
        }
    }
    if ending.ends_namespace() {
        for kind in ["persistentvolumeclaims", "secrets"] {
            for name in place.names(kind).await? {
                left.push(format!("{kind}/{name}"));
            }
        }
    }
    Ok((!left.is_empty()).then(|| left.join(", ")))
}

/// What stays, stays as the policy says.
async fn check(place: &Place, ending: &Ending) -> Result<()> {
    let secrets = place.names("secrets").await?;
    let claims = place.list("persistentvolumeclaims").await?;
    let staying = |claim: &&Value| claim["metadata"]["deletionTimestamp"].is_null();
    let claims: Vec<&str> = claims
        .iter()
        .filter(staying)
        .filter_map(|claim| claim["metadata"]["name"].as_str())
        .collect();
    let keys = KEPT
        .iter()
        .filter(|name| secrets.iter().any(|one| one == *name));
    let keys = keys.count();
    if ending.ends_namespace() {
        return Ok(());
    }
    match ending.policy {
        // A Worker that was deleted alone was followed by another one, with a claim too.
        "Retain" => ensure!(keys == 4 && claims.len() >= 3, "{keys} keys, {claims:?}"),
        _ => {
            ensure!(keys == 0, "{keys} keys");
            ensure!(
                !claims.iter().any(|name| name.contains("storage-node")),
                "{claims:?}"
            );
            // Without leave from a storage node a worker's claim stays, unless the hub had gone before.
            let may_stay = !ending.has_storage_node;
            ensure!(claims.is_empty() || may_stay, "{claims:?}");
        }
    }
    let others: Vec<&String> = secrets
        .iter()
        .filter(|name| !KEPT.contains(&name.as_str()))
        .collect();
    ensure!(others.is_empty(), "{others:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn delete_everything_in_any_order_with_or_without_storage_node_and_with_another_operator() {
    let base: u64 = std::env::var("SLUICE_SEED").map_or_else(
        |_| rand::random_range(0..1_000_000),
        |seed| seed.parse().unwrap(),
    );
    // All four of policy and storage node, twice.
    let base = base / 8 * 8;
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let prefix = format!("ended-{}", &unique[..6]);
    let client = Place::named(&format!("{prefix}-first")).await.unwrap();
    let _kubelet = Kubelet::start(&client.client, &prefix);
    let runs = (base..base + 8).map(|seed| run(&prefix, seed));
    let ended: Vec<Result<String>> = stream::iter(runs).buffer_unordered(AT_ONCE).collect().await;
    let failed: Vec<String> = ended
        .iter()
        .filter_map(|one| one.as_ref().err().map(|error| format!("{error:#}")))
        .collect();
    let fine: Vec<&String> = ended.iter().flatten().collect();
    println!("ended: {fine:?}");
    assert!(
        failed.is_empty(),
        "SLUICE_SEED={base}\n{}",
        failed.join("\n")
    );
    client.end().await.unwrap();
}
