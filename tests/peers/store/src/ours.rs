//! The store as the hub uses it, and the data set that all comparisons share.

use crate::documents::{document, id};
use crate::raw::{Pair, stored_pairs};
use anyhow::{Context, Result, ensure};
use sluice_dataset::{
    AppendOptions, Dataset as _, DatasetName, DatasetNumber, PreparedEntity, RawCandidate,
    ReadOptions, VersionBatch,
};
use sluice_entity::{HashKey, Limits, Numbers, Reader};
use sluice_store::{ByteHasher, Compared, Dataset, Durability, Settings, Store};
use std::path::Path;
use tempfile::TempDir;

/// Entities in one transaction.
pub const BATCH: usize = 1_000;

pub struct Ours {
    pub store: Store,
    pub dataset: Dataset,
    hasher: ByteHasher,
}

impl Ours {
    pub fn open(path: &Path) -> Result<Ours> {
        Ours::open_with_cache(path, Settings::default().cache_bytes)
    }

    /// As [`Ours::open`], with another block cache.
    pub fn open_with_cache(path: &Path, cache_bytes: usize) -> Result<Ours> {
        // One key for all stores of a run: prepared entities and stored pairs fit all of them.
        let settings = Settings {
            cache_bytes,
            hash_key: Some(HashKey([1, 2, 3, 4])),
            ..Settings::default()
        };
        let store = Store::open(path, &settings)?;
        let dataset = store.create_dataset(&DatasetName::new("orders")?, DatasetNumber(1))?;
        let hasher = store.byte_hasher(b"benchmark");
        Ok(Ours {
            store,
            dataset,
            hasher,
        })
    }

    pub fn prepare(&self, reader: &mut Reader, bytes: &[u8]) -> Result<PreparedEntity> {
        let entity = reader.read_entity(bytes)?;
        let mut prepared = PreparedEntity::new(&entity, self.store.hash_key())
            .context("an entity without an id")?;
        prepared.raw_hash = Some(self.hasher.hash(bytes));
        Ok(prepared)
    }

    /// One transaction; the number of entities that were new or changed.
    pub fn append(&self, batch: &[PreparedEntity], durability: Durability) -> Result<()> {
        let mut transaction = self.store.transaction(&[&self.dataset])?;
        transaction.append(&self.dataset, batch, 1, &AppendOptions::default())?;
        transaction.commit(durability)?;
        Ok(())
    }

    /// Passes over what has the bytes that were last received for its id, without reading it; all must be so.
    pub fn pass_over(&self, documents: &[Vec<u8>]) -> Result<()> {
        let mut candidates = Vec::with_capacity(documents.len());
        for bytes in documents {
            candidates.push(RawCandidate {
                id: std::str::from_utf8(id(bytes))?,
                raw_hash: self.hasher.hash(bytes),
            });
        }
        let compared = self.dataset.compare_received(&candidates)?;
        let same: Vec<_> = candidates
            .into_iter()
            .zip(compared)
            .filter_map(|(candidate, compared)| match compared {
                Compared::Same(seen) => Some((candidate, seen)),
                Compared::Different | Compared::Unknown => None,
            })
            .collect();
        let mut transaction = self.store.transaction(&[&self.dataset])?;
        let passed = transaction.pass_over(&self.dataset, &same, &AppendOptions::default())?;
        ensure!(
            passed.len() == documents.len() && passed.into_iter().all(|is_same| is_same),
            "an unchanged entity was not passed over"
        );
        transaction.commit(Durability::Buffered)?;
        Ok(())
    }

    /// All pages of the dataset, in order; the number of versions.
    pub fn pages(&self, mut take: impl FnMut(&VersionBatch)) -> Result<usize> {
        let mut options = ReadOptions::default();
        let mut count = 0;
        loop {
            let page = self.dataset.read(&options, 1 << 20)?;
            count += page.len();
            take(&page);
            options.since = page.resume();
            if page.at_end() {
                return Ok(count);
            }
        }
    }
}

pub fn reader() -> Reader {
    Reader::new(Limits::default(), Numbers::default())
}

/// A filled store on disk, what filled it, and the pairs it wrote.
pub struct World {
    pub documents: Vec<Vec<u8>>,
    pub prepared: Vec<PreparedEntity>,
    pub pairs: Vec<Pair>,
    pub folder: TempDir,
}

impl World {
    pub fn new(count: u64) -> Result<World> {
        let folder = tempfile::tempdir()?;
        let documents: Vec<Vec<u8>> = (0..count).map(document).collect();
        let ours = Ours::open(folder.path())?;
        let mut reader = reader();
        let prepared: Vec<PreparedEntity> = documents
            .iter()
            .map(|bytes| ours.prepare(&mut reader, bytes))
            .collect::<Result<_>>()?;
        for batch in prepared.chunks(BATCH) {
            ours.append(batch, Durability::Buffered)?;
        }
        ours.store.flush()?;
        drop(ours);
        let pairs = stored_pairs(
            folder.path(),
            documents.iter().map(|bytes| id(bytes).to_vec()),
        )?;
        ensure!(
            pairs.len() == documents.len(),
            "the store wrote {} versions",
            pairs.len()
        );
        Ok(World {
            documents,
            prepared,
            pairs,
            folder,
        })
    }

    pub fn source_bytes(&self) -> usize {
        self.documents.iter().map(Vec::len).sum()
    }
}
