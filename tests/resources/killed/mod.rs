//! The operator is killed after each of its writes in turn: of an install, an edit, a scale-down and a delete. Whoever comes after it
//! brings the world to where it would have been, with the same keys, and gives no number of a worker a second time.

mod world;

use crate::harness::{Fate, HUB, Kubelet, Place, Processes, Proxy, Within, Write, hub, pool};
use anyhow::{Context, Result, bail, ensure};
use futures::stream::{self, StreamExt};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};
use world::World;

/// For the world to become what it is to be.
const LIMIT: Duration = Duration::from_secs(120);
/// Namespaces that are worked on at the same time.
const AT_ONCE: usize = 16;
/// Between two looks at whether something is written.
const MOMENT: Duration = Duration::from_millis(500);
/// How long nothing is written at the end of a stage.
const QUIET: Duration = Duration::from_millis(1500);

/// What happens to a hub, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    Install,
    Edit,
    ScaleDown,
    Delete,
}

const STAGES: [Stage; 4] = [Stage::Install, Stage::Edit, Stage::ScaleDown, Stage::Delete];

impl Stage {
    /// What a user does.
    async fn begin(self, place: &Place) -> Result<()> {
        match self {
            Stage::Install => {
                place.apply("datahubs", &hub(json!({}))).await?;
                place.apply("workerpools", &pool(2, "Delete")).await?;
            }
            Stage::Edit => {
                let patch = json!({"spec": {"log": "debug", "aggregator": {"replicas": 2}}});
                place.merge("datahubs", HUB, patch).await?;
                let resources = json!({"requests": {"cpu": "300m"}});
                let patch = json!({"spec": {"template": {"resources": resources}}});
                place.merge("workerpools", "main", patch).await?;
            }
            Stage::ScaleDown => {
                let patch = json!({"spec": {"replicas": 1}});
                place.merge("workerpools", "main", patch).await?;
            }
            Stage::Delete => {
                place.delete("workerpools", "main").await?;
                place.delete("datahubs", HUB).await?;
            }
        }
        Ok(())
    }

    /// Whether everything has happened that is to happen. There is no storage node at first: no worker becomes ready.
    async fn is_through(self, place: &Place) -> Result<bool> {
        let workers = place.list("workers").await?;
        let waits = |worker: &Value| {
            let conditions = worker["status"]["conditions"].as_array();
            let mut conditions = conditions.into_iter().flatten();
            conditions.any(|one| one["type"] == "Ready" && one["reason"] == "StorageNodeAway")
        };
        let hub = place.condition("datahubs", HUB, "Ready").await?;
        let is_ready = hub.as_ref().is_some_and(|(status, _)| status == "True");
        let pods = place.list("pods").await?;
        let storage_node = pods
            .iter()
            .find(|pod| pod["metadata"]["name"] == "home-storage-node-1");
        let is_edited = storage_node.is_some_and(|pod| {
            pod["spec"]["containers"][0]["args"]
                .to_string()
                .contains("--log=debug")
        });
        let pool = place.get("workerpools", "main").await?;
        Ok(match self {
            Stage::Install => is_ready && workers.len() == 2 && workers.iter().all(waits),
            Stage::Edit => is_ready && is_edited,
            Stage::ScaleDown => {
                workers.len() == 1 && pool.is_some_and(|pool| pool["status"]["replicas"] == 1)
            }
            Stage::Delete => workers.is_empty() && hub.is_none() && pods.is_empty(),
        })
    }
}

/// A hub in a namespace of its own, and what of it must not change or come again.
struct Life {
    place: Place,
    processes: Option<Processes>,
    keys: BTreeMap<String, Value>,
    /// Uids of workers by their names.
    workers: BTreeMap<String, String>,
}

/// What of the worlds is compared.
struct Expected {
    worlds: BTreeMap<Stage, World>,
    writes: BTreeMap<Stage, usize>,
}

impl Life {
    async fn new(name: &str) -> Result<Life> {
        Ok(Life {
            place: Place::named(name).await?,
            processes: None,
            keys: BTreeMap::new(),
            workers: BTreeMap::new(),
        })
    }

