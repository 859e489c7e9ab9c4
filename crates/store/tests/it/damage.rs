//! A hundred planted damages: the check names the place of each. What is planted is written with RocksDB directly, from the
//! documented layout, not with the store's own code.

use crate::harness::{Property, crashed_copy, create, folder, many, open};
use rocksdb::{DB, Options};
use sluice_dataset::{AppendOptions, WritableDataset};
use sluice_store::{Durability, Report, StateKey, check};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tempfile::TempDir;

pub(crate) const FAMILIES: [&str; 5] = ["default", "log", "ids", "superseded", "index"];
pub(crate) const PEOPLE: u64 = 5;
/// The index of people is its first.
const INDEX: u32 = 0;
/// 300 ids, 100 of them with a second version, the last 20 deleted by a third batch.
const IDS: u64 = 300;
const CHANGED: u64 = 100;

/// A store with history, deleted ids, an index, a full run under way, state and a second dataset, all in tables.
fn healthy() -> TempDir {
    let folder = folder();
    let store = open(folder.path());
    let people = create(&store, "people", PEOPLE);
    let other = create(&store, "other", 6);
    people.ensure_index(Arc::new(Property("v"))).unwrap();
    people
        .append(
            &many(&store, 0, IDS as usize, "a"),
            1,
            &AppendOptions::default(),
        )
        .unwrap();
    people
        .append(
            &many(&store, 0, CHANGED as usize, "b"),
            1,
            &AppendOptions::default(),
        )
        .unwrap();
    other
        .append(&many(&store, 0, 3_000, "x"), 1, &AppendOptions::default())
        .unwrap();
    people.mark_populated().unwrap();
    let run = people.begin_run("run").unwrap();
    let seen = AppendOptions {
        force: false,
        run: Some(run.number),
    };
    people
        .append(&many(&store, 200, 50, "a"), 1, &seen)
        .unwrap();
    let mut transaction = store.transaction(&[]).unwrap();
    transaction.put_state(&StateKey::new("pipe:people", "offset").unwrap(), b"17");
    transaction.commit(Durability::Synced).unwrap();
    store.flush().unwrap();
    drop((people, other, store));
    let report = check(folder.path()).unwrap();
    assert!(report.is_clean(), "{:?}", report.problems);
    folder
}

/// The raw database of a copy of the healthy store.
struct Planter {
    folder: TempDir,
}

impl Planter {
    fn new(healthy: &TempDir) -> Self {
        Self {
            folder: crashed_copy(healthy.path()),
        }
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }

    fn edit(&self, family: &str, edit: impl FnOnce(&DB, &Arc<rocksdb::BoundColumnFamily<'_>>)) {
        let db = DB::open_cf(&Options::default(), self.path(), FAMILIES).unwrap();
        let handle = db.cf_handle(family).unwrap();
        edit(&db, &handle);
    }

    fn flip(&self, family: &str, key: &[u8], bit: usize) {
        self.edit(family, |db, handle| {
            let mut value = db.get_cf(handle, key).unwrap().unwrap();
            let bit = bit % (value.len() * 8);
            value[bit / 8] ^= 1 << (bit % 8);
            db.put_cf(handle, key, value).unwrap();
        });
    }

    fn remove(&self, family: &str, key: &[u8]) {
        self.edit(family, |db, handle| {
            assert!(
                db.get_cf(handle, key).unwrap().is_some(),
                "there is something to remove"
            );
            db.delete_cf(handle, key).unwrap();
        });
    }

    fn put(&self, family: &str, key: &[u8], value: &[u8]) {
        self.edit(family, |db, handle| db.put_cf(handle, key, value).unwrap());
    }

    fn get(&self, family: &str, key: &[u8]) -> Vec<u8> {
        let mut found = None;
        self.edit(family, |db, handle| found = db.get_cf(handle, key).unwrap());
        found.unwrap()
    }

    fn tables(&self) -> Vec<PathBuf> {
        let mut tables: Vec<PathBuf> = std::fs::read_dir(self.path())
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "sst"))
            .collect();
        tables.sort();
        tables
    }

    /// The report must name one of the places.
    fn expect(&self, damage: &str, places: &[String]) {
        let report = check(self.path()).unwrap();
        let is_named = report.problems.iter().any(|problem| {
            let text = problem.to_string();
            places.iter().any(|place| text.contains(place))
        });
        assert!(
            is_named,
            "{damage}: expected one of {places:?} in {:#?}",
            first(&report)
        );
    }
}

