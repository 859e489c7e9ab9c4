//! Deletion tracking across crashes (DE2) and across many chunks of marks.

use crate::harness::{crashed_copy, create, folder, many, name, open};
use sluice_dataset::{AppendOptions, Dataset as _, Error, PreparedEntity, WritableDataset};
use sluice_store::{Durability, StateKey, check};

#[test]
fn an_interrupted_full_run_goes_on_where_it_was() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    people
        .append(&many(&store, 0, 10_000, "a"), 1, &AppendOptions::default())
        .unwrap();
    let run = people.begin_run("pump 17").unwrap();
    let seen = AppendOptions {
        force: false,
        run: Some(run.number),
    };
    people
        .append(&many(&store, 0, 6_000, "a"), 1, &seen)
        .unwrap();

    let copy = crashed_copy(folder.path());
    let store = open(copy.path());
    let people = store.dataset(&name("people")).unwrap();
    let run = people.active_run().unwrap().unwrap();
    assert_eq!((run.token.as_str(), run.deleting), ("pump 17", false));
    people
        .append(&many(&store, 6_000, 3_000, "a"), 1, &seen)
        .unwrap();
    let unseen = people.unseen(&run).unwrap();
    assert_eq!((unseen.live, unseen.unseen), (10_000, 1_000));
    let approval = people.approve_deletions(&run, false).unwrap();
    assert_eq!(
        people.delete_unseen(&approval, 2, 300).unwrap().deleted,
        300
    );

    // And once more, in the middle of the deletes.
    let copy = crashed_copy(copy.path());
    let store = open(copy.path());
    let people = store.dataset(&name("people")).unwrap();
    let run = people.active_run().unwrap().unwrap();
    assert!(run.deleting);
    let approval = people.approve_deletions(&run, false).unwrap();
    let offset = StateKey::new("pipe:people", "offset").unwrap();
    let mut deleted = 0;
    loop {
        let mut transaction = store.transaction(&[&people]).unwrap();
        let progress = transaction
            .delete_unseen(&people, &approval, 3, 250)
            .unwrap();
        deleted += progress.deleted;
        if progress.done {
            transaction.end_run(&people, &run).unwrap();
            transaction.mark_populated(&people).unwrap();
            transaction.put_state(&offset, b"10000");
        }
        transaction.commit(Durability::Synced).unwrap();
        if progress.done {
            break;
        }
    }
    assert_eq!(deleted, 700);
    let status = people.status().unwrap();
    assert_eq!(
        (status.counters.index_exists, status.counters.index_deleted),
        (9_000, 1_000)
    );
    assert!(status.populated);
    assert!(!people.get("008999").unwrap().unwrap().is_deleted());
    assert!(people.get("009000").unwrap().unwrap().is_deleted());
    assert_eq!(people.active_run().unwrap(), None);
    drop((people, store));
    let report = check(copy.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
}

#[test]
fn what_is_written_in_the_deleting_transaction_is_not_deleted() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    people
        .append(&many(&store, 0, 5, "a"), 1, &AppendOptions::default())
        .unwrap();
    let run = people.begin_run("run").unwrap();
    let approval = people.approve_deletions(&run, false).unwrap();
    let mut transaction = store.transaction(&[&people]).unwrap();
    let options = AppendOptions {
        force: false,
        run: Some(run.number),
    };
    transaction
        .append(&people, &many(&store, 0, 1, "a"), 1, &options)
        .unwrap();
    transaction
        .append(&people, &many(&store, 1, 1, "changed"), 1, &options)
        .unwrap();
    let progress = transaction
        .delete_unseen(&people, &approval, 1, 100)
        .unwrap();
    assert_eq!((progress.deleted, progress.done), (3, true));
    transaction.end_run(&people, &run).unwrap();
    transaction.commit(Durability::Synced).unwrap();
    assert_eq!(people.status().unwrap().counters.index_exists, 2);
}

#[test]
fn a_run_begun_again_in_the_same_transaction_forgets_the_marks() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    people
        .append(&many(&store, 0, 2, "a"), 1, &AppendOptions::default())
        .unwrap();
    let mut transaction = store.transaction(&[&people]).unwrap();
    let first = transaction.begin_run(&people, "first").unwrap();
    let options = |run: u64| AppendOptions {
        force: false,
        run: Some(run),
    };
    transaction
        .append(&people, &many(&store, 0, 2, "a"), 1, &options(first.number))
        .unwrap();
    let second = transaction.begin_run(&people, "second").unwrap();
    transaction
        .append(
            &people,
            &many(&store, 0, 1, "a"),
            1,
            &options(second.number),
        )
        .unwrap();
    transaction.commit(Durability::Synced).unwrap();
    assert_eq!(people.unseen(&second).unwrap().unseen, 1);
    assert!(matches!(
        people.unseen(&first),
        Err(Error::RunReplaced { .. })
    ));
}

#[test]
fn unseen_ids_are_told_apart_by_whether_they_were_live_at_an_earlier_time() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    let plain = AppendOptions::default();
    people.append(&many(&store, 0, 4, "a"), 1, &plain).unwrap();
    let gone = people.get("000003").unwrap().unwrap();
    let gone = PreparedEntity::delete_of("000003", gone.body, store.hash_key());
    people.append(&[gone], 1, &plain).unwrap();
    let earlier = people.status().unwrap().max_offset.unwrap() + 1;
    // Since then: "0" and "1" changed, "3" came back, "4" is new, and all but "2" changed once more.
    people.append(&many(&store, 0, 2, "b"), 1, &plain).unwrap();
    people.append(&many(&store, 3, 2, "b"), 1, &plain).unwrap();
    people.append(&many(&store, 0, 2, "c"), 1, &plain).unwrap();
    people.append(&many(&store, 3, 2, "c"), 1, &plain).unwrap();
    let run = people.begin_run("run").unwrap();
    let seen = AppendOptions {
        force: false,
        run: Some(run.number),
    };
    assert_eq!(people.unseen(&run).unwrap().unseen, 5);
    assert_eq!(people.unseen_from_before(&run, earlier).unwrap(), 3);
    people.append(&many(&store, 0, 1, "c"), 1, &seen).unwrap();
    assert_eq!(people.unseen_from_before(&run, earlier).unwrap(), 2);
}

#[test]
fn ids_are_marked_as_seen_without_being_written() {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", 1);
    people
        .append(&many(&store, 0, 3, "a"), 1, &AppendOptions::default())
        .unwrap();
    let run = people.begin_run("run").unwrap();
    let too_long = "x".repeat(100_000);
    let mut transaction = store.transaction(&[&people]).unwrap();
    transaction
        .mark_seen(&people, &run, &["000000", "unknown", &too_long])
        .unwrap();
    transaction.commit(Durability::Synced).unwrap();
    assert_eq!(people.unseen(&run).unwrap().unseen, 2);
    assert_eq!(people.status().unwrap().max_offset, Some(2));
}
