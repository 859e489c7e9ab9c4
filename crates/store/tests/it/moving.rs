//! State that moves between stores is the same there as it was here.

use crate::harness::{crashed_copy, create, folder, many, name, open, prepare};
use sluice_dataset::{
    AppendOptions, Dataset as _, DatasetNumber, Offset, ReadOptions, Retention, WritableDataset,
};
use sluice_store::{
    Continuity, Dataset, Durability, GAP, LogFile, Settings, StateKey, Store, check,
};
use std::path::Path;

const NUMBER: DatasetNumber = DatasetNumber(7);
const OWNER: &str = "pipe:a";

fn history(dataset: &Dataset) -> Vec<(Offset, String, bool)> {
    let options = ReadOptions {
        history: true,
        ..ReadOptions::default()
    };
    let page = dataset.read(&options, usize::MAX).unwrap();
    let versions = page.iter().map(|version| {
        let entity = version.to_entity();
        let deleted = entity.is_deleted();
        (
            entity.generated().unwrap().updated,
            format!("{:?}", entity.body()),
            deleted,
        )
    });
    versions.collect()
}

fn latest(dataset: &Dataset) -> Vec<(Offset, String, bool)> {
    let options = ReadOptions {
        history: false,
        ..ReadOptions::default()
    };
    let page = dataset.read(&options, usize::MAX).unwrap();
    let versions = page.iter().map(|version| {
        let entity = version.to_entity();
        let deleted = entity.is_deleted();
        (
            entity.generated().unwrap().updated,
            format!("{:?}", entity.body()),
            deleted,
        )
    });
    versions.collect()
}

/// Log files and records as of now; the files only from `first` on.
fn export(store: &Store, first: Offset, to: &Path) -> (Vec<LogFile>, Vec<u8>, Option<Offset>) {
    let snapshot = store.snapshot();
    let people = name("people");
    let mark = snapshot.mark(&people).unwrap().unwrap();
    let last = mark.max_offset.unwrap_or_default();
    let files = snapshot
        .export_log(&people, first, last, to, 20_000)
        .unwrap();
    let records = snapshot.export_records(&[people], OWNER).unwrap();
    (files, records, mark.max_offset)
}

fn paths(files: &[LogFile]) -> Vec<std::path::PathBuf> {
    files.iter().map(|file| file.path.clone()).collect()
}

fn other(path: &Path, like: &Store) -> Store {
    let settings = Settings {
        hash_key: Some(*like.hash_key()),
        ..Settings::small()
    };
    Store::open(path, &settings).unwrap()
}