pub(crate) fn first(report: &Report) -> Vec<String> {
    report
        .problems
        .iter()
        .take(5)
        .map(ToString::to_string)
        .collect()
}

fn key(number: u64, rest: &[u8]) -> Vec<u8> {
    [&number.to_be_bytes()[..], rest].concat()
}

fn version(offset: u64) -> Vec<u8> {
    key(PEOPLE, &offset.to_be_bytes())
}

fn id(number: u64) -> String {
    format!("{number:06}")
}

fn id_key(number: u64) -> Vec<u8> {
    key(PEOPLE, id(number).as_bytes())
}

fn sealed(key: &[u8], value: &[u8]) -> Vec<u8> {
    let mut crc = crc32fast::Hasher::new();
    crc.update(key);
    crc.update(value);
    [value, &crc.finalize().to_le_bytes()[..]].concat()
}

/// `pick(n)` numbers spread over 0..n, the same in every run.
fn spread(step: u64, of: u64) -> u64 {
    step.wrapping_mul(0x9E37_79B9_7F4A_7C15) % of
}

#[test]
fn the_check_names_the_place_of_each_of_a_hundred_damages() {
    let healthy = healthy();
    let mut planted = 0;
    let mut plant = |damage: &str, places: &[String], edit: &dyn Fn(&Planter)| {
        let planter = Planter::new(&healthy);
        edit(&planter);
        planter.expect(damage, places);
        planted += 1;
    };

    for step in 0..15 {
        let offset = spread(step, IDS + CHANGED);
        let place = format!("dataset people, log, offset {offset}");
        plant("flipped bit in the log", &[place], &|p| {
            p.flip("log", &version(offset), spread(step + 7, 4_000) as usize)
        });
    }
    for step in 0..10 {
        let number = spread(step, IDS);
        let place = format!("dataset people, primary index, id {:?}", id(number));
        plant("flipped bit in the index", &[place], &|p| {
            p.flip("ids", &id_key(number), spread(step, 240) as usize)
        });
    }
    for step in 0..5 {
        let offset = spread(step, CHANGED);
        let place = format!("dataset people, superseded mark, offset {offset}");
        plant("flipped bit in a mark", &[place], &|p| {
            p.flip("superseded", &version(offset), spread(step, 96) as usize)
        });
    }
    for step in 0..10 {
        let place = "dataset number 5, record with its counters".to_owned();
        plant("flipped bit in the counters", &[place], &|p| {
            p.flip("default", &key(PEOPLE, b"d"), spread(step, 700) as usize);
        });
    }
    // The record: format, populated, generation (16), next and newest offset, last timestamp, then the counters.
    let counters = [
        "log_exists",
        "log_deleted",
        "index_exists",
        "index_deleted",
        "bytes",
    ];
    for (position, name) in counters.into_iter().enumerate() {
        for by in [1_i64, -1] {
            let place = format!("dataset people, counter {name}");
            plant("counter off by one", &[place], &|p| {
                let record_key = key(PEOPLE, b"d");
                let mut record = p.get("default", &record_key);
                record.truncate(record.len() - 4);
                let at = 18 + 3 * 8 + position * 8;
                let counter = u64::from_le_bytes(record[at..at + 8].try_into().unwrap());
                record[at..at + 8].copy_from_slice(&counter.wrapping_add_signed(by).to_le_bytes());
                p.put("default", &record_key, &sealed(&record_key, &record));
            });
        }
    }
    for step in 0..10 {
        let offset = spread(step, IDS + CHANGED);
        let place = format!("dataset people, log, offset {offset}: missing");
        plant("removed log entry", &[place], &|p| {
            p.remove("log", &version(offset))
        });
    }
    for step in 0..5 {
        let number = spread(step, CHANGED);
        let place = format!("dataset people, primary index, id {:?}: stale", id(number));
        plant(
            "primary index entry of the version before",
            &[place],
            &|p| {
                let entry_key = id_key(number);
                let mut entry = p.get("ids", &entry_key);
                entry.truncate(entry.len() - 4);
                entry[2..10].copy_from_slice(&number.to_le_bytes());
                p.put("ids", &entry_key, &sealed(&entry_key, &entry));
            },
        );
    }
    for step in 0..5 {
        let number = spread(step, IDS);
        let place = format!(
            "dataset people, primary index, id {:?}: missing",
            id(number)
        );
        plant("removed primary index entry", &[place], &|p| {
            p.remove("ids", &id_key(number))
        });
    }
    let entry = |index_key: &[u8], number: u64| {
        let length = (index_key.len() as u16).to_be_bytes();
        key(
            PEOPLE,
            &[
                &INDEX.to_be_bytes()[..],
                &[0],
                &length,
                index_key,
                id(number).as_bytes(),
            ]
            .concat(),
        )
    };
    for step in 0..5 {
        let number = spread(step, CHANGED);
        let place = format!("id {:?}: stale", id(number));
        plant("stale entry of a secondary index", &[place], &|p| {
            p.put("index", &entry(&crate::harness::text_key("a"), number), &[]);
        });
    }
    for step in 0..5 {
        let number = spread(step, CHANGED);
        let place = format!(
            "dataset people, index v, keys of id {:?}: the entry under key",
            id(number)
        );
        plant("removed entry of a secondary index", &[place], &|p| {
            p.remove("index", &entry(&crate::harness::text_key("b"), number));
        });
    }
    for step in 0..2 {
        plant(
            "flipped bit in state",
            &["state of pipe:people, offset".to_owned()],
            &|p| {
                let state = key(
                    u64::MAX,
                    &[&b"s\x00\x0b"[..], b"pipe:peopleoffset"].concat(),
                );
                p.flip("default", &state, 5 + step * 20);
            },
        );
    }
    plant(
        "flipped bit in the full run",
        &["dataset people, full run".to_owned()],
        &|p| {
            p.flip("default", &key(PEOPLE, b"r"), 33);
        },
    );
    plant(
        "flipped bit in the seen marks",
        &["dataset people, seen marks".to_owned()],
        &|p| {
            p.flip(
                "default",
                &key(PEOPLE, &[&b"m"[..], &0_u64.to_be_bytes()].concat()),
                1_000,
            );
        },
    );
    plant(
        "removed dataset record",
        &["dataset number 5, record with its counters: missing".to_owned()],
        &|p| {
            p.remove("default", &key(PEOPLE, b"d"));
        },
    );
    let untouched = Planter::new(&healthy);
    let tables = untouched.tables();
    assert_eq!(tables.len(), 5, "one per family");
    for table in &tables {
        let file = table.file_name().unwrap().to_str().unwrap().to_owned();
        plant("missing table", std::slice::from_ref(&file), &|p| {
            std::fs::remove_file(p.path().join(&file)).unwrap()
        });
    }
    let biggest = tables
        .iter()
        .max_by_key(|table| table.metadata().unwrap().len())
        .unwrap();
    for step in 0..15 {
        let file = biggest.file_name().unwrap().to_str().unwrap().to_owned();
        plant(
            "flipped bit in a table",
            std::slice::from_ref(&file),
            &|p| {
                let path = p.path().join(&file);
                let mut bytes = std::fs::read(&path).unwrap();
                let at = spread(step, bytes.len() as u64 / 2) as usize;
                bytes[at] ^= 1 << (step % 8);
                std::fs::write(&path, bytes).unwrap();
            },
        );
    }
    plant(
        "table cut short",
        &[biggest.file_name().unwrap().to_str().unwrap().to_owned()],
        &|p| {
            let path = p.path().join(biggest.file_name().unwrap());
            let bytes = std::fs::read(&path).unwrap();
            std::fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
        },
    );
    assert_eq!(planted, 106);
}
