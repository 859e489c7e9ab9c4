//! The configuration, watched over the wire: the newest for everybody, through interruptions.

use super::fake_storage_node::FakeStorageNode;
use super::line::{Line, settings, soon};
use crate::client::RemoteStorageNode;
use crate::*;
use std::sync::Arc;

async fn wait_for(remote: &RemoteStorageNode, revision: u64) -> Arc<ConfigurationSnapshot> {
    let mut snapshots = remote.watch();
    let reached = soon(snapshots.wait_for(|snapshot| snapshot.revision == revision)).await;
    Arc::clone(&reached.unwrap())
}

#[tokio::test]
async fn every_watcher_sees_the_newest() {
    let node = Arc::new(FakeStorageNode::new());
    let line = Line::to_storage_node(node.clone());
    let remote = soon(RemoteStorageNode::connect(line.channel, settings())).await;
    assert_eq!(*remote.watch().borrow(), *node.watch().borrow());
    let ids: Vec<String> = (0..100).map(|n| format!("pipe{n}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let mut last = 0;
    for count in 1..=100 {
        last = node.configure(&ids[..count]);
    }
    // Far larger than a message; compared as a whole.
    let seen = wait_for(&remote, last).await;
    assert_eq!(seen, *node.watch().borrow());
    assert_eq!(seen.components.len(), 100);
}

#[tokio::test]
async fn whoever_changed_something_sees_it_at_once() {
    let node = Arc::new(FakeStorageNode::new());
    let line = Line::to_storage_node(node.clone());
    let remote = soon(RemoteStorageNode::connect(line.channel, settings())).await;
    for _ in 0..30 {
        let before = remote.watch().borrow().revision;
        soon(remote.delete_variable("v", "ann")).await.unwrap();
        assert_eq!(remote.watch().borrow().revision, before + 1);
    }
}

#[tokio::test]
async fn connecting_waits_for_a_node_that_is_not_there_yet() {
    let node = Arc::new(FakeStorageNode::new());
    let line = Line::to_storage_node(node.clone());
    line.cut();
    let mut connecting = Box::pin(RemoteStorageNode::connect(line.channel.clone(), settings()));
    let early = tokio::time::timeout(settings().longest_pause * 3, &mut connecting).await;
    assert!(early.is_err());
    line.mend();
    let remote = soon(connecting).await;
    assert_eq!(remote.watch().borrow().revision, 1);
}

#[tokio::test]
async fn an_interruption_keeps_the_last_snapshot_and_ends_with_the_newest() {
    let node = Arc::new(FakeStorageNode::new());
    let line = Line::to_storage_node(node.clone());
    let remote = soon(RemoteStorageNode::connect(line.channel.clone(), settings())).await;
    let watcher = remote.watch();
    for _ in 0..3 {
        let before = node.watch().borrow().revision;
        line.cut();
        let missed = node.configure(&["x"]);
        let newest = node.configure(&["x", "y"]);
        let refused = soon(remote.dataset_number("people")).await.unwrap_err();
        assert_eq!(refused.code, Code::Unavailable);
        assert_eq!(watcher.borrow().revision, before);
        line.mend();
        let seen = wait_for(&remote, newest).await;
        assert!(missed < newest && seen.components.len() == 2);
    }
}

#[tokio::test]
async fn a_node_that_lost_its_numbers_is_believed() {
    let node = Arc::new(FakeStorageNode::new());
    node.configure(&["a"]);
    let line = Line::to_storage_node(node.clone());
    let remote = soon(RemoteStorageNode::connect(line.channel.clone(), settings())).await;
    assert_eq!(remote.watch().borrow().revision, 2);
    // Another node at the other end, with a lower revision.
    let other = Line::to_storage_node(Arc::new(FakeStorageNode::new()));
    line.cut();
    line.lead_to(&other);
    wait_for(&remote, 1).await;
}

#[tokio::test]
async fn nobody_watches_for_a_client_that_is_gone() {
    let node = Arc::new(FakeStorageNode::new());
    let line = Line::to_storage_node(node.clone());
    let remote = soon(RemoteStorageNode::connect(line.channel, settings())).await;
    let watchers = node.watchers();
    assert_eq!(watchers, 1);
    drop(remote);
    super::line::until(|| node.watchers() == 0).await;
}

#[tokio::test]
async fn a_server_that_ends_does_not_wait_for_its_watchers() {
    let node = Arc::new(FakeStorageNode::new());
    let mut line = Line::to_storage_node(node.clone());
    let remote = soon(RemoteStorageNode::connect(line.channel.clone(), settings())).await;
    soon(line.drain()).await;
    assert_eq!(remote.watch().borrow().revision, 1);
    // It goes on at the next server.
    let next = Line::to_storage_node(node.clone());
    line.lead_to(&next);
    let newest = node.configure(&["x"]);
    wait_for(&remote, newest).await;
}