    async fn operator(&self, last: usize) -> Result<Within> {
        let storage_node = self.processes.as_ref();
        let storage_node = storage_node.map(|processes| processes.storage_node.as_str());
        let rule = move |write: &Write| match write.number == last && last > 0 {
            true => Fate::LastOne,
            false => Fate::Forwarded,
        };
        Within::start(&self.place, storage_node, rule).await
    }

    /// Keys stay what they are, and a name is one worker's only. In a scale-down and a delete some go.
    async fn check(&mut self, stage: Stage) -> Result<()> {
        for secret in self.place.list("secrets").await? {
            let name = secret["metadata"]["name"]
                .as_str()
                .context("a name")?
                .to_owned();
            let data = secret["data"].clone();
            let known = self
                .keys
                .entry(name.clone())
                .or_insert_with(|| data.clone());
            ensure!(
                *known == data,
                "{stage:?}: the keys in {name} are others now"
            );
        }
        for worker in self.place.list("workers").await? {
            let text = |field: &str| worker["metadata"][field].as_str().map(str::to_owned);
            let (name, uid) = (
                text("name").context("a name")?,
                text("uid").context("a uid")?,
            );
            let known = self
                .workers
                .entry(name.clone())
                .or_insert_with(|| uid.clone());
            ensure!(*known == uid, "{stage:?}: {name} is another worker now");
        }
        if let Some(pool) = self.place.get("workerpools", "main").await? {
            let next = pool["status"]["nextNumber"].as_u64().unwrap_or_default();
            let used = self.workers.keys().map(|name| world::number(name)).max();
            ensure!(
                used.is_none_or(|used| used < next),
                "{used:?} is to come again: {next}"
            );
        }
        Ok(())
    }

    /// The world at the end of a stage, found by what nothing is written any more; and the writes it took.
    async fn undisturbed(&mut self, stage: Stage) -> Result<(World, usize)> {
        let operator = self.operator(0).await?;
        stage.begin(&self.place).await?;
        let (mut last, mut since) = (0, Instant::now());
        let limit = Instant::now() + LIMIT;
        while since.elapsed() < QUIET || !stage.is_through(&self.place).await? {
            tokio::time::sleep(Duration::from_millis(100)).await;
            let now = operator.proxy.count();
            if now != last {
                (last, since) = (now, Instant::now());
            }
            ensure!(Instant::now() < limit, "{stage:?} does not end");
        }
        self.check(stage).await?;
        operator.kill().await?;
        Ok((world::look(&self.place).await?, last))
    }

    /// A stage whose operator is killed after this many writes; whether it came to that.
    async fn disturbed(&mut self, stage: Stage, last: usize, expected: &World) -> Result<bool> {
        let mut operator = self.operator(last).await?;
        stage.begin(&self.place).await?;
        let proxy = operator.proxy.clone();
        let was_killed = {
            let killed = operator.ended();
            tokio::pin!(killed);
            let arrived = async {
                self.until_equal(&proxy, stage, last, expected).await?;
                // What is told of it may be the last that it writes.
                tokio::time::sleep(if last > 0 { QUIET } else { Duration::ZERO }).await;
                anyhow::Ok(())
            };
            tokio::select! {
                how = &mut killed => match how? {
                    None => true,
                    Some(how) => bail!("{stage:?}, {last}: the operator ended by itself: {how:?}"),
                },
                // So many writes it does not take this time.
                arrived = arrived => arrived.map(|()| false)?,
            }
        };
        if was_killed {
            self.check(stage).await?;
            operator = self.operator(0).await?;
            let proxy = operator.proxy.clone();
            self.until_equal(&proxy, stage, last, expected).await?;
        }
        self.check(stage).await?;
        operator.kill().await?;
        Ok(was_killed)
    }

    /// Looks whenever the operator has written nothing for a moment: a look costs as much as a stage.
    async fn until_equal(
        &self,
        proxy: &Proxy,
        stage: Stage,
        last: usize,
        expected: &World,
    ) -> Result<()> {
        let begun = Instant::now();
        loop {
            let before = proxy.count();
            tokio::time::sleep(MOMENT).await;
            if proxy.count() != before {
                continue;
            }
            let is = world::look(&self.place).await?;
            let Some(difference) = world::difference(&is, expected) else {
                return Ok(());
            };
            ensure!(
                begun.elapsed() < LIMIT,
                "{stage:?} after {last} writes: the world is not as it is to be: {difference}"
            );
        }
    }

