//! Damage of the write-ahead log, also where it is several files.

use crate::damage::{FAMILIES, PEOPLE, first};
use crate::harness::{crashed_copy, create, folder, many, open};
use rocksdb::{DB, Options};
use sluice_dataset::{AppendOptions, WritableDataset};
use sluice_store::check;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

#[test]
fn a_flipped_bit_in_the_write_ahead_log_is_named() {
    let folder = folder();
    {
        let store = open(folder.path());
        let people = create(&store, "people", PEOPLE);
        for round in 0..20 {
            people
                .append(
                    &many(&store, 0, 50, &round.to_string()),
                    1,
                    &AppendOptions::default(),
                )
                .unwrap();
        }
        drop((people, store));
    }
    let log = write_ahead_logs(folder.path()).pop().unwrap();
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 3;
    bytes[middle] ^= 4;
    std::fs::write(&log, bytes).unwrap();
    let report = check(folder.path()).unwrap();
    let name = log.file_name().unwrap().to_str().unwrap();
    assert!(
        report
            .problems
            .iter()
            .any(|problem| problem.to_string().contains(name)),
        "{:?}",
        first(&report)
    );
}

/// One family is written out, so that the first file of the log is closed and still needed by the others.
fn several_write_ahead_logs() -> TempDir {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", PEOPLE);
    people
        .append(&many(&store, 0, 50, "a"), 1, &AppendOptions::default())
        .unwrap();
    let copy = crashed_copy(folder.path());
    drop((people, store));
    {
        let mut options = Options::default();
        options.set_track_and_verify_wals_in_manifest(true);
        let db = DB::open_cf(&options, copy.path(), FAMILIES).unwrap();
        let ids = db.cf_handle("ids").unwrap();
        for entry in db.iterator_cf(&ids, rocksdb::IteratorMode::Start) {
            let (key, value) = entry.unwrap();
            db.put_cf(&ids, key, value).unwrap();
        }
        db.put_cf(&db.cf_handle("superseded").unwrap(), [0xfe; 16], [])
            .unwrap();
        db.delete_cf(&db.cf_handle("superseded").unwrap(), [0xfe; 16])
            .unwrap();
        db.flush_cf(&db.cf_handle("superseded").unwrap()).unwrap();
        db.flush_wal(true).unwrap();
    }
    copy
}

fn write_ahead_logs(of: &Path) -> Vec<PathBuf> {
    let mut logs: Vec<PathBuf> = std::fs::read_dir(of)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .collect();
    logs.sort();
    logs
}

#[test]
fn a_store_with_several_write_ahead_logs_is_checked_like_any_other() {
    let folder = several_write_ahead_logs();
    let logs = write_ahead_logs(folder.path());
    assert!(logs.len() > 1, "{logs:?}");
    let report = check(folder.path()).unwrap();
    assert!(report.is_clean(), "{:?}", first(&report));
    assert_eq!(report.counts.versions, 50);
    let oldest = logs
        .iter()
        .find(|log| log.metadata().unwrap().len() > 1_000)
        .unwrap();
    let name = oldest.file_name().unwrap().to_str().unwrap();
    let whole = std::fs::read(oldest).unwrap();
    let mut flipped = whole.clone();
    flipped[whole.len() / 2] ^= 1;
    let damages: [(&str, Option<Vec<u8>>); 3] = [
        ("flipped bit", Some(flipped)),
        ("cut short", Some(whole[..whole.len() / 2].to_vec())),
        ("missing", None),
    ];
    for (damage, bytes) in damages {
        match bytes {
            Some(bytes) => std::fs::write(oldest, bytes).unwrap(),
            None => std::fs::remove_file(oldest).unwrap(),
        }
        let report = check(folder.path()).unwrap();
        let is_named = report.problems.iter().any(|problem| {
            let number = name.trim_start_matches('0').trim_end_matches(".log");
            problem.to_string().contains(name) || problem.to_string().contains(number)
        });
        assert!(is_named, "{damage} {name}: {:?}", first(&report));
    }
}

#[test]
fn a_damaged_write_ahead_log_loses_a_suffix_and_leaves_no_hole() {
    let folder = folder();
    {
        let store = open(folder.path());
        let people = create(&store, "people", PEOPLE);
        for round in 0..20 {
            people
                .append(
                    &many(&store, 0, 50, &round.to_string()),
                    1,
                    &AppendOptions::default(),
                )
                .unwrap();
        }
    }
    let log = write_ahead_logs(folder.path()).pop().unwrap();
    let mut bytes = std::fs::read(&log).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 4;
    std::fs::write(&log, bytes).unwrap();
    {
        let store = open(folder.path());
        let people = store.dataset(&crate::harness::name("people")).unwrap();
        let status = sluice_dataset::Dataset::status(&people).unwrap();
        let versions = status.counters.log_exists;
        assert!(
            versions > 0 && versions < 1_000 && versions.is_multiple_of(50),
            "{versions}"
        );
        assert_eq!(status.max_offset, Some(versions - 1));
    }
    let report = check(folder.path()).unwrap();
    assert!(report.is_clean(), "{:?}", first(&report));
}
