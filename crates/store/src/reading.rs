//! Reading one dataset from one RocksDB snapshot. All reads of the crate's users end here.

use crate::Result;
use crate::codec::{self, IdEntry, damaged};
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::keys::{self, KeyRange};
use rocksdb::{DB, DBPinnableSlice, DBRawIteratorWithThreadMode, SnapshotWithThreadMode};
use sluice_dataset::{DatasetName, DatasetNumber, Offset, ReadOptions, Version, VersionBatch};

pub(crate) type RawSnapshot<'a> = SnapshotWithThreadMode<'a, DB>;
pub(crate) type RawIterator<'a> = DBRawIteratorWithThreadMode<'a, DB>;

/// A page that leaves out most of what it looks at still ends after this many times its bytes.
const LOOK_AT_MOST: usize = 16;

/// A dataset at an instant.
pub(crate) struct Reading<'a> {
    pub(crate) engine: &'a Engine,
    pub(crate) snapshot: &'a RawSnapshot<'a>,
    pub(crate) name: &'a DatasetName,
    pub(crate) number: DatasetNumber,
}

impl<'a> Reading<'a> {
    /// R74, one page.
    pub(crate) fn page(&self, options: &ReadOptions, max_bytes: usize) -> Result<VersionBatch> {
        let mut page = VersionBatch::new();
        let Some(range) = self.range(options).filter(|_| options.limit != Some(0)) else {
            page.finish(options.since, options.limit != Some(0));
            return Ok(page);
        };
        let limit = options.limit.map_or(usize::MAX, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX)
        });
        let mut superseded = (!options.history)
            .then(|| Superseded::new(self.iterator(Family::Superseded, &range), options));
        let mut log = self.iterator(Family::Log, &range);
        let mut resume = options.since;
        let mut looked_at = 0;
        if options.reverse {
            log.seek_to_last()
        } else {
            log.seek_to_first()
        }
        while let Some((key, value)) = log.item() {
            if page.len() >= limit
                || page.bytes() >= max_bytes
                || looked_at >= max_bytes.saturating_mul(LOOK_AT_MOST)
            {
                page.finish(resume, false);
                return Ok(page);
            }
            let offset = keys::offset_of(key)
                .ok_or_else(|| self.flaw("log", "a key of the wrong length"))?;
            let (generated, body) = codec::read_version(key, offset, value)
                .map_err(|flaw| self.flaw_at(offset, flaw))?;
            let is_latest = match &mut superseded {
                Some(superseded) => !superseded.contains(offset)?,
                None => true,
            };
            if options.shows(is_latest, generated.deleted) {
                page.push(body, generated);
            }
            looked_at += value.len();
            resume = Some(offset);
            if options.reverse {
                log.prev()
            } else {
                log.next()
            }
        }
        log.status()
            .map_err(|error| storage("read the log", error))?;
        page.finish(resume, true);
        Ok(page)
    }

    /// Keys of the versions that `since` leaves; `None` where it leaves none.
    fn range(&self, options: &ReadOptions) -> Option<KeyRange> {
        let mut range = keys::dataset(self.number);
        match (options.since, options.reverse) {
            (None, _) => {}
            (Some(since), false) => {
                range.from = keys::version(self.number, since.checked_add(1)?).to_vec()
            }
            (Some(since), true) => range.to = keys::version(self.number, since).to_vec(),
        }
        Some(range)
    }

    pub(crate) fn id_entry(&self, id: &str) -> Result<Option<IdEntry>> {
        let key = keys::id(self.number, id);
        let Some(sealed) = self.get(Family::Ids, &key)? else {
            return Ok(None);
        };
        IdEntry::read(&key, &sealed)
            .map(Some)
            .map_err(|flaw| self.flaw(&format!("primary index, id {id:?}"), flaw))
    }

    pub(crate) fn version(&self, offset: Offset) -> Result<Option<Version>> {
        let key = keys::version(self.number, offset);
        let Some(value) = self.get(Family::Log, &key)? else {
            return Ok(None);
        };
        codec::to_version(&key, offset, &value)
            .map(Some)
            .map_err(|flaw| self.flaw_at(offset, flaw))
    }

    pub(crate) fn latest(&self, id: &str) -> Result<Option<Version>> {
        match self.id_entry(id)? {
            Some(entry) => self.must_exist(entry.offset).map(Some),
            None => Ok(None),
        }
    }

    /// One by itself; many by two sorted MultiGets: the primary index, then the log.
    pub(crate) fn latest_of_many(&self, ids: &[&str]) -> Result<Vec<Option<Version>>> {
        if let [id] = ids {
            return Ok(vec![self.latest(id)?]);
        }
        let mut order: Vec<usize> = (0..ids.len()).collect();
        order.sort_unstable_by_key(|&position| ids[position]);
        let id_keys: Vec<Vec<u8>> = order
            .iter()
            .map(|&position| keys::id(self.number, ids[position]))
            .collect();
        let mut found = Vec::with_capacity(ids.len());
        for ((position, key), sealed) in order
            .into_iter()
            .zip(&id_keys)
            .zip(self.get_sorted(Family::Ids, &id_keys)?)
        {
            if let Some(sealed) = sealed {
                let entry = IdEntry::read(key, &sealed).map_err(|flaw| {
                    self.flaw(&format!("primary index, id {:?}", ids[position]), flaw)
                })?;
                found.push((entry.offset, position));
            }
        }
        found.sort_unstable();
        let version_keys: Vec<_> = found
            .iter()
            .map(|(offset, _)| keys::version(self.number, *offset))
            .collect();
        let values = self.get_sorted(Family::Log, &version_keys)?;
        let mut versions = vec![None; ids.len()];
        for (((offset, position), key), value) in found.into_iter().zip(&version_keys).zip(values) {
            let value = value.ok_or_else(|| self.flaw_at(offset, "the log entry is missing"))?;
            versions[position] = Some(
                codec::to_version(key, offset, &value)
                    .map_err(|flaw| self.flaw_at(offset, flaw))?,
            );
        }
        Ok(versions)
    }

    pub(crate) fn at(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        let version = self.version(offset)?;
        Ok(version.filter(|version| {
            version
                .body
                .value()
                .get("_id")
                .and_then(|found| found.as_str())
                == Some(id)
        }))
    }

    /// Walks the chain of previous versions; it may dangle (R7).
    pub(crate) fn before(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        let Some(entry) = self.id_entry(id)? else {
            return Ok(None);
        };
        let mut version = self.must_exist(entry.offset)?;
        while version.offset() >= offset {
            let Some(previous) = version.generated.previous else {
                return Ok(None);
            };
            let Some(older) = self.version(previous)? else {
                return Ok(None);
            };
            version = older;
        }
        Ok(Some(version))
    }

    fn must_exist(&self, offset: Offset) -> Result<Version> {
        self.version(offset)?
            .ok_or_else(|| self.flaw_at(offset, "the log entry is missing"))
    }

    pub(crate) fn get(&self, family: Family, key: &[u8]) -> Result<Option<DBPinnableSlice<'_>>> {
        self.snapshot
            .get_pinned_cf(&self.engine.family(family), key)
            .map_err(|error| storage("read a value", error))
    }

    fn get_sorted<K: AsRef<[u8]>>(
        &self,
        family: Family,
        keys: &[K],
    ) -> Result<Vec<Option<DBPinnableSlice<'_>>>> {
        let mut options = rocksdb::ReadOptions::default();
        options.set_snapshot(self.snapshot);
        self.engine
            .db
            .batched_multi_get_cf_opt(&self.engine.family(family), keys, true, &options)
            .into_iter()
            .map(|value| value.map_err(|error| storage("read values", error)))
            .collect()
    }

    /// An iterator over a range of a family, not positioned yet.
    pub(crate) fn iterator(&self, family: Family, range: &KeyRange) -> RawIterator<'a> {
        let mut options = rocksdb::ReadOptions::default();
        options.set_snapshot(self.snapshot);
        options.set_iterate_lower_bound(range.from.clone());
        options.set_iterate_upper_bound(range.to.clone());
        self.engine
            .db
            .raw_iterator_cf_opt(&self.engine.family(family), options)
    }

    pub(crate) fn flaw(&self, place: &str, flaw: codec::Flaw) -> sluice_dataset::Error {
        damaged(format!("dataset {}, {place}", self.name), flaw)
    }

    pub(crate) fn flaw_at(&self, offset: Offset, flaw: codec::Flaw) -> sluice_dataset::Error {
        self.flaw(&format!("log, offset {offset}"), flaw)
    }
}

/// The superseded offsets, walked in step with the log: each of them has a log entry, so neither runs ahead.
struct Superseded<'a> {
    iterator: RawIterator<'a>,
    reverse: bool,
}

impl<'a> Superseded<'a> {
    fn new(mut iterator: RawIterator<'a>, options: &ReadOptions) -> Self {
        if options.reverse {
            iterator.seek_to_last()
        } else {
            iterator.seek_to_first()
        }
        Self {
            iterator,
            reverse: options.reverse,
        }
    }

    fn contains(&mut self, offset: Offset) -> Result<bool> {
        while let Some(at) = self.iterator.key().and_then(keys::offset_of) {
            if at == offset {
                return Ok(true);
            }
            if (at > offset) != self.reverse {
                return Ok(false);
            }
            if self.reverse {
                self.iterator.prev()
            } else {
                self.iterator.next()
            }
        }
        self.iterator
            .status()
            .map_err(|error| storage("read the superseded offsets", error))?;
        Ok(false)
    }
}
