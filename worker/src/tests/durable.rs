//! What is said of pipes in the object store.

use super::configurations::receiver;
use super::hub::Hub;
use crate::durability::Subject;
use sluice_objects::Objects;
use sluice_protocol::{Durable, Report};
use tempfile::TempDir;

/// What was said of the pipe, in order.
fn said(hub: &Hub) -> Vec<Durable> {
    let reports = hub.assignments().reports().into_iter();
    let flows = reports.filter_map(|report| match report {
        Report::Flowing { flows } => Some(flows),
        _ => None,
    });
    flows.flatten().map(|one| one.flow.durable).collect()
}

async fn until_said(hub: &Hub, expected: &[Durable]) {
    hub.until(|| async { said(hub) == expected }).await;
}

async fn checkpoint(hub: &Hub) -> bool {
    let shared = &hub.worker.shared;
    let subject = Subject::of(&hub.worker.deployment.pipe("in").unwrap());
    let durability = shared.durability.as_ref().unwrap();
    durability.checkpoint(shared, &subject).await.is_ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn whether_a_pipe_is_in_the_object_store_is_said_where_it_changes() {
    use Durable::{Checkpointed, Failing, NoCheckpoint};
    let folder = TempDir::new().unwrap();
    let (place, moved) = (folder.path().join("objects"), folder.path().join("moved"));
    std::fs::create_dir(&place).unwrap();
    let objects = Objects::open(&format!("file://{}", place.display()), []).unwrap();
    let hub = Hub::with_objects(&[&receiver("in")], &objects).await;
    until_said(&hub, &[NoCheckpoint]).await;
    // What is pushed is kept on top of a first checkpoint.
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    until_said(&hub, &[NoCheckpoint, Checkpointed]).await;
    let shown = || async { hub.report("in").await.checkpoint.unwrap() };
    let first = shown().await;
    assert!(first.number.is_some() && first.made.is_some() && first.whole.is_some());
    assert_eq!(first.problem, None);

    std::fs::rename(&place, &moved).unwrap();
    std::fs::write(&place, "not a folder").unwrap();
    hub.push("in", r#"{"_id": "2"}"#).await.unwrap_err();
    assert!(!checkpoint(&hub).await && !checkpoint(&hub).await);
    until_said(&hub, &[NoCheckpoint, Checkpointed, Failing]).await;
    let failing = shown().await;
    assert!(failing.problem.is_some());
    assert_eq!((failing.number, failing.whole), (first.number, first.whole));

    std::fs::remove_file(&place).unwrap();
    std::fs::rename(&moved, &place).unwrap();
    assert!(checkpoint(&hub).await);
    until_said(&hub, &[NoCheckpoint, Checkpointed, Failing, Checkpointed]).await;
    let whole = shown().await;
    assert!(whole.number > first.number && whole.whole > first.whole);
    assert_eq!(whole.problem, None);

    // Another start knows it from the disk.
    let shared = &hub.worker.shared;
    let durability = shared.durability.as_ref().unwrap();
    durability.forget("in");
    assert_eq!(durability.durable("in"), NoCheckpoint);
    let recalled = durability.recall(&shared.store, vec!["in".to_owned()]);
    recalled.await.unwrap();
    assert_eq!(durability.durable("in"), Checkpointed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_place_that_another_hub_has_taken_is_not_used() {
    let objects = Objects::in_memory();
    Hub::opens_in(&objects, "ours").await.unwrap();
    let mark = r#"{"format": 1, "hub": "theirs", "hash-key": ""}"#;
    let created = objects.create("storage-node/hub", mark.into()).await;
    created.unwrap();
    Hub::opens_in(&objects, "theirs").await.unwrap();
    let refused = Hub::opens_in(&objects, "ours").await.unwrap_err();
    assert!(
        refused.contains("\"theirs\"") && refused.contains("\"ours\""),
        "{refused}"
    );
}
