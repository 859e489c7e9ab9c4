//! One dataset: its log against its primary index, its superseded marks and its counters.

use super::{Checked, Report, index, walk};
use crate::codec::{self, IdEntry};
use crate::families::Family;
use crate::keys;
use crate::records::{CopyRecord, DatasetRecord, Marks, RunRecord};
use sluice_dataset::{Counters, DatasetNumber, Offset, Version};
use sluice_entity::{Generated, Limits, ValueBuf};

/// What is known while a dataset is checked.
pub(super) struct Subject<'a> {
    pub(super) checked: &'a Checked<'a>,
    pub(super) number: DatasetNumber,
    /// How reports call it.
    pub(super) name: String,
}

pub(super) fn check(checked: &Checked<'_>, number: DatasetNumber, report: &mut Report) {
    report.counts.datasets += 1;
    let record = read_record(checked, number, report);
    let name = record
        .as_ref()
        .map_or_else(|| format!("number {number}"), |record| record.name.clone());
    let subject = Subject {
        checked,
        number,
        name,
    };
    subject.check_small_records(report);
    let (log, log_is_whole) = subject.check_log(record.as_ref(), report);
    let (ids, ids_are_whole) = subject.check_ids(report);
    if let Some(record) = record.filter(|_| log_is_whole && ids_are_whole) {
        subject.check_counters(&record, log, ids, report);
    }
    index::check(&subject, report);
}

fn read_record(
    checked: &Checked<'_>,
    number: DatasetNumber,
    report: &mut Report,
) -> Option<DatasetRecord> {
    let key = keys::dataset_record(number);
    let place = || format!("dataset number {number}, record with its counters");
    match checked.get(Family::Default, &key) {
        Ok(Some(sealed)) => DatasetRecord::read(&key, &sealed)
            .inspect_err(|flaw| report.add(place(), (*flaw).to_owned()))
            .ok(),
        Ok(None) => {
            report.add(place(), "missing, but there is data");
            None
        }
        Err(error) => {
            report.add(place(), error.into_string());
            None
        }
    }
}

