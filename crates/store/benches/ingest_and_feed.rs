//! W2 and W3 in small form: ingest against raw puts of the same stored pairs, feed against a raw scan, single pushers against one.
//!
//! Reading and hashing is a stage of its own (`prepared`), so the ratio that counts is the writer's. The raw loops write and read
//! exactly the pairs that the store wrote; that they are the same is checked first.
#![allow(clippy::unwrap_used)]

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use rocksdb::{BlockBasedOptions, Cache, DB, DBCompressionType, IteratorMode, Options, WriteBatch};
use sluice_dataset::{
    AppendOptions, Dataset as _, DatasetName, DatasetNumber, PreparedEntity, RawCandidate,
    ReadOptions,
};
use sluice_entity::{Limits, Numbers, Reader, Style};
use sluice_store::{ByteHasher, Compared, Dataset, Durability, Settings, Store};
use std::path::Path;
use std::sync::mpsc::sync_channel;
use std::time::{Duration, Instant};
use tempfile::TempDir;

const ENTITIES: u64 = 100_000;
const BATCH: usize = 1_000;
const FAMILIES: [&str; 5] = ["default", "log", "ids", "superseded", "index"];

/// About 900 bytes, scattered ids.
fn document(number: u64) -> Vec<u8> {
    let id = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mut text = format!(
        r#"{{"_id": "{id:016x}", "order": {number}, "customer": {{"id": "c-{}", "name": "Kari Nordmann", "city": "Tromsø"}}, "price": {}.{:02}, "paid": {}, "created": "~t2024-05-{:02}T10:00:00Z", "lines": ["#,
        number % 9_973,
        number % 1_000,
        number % 100,
        number.is_multiple_of(3),
        number % 28 + 1
    );
    for line in 0..6 {
        let comma = if line == 0 { "" } else { ", " };
        let sku = id.rotate_left(line * 9);
        text += &format!(
            r#"{comma}{{"sku": "{sku:016x}", "quantity": {}, "note": "line {line} of order {number}"}}"#,
            number % 7 + 1
        );
    }
    text += "]}";
    text.into_bytes()
}

fn reader() -> Reader {
    Reader::new(Limits::default(), Numbers::default())
}

fn prepare(store: &Store, reader: &mut Reader, bytes: &[u8]) -> PreparedEntity {
    let mut prepared =
        PreparedEntity::new(&reader.read_entity(bytes).unwrap(), store.hash_key()).unwrap();
    prepared.raw_hash = Some(hasher(store).hash(bytes));
    prepared
}

fn hasher(store: &Store) -> ByteHasher {
    store.byte_hasher(b"benchmark")
}

fn open(path: &Path) -> (Store, Dataset) {
    let store = Store::open(path, &Settings::default()).unwrap();
    let dataset = store
        .create_dataset(&DatasetName::new("bench").unwrap(), DatasetNumber(1))
        .unwrap();
    (store, dataset)
}

fn ingest(store: &Store, dataset: &Dataset, batch: &[PreparedEntity]) {
    let mut transaction = store.transaction(&[dataset]).unwrap();
    transaction
        .append(dataset, batch, 1, &AppendOptions::default())
        .unwrap();
    transaction.commit(Durability::Buffered).unwrap();
}

fn ingest_all(store: &Store, dataset: &Dataset, prepared: &[PreparedEntity]) -> Duration {
    let started = Instant::now();
    prepared
        .chunks(BATCH)
        .for_each(|batch| ingest(store, dataset, batch));
    started.elapsed()
}

/// The store's own settings for the two families that the raw loop writes.
fn raw_database(path: &Path) -> DB {
    let cache = Cache::new_lru_cache(256 << 20);
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_max_total_wal_size(64 << 20);
    options.set_max_background_jobs(2);
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
    DB::open_cf_with_opts(&options, path, ["log", "ids"].map(family)).unwrap()
}

/// The store's files, read-only. RocksDB crashes when it opens so, without this option, what was written with it.
fn read_only(path: &Path) -> DB {
    let mut options = Options::default();
    options.set_track_and_verify_wals_in_manifest(true);
    DB::open_cf_for_read_only(&options, path, FAMILIES, false).unwrap()
}

/// (log pairs in order, the ids entry of each).
type Pairs = Vec<([Vec<u8>; 2], [Vec<u8>; 2])>;

/// What the store wrote, from its files.
fn stored_pairs(path: &Path, documents: &[Vec<u8>]) -> Pairs {
    let db = read_only(path);
    let (log, ids) = (db.cf_handle("log").unwrap(), db.cf_handle("ids").unwrap());
    let pairs: Pairs = db
        .iterator_cf(&log, IteratorMode::Start)
        .zip(documents)
        .map(|(pair, document)| {
            let (key, value) = pair.unwrap();
            let id_key = [&key[..8], &document[9..25]].concat();
            let id_value = db.get_cf(&ids, &id_key).unwrap().unwrap();
            ([key.into(), value.into()], [id_key, id_value])
        })
        .collect();
    assert_eq!(
        pairs.len() as u64,
        ENTITIES,
        "a log entry and an index entry for each entity"
    );
    pairs
}

