//! A hub whose disks get lost is, after all is read again, like one that nothing ever happened to.

use super::assignments::own;
use super::hub::Hub;
use crate::durability::Subject;
use futures::StreamExt;
use sluice_objects::Objects;
use sluice_protocol::{PushRequest, Report, Start, Worker};

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

/// Something of a dataset changes that is no push to its pipe, twice, each with a checkpoint.
async fn write_beside(hub: &Hub, dataset: &str) {
    for n in 0..2 {
        let entity = format!(r#"{{"_id": "beside", "n": {n}}}"#);
        let body = futures::stream::iter([Ok(entity.into())]);
        let request = PushRequest::default();
        let written = hub.worker.write_dataset(dataset, request, body.boxed());
        written.await.unwrap();
    }
}

/// Waits until pipes have all that they had.
async fn until_whole(hub: &Hub, pipes: &[&str]) {
    for pipe in pipes {
        hub.until(|| async {
            let report = hub.worker.pipe(pipe).await;
            report.is_ok_and(|report| report.waiting_for.is_none())
        })
        .await;
    }
}

async fn names(objects: &Objects, part: &str) -> Vec<String> {
    let listed = objects.list("pipes").await.unwrap().into_iter();
    let names = listed.map(|object| object.name);
    names.filter(|name| name.contains(part)).collect()
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
        match random.below(12) {
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
            9 => {
                write_beside(&whole, "in").await;
                write_beside(&hub, "in").await;
            }
            10 => {
                hub = hub.restart().await;
                until_whole(&hub, &["in", "read"]).await;
                checkpoint(&hub, "in").await;
            }
            _ if losses < 4 && has_read => {
                // Both must have told of one; the receiver has since its first push.
                checkpoint(&hub, "read").await;
                let body = push(&mut random);
                whole.push("in", &body).await.unwrap();
                hub.push("in", &body).await.unwrap();
                hub.run("read").await;
                hub = hub.lose_disk(&objects).await;
                until_whole(&hub, &["in", "read"]).await;
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
    until_whole(&hub, &["in"]).await;
    assert_eq!(hub.live("in").await.len(), 12);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_of_the_push_log_is_never_given_twice_even_when_a_checkpoint_contains_them_all() {
    let objects = Objects::in_memory();
    let mut hub = Hub::with_objects(&[RECEIVER], &objects).await;
    for n in 0..10 {
        let body = format!(r#"{{"_id": "{n}"}}"#);
        hub.push("in", &body).await.unwrap();
    }
    checkpoint(&hub, "in").await;
    write_beside(&hub, "in").await;
    // One stays, to be seen. Whatever became of it, the manifest knows too.
    let there = names(&objects, "/pushes/").await;
    assert_eq!(there.len(), 1, "{there:?}");
    for losses in 0..2 {
        hub = hub.restart().await;
        until_whole(&hub, &["in"]).await;
        checkpoint(&hub, "in").await;
        let body = format!(r#"{{"_id": "after {losses}"}}"#);
        hub.push("in", &body).await.unwrap();
        hub = hub.lose_disk(&objects).await;
        until_whole(&hub, &["in"]).await;
        assert_eq!(hub.live("in").await.len(), 12 + losses);
        checkpoint(&hub, "in").await;
        write_beside(&hub, "in").await;
        let there = names(&objects, "/pushes/").await;
        let there: Vec<String> = there.iter().map(|name| format!("pipes/{name}")).collect();
        objects.delete(&there).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_take_over_is_said_where_nothing_was_ever_pushed_and_no_checkpoint_forgets_it() {
    let objects = Objects::in_memory();
    let hub = Hub::with_objects(&[RECEIVER], &objects).await;
    checkpoint(&hub, "in").await;
    let hub = hub.lose_disk(&objects).await;
    until_whole(&hub, &["in"]).await;
    let first = names(&objects, "/pushes/").await;
    assert_eq!(first.len(), 1, "an earlier owner finds its number taken");
    // A checkpoint whose maker does not remember that it made it: as after a crash behind the manifest.
    let shared = &hub.worker.shared;
    let durability = shared.durability.as_ref().unwrap();
    durability.lose_track(shared, "in").await;
    for n in 0..8 {
        hub.push("in", &format!(r#"{{"_id": "{n}"}}"#))
            .await
            .unwrap();
        checkpoint(&hub, "in").await;
    }
    let there = names(&objects, "/pushes/").await;
    assert!(there.contains(&first[0]), "{there:?}");
    assert!(there.len() < 5, "{there:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_young_checkpoint_needs_stays_while_nobody_can_read_what_that_is() {
    let objects = Objects::in_memory();
    let hub = Hub::with_objects(&[RECEIVER], &objects).await;
    for n in 0..2 {
        let body = format!(r#"{{"_id": "{n}"}}"#);
        hub.push("in", &body).await.unwrap();
        checkpoint(&hub, "in").await;
    }
    let young = names(&objects, "/manifests/").await.pop().unwrap();
    let young = format!("pipes/{young}");
    let content = objects.get(&young).await.unwrap().unwrap();
    objects.put(&young, "damaged".into()).await.unwrap();
    let before = names(&objects, "/files/").await;
    hub.push("in", r#"{"_id": "new"}"#).await.unwrap();
    checkpoint(&hub, "in").await;
    let after = names(&objects, "/files/").await;
    assert!(before.iter().all(|name| after.contains(name)), "{after:?}");
    objects.put(&young, content).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_log_of_pushes_that_change_nothing_does_not_grow_for_ever() {
    let objects = Objects::in_memory();
    let hub = Hub::with_objects(&[RECEIVER], &objects).await;
    for n in 0..300 {
        hub.push("in", r#"{"_id": "same"}"#).await.unwrap();
        if n % 10 == 9 {
            checkpoint(&hub, "in").await;
        }
    }
    let there = names(&objects, "/pushes/").await;
    assert!(there.len() < 200, "{}", there.len());
    let told = hub.assignments().reports().into_iter();
    let told = told.filter(|report| matches!(report, Report::Checkpointed { .. }));
    assert!(told.count() < 10, "a log that is short is no reason");
}

/// Damages the newest object of the push log that has pushes; answers its name and what was in it.
async fn damage_newest(objects: &Objects) -> (String, bytes::Bytes) {
    let newest = names(objects, "/pushes/").await.pop().unwrap();
    let newest = format!("pipes/{newest}");
    let content = objects.get(&newest).await.unwrap().unwrap();
    objects.put(&newest, "damaged".into()).await.unwrap();
    (newest, content)
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_reads_a_restored_dataset_before_it_has_what_was_acknowledged() {
    let objects = Objects::in_memory();
    let mut hub = Hub::with_objects(&[RECEIVER], &objects).await;
    hub.push("in", r#"{"_id": "first"}"#).await.unwrap();
    hub.push("in", r#"{"_id": "second"}"#).await.unwrap();
    hub.configure(&[RECEIVER, READER]).await;
    let (name, content) = damage_newest(&objects).await;
    let hub = hub.lose_disk(&objects).await;
    hub.until(|| async { hub.worker.pipe("in").await.is_ok() })
        .await;
    let waits = hub.worker.pipe("in").await.unwrap().waiting_for;
    assert!(waits.unwrap().contains("takes what was pushed again"));
    let waits = hub.worker.pipe("read").await.unwrap().waiting_for;
    assert!(waits.unwrap().contains("waits for dataset in"));
    let page = hub.worker.read_dataset("in", Default::default()).await;
    assert_eq!(page.err().unwrap().reason, "not-whole");
    let entity = hub.worker.entity("in", "first", None).await;
    assert_eq!(entity.err().unwrap().reason, "not-whole");
    assert!(hub.worker.follow_dataset("in", None).await.is_err());
    assert!(hub.worker.delete_dataset("in", "me").await.is_err());
    objects.put(&name, content).await.unwrap();
    until_whole(&hub, &["in", "read"]).await;
    assert_eq!(hub.live("in").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_refused_of_what_was_acknowledged_stops_the_restore_and_says_so() {
    const NO_RECEIVER: &str = r#"{"_id": "in", "type": "pipe", "pump": {"mode": "manual"},
        "source": {"type": "dataset", "dataset": "other"}}"#;
    let objects = Objects::in_memory();
    let mut hub = Hub::with_objects(&[RECEIVER], &objects).await;
    hub.push("in", r#"{"_id": "first"}"#).await.unwrap();
    hub.push("in", r#"{"_id": "second"}"#).await.unwrap();
    hub.configure(&[NO_RECEIVER]).await;
    let mut hub = hub.lose_disk(&objects).await;
    let refuses = || async {
        let read = hub.worker.read_dataset("in", Default::default()).await;
        let refused = read.err().map(|error| error.to_string());
        refused.is_some_and(|refused| refused.contains("cannot take again"))
    };
    hub.until(refuses).await;
    hub.configure(&[RECEIVER]).await;
    until_whole(&hub, &["in"]).await;
    assert_eq!(hub.live("in").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn full_sequences_come_back_whatever_the_checkpoint_has_of_them_and_however_much_they_deleted()
 {
    // Whether there is a checkpoint between requests, and whether its deletes have been let through by a person.
    for checkpoints in 0..8_u32 {
        let objects = Objects::in_memory();
        let hub = Hub::with_objects(&[RECEIVER], &objects).await;
        let many: Vec<String> = (0..10).map(|n| format!(r#"{{"_id": "{n}"}}"#)).collect();
        let many = format!("[{}]", many.join(","));
        hub.push_full("in", "s", ("1", None), (true, true), &many)
            .await;
        let requests = [
            (("1", None), (true, false), r#"{"_id": "0", "n": 1}"#),
            (("2", Some("1")), (false, false), r#"{"_id": "1", "n": 1}"#),
            (("3", Some("2")), (false, true), r#"{"_id": "2", "n": 1}"#),
        ];
        for (n, (ids, ends, body)) in requests.into_iter().enumerate() {
            if checkpoints & (1 << n) != 0 {
                checkpoint(&hub, "in").await;
            }
            hub.push_full("in", "s", ids, ends, body).await;
        }
        hub.push("in", r#"{"_id": "after"}"#).await.unwrap();
        let before = hub.live("in").await;
        assert_eq!(before.len(), 4, "{before:?}");
        let mut hub = hub;
        for _ in 0..2 {
            hub = hub.lose_disk(&objects).await;
            until_whole(&hub, &["in"]).await;
            assert_eq!(hub.live("in").await, before, "{checkpoints:b}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_begins_again_puts_nothing_older_over_a_full_push() {
    let objects = Objects::in_memory();
    let hub = Hub::with_objects(&[RECEIVER], &objects).await;
    checkpoint(&hub, "in").await;
    let older = r#"[{"_id": "x", "n": 1}, {"_id": "y", "n": 1}]"#;
    hub.push("in", older).await.unwrap();
    let newer = r#"{"_id": "x", "n": 2}"#;
    hub.push_full("in", "s", ("1", None), (true, true), newer)
        .await;
    hub.push("in", r#"{"_id": "after"}"#).await.unwrap();
    let before = hub.live("in").await;
    assert_eq!(before.len(), 2, "{before:?}");
    // Nobody can read the last one at first: the first try takes the others, and the second begins from the beginning.
    let last = names(&objects, "/pushes/").await.pop().unwrap();
    let last = format!("pipes/{last}");
    let content = objects.get(&last).await.unwrap().unwrap();
    objects.put(&last, "damaged".into()).await.unwrap();
    let hub = hub.lose_disk(&objects).await;
    hub.until(|| async {
        let sequences = crate::receiver::sequences(&hub.worker.shared, "in").await;
        sequences.is_ok_and(|sequences| sequences.have_begun())
    })
    .await;
    objects.put(&last, content).await.unwrap();
    until_whole(&hub, &["in"]).await;
    assert_eq!(hub.live("in").await, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_acknowledged_where_the_storage_node_does_not_know_that_the_state_came() {
    let objects = Objects::in_memory();
    let hub = Hub::with_objects(&[RECEIVER], &objects).await;
    hub.push("in", r#"{"_id": "first"}"#).await.unwrap();
    let reports = hub.assignments().reports().into_iter();
    let mut told = reports.filter_map(|report| match report {
        Report::Checkpointed { checkpoint, .. } => Some(checkpoint),
        _ => None,
    });
    let checkpoint = told.next_back().unwrap();
    hub.assignments().set_deaf(true);
    let duty = own(Start::Restore { checkpoint });
    hub.assignments().assign("in", Some(duty));
    let has_failed = || async {
        let reports = hub.assignments().reports().into_iter();
        let mut failed = reports.filter(|report| matches!(report, Report::CannotStart { .. }));
        failed.next().is_some() && hub.worker.pipe("in").await.is_ok()
    };
    hub.until(has_failed).await;
    tokio::time::sleep(std::time::Duration::from_millis(500)).await;
    let refused = hub.push("in", r#"{"_id": "second"}"#).await.unwrap_err();
    assert_eq!(refused.reason, "deaf");
    hub.assignments().set_deaf(false);
    until_whole(&hub, &["in"]).await;
    hub.push("in", r#"{"_id": "second"}"#).await.unwrap();
    assert_eq!(hub.live("in").await.len(), 2);
}