impl Subject<'_> {
    pub(super) fn place(&self, what: impl std::fmt::Display) -> String {
        format!("dataset {}, {what}", self.name)
    }

    /// Definitions, full run and marks: readable, and of a known kind.
    fn check_small_records(&self, report: &mut Report) {
        let range = keys::dataset(self.number);
        walk::walk(
            self.checked,
            Family::Default,
            &range,
            &self.place("records"),
            report,
            |report, key, sealed| {
                let kind = keys::kind_of(key);
                let flaw = match kind {
                    "full run" => RunRecord::read(key, sealed).err(),
                    "seen marks" => Marks::read(key, sealed).err(),
                    "copy record" => CopyRecord::read(key, sealed).err(),
                    "unknown key" => Some("unknown key"),
                    _ => codec::unseal(key, sealed).err(),
                };
                // The dataset record has been reported by whoever needed it.
                if let Some(flaw) = flaw.filter(|_| !keys::is_dataset_record(key)) {
                    report.add(self.place(kind), flaw);
                }
            },
        );
    }

    /// Every version by itself and against its neighbours. Answers what the counters of the log should be.
    fn check_log(&self, record: Option<&DatasetRecord>, report: &mut Report) -> (Counters, bool) {
        let mut counters = Counters::default();
        let mut last_ts = 0;
        let range = keys::dataset(self.number);
        let place = self.place("log");
        let whole = walk::walk(
            self.checked,
            Family::Log,
            &range,
            &place,
            report,
            |report, key, value| {
                report.counts.versions += 1;
                let Some(offset) = keys::offset_of(key) else {
                    return report.add(&place, "a key of the wrong length");
                };
                let place = format!("{place}, offset {offset}");
                match codec::read_version(key, offset, value) {
                    Err(flaw) => report.add(place, flaw),
                    Ok((generated, body)) => {
                        counters.bytes += body.len() as u64;
                        *(if generated.deleted {
                            &mut counters.log_deleted
                        } else {
                            &mut counters.log_exists
                        }) += 1;
                        if generated.ts <= last_ts {
                            report
                                .add(&place, "its _ts is not above that of the version before it");
                        }
                        last_ts = generated.ts;
                        if record.is_some_and(|record| offset >= record.next_offset) {
                            report.add(
                                &place,
                                "its offset is not below the next offset of the dataset",
                            );
                        }
                        self.check_version(&place, generated, body, report);
                    }
                }
            },
        );
        let superseded_place = self.place("superseded marks");
        let marks_are_whole = walk::walk(
            self.checked,
            Family::Superseded,
            &range,
            &superseded_place,
            report,
            |report, key, sealed| {
                self.check_superseded(key, sealed, report);
            },
        );
        (counters, whole && marks_are_whole)
    }

    fn check_version(&self, place: &str, generated: Generated, body: &[u8], report: &mut Report) {
        let body = ValueBuf::from_encoded(body.to_vec());
        if body.value().check(&Limits::WIDEST).is_err() {
            return report.add(place, "the body is not a value");
        }
        let version = Version { body, generated };
        let entity = version.to_entity();
        let generated = &version.generated;
        if let Some(hash_key) = &self.checked.hash_key
            && entity.content_hash(hash_key).0 != generated.hash.0
        {
            report.add(place, "the content does not match its hash");
        }
        let Some(id) = entity.id() else {
            return report.add(place, "without an _id");
        };
        let key = keys::version(self.number, generated.updated);
        match self.checked.get(Family::Superseded, &key) {
            Err(error) => report.add(place, error.into_string()),
            // Checked from the other side.
            Ok(Some(_)) => {}
            Ok(None) => match self.id_entry(id) {
                Ok(Some(entry)) if entry.offset == generated.updated => {
                    if entry.hash.0 != generated.hash.0 || entry.deleted != generated.deleted {
                        let place = self.place(format_args!("primary index, id {id:?}"));
                        report.add(
                            place,
                            format!(
                                "hash or deleted flag differ from the version at {}",
                                entry.offset
                            ),
                        );
                    }
                }
                Ok(Some(entry)) => {
                    let what = format!(
                        "not marked as superseded, but the primary index has {id:?} at {}",
                        entry.offset
                    );
                    report.add(place, what);
                }
                Ok(None) => report.add(
                    self.place(format_args!("primary index, id {id:?}")),
                    "missing",
                ),
                Err(what) => report.add(self.place(format_args!("primary index, id {id:?}")), what),
            },
        }
    }

    /// A superseded version is there, its next one too, and the two belong together.
    fn check_superseded(&self, key: &[u8], sealed: &[u8], report: &mut Report) {
        let place = |offset| self.place(format_args!("log, offset {offset}"));
        let Some(offset) = keys::offset_of(key) else {
            return report.add(self.place("superseded marks"), "a key of the wrong length");
        };
        let next = match codec::read_next(key, sealed) {
            Ok(next) => next,
            Err(flaw) => {
                return report.add(
                    self.place(format_args!("superseded mark, offset {offset}")),
                    flaw,
                );
            }
        };
        let Some(older) = self.version(offset, report) else {
            return;
        };
        let Some(newer) = self.version(next, report) else {
            return;
        };
        let previous = newer.generated.previous;
        // A replica keeps what its owner has removed between two versions of an id that it got.
        let is_gap = keys::is_replica(self.number) && previous > Some(offset);
        if previous != Some(offset) && !is_gap {
            report.add(place(next), format!("should follow offset {offset}"));
        }
        if id_of(&older) != id_of(&newer) {
            report.add(
                place(offset),
                format!("is superseded by offset {next}, which has another _id"),
            );
        }
    }

    /// Every id leads to its version.
    fn check_ids(&self, report: &mut Report) -> (Counters, bool) {
        let mut counters = Counters::default();
        let range = keys::dataset(self.number);
        let place = self.place("primary index");
        let whole = walk::walk(
            self.checked,
            Family::Ids,
            &range,
            &place,
            report,
            |report, key, sealed| {
                report.counts.ids += 1;
                let Some(id) = keys::id_of(key) else {
                    return report.add(&place, "an id that is not UTF-8");
                };
                let place = format!("{place}, id {id:?}");
                let entry = match IdEntry::read(key, sealed) {
                    Ok(entry) => entry,
                    Err(flaw) => return report.add(place, flaw),
                };
                *(if entry.deleted {
                    &mut counters.index_deleted
                } else {
                    &mut counters.index_exists
                }) += 1;
                let version = match self.read_version(entry.offset) {
                    Ok(Some(version)) => version,
                    Ok(None) => {
                        let what = format!("missing, but the primary index has {id:?} there");
                        return report.add(
                            self.place(format_args!("log, offset {}", entry.offset)),
                            what,
                        );
                    }
                    // Reported with the log.
                    Err(_) => return,
                };
                if id_of(&version) != Some(id) {
                    report.add(
                        place,
                        format!(
                            "stale: the version at offset {} has another _id",
                            entry.offset
                        ),
                    );
                } else if let Ok(Some(_)) = self.checked.get(
                    Family::Superseded,
                    &keys::version(self.number, entry.offset),
                ) {
                    report.add(
                        place,
                        format!(
                            "stale: the version at offset {} is superseded",
                            entry.offset
                        ),
                    );
                }
            },
        );
        (counters, whole)
    }

    fn check_counters(
        &self,
        record: &DatasetRecord,
        log: Counters,
        ids: Counters,
        report: &mut Report,
    ) {
        let counted = Counters {
            index_exists: ids.index_exists,
            index_deleted: ids.index_deleted,
            ..log
        };
        let names = [
            "log_exists",
            "log_deleted",
            "index_exists",
            "index_deleted",
            "bytes",
        ];
        let list = |c: &Counters| {
            [
                c.log_exists,
                c.log_deleted,
                c.index_exists,
                c.index_deleted,
                c.bytes,
            ]
        };
        for ((name, kept), counted) in names
            .into_iter()
            .zip(list(&record.counters))
            .zip(list(&counted))
        {
            if kept != counted {
                report.add(
                    self.place(format_args!("counter {name}")),
                    format!("is {kept}, counted {counted}"),
                );
            }
        }
        if record
            .max_offset
            .is_some_and(|max| max >= record.next_offset)
        {
            report.add(
                self.place("record"),
                "the newest offset is not below the next one",
            );
        }
    }

    pub(super) fn id_entry(&self, id: &str) -> Result<Option<IdEntry>, String> {
        let key = keys::id(self.number, id);
        match self.checked.get(Family::Ids, &key) {
            Ok(Some(sealed)) => IdEntry::read(&key, &sealed)
                .map(Some)
                .map_err(str::to_owned),
            Ok(None) => Ok(None),
            Err(error) => Err(error.into_string()),
        }
    }

    /// A version that must be there; its own damage is reported with the log.
    fn version(&self, offset: Offset, report: &mut Report) -> Option<Version> {
        match self.read_version(offset) {
            Ok(Some(version)) => Some(version),
            Ok(None) => {
                report.add(
                    self.place(format_args!("log, offset {offset}")),
                    "missing, but a superseded mark needs it",
                );
                None
            }
            Err(_) => None,
        }
    }

    fn read_version(&self, offset: Offset) -> Result<Option<Version>, ()> {
        let key = keys::version(self.number, offset);
        match self.checked.get(Family::Log, &key) {
            Ok(Some(value)) => codec::to_version(&key, offset, &value)
                .map(Some)
                .map_err(|_| ()),
            Ok(None) => Ok(None),
            Err(_) => Err(()),
        }
    }
}

fn id_of(version: &Version) -> Option<&str> {
    version.body.value().get("_id").and_then(|id| id.as_str())
}
