//! Many writers at once: group commit, one dataset's lock, readers beside writers.

use crate::harness::{crashed_copy, create, folder, many, name, open, prepare};
use sluice_dataset::{AppendOptions, Dataset as _, ReadOptions, WritableDataset};
use sluice_store::{Durability, StateKey, check};
use std::sync::atomic::{AtomicBool, Ordering};

#[test]
fn single_pushers_side_by_side_lose_nothing() {
    let folder = folder();
    let store = open(folder.path());
    let shared = create(&store, "shared", 1);
    std::thread::scope(|scope| {
        for pusher in 0..16 {
            let (store, shared) = (&store, &shared);
            scope.spawn(move || {
                for round in 0..20 {
                    let text = format!(r#"{{"_id": "{pusher}-{round}"}}"#);
                    shared
                        .append(&prepare(store, &[&text]), 1, &AppendOptions::default())
                        .unwrap();
                }
            });
        }
    });
    assert_eq!(shared.status().unwrap().counters.index_exists, 320);
    let copy = crashed_copy(folder.path());
    assert_eq!(
        open(copy.path())
            .dataset(&name("shared"))
            .unwrap()
            .status()
            .unwrap()
            .counters
            .index_exists,
        320
    );
    let report = check(copy.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
}

#[test]
fn transactions_over_the_same_datasets_do_not_wait_in_a_circle() {
    let folder = folder();
    let store = open(folder.path());
    let datasets: Vec<_> = (1..=4)
        .map(|number| create(&store, &format!("d{number}"), number))
        .collect();
    std::thread::scope(|scope| {
        for worker in 0..4_usize {
            let (store, datasets) = (&store, &datasets);
            scope.spawn(move || {
                for round in 0..50_usize {
                    let (first, second) = (
                        &datasets[(worker + round) % 4],
                        &datasets[(worker * 3 + 1) % 4],
                    );
                    let mut transaction = store.transaction(&[first, second]).unwrap();
                    let text = format!(r#"{{"_id": "{worker}", "v": {round}}}"#);
                    let entities = prepare(store, &[&text]);
                    transaction
                        .append(first, &entities, 1, &AppendOptions::default())
                        .unwrap();
                    transaction
                        .append(second, &entities, 1, &AppendOptions::default())
                        .unwrap();
                    transaction.commit(Durability::Buffered).unwrap();
                }
            });
        }
    });
    drop((datasets, store));
    assert!(check(folder.path()).unwrap().is_clean());
}

/// The writer keeps ids a and b equal in every commit, and the state equal to both.
#[test]
fn readers_beside_a_writer_see_whole_commits() {
    let folder = folder();
    let store = open(folder.path());
    let (a, b) = (create(&store, "a", 1), create(&store, "b", 2));
    let key = StateKey::new("pipe", "round").unwrap();
    let done = AtomicBool::new(false);
    let commit = |round: u32| {
        let mut transaction = store.transaction(&[&a, &b]).unwrap();
        for dataset in [&a, &b] {
            let entities = prepare(&store, &[&format!(r#"{{"_id": "1", "v": "{round}"}}"#)]);
            transaction
                .append(dataset, &entities, 1, &AppendOptions::default())
                .unwrap();
        }
        transaction.put_state(&key, round.to_string().as_bytes());
        transaction.commit(Durability::Buffered).unwrap();
    };
    commit(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            (1..400).for_each(&commit);
            done.store(true, Ordering::SeqCst);
        });
        while !done.load(Ordering::SeqCst) {
            let snapshot = store.snapshot();
            let round = String::from_utf8(snapshot.state(&key).unwrap().unwrap()).unwrap();
            for dataset in ["a", "b"] {
                let view = snapshot.dataset(&name(dataset)).unwrap().unwrap();
                let page = view.read(&ReadOptions::latest(), usize::MAX).unwrap();
                let bodies: Vec<String> = page
                    .iter()
                    .map(|version| version.body.to_json_string())
                    .collect();
                assert_eq!(bodies, [format!(r#"{{"_id":"1","v":"{round}"}}"#)]);
            }
            // Without a snapshot each page is an instant of its own: an id is never missing from it.
            assert_eq!(a.read(&ReadOptions::latest(), usize::MAX).unwrap().len(), 1);
        }
    });
    assert_eq!(a.status().unwrap().max_offset, Some(399));
}

#[test]
fn compaction_beside_readers_and_writers_takes_nothing_that_is_needed() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    people.mark_populated().unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 0..60 {
                let entities = many(&store, 0, 20, &round.to_string());
                let mut transaction = store.transaction(&[&people]).unwrap();
                transaction
                    .append(&people, &entities, 1, &AppendOptions::default())
                    .unwrap();
                transaction.commit(Durability::Buffered).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let retention = sluice_dataset::Retention {
                    keep_versions: 1,
                    ..Default::default()
                };
                people.compact(&retention, None, 100).unwrap();
            }
        });
        while !done.load(Ordering::SeqCst) {
            if people.status().unwrap().max_offset.is_some() {
                assert!(people.get("000007").unwrap().is_some());
                assert_eq!(
                    people.read(&ReadOptions::live(), usize::MAX).unwrap().len(),
                    20
                );
            }
        }
    });
    drop((people, store));
    let report = check(folder.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
}
