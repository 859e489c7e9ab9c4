//! Removing by age: what goes, what stays, and that everything still agrees afterwards, after a crash in the middle too.

use crate::harness::{Property, crashed_copy, create, folder, name, open, prepare, text_key};
use sluice_dataset::{AppendOptions, Counters, Dataset as _, ReadOptions, WritableDataset};
use sluice_store::{Dataset, Store, Trimming, check};
use std::sync::Arc;

/// Appends a `started`, an error of its own and a `completed`, all at the moment `run`.
fn log_run(store: &Store, log: &Dataset, run: u64) {
    let events = [
        format!(r#"{{"_id": "started", "run": {run}, "kind": "edge"}}"#),
        format!(r#"{{"_id": "error:{run}", "kind": "error"}}"#),
        format!(r#"{{"_id": "error:again", "run": {run}, "kind": "error"}}"#),
        format!(r#"{{"_id": "completed", "run": {run}, "kind": "edge"}}"#),
    ];
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let options = AppendOptions::default();
    log.append(&prepare(store, &events), run * 1_000, &options)
        .unwrap();
}

fn trimming(before: u64) -> Trimming<'static> {
    Trimming {
        before,
        stays: &|id| !id.starts_with("error:"),
    }
}

fn is_clean(path: &std::path::Path) {
    let report = check(path).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
}

fn ids(log: &Dataset) -> Vec<String> {
    let page = log.read(&ReadOptions::default(), usize::MAX).unwrap();
    let id = |version: sluice_dataset::Version| {
        let body = version.body.value();
        let run = body.get("run").and_then(|run| run.as_i64());
        let id = body.get("_id").and_then(|id| id.as_str()).unwrap();
        run.map_or(id.to_owned(), |run| format!("{id} {run}"))
    };
    page.iter()
        .map(|version| id(version.to_version()))
        .collect()
}

#[test]
fn old_events_go_and_the_latest_of_a_fixed_id_stays() {
    let folder = folder();
    let store = open(folder.path());
    let log = create(&store, "log", 1);
    (1..=3).for_each(|run| log_run(&store, &log, run));

    let done = log.trim(trimming(3_000), None, 1_000).unwrap();
    assert_eq!((done.removed, done.examined, done.resume), (8, 8, None));
    let third = ["started 3", "error:3", "error:again 3", "completed 3"];
    assert_eq!(ids(&log), third);
    assert_eq!(
        log.get("error:1").unwrap().map(|found| found.offset()),
        None
    );

    // All of it is old now: what has a fixed id stays as it was last.
    let done = log.trim(trimming(u64::MAX), None, 1_000).unwrap();
    assert_eq!((done.removed, done.examined, done.resume), (2, 4, None));
    assert_eq!(ids(&log), ["started 3", "completed 3"]);
    let counters = log.status().unwrap().counters;
    let expected = Counters {
        log_exists: 2,
        index_exists: 2,
        ..counters
    };
    assert_eq!(counters, expected);

    // An id that went is new when it comes again; offsets go on.
    log_run(&store, &log, 4);
    assert_eq!(log.status().unwrap().max_offset, Some(15));
    let again = log.get("error:again").unwrap().unwrap();
    assert_eq!(again.generated.previous, None);
    let started = log.get("started").unwrap().unwrap();
    assert_eq!(started.generated.previous, Some(8));
    drop((log, store));
    is_clean(folder.path());
}

#[test]
fn a_pass_that_is_cut_into_pieces_and_breaks_off_leaves_everything_in_agreement() {
    let folder = folder();
    let store = open(folder.path());
    let log = create(&store, "log", 1);
    log.ensure_index(Arc::new(Property("kind"))).unwrap();
    (1..=1_000).for_each(|run| log_run(&store, &log, run));

    let first = log.trim(trimming(900_000), None, 1_501).unwrap();
    assert_eq!((first.examined, first.resume), (1_501, Some(1_501)));
    let copy = crashed_copy(folder.path());
    is_clean(copy.path());

    // The next one begins anew and does the rest.
    let store = open(copy.path());
    let log = store.dataset(&name("log")).unwrap();
    let (mut removed, mut from) = (first.removed, None);
    loop {
        let done = log.trim(trimming(900_000), from, 700).unwrap();
        removed += done.removed;
        from = done.resume;
        if from.is_none() {
            break;
        }
    }
    assert_eq!(removed, 899 * 4);
    assert_eq!(ids(&log).len(), 101 * 4);
    let errors = log.lookup("kind", &text_key("error"), None, usize::MAX);
    assert_eq!(errors.unwrap().len(), 102);
    drop((log, store));
    is_clean(copy.path());
}

#[test]
fn deleted_versions_and_other_datasets_are_counted_right() {
    let folder = folder();
    let store = open(folder.path());
    let (log, other) = (create(&store, "log", 1), create(&store, "other", 2));
    let options = AppendOptions::default();
    let gone = prepare(&store, &[r#"{"_id": "error:1", "_deleted": true}"#]);
    for dataset in [&log, &other] {
        dataset.append(&gone, 1_000, &options).unwrap();
    }
    log.trim(trimming(u64::MAX), None, 10).unwrap();
    assert_eq!(log.status().unwrap().counters, Counters::default());
    assert_eq!(other.status().unwrap().counters.log_deleted, 1);
    drop((log, other, store));
    is_clean(folder.path());
}
