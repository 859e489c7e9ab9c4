//! A full volume, at the store's own reserve and at RocksDB's last byte: an error of its own, reads go on, writes come back.

use crate::harness::{create, folder, many};
use sluice_dataset::{AppendOptions, Dataset as _, Error, ReadOptions, Retention, WritableDataset};
use sluice_store::{Dataset, Durability, Settings, Store, check};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A memory file system of 48 MiB, unmounted when dropped.
struct Volume {
    mountpoint: tempfile::TempDir,
}

impl Volume {
    /// `None`, loudly, where mounting is not allowed.
    fn mount() -> Option<Self> {
        let mountpoint = folder();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=48m", "tmpfs"])
            .arg(mountpoint.path())
            .status()
            .is_ok_and(|status| status.success());
        if !mounted {
            assert!(
                std::env::var_os("CI").is_none(),
                "the disk-full test needs to mount a volume"
            );
            eprintln!("SKIPPED: the disk-full test needs to mount a volume");
        }
        mounted.then_some(Self { mountpoint })
    }

    fn path(&self) -> &Path {
        self.mountpoint.path()
    }
}

impl Drop for Volume {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.mountpoint.path()).status();
    }
}

fn commit(store: &Store, people: &Dataset, first: usize) -> Result<(), Error> {
    let entities = many(store, first, 50, &format!("{first}-{}", "x".repeat(2_000)));
    let mut transaction = store.transaction(&[people])?;
    transaction.append(people, &entities, 1, &AppendOptions::default())?;
    transaction.commit(Durability::Synced).map(|_| ())
}

/// Answers how many commits succeeded before the first that did not.
fn fill(store: &Store, people: &Dataset) -> usize {
    for round in 0..100_000 {
        match commit(store, people, round * 50) {
            Ok(()) => {}
            Err(Error::DiskFull { .. }) => return round,
            Err(other) => panic!("after {round} commits: {other:?}"),
        }
    }
    panic!("the volume does not fill up");
}

fn fills_and_resumes(reserve_bytes: u64) {
    let Some(volume) = Volume::mount() else {
        return;
    };
    let ballast = volume.path().join("ballast");
    std::fs::write(&ballast, vec![1; 24 << 20]).unwrap();
    let settings = Settings {
        reserve_bytes,
        ..Settings::small()
    };
    let data = volume.path().join("data");
    let store = Store::open(&data, &settings).unwrap();
    let people = create(&store, "people", 1);
    people.mark_populated().unwrap();
    let committed = fill(&store, &people);
    assert!(committed > 0);
    for _ in 0..5 {
        assert!(matches!(
            commit(&store, &people, committed * 50),
            Err(Error::DiskFull { .. })
        ));
    }
    assert_eq!(
        people.status().unwrap().counters.index_exists,
        committed as u64 * 50
    );
    assert!(people.get("000049").unwrap().is_some(), "reads go on");
    let mut options = ReadOptions::default();
    let mut read = 0;
    loop {
        let page = people.read(&options, 1 << 20).unwrap();
        read += page.len();
        options.since = page.resume();
        if page.at_end() {
            break;
        }
    }
    assert_eq!(read, committed * 50);

    std::fs::remove_file(&ballast).unwrap();
    let freed = Instant::now();
    while let Err(error) = commit(&store, &people, committed * 50) {
        assert!(matches!(error, Error::DiskFull { .. }), "{error:?}");
        assert!(
            freed.elapsed() < Duration::from_secs(10),
            "writes come back by themselves"
        );
        std::thread::yield_now();
    }
    assert_eq!(
        people.status().unwrap().counters.index_exists,
        (committed as u64 + 1) * 50
    );
    drop((people, store));
    let store = Store::open(&data, &settings).unwrap();
    let people = store.dataset(&crate::harness::name("people")).unwrap();
    assert_eq!(
        people.status().unwrap().counters.index_exists,
        (committed as u64 + 1) * 50
    );
    drop((people, store));
    let report = check(&data).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
}

#[test]
fn the_reserve_refuses_writes_before_the_disk_is_full() {
    fills_and_resumes(4 << 20);
}

#[test]
fn a_disk_that_is_really_full_is_survived_too() {
    fills_and_resumes(0);
}

#[test]
fn a_full_disk_can_be_relieved_by_compaction_and_deletes() {
    let Some(volume) = Volume::mount() else {
        return;
    };
    let settings = Settings {
        reserve_bytes: 4 << 20,
        ..Settings::small()
    };
    let store = Store::open(volume.path().join("data"), &settings).unwrap();
    let people = create(&store, "people", 1);
    people.mark_populated().unwrap();
    fill(&store, &people);
    assert!(
        people
            .compact(&Retention::default(), None, u64::MAX)
            .is_ok()
    );
    assert!(store.delete_dataset(people.name()).unwrap());
    assert!(store.datasets().is_empty());
}
