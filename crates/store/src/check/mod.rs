//! Verifies a closed store: log, primary index, counters and secondary indexes against one another, and every checksum.
//!
//! Nothing is written. Damage becomes a [`Problem`] that names its place; only what keeps the check from beginning is an error.

mod dataset;
mod files;
mod index;
mod walk;

use crate::families::Family;
use crate::records::StoreRecord;
use crate::{OpenError, codec, keys, lock, marker};
use rocksdb::{BoundColumnFamily, DB};
use sluice_dataset::DatasetNumber;
use sluice_entity::HashKey;
use sluice_format::Formats;
use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

/// More problems than this are counted, not listed.
const LISTED: usize = 1_000;

/// Something that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where: file, or dataset, key space and offset, id or key.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.place, self.what)
    }
}

/// What was looked at.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Datasets.
    pub datasets: u64,
    /// Versions in all logs.
    pub versions: u64,
    /// Entries of all primary indexes.
    pub ids: u64,
    /// Entries of all secondary indexes.
    pub index_entries: u64,
    /// Records of state.
    pub states: u64,
}

/// Result of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// In the order found, at most 1,000.
    pub problems: Vec<Problem>,
    /// Further problems.
    pub unlisted: u64,
    /// What was looked at.
    pub counts: Counts,
}

impl Report {
    /// True if nothing is wrong.
    pub fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    fn add(&mut self, place: impl Into<String>, what: impl Into<String>) {
        if self.problems.len() < LISTED {
            self.problems.push(Problem {
                place: place.into(),
                what: what.into(),
            });
        } else {
            self.unlisted += 1;
        }
    }
}

/// Checks the store in a folder. [`OpenError::Locked`] while a hub has it open.
pub fn check(path: impl AsRef<Path>) -> Result<Report, OpenError> {
    let path = path.as_ref();
    if !path.join("CURRENT").exists() && !path.exists() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        return Err(OpenError::Folder {
            path: path.to_owned(),
            source,
        });
    }
    let _lock = lock::acquire(path)
        .map_err(|source| OpenError::Folder {
            path: path.to_owned(),
            source,
        })?
        .ok_or_else(|| OpenError::Locked {
            path: path.to_owned(),
        })?;
    if let Some(marked) = marker::read(path) {
        let read = marked.check(Formats::RELEASE);
        read.map_err(|source| OpenError::Format {
            path: path.to_owned(),
            source,
        })?;
    }
    let mut report = Report::default();
    let Some(db) = files::open(path, &mut report) else {
        return Ok(report);
    };
    files::check(&db, path, &mut report);
    let hash_key = check_store_record(path, &db, &mut report)?;
    let checked = Checked { db: &db, hash_key };
    for number in dataset_numbers(&checked, &mut report) {
        dataset::check(&checked, DatasetNumber(number), &mut report);
    }
    check_state(&checked, &mut report);
    Ok(report)
}

/// The open database and what is needed to verify it.
struct Checked<'a> {
    db: &'a DB,
    /// Without it content hashes cannot be verified.
    hash_key: Option<HashKey>,
}

impl Checked<'_> {
    fn family(&self, family: Family) -> Arc<BoundColumnFamily<'_>> {
        self.db
            .cf_handle(family.name())
            .expect("opened with all families")
    }

    fn get(&self, family: Family, key: &[u8]) -> Result<Option<Vec<u8>>, rocksdb::Error> {
        self.db.get_cf(&self.family(family), key)
    }
}

fn check_store_record(
    path: &Path,
    db: &DB,
    report: &mut Report,
) -> Result<Option<HashKey>, OpenError> {
    const PLACE: &str = "store record";
    let key = keys::store_record();
    let sealed = match db.get(&key) {
        Ok(Some(sealed)) => sealed,
        Ok(None) => {
            report.add(PLACE, "missing");
            return Ok(None);
        }
        Err(error) => {
            report.add(PLACE, error.into_string());
            return Ok(None);
        }
    };
    match crate::open::read_store_record(path, &key, &sealed, Formats::RELEASE) {
        Ok(StoreRecord { hash_key, .. }) => Ok(Some(hash_key)),
        Err(error @ OpenError::Format { .. }) => Err(error),
        Err(_) => {
            report.add(PLACE, "checksum mismatch");
            Ok(None)
        }
    }
}

/// Numbers at the head of the keys of any family, so that data without a record is found too.
fn dataset_numbers(checked: &Checked<'_>, report: &mut Report) -> BTreeSet<u64> {
    let mut numbers = BTreeSet::new();
    for family in Family::ALL {
        let mut iterator = checked
            .db
            .raw_iterator_cf_opt(&checked.family(family), walk::options());
        iterator.seek_to_first();
        while let Some(key) = iterator.key() {
            match keys::dataset_of(key) {
                Some(keys::STORE) => break,
                Some(number) => {
                    numbers.insert(number);
                    iterator.seek(keys::dataset(DatasetNumber(number)).to);
                }
                None => {
                    report.add(
                        format!("family {}", family.name()),
                        "a key without a dataset number",
                    );
                    iterator.next();
                }
            }
        }
        if let Err(error) = iterator.status() {
            report.add(format!("family {}", family.name()), error.into_string());
        }
    }
    numbers
}

fn check_state(checked: &Checked<'_>, report: &mut Report) {
    let mut states = 0;
    walk::walk(
        checked,
        Family::Default,
        &keys::all_state(),
        "state",
        report,
        |report, key, sealed| {
            states += 1;
            let place = || match keys::state_of(key) {
                Some((owner, name)) => format!("state of {owner}, {}", name.escape_ascii()),
                None => "state with a key of unknown form".to_owned(),
            };
            if keys::state_of(key).is_none() {
                report.add(place(), "unreadable key");
            }
            if let Err(flaw) = codec::unseal(key, sealed) {
                report.add(place(), flaw);
            }
        },
    );
    report.counts.states = states;
}
