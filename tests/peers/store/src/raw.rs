//! RocksDB by hand: the same two families with the store's settings, the same pairs, nothing else.

use anyhow::{Context, Result};
use rocksdb::{
    BlockBasedOptions, Cache, DB, DBCompressionType, IteratorMode, Options, WriteBatch,
    WriteOptions,
};
use std::path::Path;

/// Families of the store, for reading its files.
const FAMILIES: [&str; 5] = ["default", "log", "ids", "superseded", "index"];

/// Bytes of the block cache, as the store has it.
const CACHE: usize = 256 << 20;

/// What one entity becomes on disk: key and value in the log, key and value in the primary index.
pub struct Pair {
    pub log: [Vec<u8>; 2],
    pub id: [Vec<u8>; 2],
}

pub struct Raw {
    db: DB,
}

impl Raw {
    /// An empty database with the store's settings for the families that are written.
    pub fn open(path: &Path) -> Result<Raw> {
        Raw::open_with_cache(path, CACHE)
    }

    /// As [`Raw::open`], with another block cache.
    pub fn open_with_cache(path: &Path, cache: usize) -> Result<Raw> {
        let cache = Cache::new_lru_cache(cache);
        let mut options = Options::default();
        options.create_if_missing(true);
        options.create_missing_column_families(true);
        options.set_max_total_wal_size(64 << 20);
        options.set_max_background_jobs(2);
        options.set_bytes_per_sync(1 << 20);
        let family = |name: &str| {
            let mut blocks = BlockBasedOptions::default();
            blocks.set_block_cache(&cache);
            let mut options = Options::default();
            options.set_compression_type(DBCompressionType::Lz4);
            options.set_write_buffer_size(64 << 20);
            if name == "log" {
                blocks.set_block_size(16 << 10);
            } else {
                blocks.set_bloom_filter(10.0, false);
                options.set_memtable_prefix_bloom_ratio(0.1);
                options.set_memtable_whole_key_filtering(true);
            }
            options.set_block_based_table_factory(&blocks);
            (name.to_owned(), options)
        };
        Ok(Raw {
            db: DB::open_cf_with_opts(&options, path, ["log", "ids"].map(family))?,
        })
    }

    /// Puts the pairs as one batch.
    pub fn put(&self, pairs: &[Pair], is_synced: bool) -> Result<()> {
        let (log, ids) = (self.family("log")?, self.family("ids")?);
        let mut writes = WriteBatch::default();
        for pair in pairs {
            writes.put_cf(&log, &pair.log[0], &pair.log[1]);
            writes.put_cf(&ids, &pair.id[0], &pair.id[1]);
        }
        let mut options = WriteOptions::default();
        options.set_sync(is_synced);
        self.db.write_opt(writes, &options)?;
        Ok(())
    }

    /// Looks the ids of the pairs up in one call, sorted, and asserts that all are there.
    pub fn look_up(&self, pairs: &[Pair]) -> Result<()> {
        let ids = self.family("ids")?;
        let mut keys: Vec<&Vec<u8>> = pairs.iter().map(|pair| &pair.id[0]).collect();
        keys.sort_unstable();
        let found = self.db.batched_multi_get_cf(&ids, keys, true);
        anyhow::ensure!(
            found.iter().all(|value| matches!(value, Ok(Some(_)))),
            "an id is missing"
        );
        Ok(())
    }

    /// Leads an id straight to the key of its log entry.
    pub fn put_reference(&self, id: &[u8], log_key: &[u8]) -> Result<()> {
        self.db.put_cf(&self.family("ids")?, id, log_key)?;
        Ok(())
    }

    /// The log entry of an id that [`Raw::put_reference`] knows.
    pub fn look_up_entry(&self, id: &str) -> Result<Option<Vec<u8>>> {
        let Some(log_key) = self.db.get_cf(&self.family("ids")?, id)? else {
            return Ok(None);
        };
        Ok(self.db.get_cf(&self.family("log")?, log_key)?)
    }

    /// Walks the whole log; the number of entries and their bytes.
    pub fn scan(&self) -> Result<(usize, usize)> {
        let log = self.family("log")?;
        let mut iterator = self.db.raw_iterator_cf(&log);
        iterator.seek_to_first();
        let (mut count, mut bytes) = (0, 0);
        while let Some(value) = iterator.value() {
            count += 1;
            bytes += value.len();
            iterator.next();
        }
        iterator.status()?;
        Ok((count, bytes))
    }

    /// Everything into files.
    pub fn flush(&self) -> Result<()> {
        for name in ["log", "ids"] {
            self.db.flush_cf(&self.family(name)?)?;
        }
        Ok(())
    }

    fn family(&self, name: &str) -> Result<std::sync::Arc<rocksdb::BoundColumnFamily<'_>>> {
        self.db
            .cf_handle(name)
            .with_context(|| format!("no family {name}"))
    }
}

/// What the store wrote, from its files: for each entity its log entry and the index entry of its id.
pub fn stored_pairs(path: &Path, ids: impl Iterator<Item = Vec<u8>>) -> Result<Vec<Pair>> {
    let mut options = Options::default();
    // RocksDB crashes when it opens read-only, without this option, what was written with it.
    options.set_track_and_verify_wals_in_manifest(true);
    let db = DB::open_cf_for_read_only(&options, path, FAMILIES, false)?;
    let log = db.cf_handle("log").context("no log")?;
    let index = db.cf_handle("ids").context("no index")?;
    let mut pairs = Vec::new();
    for (entry, id) in db.iterator_cf(&log, IteratorMode::Start).zip(ids) {
        let (key, value) = entry?;
        let id_key = [&key[..8], &id].concat();
        let id_value = db
            .get_cf(&index, &id_key)?
            .context("a version without an index entry")?;
        pairs.push(Pair {
            log: [key.into(), value.into()],
            id: [id_key, id_value],
        });
    }
    Ok(pairs)
}
