//! Opening, closing, locking; datasets made, deleted, made again; state; snapshots.

use crate::harness::{crashed_copy, create, folder, many, name, open, prepare};
use sluice_dataset::{
    AppendOptions, Dataset as _, DatasetNumber, Error, ReadOptions, WritableDataset,
};
use sluice_entity::HashKey;
use sluice_store::{Durability, OpenError, Settings, StateKey, Store, check};

#[test]
fn everything_is_there_after_reopening() {
    let folder = folder();
    let (status, hash_key) = {
        let store = open(folder.path());
        let people = create(&store, "people", 7);
        people
            .append(&many(&store, 0, 100, "a"), 5, &AppendOptions::default())
            .unwrap();
        people.mark_populated().unwrap();
        (people.status().unwrap(), *store.hash_key())
    };
    let store = open(folder.path());
    let people = store.dataset(&name("people")).unwrap();
    assert_eq!(people.status().unwrap(), status);
    assert_eq!(*store.hash_key(), hash_key);
    assert_eq!(
        people
            .append(&many(&store, 0, 100, "a"), 6, &AppendOptions::default())
            .unwrap()
            .len(),
        100
    );
    assert_eq!(people.status().unwrap(), status, "unchanged");
}

#[test]
fn a_crash_loses_nothing_that_was_committed_and_keeps_nothing_that_was_not() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    let key = StateKey::new("pipe:people", "offset").unwrap();
    for round in 0..5_u8 {
        let mut transaction = store.transaction(&[&people]).unwrap();
        let value = format!("{round}");
        transaction
            .append(
                &people,
                &many(&store, 0, 10, &value),
                1,
                &AppendOptions::default(),
            )
            .unwrap();
        transaction.put_state(&key, &[round]);
        transaction.commit(Durability::Buffered).unwrap();
    }
    let mut open_transaction = store.transaction(&[&people]).unwrap();
    open_transaction
        .append(
            &people,
            &many(&store, 0, 10, "lost"),
            1,
            &AppendOptions::default(),
        )
        .unwrap();
    open_transaction.put_state(&key, &[99]);
    let copy = crashed_copy(folder.path());
    let after = open(copy.path());
    let people = after.dataset(&name("people")).unwrap();
    assert_eq!(people.status().unwrap().max_offset, Some(49));
    assert_eq!(after.state(&key).unwrap(), Some(vec![4]));
    let body = people
        .get("000003")
        .unwrap()
        .unwrap()
        .body
        .value()
        .to_json_string();
    assert_eq!(body, r#"{"_id":"000003","n":3,"v":"4"}"#);
    drop((people, after));
    assert!(check(copy.path()).unwrap().is_clean());
}

#[test]
fn a_store_is_opened_once_at_a_time_and_not_checked_meanwhile() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    assert!(matches!(
        Store::open(folder.path(), &Settings::small()),
        Err(OpenError::Locked { .. })
    ));
    assert!(matches!(
        check(folder.path()),
        Err(OpenError::Locked { .. })
    ));
    drop(store);
    assert!(
        matches!(check(folder.path()), Err(OpenError::Locked { .. })),
        "a dataset keeps it open"
    );
    drop(people);
    assert!(check(folder.path()).unwrap().is_clean());
    open(folder.path());
}

#[test]
fn checking_a_folder_that_is_not_there_is_an_error() {
    let folder = folder();
    assert!(matches!(
        check(folder.path().join("nowhere")),
        Err(OpenError::Folder { .. })
    ));
}

#[test]
fn a_given_hash_key_is_used_and_a_made_one_is_random() {
    let (one, two, three) = (folder(), folder(), folder());
    let given = HashKey([5, 6, 7, 8]);
    let settings = Settings {
        hash_key: Some(given),
        ..Settings::small()
    };
    assert_eq!(
        *Store::open(one.path(), &settings).unwrap().hash_key(),
        given
    );
    assert_ne!(open(two.path()).hash_key(), open(three.path()).hash_key());
}

