//! Opening a store: folder lock, format version, families, budgets.

use crate::engine::{Engine, Opened, Space};
use crate::families::{Family, database_options, descriptors};
use crate::records::StoreRecord;
use crate::registry::Registry;
use crate::{Settings, Store, keys, lock, marker};
use rocksdb::{Cache, DB, DBRecoveryMode, Options, WriteBatch, WriteBufferManager, WriteOptions};
use sluice_entity::HashKey;
use sluice_format::{Formats, Unreadable};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The folder cannot be made or its lock file not be written.
    #[error("cannot prepare folder {path}")]
    Folder {
        /// The store's folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Another process has it open, or another handle in this one.
    #[error("{path} is in use")]
    Locked {
        /// The store's folder.
        path: PathBuf,
    },
    /// In a format of another version.
    #[error("the store in {path} is not of this version")]
    Format {
        /// The store's folder.
        path: PathBuf,
        /// What is there, and what to do.
        #[source]
        source: Unreadable,
    },
    /// RocksDB cannot open it.
    #[error("cannot open the database in {path}")]
    Database {
        /// The store's folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: rocksdb::Error,
    },
    /// A record that everything depends on is damaged or missing.
    #[error("cannot read the records of the store in {path}")]
    Records {
        /// The store's folder.
        path: PathBuf,
        /// Which and why.
        #[source]
        source: sluice_dataset::Error,
    },
}

/// Opens or makes the store in `path`.
pub(crate) fn open(path: &Path, settings: &Settings) -> Result<Store, OpenError> {
    make_folder(path).map_err(|source| folder(path, source))?;
    let lock = lock::acquire(path)
        .map_err(|source| folder(path, source))?
        .ok_or_else(|| OpenError::Locked {
            path: path.to_owned(),
        })?;
    // RocksDB writes as soon as it opens: what another version has to go on with is not even opened.
    let marked = marker::read(path);
    if let Some(marked) = &marked {
        marked
            .check(settings.format.reads())
            .map_err(|source| format(path, source))?;
    }
    let cache = Cache::new_lru_cache(settings.cache_bytes);
    let buffers = WriteBufferManager::new_write_buffer_manager_with_cache(
        settings.write_buffer_bytes,
        false,
        cache.clone(),
    );
    let db = open_database(path, settings, &cache, &buffers)?;
    let record = store_record(&db, path, settings)?;
    let marked = marked.map_or(0, |marked| marked.format);
    let raised = settings.format.raise(record.format.max(marked));
    raised.map_err(|source| format(path, source))?;
    let opened = Opened {
        db,
        path: path.to_owned(),
        hash_key: record.hash_key,
        format: settings.format.clone(),
        lock,
    };
    let engine = Engine::new(opened, settings.reserve_bytes);
    let written = settings.format.writes();
    if record.format < written {
        // The marker is first there: the record is what a crash in between left out.
        put_store_record(&engine, written).map_err(|source| OpenError::Records {
            path: path.to_owned(),
            source,
        })?;
    }
    if marked < written
        && let Err(error) = marker::write(path, written)
    {
        // The record says it too.
        tracing::warn!(store = %path.display(), %error, "the format of the store is not marked in its folder");
    }
    let registry = Registry::load(&engine).map_err(|source| OpenError::Records {
        path: path.to_owned(),
        source,
    })?;
    tracing::info!(store = %path.display(), datasets = registry.all().len(), "store opened");
    Ok(Store::new(engine, registry))
}

/// RocksDB syncs what is inside its folder but not the folder's own name, without which a power cut takes all of it.
fn make_folder(path: &Path) -> std::io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    // A bare name lies in the current folder.
    let above = path.parent().filter(|above| !above.as_os_str().is_empty());
    let above = above.unwrap_or(Path::new("."));
    make_folder(above)?;
    match std::fs::create_dir(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
        made => made?,
    }
    std::fs::File::open(above)?.sync_all()
}