    /// All stages, each with its operator killed after this many writes where it takes so many; the stages in which it was.
    async fn run(mut self, last: usize, expected: &Expected) -> Result<BTreeSet<Stage>> {
        let mut killed = BTreeSet::new();
        for stage in STAGES {
            let is_due = last <= expected.writes[&stage];
            if stage == Stage::ScaleDown {
                // Only where it is tried: a storage node is a process.
                if !is_due {
                    continue;
                }
                self.processes = Some(Processes::start(&self.place).await?);
            }
            let is_left = STAGES
                .iter()
                .any(|later| *later >= stage && last <= expected.writes[later]);
            if !is_left {
                break;
            }
            let last = if is_due { last } else { 0 };
            let world = &expected.worlds[&stage];
            if self.disturbed(stage, last, world).await? {
                killed.insert(stage);
            }
        }
        self.place.end().await?;
        Ok(killed)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
#[ignore = "takes three minutes: part of `cargo xtask test full`"]
async fn an_operator_killed_after_any_of_its_writes_is_followed_by_one_that_ends_in_the_same_world()
{
    let begun = Instant::now();
    let unique = uuid::Uuid::new_v4().simple().to_string();
    let prefix = format!("killed-{}", &unique[..6]);
    let mut whole = Life::new(&format!("{prefix}-0")).await.unwrap();
    let _kubelet = Kubelet::start(&whole.place.client, &prefix);
    let mut expected = Expected {
        worlds: BTreeMap::new(),
        writes: BTreeMap::new(),
    };
    for stage in STAGES {
        if stage == Stage::ScaleDown {
            whole.processes = Some(Processes::start(&whole.place).await.unwrap());
        }
        let (world, writes) = whole.undisturbed(stage).await.unwrap();
        expected.worlds.insert(stage, world);
        expected.writes.insert(stage, writes);
    }
    // Nothing but what is kept by the policy is left, and a scale-down has taken one worker with all of its own.
    let left: Vec<&String> = expected.worlds[&Stage::Delete].keys().collect();
    let is_kept = |name: &&&String| name.starts_with("secrets/") || name.contains("storage-node");
    assert!(
        left.iter().all(|name| is_kept(&name)) && left.len() == 5,
        "{left:?}"
    );
    let of = |stage| {
        expected.worlds[&stage]
            .keys()
            .filter(|name| name.contains("worker 1"))
    };
    assert_eq!(
        (of(Stage::Edit).count(), of(Stage::ScaleDown).count()),
        (3, 0)
    );
    println!(
        "an undisturbed life: {:?} writes in {:?}",
        expected.writes,
        begun.elapsed()
    );

    let most = expected.writes.values().copied().max().unwrap_or_default();
    let lives = (1..=most).map(|last| {
        let (name, expected) = (format!("{prefix}-{last}"), &expected);
        async move {
            let life = Life::new(&name).await?;
            let killed = life.run(last, expected).await;
            killed.with_context(|| format!("killed after {last} writes in {name}"))
        }
    });
    let ended: Vec<Result<BTreeSet<Stage>>> = stream::iter(lives)
        .buffer_unordered(AT_ONCE)
        .collect()
        .await;
    let failed: Vec<String> = ended
        .iter()
        .filter_map(|one| one.as_ref().err().map(|error| format!("{error:#}")))
        .collect();
    assert!(
        failed.is_empty(),
        "{} of {most}:\n{}",
        failed.len(),
        failed.join("\n")
    );
    let count = |stage: Stage| {
        let lives = ended.iter().flatten();
        lives.filter(|killed| killed.contains(&stage)).count()
    };
    let counts = STAGES.map(|stage| (stage, count(stage)));
    println!("operators killed: {counts:?} in {:?}", begun.elapsed());
    for (stage, count) in counts {
        // How often a status is written on the way differs a little from time to time.
        let writes = expected.writes[&stage];
        assert!(
            count > 0 && count + 4 >= writes,
            "{stage:?}: {count} of {writes}"
        );
    }
}