#[test]
fn a_dataset_made_again_is_another_one() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    let other = create(&store, "other", 2);
    people
        .append(&many(&store, 0, 10, "a"), 1, &AppendOptions::default())
        .unwrap();
    other
        .append(&many(&store, 0, 10, "a"), 1, &AppendOptions::default())
        .unwrap();
    let generation = people.status().unwrap().generation;
    assert!(store.delete_dataset(&name("people")).unwrap());
    assert!(!store.delete_dataset(&name("people")).unwrap());
    assert!(store.dataset(&name("people")).is_none());
    assert!(matches!(people.status(), Err(Error::Deleted { .. })));
    assert!(matches!(people.get("000001"), Err(Error::Deleted { .. })));
    assert!(matches!(
        people.append(&many(&store, 0, 1, "a"), 1, &AppendOptions::default()),
        Err(Error::Deleted { .. })
    ));
    let again = create(&store, "people", 3);
    assert_ne!(again.status().unwrap().generation, generation);
    assert!(again.get("000001").unwrap().is_none());
    assert_eq!(
        again
            .append(&many(&store, 0, 1, "a"), 1, &AppendOptions::default())
            .unwrap()
            .len(),
        1
    );
    assert_eq!(other.status().unwrap().counters.index_exists, 10);
    drop((people, other, again, store));
    let store = open(folder.path());
    assert_eq!(
        store
            .datasets()
            .iter()
            .map(|d| d.name().to_string())
            .collect::<Vec<_>>(),
        ["other", "people"]
    );
    drop(store);
    let report = check(folder.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
    assert_eq!(report.counts.versions, 11);
}

#[test]
fn a_number_is_given_once() {
    let folder = folder();
    let store = open(folder.path());
    create(&store, "a", 1);
    let taken = store.create_dataset(&name("b"), DatasetNumber(1));
    assert!(matches!(taken, Err(Error::NumberTaken { number: 1, .. })));
    assert!(matches!(
        store.create_dataset(&name("b"), DatasetNumber(u64::MAX)),
        Err(Error::NumberTaken { .. })
    ));
    assert_eq!(
        create(&store, "a", 99).number(),
        DatasetNumber(1),
        "it exists already"
    );
}

#[test]
fn a_transaction_writes_only_to_its_datasets() {
    let folder = folder();
    let store = open(folder.path());
    let (a, b) = (create(&store, "a", 1), create(&store, "b", 2));
    let mut transaction = store.transaction(&[&a]).unwrap();
    let refused = transaction.append(&b, &many(&store, 0, 1, "x"), 1, &AppendOptions::default());
    assert!(matches!(refused, Err(Error::NotInTransaction { .. })));
}

#[test]
fn two_datasets_and_state_change_together_or_not_at_all() {
    let folder = folder();
    let store = open(folder.path());
    let (a, b) = (create(&store, "a", 1), create(&store, "b", 2));
    let key = StateKey::new("pipe", "k").unwrap();
    {
        let mut dropped = store.transaction(&[&b, &a]).unwrap();
        dropped
            .append(&a, &many(&store, 0, 1, "x"), 1, &AppendOptions::default())
            .unwrap();
        dropped
            .append(&b, &many(&store, 0, 1, "x"), 1, &AppendOptions::default())
            .unwrap();
        dropped.put_state(&key, b"1");
    }
    assert_eq!(
        (a.status().unwrap().max_offset, store.state(&key).unwrap()),
        (None, None)
    );
    let mut kept = store.transaction(&[&b, &a, &a]).unwrap();
    kept.append(&a, &many(&store, 0, 2, "x"), 1, &AppendOptions::default())
        .unwrap();
    kept.append(&b, &many(&store, 0, 1, "x"), 1, &AppendOptions::default())
        .unwrap();
    kept.append(&a, &many(&store, 1, 2, "x"), 1, &AppendOptions::default())
        .unwrap();
    kept.put_state(&key, b"1");
    let committed = kept.commit(Durability::Synced).unwrap();
    let summary: Vec<_> = committed
        .datasets
        .iter()
        .map(|d| (d.name.as_str(), d.appended, d.unchanged, d.max_offset))
        .collect();
    assert_eq!(summary, [("a", 3, 1, Some(2)), ("b", 1, 0, Some(0))]);
    assert_eq!(store.state(&key).unwrap(), Some(b"1".to_vec()));
}

