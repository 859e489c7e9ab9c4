//! Passing over what was received again: an entity whose bytes are those last received for its id need not be read.
//!
//! The primary index keeps a keyed hash of the bytes beside the content hash. Two steps, so that nothing is read under the
//! dataset's write lock: [`Dataset::compare_received`] asks the index outside of any transaction, and
//! [`Transaction::pass_over`] lets the result stand if no index entry of the dataset was written since, or asks again.

use crate::codec::IdEntry;
use crate::engine::{Engine, storage};
use crate::families::Family;
use crate::transaction::Writing;
use crate::{Dataset, Result, Store, Transaction, codec, keys};
use highway::{HighwayHash, HighwayHasher, Key};
use sluice_dataset::{AppendOptions, DatasetName, DatasetNumber, Offset, RawCandidate};
use std::sync::Arc;

/// Hashes received bytes for one way of reading them.
#[derive(Clone, Debug)]
pub struct ByteHasher(HashOfRecipe);

#[derive(Clone, Copy)]
struct HashOfRecipe([u64; 4]);

/// Keys are secrets.
impl std::fmt::Debug for HashOfRecipe {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HashOfRecipe(..)")
    }
}

impl ByteHasher {
    /// For [`RawCandidate::raw_hash`](sluice_dataset::RawCandidate) and
    /// [`PreparedEntity::raw_hash`](sluice_dataset::PreparedEntity).
    pub fn hash(&self, bytes: &[u8]) -> u128 {
        let [low, high] = HighwayHasher::new(Key(self.0.0)).hash128(bytes);
        u128::from(high) << 64 | u128::from(low)
    }
}

/// What the index said of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compared {
    /// Its bytes are those last received for the id, and nothing else was written to the id since.
    Same(Seen),
    /// Other bytes were received, or the same ones to be read in another way.
    Different,
    /// The id is unknown, or its latest version was not received as bytes.
    Unknown,
}

/// Where the latest version of a candidate's id stands, and when that was looked up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    offset: Offset,
    writes: u64,
}

impl Store {
    /// `recipe` names everything that decides what becomes of received bytes, so that bytes read in another way are not the
    /// same. One of many ways per dataset, so the hash of the recipe is made once and becomes the key.
    pub fn byte_hasher(&self, recipe: &[u8]) -> ByteHasher {
        let key = HighwayHasher::new(Key(self.engine.hash_key.0)).hash256(recipe);
        ByteHasher(HashOfRecipe(key))
    }
}

impl Dataset {
    /// Compares entities that were not read with what was last received. Answers in their order; sorted ids are faster.
    pub fn compare_received(&self, candidates: &[RawCandidate<'_>]) -> Result<Vec<Compared>> {
        self.entry.check_not_deleted()?;
        // Before the look-up: whatever is written meanwhile is counted later, and makes the result old.
        let writes = self.entry.id_writes();
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_unstable_by_key(|&position| candidates[position].id);
        let sorted = order.iter().map(|&position| candidates[position].id);
        let entries = look_up(&self.store.engine, self.name(), self.number(), sorted)?;
        let mut compared = vec![Compared::Unknown; candidates.len()];
        for (position, entry) in order.into_iter().zip(entries) {
            let Some((entry, raw_hash)) = entry.and_then(|entry| Some((entry, entry.raw_hash?)))
            else {
                continue;
            };
            compared[position] = if raw_hash == candidates[position].raw_hash {
                Compared::Same(Seen {
                    offset: entry.offset,
                    writes,
                })
            } else {
                Compared::Different
            };
        }
        Ok(compared)
    }
}

impl Transaction {
    /// Says of entities found to be the same which still are. Those count as unchanged and as seen by `options.run`; the others
    /// have to be read and appended. Called before [`append`](Self::append), with no id that will be appended: whichever comes
    /// second has to see the first.
    pub fn pass_over(
        &mut self,
        dataset: &Dataset,
        candidates: &[(RawCandidate<'_>, Seen)],
        options: &AppendOptions,
    ) -> Result<Vec<bool>> {
        let engine = Arc::clone(&self.store().engine);
        let (writing, _) = self.writing(dataset)?;
        if let Some(run) = options.run {
            writing.check_run(run)?;
        }
        let offsets = writing.still_the_same(&engine, candidates)?;
        for offset in offsets.iter().flatten() {
            writing.report.unchanged += 1;
            if options.run.is_some() {
                writing.mark_seen(&engine, *offset)?;
            }
        }
        Ok(offsets.iter().map(Option::is_some).collect())
    }
}

impl Writing {
    fn still_the_same(
        &self,
        engine: &Engine,
        candidates: &[(RawCandidate<'_>, Seen)],
    ) -> Result<Vec<Option<Offset>>> {
        // Nobody else writes to the dataset while this transaction is open.
        let now = self.entry.id_writes();
        if self.pending.is_empty() && candidates.iter().all(|(_, seen)| seen.writes == now) {
            return Ok(candidates
                .iter()
                .map(|(_, seen)| Some(seen.offset))
                .collect());
        }
        let mut order: Vec<usize> = (0..candidates.len()).collect();
        order.sort_unstable_by_key(|&position| candidates[position].0.id);
        let sorted = order.iter().map(|&position| candidates[position].0.id);
        let stored = look_up(engine, &self.entry.name, self.number(), sorted)?;
        let mut offsets = vec![None; candidates.len()];
        for (position, stored) in order.into_iter().zip(stored) {
            let (candidate, _) = candidates[position];
            let written = self.pending.get(&keys::id(self.number(), candidate.id));
            offsets[position] = written
                .copied()
                .or(stored)
                .filter(|entry| entry.raw_hash == Some(candidate.raw_hash))
                .map(|entry| entry.offset);
        }
        Ok(offsets)
    }
}

/// The index entries of sorted ids. An id that is too long has none: writing it will say so.
fn look_up<'a>(
    engine: &Engine,
    name: &DatasetName,
    number: DatasetNumber,
    sorted: impl ExactSizeIterator<Item = &'a str> + Clone,
) -> Result<Vec<Option<IdEntry>>> {
    // All keys back to back: one allocation instead of one for each.
    let prefix = keys::id(number, "");
    let mut bytes = Vec::with_capacity(sorted.clone().map(|id| prefix.len() + id.len()).sum());
    let mut ends = Vec::with_capacity(sorted.len());
    for id in sorted.clone() {
        bytes.extend_from_slice(&prefix);
        bytes.extend_from_slice(id.as_bytes());
        ends.push(bytes.len());
    }
    let key = |position: usize| {
        let begin = position.checked_sub(1).map_or(0, |before| ends[before]);
        &bytes[begin..ends[position]]
    };
    let found =
        engine
            .db
            .batched_multi_get_cf(&engine.family(Family::Ids), (0..ends.len()).map(key), true);
    let mut entries = Vec::with_capacity(found.len());
    for ((position, id), sealed) in sorted.enumerate().zip(found) {
        let sealed = sealed.map_err(|error| storage("look up ids", error))?;
        let entry = sealed.map(|sealed| IdEntry::read(key(position), &sealed));
        entries.push(entry.transpose().map_err(|flaw| {
            codec::damaged(format!("dataset {name}, primary index, id {id:?}"), flaw)
        })?);
    }
    Ok(entries)
}
