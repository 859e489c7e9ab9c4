//! Out of a store: log files and records as of one instant.

use super::records::Records;
use crate::engine::storage;
use crate::families::{Family, file_options};
use crate::keys::{self, KeyRange};
use crate::reading::Reading;
use crate::records::DatasetRecord;
use crate::{Result, Snapshot, StateKey};
use rocksdb::SstFileWriter;
use sluice_dataset::{DatasetName, DatasetNumber, Generation, Offset};
use std::path::{Path, PathBuf};

/// Where a dataset stood at an instant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    /// Its number.
    pub number: DatasetNumber,
    /// Its generation.
    pub generation: Generation,
    /// Offset of its newest version.
    pub max_offset: Option<Offset>,
    /// Versions in its log.
    pub entries: u64,
    /// Whether it is populated.
    pub populated: bool,
}

/// A file of log entries in the order of their offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFile {
    /// Where it was written.
    pub path: PathBuf,
    /// Offset of its first entry.
    pub first: Offset,
    /// Offset of its last entry.
    pub last: Offset,
    /// Entries in it.
    pub entries: u64,
}

impl Snapshot {
    /// Where a dataset stands; `None` if it does not exist.
    pub fn mark(&self, name: &DatasetName) -> Result<Option<Mark>> {
        let Some(view) = self.dataset(name)? else {
            return Ok(None);
        };
        let Some(record) = view.record()? else {
            return Ok(None);
        };
        Ok(Some(Mark {
            number: view.number(),
            generation: record.generation,
            max_offset: record.max_offset,
            entries: record.counters.log_exists + record.counters.log_deleted,
            populated: record.populated,
        }))
    }

    /// Writes the log entries from `first` to `last`, both included, to new files in a folder; a file ends when it has about
    /// `file_bytes`. No entries, no file.
    pub fn export_log(
        &self,
        name: &DatasetName,
        first: Offset,
        last: Offset,
        folder: &Path,
        file_bytes: u64,
    ) -> Result<Vec<LogFile>> {
        let Some(view) = self.dataset(name)? else {
            return Ok(Vec::new());
        };
        let reading = view.reading();
        let mut range = keys::dataset(view.number());
        range.from = keys::version(view.number(), first).to_vec();
        if let Some(after) = last.checked_add(1) {
            range.to = keys::version(view.number(), after).to_vec();
        }
        let mut log = reading.iterator(Family::Log, &range);
        log.seek_to_first();
        let mut files = Vec::new();
        while log.valid() {
            let path = folder.join(format!("{}-{}.sst", view.number(), files.len()));
            files.push(write_file(&reading, &mut log, path, file_bytes)?);
        }
        log.status()
            .map_err(|error| storage("read the log", error))?;
        Ok(files)
    }

    /// How many log entries there are from `first` to `last`, both included.
    pub fn count_log(&self, name: &DatasetName, first: Offset, last: Offset) -> Result<u64> {
        let Some(view) = self.dataset(name)? else {
            return Ok(0);
        };
        let reading = view.reading();
        let mut range = keys::dataset(view.number());
        range.from = keys::version(view.number(), first).to_vec();
        if let Some(after) = last.checked_add(1) {
            range.to = keys::version(view.number(), after).to_vec();
        }
        let mut log = reading.iterator(Family::Log, &range);
        log.seek_to_first();
        let mut count = 0;
        while log.valid() {
            count += 1;
            log.next();
        }
        log.status()
            .map_err(|error| storage("read the log", error))?;
        Ok(count)
    }

    /// The records of these datasets and all state of an owner, as [`Import::finish`](super::Import::finish) takes them.
    pub fn export_records(&self, datasets: &[DatasetName], owner: &str) -> Result<Vec<u8>> {
        let mut records = Records::default();
        for name in datasets {
            let Some(view) = self.dataset(name)? else {
                continue;
            };
            let reading = view.reading();
            let number = view.number();
            let range = |key: Vec<u8>| KeyRange {
                to: [&*key, &[0]].concat(),
                from: key,
            };
            for range in [
                range(keys::dataset_record(number)),
                range(keys::run_record(number)),
                keys::marks(number),
            ] {
                copy(&reading, &range, &mut records)?;
            }
        }
        let name =
            DatasetName::existing("state").map_err(|source| sluice_dataset::Error::Name {
                name: "state".to_owned(),
                source,
            })?;
        let reading = Reading {
            engine: self.engine(),
            snapshot: self.raw(),
            name: &name,
            number: DatasetNumber(keys::STORE),
        };
        copy(&reading, &StateKey::new(owner, "")?.range(), &mut records)?;
        Ok(records.write())
    }
}

fn write_file(
    reading: &Reading<'_>,
    log: &mut crate::reading::RawIterator<'_>,
    path: PathBuf,
    file_bytes: u64,
) -> Result<LogFile> {
    const TRIED: &str = "write a file of log entries";
    let failed = |error| storage(TRIED, error);
    let options = file_options();
    let mut writer = SstFileWriter::create(&options);
    writer.open(&path).map_err(failed)?;
    let (mut first, mut last, mut entries, mut bytes) = (None, 0, 0, 0);
    while let Some((key, value)) = log.item() {
        let offset =
            keys::offset_of(key).ok_or_else(|| reading.flaw("log", "a key of the wrong length"))?;
        writer.put(key, value).map_err(failed)?;
        first.get_or_insert(offset);
        last = offset;
        entries += 1;
        bytes += value.len() as u64;
        log.next();
        if bytes >= file_bytes {
            break;
        }
    }
    writer.finish().map_err(failed)?;
    Ok(LogFile {
        path,
        first: first.unwrap_or(last),
        last,
        entries,
    })
}

fn copy(reading: &Reading<'_>, range: &KeyRange, records: &mut Records) -> Result<()> {
    let mut found = reading.iterator(Family::Default, range);
    found.seek_to_first();
    while let Some((key, value)) = found.item() {
        records.push(key, value);
        found.next();
    }
    found
        .status()
        .map_err(|error| storage("read small records", error))
}

/// What a moved record of a dataset says, read by whoever takes it over.
pub(super) fn record_of(key: &[u8], sealed: &[u8]) -> Result<DatasetRecord> {
    DatasetRecord::read(key, sealed)
        .map_err(|flaw| crate::codec::damaged("moved record of a dataset", flaw))
}
