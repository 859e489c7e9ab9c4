//! Formats of a store: what a version does not read it refuses politely, and leaves the folder as it is.

use crate::harness::{create, folder, many};
use sluice_dataset::{AppendOptions, Dataset as _, ReadOptions, WritableDataset};
use sluice_format::{Format, Formats};
use sluice_store::{OpenError, Settings, Store, check};
use std::collections::BTreeMap;
use std::path::Path;

/// As the next version would be opened.
fn next() -> Settings {
    Settings {
        format: Format::new(Formats::with_next("2").unwrap()),
        ..Settings::small()
    }
}

/// Every file with its content.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let files = std::fs::read_dir(folder).unwrap().map(Result::unwrap);
    let files = files.map(|file| {
        let name = file.file_name().to_string_lossy().into_owned();
        (name, std::fs::read(file.path()).unwrap())
    });
    files.collect()
}

fn chain(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(chain).unwrap_or_default();
    format!("{error}: {cause}")
}

fn refusal(folder: &Path) -> String {
    match Store::open(folder, &Settings::small()) {
        Err(error @ OpenError::Format { .. }) => chain(&error),
        other => panic!("{other:?}"),
    }
}

/// Puts the record of the store into this format, as if the file beside it had been lost.
fn put_into(folder: &Path, format: u8) {
    std::fs::remove_file(folder.join("sluice.format")).unwrap();
    let families = ["default", "log", "ids", "superseded", "index"];
    let db = rocksdb::DB::open_cf(&rocksdb::Options::default(), folder, families).unwrap();
    let key = [&u64::MAX.to_be_bytes()[..], b"f"].concat();
    let mut other = db.get(&key).unwrap().unwrap();
    other.truncate(other.len() - 4);
    other[0] = format;
    let mut crc = crc32fast::Hasher::new();
    crc.update(&key);
    crc.update(&other);
    other.extend_from_slice(&crc.finalize().to_le_bytes());
    db.put(&key, other).unwrap();
}

#[test]
fn the_next_version_changes_nothing_that_this_one_could_not_read_until_it_is_told() {
    let folder = folder();
    let dataset = "people";
    {
        let store = Store::open(folder.path(), &Settings::small()).unwrap();
        let people = create(&store, dataset, 1);
        let first = many(&store, 0, 10, "this");
        people.append(&first, 5, &AppendOptions::default()).unwrap();
    }
    {
        let store = Store::open(folder.path(), &next()).unwrap();
        assert_eq!(store.format().writes(), 1);
        let people = store.dataset(&crate::harness::name(dataset)).unwrap();
        let more = many(&store, 10, 10, "next");
        people.append(&more, 6, &AppendOptions::default()).unwrap();
    }
    let store = Store::open(folder.path(), &Settings::small()).unwrap();
    let people = store.dataset(&crate::harness::name(dataset)).unwrap();
    let read = people.read(&ReadOptions::default(), 1 << 20).unwrap();
    assert_eq!(read.len(), 20);
}

#[test]
fn a_later_format_is_refused_politely_and_the_folder_stays_as_it_is() {
    let folder = folder();
    {
        let store = Store::open(folder.path(), &next()).unwrap();
        store.raise_format(2).unwrap();
        store.raise_format(1).unwrap();
        assert_eq!(store.format().writes(), 2);
        assert!(store.raise_format(3).is_err());
    }
    let before = contents(folder.path());
    let refused = refusal(folder.path());
    for part in ["in format 2 of version", "reads format 1", "or a later one"] {
        assert!(refused.contains(part), "{refused}");
    }
    assert!(matches!(
        check(folder.path()),
        Err(OpenError::Format { .. })
    ));
    assert_eq!(contents(folder.path()), before, "nothing was changed");
    let again = Store::open(folder.path(), &next()).unwrap();
    assert_eq!(again.format().writes(), 2, "what is there counts");
}

#[test]
fn the_record_says_the_format_too_and_the_file_is_made_again() {
    let folder = folder();
    drop(Store::open(folder.path(), &Settings::small()).unwrap());
    put_into(folder.path(), 2);
    assert!(refusal(folder.path()).contains("use a later version"));
    assert!(matches!(
        check(folder.path()),
        Err(OpenError::Format { .. })
    ));
    drop(Store::open(folder.path(), &next()).unwrap());
    let made = std::fs::read_to_string(folder.path().join("sluice.format")).unwrap();
    assert!(made.starts_with("format 2\n"), "{made}");
}

#[test]
fn a_format_that_is_too_old_names_the_way() {
    let folder = folder();
    drop(Store::open(folder.path(), &Settings::small()).unwrap());
    put_into(folder.path(), 0);
    assert!(refusal(folder.path()).contains("a version in between"));
}

#[test]
fn a_file_whose_record_was_not_written_any_more_counts() {
    let folder = folder();
    drop(Store::open(folder.path(), &Settings::small()).unwrap());
    std::fs::write(folder.path().join("sluice.format"), "format 2\nversion x\n").unwrap();
    assert!(refusal(folder.path()).contains("version x"));
    assert_eq!(
        Store::open(folder.path(), &next())
            .unwrap()
            .format()
            .writes(),
        2
    );
    std::fs::remove_file(folder.path().join("sluice.format")).unwrap();
    refusal(folder.path());
}
