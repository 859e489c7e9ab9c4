//! Placement on a real store: what is answered is durable, what is shown follows the configuration.

use super::*;
use crate::service::Settings;
use sluice_entity::{Json, Limits};
use sluice_protocol::{
    BootId, ComponentKind, DiskId, Duty, Epoch, Formats, Placement, Start, StorageNode,
};
use std::path::Path;

struct Hub {
    node: Node,
    placements: Placements,
}

impl Hub {
    fn open(data: &Path, incarnation: Option<u32>) -> Hub {
        let node = loop {
            match Node::open(&Settings::new(data)) {
                // The task of the hub before lets go a moment after its handle.
                Err(error) if error.is_in_use() => std::thread::yield_now(),
                opened => break opened.unwrap(),
            }
        };
        let settings = PlacementSettings {
            incarnation: incarnation.map(|number| Incarnation::new(number).unwrap()),
            ..PlacementSettings::default()
        };
        let placements = Placements::open(&node, &settings).unwrap();
        Hub { node, placements }
    }

    async fn add(&self, pipe: &str) {
        let text = format!(
            "{{\"_id\": \"{pipe}\", \"type\": \"pipe\", \"source\": {{\"type\": \"http_endpoint\"}}}}"
        );
        let json = Json::parse(text.as_bytes(), &Limits::default()).unwrap();
        let put = self
            .node
            .put_component(ComponentKind::Pipe, json, false, "ann");
        assert!(put.await.unwrap().applied);
    }

    async fn session(&self, seen: u32) -> Result<Session> {
        let open = OpenSession {
            worker: WorkerId("w".into()),
            disk: DiskId("d".into()),
            boot: BootId("b".into()),
            address: String::new(),
            seen: Incarnation::new(seen).unwrap(),
            formats: Formats::default(),
            format: 1,
            pipes: Vec::new(),
        };
        self.placements.open_session(open).await
    }

    /// Epoch and start of a pipe, as soon as the session has it.
    async fn owned(&self, session: &Session, pipe: &str) -> (Epoch, Start) {
        let mut assigned = self.placements.watch_assigned(session.id).await.unwrap();
        let assigned = assigned
            .wait_for(|assigned| assigned.pipes.contains_key(pipe))
            .await
            .unwrap();
        match &assigned.pipes[pipe] {
            Duty::Own { epoch, start } => (*epoch, start.clone()),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn epochs_grow_over_restarts_and_the_disk_keeps_its_pipes() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path(), None);
    hub.add("a").await;
    let session = hub.session(0).await.unwrap();
    let (first, start) = hub.owned(&session, "a").await;
    assert_eq!(start, Start::Fresh);
    let committed = Report::Committed {
        pipe: "a".into(),
        epoch: first,
    };
    hub.placements
        .report(session.id, committed.clone())
        .await
        .unwrap();
    drop(hub);

    let hub = Hub::open(folder.path(), None);
    let session = hub.session(1).await.unwrap();
    let (second, start) = hub.owned(&session, "a").await;
    assert!(second > first);
    assert_eq!(start, Start::Local);
    let refused = hub.placements.report(session.id, committed).await;
    assert_eq!(refused.unwrap_err().reason, "stale-epoch");
    let topology = hub.placements.watch_topology().borrow().clone();
    let Placement::Owned { worker, epoch, .. } = &topology.pipes["a"] else {
        panic!("{topology:?}");
    };
    assert_eq!((worker.0.as_str(), *epoch), ("w", second));
}

#[tokio::test(flavor = "multi_thread")]
async fn assignments_follow_the_configuration_and_name_its_revision() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path(), None);
    let session = hub.session(0).await.unwrap();
    let mut assigned = hub.placements.watch_assigned(session.id).await.unwrap();
    for (number, pipe) in ["a", "b"].iter().enumerate() {
        hub.add(pipe).await;
        let revision = hub.node.watch().borrow().revision;
        let seen = assigned.wait_for(|seen| seen.revision == revision);
        assert_eq!(seen.await.unwrap().pipes.len(), number + 1);
    }
    let removed = hub.node.delete_component(ComponentKind::Pipe, "a", "ann");
    removed.await.unwrap();
    let seen = assigned.wait_for(|seen| !seen.pipes.contains_key("a"));
    assert_eq!(seen.await.unwrap().pipes.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_session_ends_the_one_before() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path(), None);
    let first = hub.session(0).await.unwrap();
    let mut watched = hub.placements.watch_assigned(first.id).await.unwrap();
    hub.session(0).await.unwrap();
    while watched.changed().await.is_ok() {}
    let renewal = Renewal {
        session: first.id,
        loads: Vec::new(),
    };
    let refused = hub.placements.renew(renewal).await.unwrap_err();
    assert_eq!(refused.reason, "session-ended");
    let refused = hub.placements.watch_assigned(first.id).await.unwrap_err();
    assert_eq!(refused.reason, "session-ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_incarnation_given_at_the_start_counts_if_it_is_larger() {
    let folder = tempfile::tempdir().unwrap();
    let hub = Hub::open(folder.path(), Some(7));
    let session = hub.session(3).await.unwrap();
    assert_eq!(session.incarnation.number(), 7);
    let refused = hub.session(8).await.unwrap_err();
    assert_eq!(refused.reason, "superseded");
    drop(hub);
    let hub = Hub::open(folder.path(), Some(2));
    let refused = hub.session(8).await.unwrap_err();
    assert_eq!(refused.reason, "superseded", "it is still the seventh");
    drop(hub);
    let hub = Hub::open(folder.path(), Some(8));
    assert_eq!(hub.session(8).await.unwrap().incarnation.number(), 8);
}