fn put_raw(db: &DB, pairs: &Pairs) -> Duration {
    let (log, ids) = (db.cf_handle("log").unwrap(), db.cf_handle("ids").unwrap());
    let started = Instant::now();
    for batch in pairs.chunks(BATCH) {
        let mut writes = WriteBatch::default();
        for ([log_key, log_value], [id_key, id_value]) in batch {
            writes.put_cf(&log, log_key, log_value);
            writes.put_cf(&ids, id_key, id_value);
        }
        db.write(writes).unwrap();
    }
    started.elapsed()
}

struct World {
    documents: Vec<Vec<u8>>,
    folder: TempDir,
    prepared: Vec<PreparedEntity>,
    pairs: Pairs,
}

/// A filled store on disk, its pairs, and the prepared entities that made it.
fn world() -> World {
    let folder = tempfile::tempdir().unwrap();
    let documents: Vec<Vec<u8>> = (0..ENTITIES).map(document).collect();
    let (store, dataset) = open(folder.path());
    let mut reader = reader();
    let prepared: Vec<PreparedEntity> = documents
        .iter()
        .map(|bytes| prepare(&store, &mut reader, bytes))
        .collect();
    ingest_all(&store, &dataset, &prepared);
    store.flush().unwrap();
    drop((dataset, store));
    let pairs = stored_pairs(folder.path(), &documents);
    World {
        documents,
        folder,
        prepared,
        pairs,
    }
}

fn ingest_new(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("ingest new");
    group
        .throughput(Throughput::Elements(ENTITIES))
        .sample_size(10);
    group.bench_function("raw puts of the same pairs", |bencher| {
        bencher
            .iter_custom(|rounds| fresh(rounds, |path| put_raw(&raw_database(path), &world.pairs)));
    });
    group.bench_function("prepared", |bencher| {
        bencher.iter_custom(|rounds| {
            fresh(rounds, |path| {
                let (store, dataset) = open(path);
                ingest_all(&store, &dataset, &world.prepared)
            })
        });
    });
    group.bench_function("from bytes, reading on a second thread", |bencher| {
        bencher.iter_custom(|rounds| {
            fresh(rounds, |path| {
                let (store, dataset) = open(path);
                ingest_staged(&store, &dataset, &world.documents)
            })
        });
    });
    group.finish();
}

fn fresh(rounds: u64, run: impl Fn(&Path) -> Duration) -> Duration {
    (0..rounds)
        .map(|_| run(tempfile::tempdir().unwrap().path()))
        .sum()
}

fn ingest_staged(store: &Store, dataset: &Dataset, documents: &[Vec<u8>]) -> Duration {
    let started = Instant::now();
    std::thread::scope(|scope| {
        let (sender, receiver) = sync_channel::<Vec<PreparedEntity>>(4);
        scope.spawn(move || {
            let mut reader = reader();
            for batch in documents.chunks(BATCH) {
                sender
                    .send(
                        batch
                            .iter()
                            .map(|bytes| prepare(store, &mut reader, bytes))
                            .collect(),
                    )
                    .unwrap();
            }
        });
        receiver
            .iter()
            .for_each(|batch| ingest(store, dataset, &batch));
    });
    started.elapsed()
}