#[test]
fn state_is_kept_by_owner_and_scanned_in_order() {
    let folder = folder();
    let store = open(folder.path());
    let key = |owner: &str, name: &str| StateKey::new(owner, name).unwrap();
    let mut transaction = store.transaction(&[]).unwrap();
    for (owner, name) in [
        ("a", "q/1"),
        ("a", "q/3"),
        ("a", "q/2"),
        ("a", "r"),
        ("ab", "q/1"),
        ("", "q/1"),
    ] {
        transaction.put_state(&key(owner, name), format!("{owner}-{name}").as_bytes());
    }
    transaction.commit(Durability::Synced).unwrap();
    let scan = |after: Option<&StateKey>, limit| -> Vec<String> {
        let found = store.state_scan(&key("a", "q/"), after, limit).unwrap();
        found
            .into_iter()
            .map(|(_, value)| String::from_utf8(value).unwrap())
            .collect()
    };
    assert_eq!(scan(None, 10), ["a-q/1", "a-q/2", "a-q/3"]);
    assert_eq!(scan(None, 2), ["a-q/1", "a-q/2"]);
    assert_eq!(scan(Some(&key("a", "q/1")), 10), ["a-q/2", "a-q/3"]);
    assert_eq!(scan(Some(&key("a", "q/15")), 10), ["a-q/2", "a-q/3"]);
    let mut transaction = store.transaction(&[]).unwrap();
    transaction.delete_state_range(&key("a", "q/"));
    transaction.put_state(&key("a", "q/2"), b"after the range");
    transaction.delete_state(&key("ab", "q/1"));
    transaction.commit(Durability::Synced).unwrap();
    assert_eq!(scan(None, 10), ["after the range"]);
    assert_eq!(store.state(&key("a", "r")).unwrap(), Some(b"a-r".to_vec()));
    assert_eq!(store.state(&key("ab", "q/1")).unwrap(), None);
    assert!(StateKey::new(&"x".repeat(65_536), "").is_err());
    drop(store);
    assert_eq!(check(folder.path()).unwrap().counts.states, 3);
}

#[test]
fn a_snapshot_is_one_instant_of_everything() {
    let folder = folder();
    let store = open(folder.path());
    let (a, b) = (create(&store, "a", 1), create(&store, "b", 2));
    let key = StateKey::new("pipe", "k").unwrap();
    let write = |value: &str| {
        let mut transaction = store.transaction(&[&a, &b]).unwrap();
        for dataset in [&a, &b] {
            let entities = prepare(&store, &[&format!(r#"{{"_id": "1", "v": "{value}"}}"#)]);
            transaction
                .append(dataset, &entities, 1, &AppendOptions::default())
                .unwrap();
        }
        transaction.put_state(&key, value.as_bytes());
        transaction.commit(Durability::Buffered).unwrap();
    };
    write("old");
    let snapshot = store.snapshot();
    write("new");
    create(&store, "later", 3);
    store.delete_dataset(&name("b")).unwrap();
    for dataset in ["a", "b"] {
        let view = snapshot.dataset(&name(dataset)).unwrap().unwrap();
        let version = view.get("1").unwrap().unwrap();
        assert_eq!(
            version.body.value().to_json_string(),
            r#"{"_id":"1","v":"old"}"#,
            "{dataset}"
        );
        assert_eq!(
            view.read(&ReadOptions::default(), usize::MAX)
                .unwrap()
                .len(),
            1
        );
        assert_eq!(view.status().unwrap().max_offset, Some(0));
    }
    assert_eq!(snapshot.state(&key).unwrap(), Some(b"old".to_vec()));
    assert!(snapshot.dataset(&name("later")).unwrap().is_none());
    assert_eq!(a.get("1").unwrap().unwrap().offset(), 1);
    drop((store, a, b));
    // The snapshot alone keeps the store open, and lets go of it.
    assert!(matches!(
        Store::open(folder.path(), &Settings::small()),
        Err(OpenError::Locked { .. })
    ));
    drop(snapshot);
    open(folder.path());
}

#[test]
fn thousands_of_datasets_are_cheap() {
    let folder = folder();
    {
        let store = open(folder.path());
        for number in 1..=3_000 {
            create(&store, &format!("dataset-{number}"), number);
        }
        let last = store.dataset(&name("dataset-3000")).unwrap();
        last.append(&many(&store, 0, 1, "x"), 1, &AppendOptions::default())
            .unwrap();
    }
    let store = open(folder.path());
    assert_eq!(store.datasets().len(), 3_000);
    assert_eq!(
        store
            .dataset(&name("dataset-3000"))
            .unwrap()
            .status()
            .unwrap()
            .max_offset,
        Some(0)
    );
}
