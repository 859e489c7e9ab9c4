//! Finalizing at real stores: what counts survives restarts and lost disks, and the earlier version refuses without a change.

use crate::{Node, ObjectSettings, OpenError, PlacementSettings, Placements, Settings};
use sluice_entity::Json;
use sluice_format::{Format, Formats};
use sluice_objects::Objects;
use sluice_protocol::{
    Assignments, BootId, DiskId, FormatRange, FormatReport, Incarnation, OpenSession, Result,
    Session, StorageNode, WorkerId,
};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

const HOUR: Duration = Duration::from_secs(3_600);
const BOTH: FormatRange = FormatRange {
    oldest: 1,
    newest: 2,
};

fn next() -> Formats {
    Formats::with_next("2").unwrap()
}

struct Hub {
    node: Node,
    placements: Placements,
}

async fn open(
    disk: &Path,
    reads: Formats,
    objects: Option<&Objects>,
    finalize_after: Option<Duration>,
) -> Result<Hub, OpenError> {
    let mut settings = Settings::new(disk);
    settings.store.format = Format::new(reads);
    settings.objects = objects.map(|objects| ObjectSettings {
        objects: objects.clone(),
        hub: "home".to_owned(),
        incarnation: None,
        lease: Duration::from_secs(15),
    });
    let opening = tokio::task::spawn_blocking(move || Node::open(&settings));
    let node = opening.await.unwrap()?;
    let settings = PlacementSettings {
        finalize_after,
        ..PlacementSettings::default()
    };
    let placements = Placements::open(&node, &settings)?;
    Ok(Hub { node, placements })
}

impl Hub {
    async fn session(&self, reads: FormatRange, disk: u32) -> Result<Session> {
        let mut open = OpenSession {
            worker: WorkerId("w".into()),
            disk: DiskId("d".into()),
            boot: BootId("b".into()),
            address: String::new(),
            seen: Incarnation::NONE,
            formats: sluice_protocol::Formats::default(),
            format: disk,
            pipes: Vec::new(),
        };
        open.formats.hub = Some(reads);
        self.placements.open_session(open).await
    }

    async fn report(&self) -> FormatReport {
        self.node.format().await.unwrap()
    }

