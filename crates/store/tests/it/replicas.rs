//! Replicas: the same log as their owner's whatever happens on either side, and beside what the store itself has.

use crate::harness::{Property, create, entity, folder, name, prepare, text_key};
use proptest::prelude::*;
use sluice_dataset::{
    AppendOptions, Dataset as _, DatasetNumber, Error, PreparedEntity, ReadOptions, Retention,
    WritableDataset,
};
use sluice_entity::HashKey;
use sluice_store::{
    Continuity, Dataset, Durability, GAP, OwnerFacts, Position, Rewound, Settings, Store, check,
};
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// All stores of a hub hash with the same key.
fn open(path: &Path) -> Store {
    let settings = Settings {
        hash_key: Some(HashKey([1, 2, 3, 4])),
        ..Settings::small()
    };
    Store::open(path, &settings).unwrap()
}

/// All that a reader can see of a log, and of the primary index.
fn seen(dataset: &Dataset) -> (Vec<String>, Vec<String>, Option<u64>) {
    let versions = |options: ReadOptions| {
        let page = dataset.read(&options, usize::MAX).unwrap();
        let versions = page.iter();
        versions
            .map(|version| {
                let mut text = Vec::new();
                version.write_json(&mut text, &Default::default());
                String::from_utf8(text).unwrap()
            })
            .collect::<Vec<_>>()
    };
    let latest = versions(ReadOptions::latest());
    let status = dataset.status().unwrap();
    (versions(ReadOptions::default()), latest, status.max_offset)
}

/// What a follower does: goes back if it has to, and copies pages of so many bytes. Answers the ids that went back.
fn follow(store: &Store, owner: &Dataset, page_bytes: usize) -> BTreeSet<String> {
    let status = owner.status().unwrap();
    let begin = || store.begin_replica(&status.name, status.number, status.generation);
    let mut replica = begin().unwrap();
    let mut back = BTreeSet::new();
    if let Some(kept) = replica.position().and_then(|at| owner.kept_of(at)) {
        loop {
            let mut transaction = store.transaction(&[&replica]).unwrap();
            let rewound = transaction.rewind(&replica, kept).unwrap();
            transaction.commit(Durability::Buffered).unwrap();
            assert!(!replica.is_level());
            back.extend(rewound.ids);
            if !rewound.is_whole {
                replica = store.empty_replica(&replica).unwrap();
                break;
            }
            if rewound.is_done {
                break;
            }
        }
    }
    loop {
        let from = replica.position().map(|at| at.offset);
        let page = owner.read(&ReadOptions::default().after(from), page_bytes);
        let page = page.unwrap();
        let mut transaction = store.transaction(&[&replica]).unwrap();
        transaction.copy(&replica, &page).unwrap();
        // What comes twice is there once.
        assert_eq!(transaction.copy(&replica, &page).unwrap(), 0);
        let facts = OwnerFacts {
            epoch: status.epoch,
            populated: status.populated,
            level_at: page.at_end().then_some(status.max_offset),
        };
        transaction.note_owner(&replica, &facts).unwrap();
        transaction.commit(Durability::Buffered).unwrap();
        if page.at_end() {
            return back;
        }
    }
}

fn is_clean(path: &Path) {
    let report = check(path).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
}