fn ingest_unchanged(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("ingest unchanged");
    group
        .throughput(Throughput::Elements(ENTITIES))
        .sample_size(10);
    {
        let db = read_only(world.folder.path());
        let ids = db.cf_handle("ids").unwrap();
        group.bench_function("look-up only", |bencher| {
            bencher.iter(|| {
                for batch in world.pairs.chunks(BATCH) {
                    let mut keys: Vec<&Vec<u8>> =
                        batch.iter().map(|(_, [id_key, _])| id_key).collect();
                    keys.sort_unstable();
                    let found = db.batched_multi_get_cf(&ids, keys, true);
                    assert!(found.iter().all(|value| matches!(value, Ok(Some(_)))));
                }
            });
        });
    }
    let (store, dataset) = open(world.folder.path());
    let newest = dataset.status().unwrap().max_offset;
    group.bench_function("prepared", |bencher| {
        bencher.iter(|| ingest_all(&store, &dataset, &world.prepared));
    });
    group.bench_function("from bytes, one thread, full parse", |bencher| {
        let mut reader = reader();
        bencher.iter(|| {
            for batch in world.documents.chunks(BATCH) {
                let prepared: Vec<_> = batch
                    .iter()
                    .map(|bytes| prepare(&store, &mut reader, bytes))
                    .collect();
                ingest(&store, &dataset, &prepared);
            }
        });
    });
    group.bench_function(
        "from bytes, one thread, hash of the bytes first",
        |bencher| {
            let hasher = hasher(&store);
            bencher.iter(|| {
                for batch in world.documents.chunks(BATCH) {
                    let candidates: Vec<RawCandidate<'_>> = batch
                        .iter()
                        .map(|bytes| RawCandidate {
                            id: std::str::from_utf8(&bytes[9..25]).unwrap(),
                            raw_hash: hasher.hash(bytes),
                        })
                        .collect();
                    let compared = dataset.compare_received(&candidates).unwrap();
                    let same: Vec<_> = candidates
                        .into_iter()
                        .zip(compared)
                        .filter_map(|(candidate, compared)| match compared {
                            Compared::Same(seen) => Some((candidate, seen)),
                            Compared::Different | Compared::Unknown => None,
                        })
                        .collect();
                    assert_eq!(same.len(), batch.len());
                    let mut transaction = store.transaction(&[&dataset]).unwrap();
                    let passed = transaction
                        .pass_over(&dataset, &same, &AppendOptions::default())
                        .unwrap();
                    assert!(passed.into_iter().all(|is_same| is_same));
                    transaction.commit(Durability::Buffered).unwrap();
                }
            });
        },
    );
    assert_eq!(
        dataset.status().unwrap().max_offset,
        newest,
        "nothing changed"
    );
    group.finish();
}

fn feed(criterion: &mut Criterion, world: &World) {
    let mut group = criterion.benchmark_group("feed");
    group
        .throughput(Throughput::Elements(ENTITIES))
        .sample_size(10);
    {
        let db = read_only(world.folder.path());
        let log = db.cf_handle("log").unwrap();
        group.bench_function("raw scan", |bencher| {
            bencher.iter(|| {
                let mut iterator = db.raw_iterator_cf(&log);
                iterator.seek_to_first();
                let (mut count, mut bytes) = (0, 0);
                while let Some(value) = iterator.value() {
                    count += 1;
                    bytes += value.len();
                    iterator.next();
                }
                assert_eq!(count, ENTITIES);
                bytes
            });
        });
    }
    let (_store, dataset) = open(world.folder.path());
    for (name, options) in [
        ("pages", ReadOptions::default()),
        ("pages, latest only", ReadOptions::latest()),
    ] {
        group.bench_function(name, |bencher| {
            bencher.iter(|| pages(&dataset, options.clone(), |_| {}))
        });
    }
    group.bench_function("pages as JSON", |bencher| {
        let style = Style::default();
        bencher.iter(|| {
            let mut out = Vec::with_capacity(2 << 20);
            pages(&dataset, ReadOptions::default(), |page| {
                out.clear();
                page.iter()
                    .for_each(|version| version.write_json(&mut out, &style));
            });
        });
    });
    group.finish();
}

fn pages(
    dataset: &Dataset,
    mut options: ReadOptions,
    mut take: impl FnMut(&sluice_dataset::VersionBatch),
) {
    let mut count = 0;
    loop {
        let page = dataset.read(&options, 1 << 20).unwrap();
        count += page.len() as u64;
        take(&page);
        options.since = page.resume();
        if page.at_end() {
            break;
        }
    }
    assert_eq!(count, ENTITIES);
}

/// Acknowledged pushes of one entity: one pusher, and 64 that share syncs.
fn pushes(criterion: &mut Criterion) {
    const PUSHES: u64 = 20;
    let folder = tempfile::tempdir().unwrap();
    let (store, dataset) = open(folder.path());
    let mut next = 0_u64;
    let mut group = criterion.benchmark_group("synced pushes of one");
    group.sample_size(10);
    for pushers in [1_u64, 64] {
        group.throughput(Throughput::Elements(PUSHES * pushers));
        group.bench_function(format!("{pushers} side by side"), |bencher| {
            bencher.iter(|| {
                next += PUSHES * pushers;
                std::thread::scope(|scope| {
                    for pusher in 0..pushers {
                        let (store, dataset) = (&store, &dataset);
                        let first = next + pusher * PUSHES;
                        scope.spawn(move || {
                            let mut reader = reader();
                            for number in first..first + PUSHES {
                                let entity = prepare(store, &mut reader, &document(number));
                                let mut transaction = store.transaction(&[dataset]).unwrap();
                                transaction
                                    .append(dataset, &[entity], 1, &AppendOptions::default())
                                    .unwrap();
                                transaction.commit(Durability::Synced).unwrap();
                            }
                        });
                    }
                });
            });
        });
    }
    group.finish();
}

fn all(criterion: &mut Criterion) {
    let world = world();
    ingest_new(criterion, &world);
    ingest_unchanged(criterion, &world);
    feed(criterion, &world);
    pushes(criterion);
}

criterion_group!(benches, all);
criterion_main!(benches);
