//! A hub whose disks get lost is, after all is read again, like one that nothing ever happened to.

use super::hub::Hub;
use crate::durability::Subject;
use sluice_objects::Objects;
use sluice_protocol::{Report, Worker};

const RECEIVER: &str = r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"}, "pump": {"mode": "manual"}}"#;
const READER: &str = r#"{"_id": "read", "type": "pipe", "source": {"type": "dataset", "dataset": "in"},
    "transform": {"type": "dtl", "rules": {"default": [["copy", "*"], ["add", "same", "_S.n"]]}},
    "pump": {"mode": "manual"}}"#;

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

async fn checkpoint(hub: &Hub, pipe: &str) {
    let shared = &hub.worker.shared;
    let subject = Subject::of(&hub.worker.deployment.pipe(pipe).unwrap());
    let durability = shared.durability.as_ref().unwrap();
    durability.checkpoint(shared, &subject).await.unwrap();
}

async fn until_whole(hub: &Hub) {
    for pipe in ["in", "read"] {
        hub.until(|| async {
            let report = hub.worker.pipe(pipe).await;
            report.is_ok_and(|report| report.waiting_for.is_none())
        })
        .await;
    }
}

fn push(random: &mut Random) -> String {
    let entities = (0..=random.below(5)).map(|_| {
        let id = random.below(20);
        match random.below(5) {
            0 => format!(r#"{{"_id": "{id}", "_deleted": true}}"#),
            _ => format!(r#"{{"_id": "{id}", "n": {}}}"#, random.below(4)),
        }
    });
    format!("[{}]", entities.collect::<Vec<_>>().join(","))
}

async fn history(seed: u64) {
    let mut random = Random(seed);
    let objects = Objects::in_memory();
    let whole = Hub::with(&[RECEIVER, READER]).await;
    let mut hub = Hub::with_objects(&[RECEIVER, READER], &objects).await;
    let (mut losses, mut has_read) = (0, false);
    for _ in 0..40 {
        match random.below(10) {
            0..=5 => {
                let body = push(&mut random);
                whole.push("in", &body).await.unwrap();
                hub.push("in", &body).await.unwrap();
            }
            6 => {
                whole.run("read").await;
                hub.run("read").await;
                has_read = true;
            }
            7 => checkpoint(&hub, "in").await,
            8 if has_read => checkpoint(&hub, "read").await,
            _ if losses < 4 && has_read => {
                // Both must have told of one; the receiver has since its first push.
                checkpoint(&hub, "read").await;
                let body = push(&mut random);
                whole.push("in", &body).await.unwrap();
                hub.push("in", &body).await.unwrap();
                hub.run("read").await;
                hub = hub.lose_disk(&objects).await;
                until_whole(&hub).await;
                losses += 1;
            }
            _ => {}
        }
    }
    whole.run("read").await;
    hub.run("read").await;
    for dataset in ["in", "read"] {
        let (mut expected, mut found) = (whole.live(dataset).await, hub.live(dataset).await);
        expected.sort();
        found.sort();
        assert_eq!(found, expected, "seed {seed}, {dataset}, {losses} losses");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn any_history_with_lost_disks_ends_as_without() {
    for seed in 0..8 {
        history(seed).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_checkpoint_of_the_same_state_is_none_and_the_next_writes_what_is_new() {
    let objects = Objects::in_memory();
    let hub = Hub::with_objects(&[RECEIVER], &objects).await;
    let bodies: Vec<String> = (0..500)
        .map(|n| format!(r#"{{"_id": "{n}", "n": {n}}}"#))
        .collect();
    hub.push("in", &format!("[{}]", bodies.join(",")))
        .await
        .unwrap();
    let listed = || async { objects.list("pipes").await.unwrap() };
    let first = listed().await;
    checkpoint(&hub, "in").await;
    assert_eq!(listed().await, first);
    hub.push("in", r#"{"_id": "new"}"#).await.unwrap();
    checkpoint(&hub, "in").await;
    let second = listed().await;
    let new = second.iter().filter(|object| !first.contains(object));
    let new: u64 = new.map(|object| object.bytes).sum();
    let all: u64 = first.iter().map(|object| object.bytes).sum();
    assert!(new < all / 2, "{new} of {all}");
    let told = hub.assignments().reports().into_iter();
    let told = told.filter(|report| matches!(report, Report::Checkpointed { .. }));
    assert_eq!(told.count(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn old_checkpoints_go_and_what_the_newest_contains_of_the_push_log() {
    let objects = Objects::in_memory();
    let hub = Hub::with_objects(&[RECEIVER], &objects).await;
    for n in 0..12 {
        hub.push("in", &format!(r#"{{"_id": "{n}"}}"#))
            .await
            .unwrap();
        checkpoint(&hub, "in").await;
    }
    let listed = objects.list("pipes").await.unwrap();
    let count = |part: &str| {
        listed
            .iter()
            .filter(|object| object.name.contains(part))
            .count()
    };
    assert!(count("/manifests/") <= 3, "{listed:?}");
    assert!(count("/pushes/") <= 3, "{listed:?}");
    assert!(count("/files/") <= 16, "{listed:?}");
    let hub = hub.lose_disk(&objects).await;
    hub.until(|| async {
        hub.worker
            .pipe("in")
            .await
            .is_ok_and(|report| report.waiting_for.is_none())
    })
    .await;
    assert_eq!(hub.live("in").await.len(), 12);
}