#[test]
fn a_replica_is_read_like_its_owner_and_lies_beside_the_stores_own_dataset() {
    let (far, near) = (folder(), folder());
    let owner_store = open(far.path());
    let people = create(&owner_store, "people", 7);
    let options = AppendOptions::default();
    let first = prepare(
        &owner_store,
        &[
            r#"{"_id": "a", "team": "x"}"#,
            r#"{"_id": "b", "team": "y"}"#,
        ],
    );
    people.append(&first, 1_000, &options).unwrap();
    let more = prepare(
        &owner_store,
        &[
            r#"{"_id": "a", "team": "y"}"#,
            r#"{"_id": "b", "_deleted": true}"#,
        ],
    );
    people.append(&more, 2_000, &options).unwrap();
    people.mark_populated().unwrap();

    let store = open(near.path());
    // An old copy of the dataset itself, under its own number.
    let own = create(&store, "people", 7);
    follow(&store, &people, 1);
    let replica = store.replica(&name("people")).unwrap();
    assert!(replica.is_replica() && replica.is_level() && !own.is_replica());
    assert_eq!(seen(&replica), seen(&people));
    assert!(replica.status().unwrap().populated);
    assert_eq!(
        replica.status().unwrap().counters,
        people.status().unwrap().counters
    );
    assert_eq!(own.status().unwrap().max_offset, None);
    assert_eq!(store.datasets().len(), 1, "no list shows replicas");
    assert_eq!(store.replicas().len(), 1);

    // Joins go through an index, which is kept as versions come.
    replica.ensure_index(Arc::new(Property("team"))).unwrap();
    let moved = prepare(&owner_store, &[r#"{"_id": "c", "team": "y"}"#]);
    people.append(&moved, 3_000, &options).unwrap();
    let before = store.snapshot();
    follow(&store, &people, 1 << 20);
    let found = |dataset: &dyn sluice_dataset::Dataset| {
        dataset.lookup("team", &text_key("y"), None, 9).unwrap()
    };
    assert_eq!(found(&replica), ["a", "c"]);
    let view = before.replica(&name("people")).unwrap().unwrap();
    assert_eq!(found(&view), ["a"]);
    assert!(view.is_level().unwrap());
    let previous = replica.before("a", 2).unwrap().unwrap();
    assert_eq!(previous.offset(), 0);

    // Nobody writes to it but a follower.
    let refused = replica.append(&first, 9_000, &options);
    assert!(matches!(refused, Err(Error::Replica { .. })), "{refused:?}");
    let mut transaction = store.transaction(&[&own]).unwrap();
    assert!(transaction.rewind(&own, None).is_err());
    assert!(transaction.copy(&own, &Default::default()).is_err());
    drop(transaction);
    drop((before, view, replica, own, store));

    is_clean(near.path());
    let store = open(near.path());
    let replica = store.replica(&name("people")).unwrap();
    assert_eq!(seen(&replica), seen(&people));
    assert!(replica.is_level());
    assert!(store.drop_replica(&name("people")).unwrap());
    assert!(!store.drop_replica(&name("people")).unwrap());
    assert!(store.replica(&name("people")).is_none());
    assert!(store.dataset(&name("people")).is_some());
    drop((replica, store));
    is_clean(near.path());
}

#[test]
fn another_generation_begins_anew_and_is_not_level() {
    let (far, near) = (folder(), folder());
    let owner_store = open(far.path());
    let store = open(near.path());
    let people = create(&owner_store, "people", 1);
    let entities = prepare(&owner_store, &[r#"{"_id": "a"}"#]);
    let options = AppendOptions::default();
    people.append(&entities, 1, &options).unwrap();
    follow(&store, &people, 1 << 20);
    let old = store.replica(&name("people")).unwrap();
    assert!(owner_store.delete_dataset(&name("people")).unwrap());
    let people = create(&owner_store, "people", 2);
    let status = people.status().unwrap();
    let begun = store
        .begin_replica(&status.name, status.number, status.generation)
        .unwrap();
    assert!(!begun.is_level());
    assert_eq!(begun.status().unwrap().max_offset, None);
    assert!(matches!(old.status(), Err(Error::Deleted { .. })));
    follow(&store, &people, 1 << 20);
    assert!(begun.is_level(), "an empty one is level at once");
    let other = store.begin_replica(&name("other"), DatasetNumber(2), status.generation);
    assert!(matches!(other, Err(Error::NumberTaken { .. })));
}

#[test]
fn what_was_lost_is_said_by_epoch() {
    let far = folder();
    let store = open(far.path());
    let people = create(&store, "people", 1);
    let begin = |epoch, continuity| {
        let mut transaction = store.transaction(&[&people]).unwrap();
        transaction.begin_epoch(&people, epoch, continuity).unwrap();
        let entities = prepare(&store, &[&format!(r#"{{"_id": "{epoch}"}}"#)]);
        let options = AppendOptions::default();
        transaction.append(&people, &entities, 1, &options).unwrap();
        transaction.commit(Durability::Buffered).unwrap();
    };
    begin(5, Continuity::Seamless);
    begin(6, Continuity::Seamless);
    // Offsets 0 and 1 are kept; what epoch 6 wrote after them is lost.
    begin(9, Continuity::Restored);
    let kept = |epoch, offset| people.kept_of(Position { epoch, offset });
    for (epoch, offset) in [(5, 0), (6, 1), (9, 0), (9, 2 + GAP), (10, 2 + GAP)] {
        assert_eq!(kept(epoch, offset), None, "{epoch} {offset}");
    }
    for (epoch, offset) in [(6, 2), (6, 1_000)] {
        assert_eq!(kept(epoch, offset), Some(Some(1)), "{epoch} {offset}");
    }
    // What epoch 5 wrote after offset 0 never came to the next one: a power loss took it.
    assert_eq!(kept(5, 1), Some(Some(0)));
    assert_eq!(kept(9, 7 + GAP), Some(Some(2 + GAP)));
    begin(12, Continuity::Restored);
    assert_eq!(kept(6, 2), Some(Some(1)));
    assert_eq!(kept(9, 2 + GAP), None);
    assert_eq!(kept(9, 3 + GAP), Some(Some(2 + GAP)));
    let empty = create(&store, "empty", 2);
    let mut transaction = store.transaction(&[&empty]).unwrap();
    transaction
        .begin_epoch(&empty, 3, Continuity::Restored)
        .unwrap();
    transaction.commit(Durability::Buffered).unwrap();
    let at = Position {
        epoch: 2,
        offset: 0,
    };
    assert_eq!(empty.kept_of(at), Some(None));
}

#[test]
fn going_back_takes_steps_and_says_what_cannot_be_put_back() {
    let (far, near) = (folder(), folder());
    let owner_store = open(far.path());
    let people = create(&owner_store, "people", 1);
    let options = AppendOptions::default();
    let values = |value: u32, count: usize| -> Vec<PreparedEntity> {
        let texts: Vec<String> = (0..count)
            .map(|n| format!(r#"{{"_id": "{n}", "v": {value}}}"#))
            .collect();
        prepare(
            &owner_store,
            &texts.iter().map(String::as_str).collect::<Vec<_>>(),
        )
    };
    for value in 0..3 {
        people.append(&values(value, 1_500), 1, &options).unwrap();
    }
    people.mark_populated().unwrap();
    let store = open(near.path());
    follow(&store, &people, 1 << 20);
    let replica = store.replica(&name("people")).unwrap();
    replica.ensure_index(Arc::new(Property("v"))).unwrap();
    let step = |kept| -> Rewound {
        let mut transaction = store.transaction(&[&replica]).unwrap();
        let rewound = transaction.rewind(&replica, kept).unwrap();
        transaction.commit(Durability::Buffered).unwrap();
        rewound
    };
    let first = step(Some(2_999));
    assert_eq!((first.ids.len(), first.is_done), (1_000, false));
    assert_eq!(replica.status().unwrap().max_offset, Some(3_499));
    let second = step(Some(2_999));
    assert_eq!((second.ids.len(), second.is_done), (500, true));
    assert!(first.is_whole && second.is_whole);
    assert_eq!(replica.status().unwrap().max_offset, Some(2_999));
    let key = |value: &str| {
        let mut key = Vec::new();
        let holder = entity(&format!(r#"{{"_id": "", "v": {value}}}"#));
        holder.body().get("v").unwrap().join_key(&mut key);
        key
    };
    assert_eq!(
        replica.lookup("v", &key("1"), None, 9_999).unwrap().len(),
        1_500
    );
    assert_eq!(
        replica.lookup("v", &key("2"), None, 9_999).unwrap().len(),
        0
    );
    // Its own compaction removes what a further step back would need.
    let retention = Retention {
        keep_versions: 1,
        ..Retention::default()
    };
    replica.compact(&retention, None, u64::MAX).unwrap();
    let third = step(Some(1_499));
    assert!(!third.is_whole);
    drop((replica, store));
    is_clean(near.path());
}

#[derive(Clone, Debug)]
enum Operation {
    Write(u8, u8),
    Delete(u8),
    Follow(usize),
    CompactOwner,
    CompactReplica,
    /// Both sides, closed and opened again.
    Reopen,
    Keep,
    Restore,
    MakeAnew,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        6 => (0..6u8, 0..4u8).prop_map(|(id, value)| Operation::Write(id, value)),
        2 => (0..6u8).prop_map(Operation::Delete),
        4 => prop_oneof![Just(1usize), Just(150), Just(1 << 20)].prop_map(Operation::Follow),
        1 => Just(Operation::CompactOwner),
        1 => Just(Operation::CompactReplica),
        1 => Just(Operation::Reopen),
        1 => Just(Operation::Keep),
        1 => Just(Operation::Restore),
        1 => Just(Operation::MakeAnew),
    ]
}

/// An owner with its folder and, perhaps, an earlier state of it.
struct World {
    far: tempfile::TempDir,
    near: tempfile::TempDir,
    kept: Option<(tempfile::TempDir, u64)>,
    epoch: u64,
    number: u64,
    now: u64,
    is_compacted: bool,
}

fn copied(from: &Path) -> tempfile::TempDir {
    let copy = folder();
    for file in std::fs::read_dir(from).unwrap() {
        let file = file.unwrap();
        std::fs::copy(file.path(), copy.path().join(file.file_name())).unwrap();
    }
    copy
}

impl World {
    fn apply(&mut self, operation: &Operation, owner: Store, store: Store) {
        let people = owner.dataset(&name("people")).unwrap();
        let options = AppendOptions::default();
        let one = Retention {
            keep_versions: 1,
            ..Retention::default()
        };
        self.now += 1;
        let write = |text: String| {
            let entities = prepare(&owner, &[&text]);
            let mut transaction = owner.transaction(&[&people]).unwrap();
            transaction
                .append(&people, &entities, self.now, &options)
                .unwrap();
            transaction.commit(Durability::Buffered).unwrap();
        };
        match operation {
            Operation::Write(id, value) => write(format!(r#"{{"_id": "{id}", "v": {value}}}"#)),
            Operation::Delete(id) => write(format!(r#"{{"_id": "{id}", "_deleted": true}}"#)),
            Operation::Follow(bytes) => {
                follow(&store, &people, *bytes);
            }
            Operation::CompactOwner => {
                self.is_compacted = true;
                people.compact(&one, None, u64::MAX).unwrap();
            }
            Operation::CompactReplica => {
                self.is_compacted = true;
                if let Some(replica) = store.replica(&name("people")) {
                    replica.compact(&one, None, u64::MAX).unwrap();
                }
            }
            Operation::Reopen => {}
            Operation::Keep => {
                drop((people, owner));
                self.kept = Some((copied(self.far.path()), self.number));
            }
            Operation::Restore => {
                let Some((kept, number)) = &self.kept else {
                    return;
                };
                if *number != self.number {
                    return;
                }
                let again = copied(kept.path());
                drop((people, owner));
                self.far = again;
                self.epoch += 1;
                let owner = open(self.far.path());
                let people = owner.dataset(&name("people")).unwrap();
                let mut transaction = owner.transaction(&[&people]).unwrap();
                transaction
                    .begin_epoch(&people, self.epoch, Continuity::Restored)
                    .unwrap();
                transaction.commit(Durability::Synced).unwrap();
            }
            Operation::MakeAnew => {
                drop(people);
                owner.delete_dataset(&name("people")).unwrap();
                self.number += 1;
                create(&owner, "people", self.number)
                    .mark_populated()
                    .unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// Whatever happened: after following, the latest versions are the owner's, and so is the log as far as nobody compacted.
    #[test]
    fn random_histories(operations in proptest::collection::vec(operation(), 1..30)) {
        let mut world = World {
            far: folder(),
            near: folder(),
            kept: None,
            epoch: 1,
            number: 1,
            now: 0,
            is_compacted: false,
        };
        create(&open(world.far.path()), "people", 1).mark_populated().unwrap();
        let mut open_stores = Some((open(world.far.path()), open(world.near.path())));
        for operation in &operations {
            let closes = matches!(operation, Operation::Keep | Operation::Restore | Operation::Reopen);
            let (owner, store) = open_stores.take().unwrap();
            if closes {
                world.apply(operation, owner, store);
                open_stores = Some((open(world.far.path()), open(world.near.path())));
            } else {
                world.apply(operation, owner.clone(), store.clone());
                open_stores = Some((owner, store));
            }
        }
        let (owner, store) = open_stores.take().unwrap();
        let people = owner.dataset(&name("people")).unwrap();
        follow(&store, &people, 200);
        let replica = store.replica(&name("people")).unwrap();
        let (of_owner, of_replica) = (seen(&people), seen(&replica));
        prop_assert_eq!(&of_replica.1, &of_owner.1);
        prop_assert_eq!(of_replica.2, of_owner.2);
        if !world.is_compacted {
            prop_assert_eq!(of_replica.0, of_owner.0);
        }
        prop_assert!(replica.is_level());
        drop((replica, people, owner, store));
        is_clean(world.near.path());
    }
}