#[test]
fn any_history_moves_in_pieces_and_goes_on_there() {
    let (here, there) = (folder(), folder());
    let a = open(here.path());
    let people = create(&a, "people", NUMBER.0);
    let b = other(there.path(), &a);
    let moved = tempfile::tempdir_in(there.path()).unwrap();
    // What the other store has under the name goes.
    create(&b, "people", 3)
        .append(&many(&b, 0, 5, "old"), 1, &AppendOptions::default())
        .unwrap();
    let key = StateKey::new(OWNER, "progress").unwrap();
    let mut import = b
        .begin_import(OWNER, vec![(name("people"), NUMBER)])
        .unwrap();
    assert!(b.datasets().is_empty());
    let mut random = 17_u64;
    let mut last = None;
    for round in 0..8_u64 {
        for _ in 0..5 {
            random = random
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
            let first = (random >> 40) as usize % 300;
            let entities = many(&a, first, 100, &format!("value {}", random >> 60));
            people
                .append(&entities, 1_000 * round, &AppendOptions::default())
                .unwrap();
        }
        people
            .append(
                &prepare(&a, &[r#"{"_id": "000007", "_deleted": true}"#]),
                1,
                &AppendOptions::default(),
            )
            .unwrap();
        people.mark_populated().unwrap();
        if round % 3 == 2 {
            people.compact(&Retention::default(), None, 10_000).unwrap();
        }
        let mut transaction = a.transaction(&[]).unwrap();
        transaction.put_state(&key, format!("round {round}").as_bytes());
        transaction.commit(Durability::Buffered).unwrap();
        let out = tempfile::tempdir_in(moved.path()).unwrap();
        let first = last.map_or(0, |last: Offset| last + 1);
        let (files, records, max) = export(&a, first, out.path());
        assert!(!files.is_empty());
        import.ingest(NUMBER, paths(&files), max).unwrap();
        last = max;
        if round == 7 {
            let held = StateKey::new("worker", "pipe/a").unwrap();
            let further = [(held.clone(), b"held".to_vec())];
            let imported = import
                .finish(&records, &[(9, Continuity::Restored)], &further, || Ok(()))
                .unwrap();
            let copy = &imported.datasets[0];
            assert!(latest(copy) == latest(&people));
            // What was removed here before it had to move is not there; what was removed after that may be.
            let there = history(copy);
            assert!(
                history(&people)
                    .iter()
                    .all(|version| there.contains(version))
            );
            let (was, is) = (people.status().unwrap(), copy.status().unwrap());
            assert_eq!(is.generation, was.generation);
            assert_eq!(
                (is.epoch, is.populated, is.max_offset),
                (9, true, was.max_offset)
            );
            assert_eq!(is.counters.index_exists, was.counters.index_exists);
            assert_eq!(is.counters.index_deleted, was.counters.index_deleted);
            assert_eq!(b.state(&key).unwrap(), a.state(&key).unwrap());
            assert_eq!(b.state(&held).unwrap().as_deref(), Some(&b"held"[..]));
            let new = prepare(&b, &[r#"{"_id": "new"}"#]);
            copy.append(&new, 1, &AppendOptions::default()).unwrap();
            assert_eq!(
                copy.status().unwrap().max_offset,
                last.map(|last| last + 1 + GAP)
            );
            assert_eq!(b.remove_unfinished_imports().unwrap(), 0);
            break;
        }
    }
    drop(b);
    let report = check(there.path()).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
}

#[test]
fn what_moves_seamlessly_goes_on_without_a_gap_and_a_full_run_too() {
    let (here, there) = (folder(), folder());
    let a = open(here.path());
    let people = create(&a, "people", NUMBER.0);
    people
        .append(&many(&a, 0, 50, "x"), 1, &AppendOptions::default())
        .unwrap();
    people.mark_populated().unwrap();
    let run = people.begin_run("token").unwrap();
    let options = AppendOptions {
        run: Some(run.number),
        ..AppendOptions::default()
    };
    people.append(&many(&a, 0, 30, "x"), 2, &options).unwrap();
    let b = other(there.path(), &a);
    let (files, records, max) = export(&a, 0, there.path());
    let mut import = b
        .begin_import(OWNER, vec![(name("people"), NUMBER)])
        .unwrap();
    import.ingest(NUMBER, paths(&files), max).unwrap();
    let imported = import
        .finish(&records, &[(4, Continuity::Seamless)], &[], || Ok(()))
        .unwrap();
    let copy = &imported.datasets[0];
    assert_eq!(copy.run_under_way(), Some(run.clone()));
    let unseen = copy.unseen(&run).unwrap();
    assert_eq!((unseen.live, unseen.unseen), (50, 20));
    copy.append(&many(&b, 50, 1, "x"), 3, &options).unwrap();
    assert_eq!(copy.status().unwrap().max_offset, Some(50));
    assert_eq!(copy.status().unwrap().counters.bytes, {
        people.append(&many(&a, 50, 1, "x"), 3, &options).unwrap();
        people.status().unwrap().counters.bytes
    });
}

#[test]
fn an_import_that_never_ended_leaves_nothing() {
    let (here, there) = (folder(), folder());
    let a = open(here.path());
    let people = create(&a, "people", NUMBER.0);
    people
        .append(&many(&a, 0, 50, "x"), 1, &AppendOptions::default())
        .unwrap();
    let b = other(there.path(), &a);
    let (files, records, max) = export(&a, 0, there.path());
    let mut import = b
        .begin_import(OWNER, vec![(name("people"), NUMBER)])
        .unwrap();
    import.ingest(NUMBER, paths(&files), max).unwrap();
    let refused = import.finish(&records, &[(4, Continuity::Restored)], &[], || {
        Err(sluice_dataset::Error::LeaseEnded)
    });
    assert!(matches!(refused, Err(sluice_dataset::Error::LeaseEnded)));
    let crashed = crashed_copy(there.path());
    let c = other(crashed.path(), &a);
    assert!(c.datasets().is_empty());
    assert_eq!(c.remove_unfinished_imports().unwrap(), 1);
    assert_eq!(c.remove_unfinished_imports().unwrap(), 0);
    drop(c);
    let report = check(crashed.path()).unwrap();
    assert!(report.problems.is_empty(), "{:?}", report.problems);
    // It can begin again at once.
    let (files, records, max) = export(&a, 0, there.path());
    let mut import = b
        .begin_import(OWNER, vec![(name("people"), NUMBER)])
        .unwrap();
    import.ingest(NUMBER, paths(&files), max).unwrap();
    let imported = import
        .finish(&records, &[(5, Continuity::Restored)], &[], || Ok(()))
        .unwrap();
    assert_eq!(latest(&imported.datasets[0]), latest(&people));
}

#[test]
fn what_is_of_another_hub_or_not_whole_is_refused() {
    let (here, there) = (folder(), folder());
    let a = open(here.path());
    let people = create(&a, "people", NUMBER.0);
    people
        .append(&many(&a, 0, 500, "x"), 1, &AppendOptions::default())
        .unwrap();
    let import = |store: &Store| {
        store
            .begin_import(OWNER, vec![(name("people"), NUMBER)])
            .unwrap()
    };
    let (files, records, max) = export(&a, 0, there.path());
    assert!(files.len() > 1);
    // Another key of hashes.
    let stranger = open(&there.path().join("stranger"));
    let refused = import(&stranger).ingest(NUMBER, paths(&files), max);
    assert!(
        matches!(refused, Err(sluice_dataset::Error::Damaged { .. })),
        "{refused:?}"
    );
    // A file is missing.
    let b = other(&there.path().join("b"), &a);
    let (files, _, max) = export(&a, 0, there.path());
    let refused = import(&b)
        .ingest(NUMBER, paths(&files[1..]), max)
        .err()
        .or_else(|| import(&b).ingest(NUMBER, paths(&files[..1]), max).err());
    assert!(refused.is_some());
    // Records that were cut.
    let (files, _, max) = export(&a, 0, there.path());
    let mut cut = import(&b);
    cut.ingest(NUMBER, paths(&files), max).unwrap();
    let refused = cut.finish(
        &records[..records.len() - 1],
        &[(4, Continuity::Restored)],
        &[],
        || Ok(()),
    );
    assert!(matches!(
        refused,
        Err(sluice_dataset::Error::Damaged { .. })
    ));
    assert!(b.datasets().is_empty());
}
