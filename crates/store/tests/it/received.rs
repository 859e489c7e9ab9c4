//! Passing over what was received again.

use crate::harness::{create, folder, many, open};
use sluice_dataset::{AppendOptions, Change, PreparedEntity, RawCandidate, WritableDataset};
use sluice_store::{Compared, Dataset, Durability, Seen, Store};

fn candidate(id: &str, raw_hash: u128) -> RawCandidate<'_> {
    RawCandidate { id, raw_hash }
}

/// Entities 0, 1 and 2, received with the hashes 10, 11 and 12.
fn received(store: &Store, people: &Dataset) -> Vec<PreparedEntity> {
    let mut entities = many(store, 0, 3, "a");
    for (entity, hash) in entities.iter_mut().zip(10_u128..) {
        entity.raw_hash = Some(hash);
    }
    people
        .append(&entities, 1, &AppendOptions::default())
        .unwrap();
    entities
}

fn same(people: &Dataset, candidate: RawCandidate<'_>) -> Option<Seen> {
    match people.compare_received(&[candidate]).unwrap()[0] {
        Compared::Same(seen) => Some(seen),
        Compared::Different | Compared::Unknown => None,
    }
}

#[test]
fn the_bytes_last_received_for_an_id_are_known() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    let mut entities = received(&store, &people);
    let compared = people
        .compare_received(&[
            candidate("000002", 12),
            candidate("000001", 99),
            candidate("000000", 10),
            candidate("unknown", 10),
        ])
        .unwrap();
    assert!(
        matches!(
            compared[..],
            [
                Compared::Same(_),
                Compared::Different,
                Compared::Same(_),
                Compared::Unknown
            ]
        ),
        "{compared:?}"
    );
    // Changed without bytes, or written again: nothing to compare with any more.
    people
        .append(&many(&store, 2, 1, "b"), 1, &AppendOptions::default())
        .unwrap();
    people.repost(&["000001"], 1).unwrap();
    for (id, hash) in [("000002", 12), ("000001", 11)] {
        let compared = people.compare_received(&[candidate(id, hash)]).unwrap();
        assert_eq!(compared, [Compared::Unknown], "{id}");
    }
    // Unchanged content in other bytes: the next comparison hits.
    entities[0].raw_hash = Some(77);
    people
        .append(&entities[..1], 1, &AppendOptions::default())
        .unwrap();
    assert!(same(&people, candidate("000000", 77)).is_some());
    assert!(same(&people, candidate("000000", 10)).is_none());
}

#[test]
fn passing_over_counts_as_unchanged_and_as_seen() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    received(&store, &people);
    let run = people.begin_run("full").unwrap();
    let options = AppendOptions {
        run: Some(run.number),
        ..AppendOptions::default()
    };
    let first = candidate("000000", 10);
    let seen = same(&people, first).unwrap();
    let mut transaction = store.transaction(&[&people]).unwrap();
    let confirmed = transaction
        .pass_over(&people, &[(first, seen), (first, seen)], &options)
        .unwrap();
    assert_eq!(confirmed, [true, true]);
    let done = transaction.commit(Durability::Buffered).unwrap();
    assert_eq!(
        (done.datasets[0].unchanged, done.datasets[0].appended),
        (2, 0)
    );
    assert_eq!(people.unseen(&run).unwrap().unseen, 2);
}

#[test]
fn what_was_written_since_the_comparison_refutes_it() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    received(&store, &people);
    let (first, second) = (candidate("000000", 10), candidate("000001", 11));
    let seen = [first, second].map(|candidate| (candidate, same(&people, candidate).unwrap()));
    let mut changed = many(&store, 0, 1, "b");
    changed[0].raw_hash = Some(20);
    people
        .append(&changed, 1, &AppendOptions::default())
        .unwrap();
    let mut transaction = store.transaction(&[&people]).unwrap();
    let confirmed = transaction
        .pass_over(&people, &seen, &AppendOptions::default())
        .unwrap();
    assert_eq!(confirmed, [false, true], "only the other one is as it was");
    // And what this transaction itself has written.
    let changes = transaction
        .append(
            &people,
            &many(&store, 1, 1, "c"),
            1,
            &AppendOptions::default(),
        )
        .unwrap();
    assert_eq!(changes, [Change::Changed]);
    let confirmed = transaction
        .pass_over(&people, &seen[1..], &AppendOptions::default())
        .unwrap();
    assert_eq!(confirmed, [false]);
}

#[test]
fn another_recipe_makes_other_hashes_and_the_same_one_the_same_after_a_restart() {
    let folder = folder();
    let hash = |store: &Store, recipe: &[u8]| store.byte_hasher(recipe).hash(b"{}");
    let before = {
        let store = open(folder.path());
        assert_ne!(hash(&store, b"one"), hash(&store, b"two"));
        hash(&store, b"one")
    };
    assert_eq!(hash(&open(folder.path()), b"one"), before);
}