    async fn until(&self, what: &str, is_so: impl Fn(&FormatReport) -> bool) -> FormatReport {
        let begun = Instant::now();
        loop {
            let report = self.report().await;
            if is_so(&report) {
                return report;
            }
            assert!(
                begun.elapsed() < Duration::from_secs(30),
                "not {what}: {report:?}"
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn variable(&self, value: i64) {
        let variables = BTreeMap::from([("v".to_owned(), Json::from(value))]);
        let put = self.node.put_variables(variables, false, "ann");
        put.await.unwrap();
    }

    async fn close(self) {
        self.node.close().await;
        drop(self.node);
        self.placements.close().await;
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(chain).unwrap_or_default();
    format!("{error}: {cause}")
}

fn refused(opened: Result<Hub, OpenError>) {
    let Err(error) = opened else {
        panic!("it opened")
    };
    let text = chain(&error);
    assert!(
        text.contains("in format 2") && text.contains("reads format 1"),
        "{text}"
    );
}

async fn everything(objects: &Objects) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for listed in objects.list("storage-node").await.unwrap() {
        let name = format!("storage-node/{}", listed.name);
        let bytes = objects.get(&name).await.unwrap().unwrap();
        all.insert(name, bytes.to_vec());
    }
    all
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_that_all_roles_read_the_next_format_survives_restarts_and_ends_in_it() {
    let disk = tempfile::tempdir().unwrap();
    let hub = open(disk.path(), next(), None, Some(HOUR)).await.unwrap();
    hub.until("begun: there is no worker yet", |report| {
        report.finalizes.is_some()
    })
    .await;
    hub.session(FormatRange::FIRST, 1).await.unwrap();
    hub.until(
        "stopped by a worker that reads the first format alone",
        |report| {
            let is_there = report.workers.values().any(|worker| worker.is_present);
            is_there && report.finalizes.is_none()
        },
    )
    .await;
    hub.session(BOTH, 1).await.unwrap();
    let begun = hub
        .until("begun", |report| report.finalizes.is_some())
        .await;
    assert_eq!((begun.format, begun.reads), (1, BOTH));
    hub.close().await;

    let hub = open(disk.path(), next(), None, Some(HOUR)).await.unwrap();
    assert_eq!(hub.report().await.finalizes, begun.finalizes);
    hub.close().await;
    // Its time is over, and still it waits for the worker.
    let hub = open(disk.path(), next(), None, Some(Duration::ZERO))
        .await
        .unwrap();
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(hub.report().await.format, 1);
    let session = hub.session(BOTH, 1).await.unwrap();
    hub.until("finalized", |report| report.format == 2).await;
    let mut assigned = hub.placements.watch_assigned(session.id).await.unwrap();
    assigned
        .wait_for(|assigned| assigned.format == 2)
        .await
        .unwrap();
    let old = hub.session(FormatRange::FIRST, 1).await.unwrap_err();
    assert_eq!(old.reason, "unreadable-format");
    hub.close().await;

    refused(open(disk.path(), Formats::RELEASE, None, None).await);
    let hub = open(disk.path(), next(), None, None).await.unwrap();
    let report = hub.report().await;
    assert_eq!((report.format, report.finalizes), (2, None));
    hub.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hub_that_was_finalized_is_so_in_the_object_store_too() {
    let (disk, objects) = (tempfile::tempdir().unwrap(), Objects::in_memory());
    let hub = open(disk.path(), next(), Some(&objects), None)
        .await
        .unwrap();
    hub.variable(1).await;
    let before = everything(&objects).await;
    let of = |name: &str, bytes: &[u8]| (!name.ends_with("/hub")).then(|| bytes[0]);
    assert!(
        before
            .iter()
            .all(|(name, bytes)| of(name, bytes).is_none_or(|format| format == 1))
    );
    let report = hub.node.finalize("ann").await.unwrap();
    assert_eq!(report.format, 2);
    hub.variable(2).await;
    hub.node.reset().await.unwrap();
    hub.variable(3).await;
    hub.close().await;

    let there = everything(&objects).await;
    let snapshots = there.keys().filter(|name| name.contains("/snapshots/"));
    let newest = snapshots.max().unwrap();
    assert_eq!(there[newest][0], 2, "one was made at once");
    for disk in [disk.path(), tempfile::tempdir().unwrap().path()] {
        refused(open(disk, Formats::RELEASE, Some(&objects), None).await);
    }
    assert_eq!(everything(&objects).await, there, "nothing was changed");
    let blank = tempfile::tempdir().unwrap();
    let hub = open(blank.path(), next(), Some(&objects), None)
        .await
        .unwrap();
    assert_eq!(hub.report().await.format, 2, "a lost disk does not forget");
    let three = BTreeMap::from([("v".to_owned(), Json::from(3_i64))]);
    assert_eq!(hub.node.watch().borrow().variables, three);
    hub.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_begins_anew_on_a_disk_that_was_filled_since_nobody_is_heard_of_there() {
    let objects = Objects::in_memory();
    let mut ends = Vec::new();
    for _ in 0..2 {
        let disk = tempfile::tempdir().unwrap();
        let hub = open(disk.path(), next(), Some(&objects), Some(HOUR)).await;
        let hub = hub.unwrap();
        let begun = hub.until("begun", |report| report.finalizes.is_some());
        ends.push(begun.await.finalizes);
        hub.close().await;
    }
    assert!(ends[1] > ends[0], "{ends:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_object_store_a_lost_disk_learns_it_from_a_worker() {
    let disk = tempfile::tempdir().unwrap();
    let hub = open(disk.path(), next(), None, None).await.unwrap();
    hub.session(BOTH, 2).await.unwrap();
    hub.until("finalized", |report| report.format == 2).await;
    hub.close().await;
    let disk = tempfile::tempdir().unwrap();
    let hub = open(disk.path(), Formats::RELEASE, None, None)
        .await
        .unwrap();
    let refused = hub.session(BOTH, 2).await.unwrap_err();
    assert_eq!(refused.reason, "older-storage-node");
    hub.close().await;
}
