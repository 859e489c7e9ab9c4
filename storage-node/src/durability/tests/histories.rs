//! Random histories with lost disks against a model: what was acknowledged is there, and nothing else.

use super::*;
use sluice_dataset::ReadOptions;
use std::collections::BTreeSet;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }
}

#[derive(Default)]
struct Model {
    variables: BTreeMap<String, Json>,
    secrets: BTreeMap<String, String>,
    pipes: BTreeMap<String, Json>,
    /// Id and whether there was something to keep, of every version.
    history: Vec<(String, bool)>,
    numbers: BTreeSet<u64>,
    incarnation: u32,
    revision: u64,
}

impl Model {
    async fn check(&mut self, hub: &Running, seed: u64) {
        let snapshot = hub.node.watch().borrow().clone();
        assert_eq!(snapshot.variables, self.variables, "seed {seed}");
        let components = snapshot.components.iter();
        let pipes = components.map(|((_, id), one)| (id.clone(), (*one.original).clone()));
        assert_eq!(pipes.collect::<BTreeMap<_, _>>(), self.pipes, "seed {seed}");
        let secrets = hub.node.secret_values().await.unwrap();
        assert_eq!(secrets.global, self.secrets, "seed {seed}");
        let all = ReadOptions::default();
        let history = hub.node.history(None, None, &all).await.unwrap();
        let history = history.into_iter();
        let history: Vec<_> = history
            .map(|entry| (entry.id, entry.original.is_some()))
            .collect();
        let expected = self.history.iter().take(history.len()).cloned();
        assert_eq!(history, expected.collect::<Vec<_>>(), "seed {seed}");
        let summary = hub.node.history_summary().await.unwrap();
        let versions = summary.versions + summary.versions_deleted;
        assert_eq!(versions, self.history.len() as u64, "seed {seed}");
        assert!(hub.incarnation() >= self.incarnation);
        assert!(snapshot.revision >= self.revision);
        (self.incarnation, self.revision) = (hub.incarnation(), snapshot.revision);
    }
}

async fn change(hub: &Running, model: &mut Model, random: &mut Random) {
    let name = format!("n{}", random.below(6));
    match random.below(12) {
        0..=2 => {
            let value = random.below(1_000);
            let value = i64::try_from(value).unwrap();
            hub.variable(&name, value).await.unwrap();
            model.variables.insert(name, Json::from(value));
        }
        3 => {
            let removed = hub.node.delete_variable(&name, "ann").await;
            assert_eq!(removed.is_ok(), model.variables.remove(&name).is_some());
        }
        4..=5 => {
            let value = format!("canary {}", random.below(1_000));
            hub.secret(&name, &value).await.unwrap();
            model.secrets.insert(name, value);
        }
        6 => {
            let removed = hub
                .node
                .delete_secret(SecretScope::Global, &name, "ann")
                .await;
            assert_eq!(removed.is_ok(), model.secrets.remove(&name).is_some());
        }
        7..=9 => {
            let mut pipes = model.pipes.clone();
            if random.below(3) == 0 {
                pipes.remove(&name);
            } else {
                pipes.insert(name.clone(), pipe(&name, random.below(5)));
            }
            hub.upload(pipes.values().cloned().collect()).await.unwrap();
            if pipes.get(&name) != model.pipes.get(&name) {
                let is_there = pipes.contains_key(&name);
                model.history.push((name, is_there));
            }
            model.pipes = pipes;
        }
        _ => {
            let number = hub.node.dataset_number("d").await.unwrap();
            assert!(model.numbers.insert(number), "{number} was given twice");
        }
    }
}

async fn history(seed: u64) {
    let outside = Outside::new();
    let (mut random, mut model) = (Random(seed), Model::default());
    let mut hub = outside.start().await;
    let mut losses = 0;
    for _ in 0..120 {
        match random.below(20) {
            0 => {
                drop(hub.stop().await);
                hub = outside.start().await;
                losses += 1;
                assert!(hub.incarnation() > model.incarnation, "seed {seed}");
            }
            1 => hub = hub.again(&outside).await,
            2 => {
                let log = hub.node.inner.log.clone().unwrap();
                log.snapshot(&hub.node.store()).await.unwrap();
            }
            3 if random.below(6) == 0 => {
                hub.node.reset().await.unwrap();
                model.variables.clear();
                model.secrets.clear();
                model.pipes.clear();
                model.history.clear();
            }
            _ => change(&hub, &mut model, &mut random).await,
        }
        model.check(&hub, seed).await;
    }
    assert!(losses > 0, "seed {seed} has lost nothing");
    let everything = outside.everything().await;
    let mut windows = everything.windows(7);
    assert!(
        !windows.any(|window| window == b"canary "),
        "a secret is to be read"
    );
    hub.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn any_history_with_lost_disks_keeps_all_that_was_acknowledged() {
    for seed in 0..6 {
        history(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_log_is_put_together_and_what_nobody_needs_goes_but_the_records_of_starts() {
    let outside = Outside::new();
    let mut hub = outside.start().await;
    for round in 0..3 {
        for value in 0..300 {
            hub.variable("v", round * 1_000 + value).await.unwrap();
        }
        hub.upload(vec![pipe("p", u64::try_from(round).unwrap())])
            .await
            .unwrap();
        // The snapshot that became due is made to its end.
        hub = hub.again(&outside).await;
    }
    let (changes, snapshots) = (
        outside.changes().await,
        outside
            .objects
            .list("storage-node/snapshots")
            .await
            .unwrap(),
    );
    assert!(changes < 700, "{changes} changes stay of 900");
    assert_eq!(snapshots.len(), 2, "{snapshots:?}");
    for start in [1, 303] {
        let name = super::change(start);
        let start = outside.objects.get(&name).await.unwrap().unwrap();
        let start = Object::read(start, sluice_format::Formats::RELEASE).unwrap();
        assert_eq!(start.kind, Kind::Start, "{name}");
    }
    let hub_before = hub.variables();
    drop(hub.stop().await);
    let hub = outside.start().await;
    assert_eq!(hub.variables(), hub_before);
    let all = hub.node.history(None, None, &ReadOptions::default()).await;
    assert_eq!(all.unwrap().len(), 3);
    hub.stop().await;
}