/// Replays the write-ahead log up to its end. A log that is damaged before its end, as a power loss can leave what was not
/// synced, is replayed up to the damage, never beyond: a suffix may be lost, and it is said, but there is never a hole.
fn open_database(
    path: &Path,
    settings: &Settings,
    cache: &Cache,
    buffers: &WriteBufferManager,
) -> Result<DB, OpenError> {
    let mut options = database_options(settings, buffers);
    let open =
        |options: &Options| DB::open_cf_descriptors(options, path, descriptors(settings, cache));
    options.set_wal_recovery_mode(DBRecoveryMode::TolerateCorruptedTailRecords);
    let opened = match open(&options) {
        Err(error) if error.kind() == rocksdb::ErrorKind::Corruption => {
            tracing::warn!(store = %path.display(), %error, "the write-ahead log is damaged, what follows the damage is dropped");
            options.set_wal_recovery_mode(DBRecoveryMode::PointInTime);
            open(&options)
        }
        opened => opened,
    };
    opened.map_err(|source| database(path, source))
}

/// Reads the store record, or writes that of a new store. A later format is refused before anything else is looked at.
fn store_record(db: &DB, path: &Path, settings: &Settings) -> Result<StoreRecord, OpenError> {
    let key = keys::store_record();
    if let Some(sealed) = db.get(&key).map_err(|source| database(path, source))? {
        return read_store_record(path, &key, &sealed, settings.format.reads());
    }
    if holds_anything(db) {
        let source = crate::codec::damaged("the store record", "missing");
        return Err(OpenError::Records {
            path: path.to_owned(),
            source,
        });
    }
    let record = StoreRecord {
        format: settings.format.writes(),
        hash_key: settings.hash_key.unwrap_or_else(random_key),
    };
    let mut batch = WriteBatch::default();
    batch.put(&key, record.write(&key));
    let mut options = WriteOptions::default();
    options.set_sync(true);
    db.write_opt(batch, &options)
        .map_err(|source| database(path, source))?;
    Ok(record)
}

/// Checks format and seal.
pub(crate) fn read_store_record(
    path: &Path,
    key: &[u8],
    sealed: &[u8],
    reads: Formats,
) -> Result<StoreRecord, OpenError> {
    let whole =
        StoreRecord::format_of(sealed).filter(|_| crate::codec::unseal(key, sealed).is_ok());
    match whole.map(|found| reads.check(found)) {
        Some(Err(source)) => Err(format(path, source)),
        _ => StoreRecord::read(key, sealed).map_err(|flaw| OpenError::Records {
            path: path.to_owned(),
            source: crate::codec::damaged("the store record", flaw),
        }),
    }
}

/// Puts the store into a later format, durably.
pub(crate) fn put_store_record(engine: &Engine, format: u32) -> crate::Result<()> {
    let record = StoreRecord {
        format,
        hash_key: engine.hash_key,
    };
    let key = keys::store_record();
    let mut batch = WriteBatch::default();
    batch.put_cf(&engine.family(Family::Default), &key, record.write(&key));
    let ticket = engine.write(batch, Space::Takes)?;
    engine.sync(ticket)
}

/// True if any family holds a key: a store without its record must not pass for a new one.
fn holds_anything(db: &DB) -> bool {
    Family::ALL.iter().any(|family| {
        db.cf_handle(family.name()).is_some_and(|handle| {
            let mut iterator = db.raw_iterator_cf(&handle);
            iterator.seek_to_first();
            iterator.valid()
        })
    })
}

fn random_key() -> HashKey {
    let word = |half: u128| [(half >> 64) as u64, half as u64];
    let [a, b] = word(uuid::Uuid::new_v4().as_u128());
    let [c, d] = word(uuid::Uuid::new_v4().as_u128());
    HashKey([a, b, c, d])
}

fn format(path: &Path, source: Unreadable) -> OpenError {
    OpenError::Format {
        path: path.to_owned(),
        source,
    }
}

fn folder(path: &Path, source: std::io::Error) -> OpenError {
    OpenError::Folder {
        path: path.to_owned(),
        source,
    }
}

fn database(path: &Path, source: rocksdb::Error) -> OpenError {
    OpenError::Database {
        path: path.to_owned(),
        source,
    }
}
