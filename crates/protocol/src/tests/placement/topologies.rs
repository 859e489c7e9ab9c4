//! The topology, watched over the wire: the newest for everybody, through interruptions, and never an older storage node's.

use super::fake::FakePlacement;
use super::samples;
use crate::client::RemoteAssignments;
use crate::tests::line::{Line, settings, soon, until};
use crate::*;
use std::sync::Arc;

async fn connect(line: &Line) -> RemoteAssignments {
    soon(RemoteAssignments::connect(line.channel.clone(), settings())).await
}

async fn wait_for(remote: &RemoteAssignments, topology: &Topology) {
    let mut topologies = remote.watch_topology();
    let reached = soon(topologies.wait_for(|shown| **shown == *topology)).await;
    reached.unwrap();
}

#[tokio::test]
async fn every_watcher_sees_the_newest_however_large() {
    let far = Arc::new(FakePlacement::new());
    let line = Line::to_placement(far.clone());
    let remote = connect(&line).await;
    assert_eq!(
        *remote.watch_topology().borrow(),
        *far.watch_topology().borrow()
    );
    // Thousands of pipes in messages of a kilobyte.
    for revision in 2..10 {
        far.show(samples::topology(3, revision, 4000));
    }
    let newest = samples::topology(3, 10, 4000);
    far.show(newest.clone());
    wait_for(&remote, &newest).await;
}

#[tokio::test]
async fn the_first_topology_is_waited_for_and_may_be_empty() {
    let far = Arc::new(FakePlacement::new());
    far.show(Topology::default());
    let line = Line::to_placement(far.clone());
    line.cut();
    let mut connecting = Box::pin(RemoteAssignments::connect(line.channel.clone(), settings()));
    let early = tokio::time::timeout(settings().longest_pause * 3, &mut connecting).await;
    assert!(early.is_err());
    line.mend();
    let remote = soon(connecting).await;
    assert_eq!(**remote.watch_topology().borrow(), Topology::default());
}

#[tokio::test]
async fn an_interruption_keeps_the_last_topology_and_ends_with_the_newest() {
    let far = Arc::new(FakePlacement::new());
    let line = Line::to_placement(far.clone());
    let remote = connect(&line).await;
    let mut watcher = remote.watch_topology();
    for revision in [10, 20, 30] {
        let before = watcher.borrow_and_update().clone();
        line.cut();
        far.show(samples::topology(3, revision, 1));
        let newest = samples::topology(3, revision + 1, 2);
        far.show(newest.clone());
        let refused = soon(remote.close_session(SessionId(1))).await.unwrap_err();
        assert_eq!(refused.code, Code::Unavailable);
        assert_eq!(*watcher.borrow(), before);
        line.mend();
        wait_for(&remote, &newest).await;
    }
    // The same again is no news.
    watcher.mark_unchanged();
    line.cut();
    until(|| far.watchers() == 0).await;
    line.mend();
    until(|| far.watchers() == 1).await;
    let newest = samples::topology(3, 40, 2);
    far.show(newest.clone());
    soon(watcher.changed()).await.unwrap();
    assert_eq!(**watcher.borrow(), newest);
}

#[tokio::test]
async fn an_older_storage_node_is_not_shown() {
    let far = Arc::new(FakePlacement::new());
    let mut line = Line::to_placement(far.clone());
    let remote = connect(&line).await;
    let before = remote.watch_topology().borrow().clone();
    let old = Arc::new(FakePlacement::new());
    old.show(samples::topology(2, 99, 5));
    let other = Line::to_placement(old.clone());
    line.cut();
    line.lead_to(&other);
    // It was asked again: its answers have been looked at.
    until(|| old.begun() > 2).await;
    assert_eq!(*remote.watch_topology().borrow(), before);
    // A node at a later one is followed.
    let newest = samples::topology(4, 1, 1);
    old.show(newest.clone());
    wait_for(&remote, &newest).await;
    soon(line.drain()).await;
}

#[tokio::test]
async fn what_a_session_has_seen_counts_too() {
    let far = Arc::new(FakePlacement::new());
    far.show(samples::topology(2, 1, 0));
    let line = Line::to_placement(far.clone());
    let remote = connect(&line).await;
    // Its answer says that the storage node is the third.
    soon(remote.open_session(samples::open_session("w-1")))
        .await
        .unwrap();
    let before = remote.watch_topology().borrow().clone();
    let begun = far.begun();
    far.show(samples::topology(2, 2, 0));
    until(|| far.begun() > begun + 1).await;
    assert_eq!(*remote.watch_topology().borrow(), before);
    let newest = samples::topology(3, 3, 0);
    far.show(newest.clone());
    wait_for(&remote, &newest).await;
}

#[tokio::test]
async fn nobody_watches_for_a_client_that_is_gone() {
    let far = Arc::new(FakePlacement::new());
    let line = Line::to_placement(far.clone());
    let remote = connect(&line).await;
    assert_eq!(far.watchers(), 1);
    drop(remote);
    until(|| far.watchers() == 0).await;
}

#[tokio::test]
async fn a_server_that_ends_does_not_wait_for_its_watchers() {
    let far = Arc::new(FakePlacement::new());
    let mut line = Line::to_placement(far.clone());
    let remote = connect(&line).await;
    soon(line.drain()).await;
    let next = Line::to_placement(far.clone());
    line.lead_to(&next);
    let newest = samples::topology(3, 2, 0);
    far.show(newest.clone());
    wait_for(&remote, &newest).await;
}
