//! Passing over received entities that need not be read: their bytes are those last received for their id.
//!
//! Only where nothing lies between the bytes and the dataset but a [`Recipe`]: then equal bytes make an equal version, and an
//! entity that was once found good is good. What a run or a push counts, marks and writes is the same as if it had been read
//! and found unchanged. The bytes are kept until the transaction has confirmed it: if the id was written meanwhile, or comes
//! more than once in the transaction, the entity is read after all, in its place.

mod array;
mod habit;
mod recipe;
mod scan;
#[cfg(test)]
mod tests;

pub(crate) use array::ReadEntity;
pub(crate) use habit::Habit;
pub(crate) use recipe::Recipe;

use crate::shared::Shared;
use array::{Element, SparingReader};
use bytes::{Bytes, BytesMut};
use sluice_dataset::{Error, PreparedEntity, RawCandidate, Result};
use sluice_entity::{ArrayReader, HashKey, ReadError};
use sluice_store::{ByteHasher, Compared, Dataset, Seen};
use std::sync::Arc;

/// What comparing needs, for one push or run.
#[derive(Clone)]
pub(crate) struct PassOver {
    shared: Arc<Shared>,
    dataset: Dataset,
    habit: Arc<Habit>,
    recipe: Arc<Recipe>,
    recipe_bytes: Vec<u8>,
    hasher: ByteHasher,
}

impl PassOver {
    /// For bytes that the recipe brings into the dataset; `None` where comparing is switched off.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        dataset: &Dataset,
        habit: &Arc<Habit>,
        recipe: Recipe,
    ) -> Option<Self> {
        let recipe_bytes = recipe.bytes();
        shared.passes_over.then(|| PassOver {
            shared: shared.clone(),
            dataset: dataset.clone(),
            habit: habit.clone(),
            hasher: shared.store.byte_hasher(&recipe_bytes),
            recipe: Arc::new(recipe),
            recipe_bytes,
        })
    }

    fn is_on(&self) -> bool {
        self.habit.is_on(&self.recipe_bytes)
    }

    /// Compares what can be compared.
    fn compare(&self, piece: &Bytes, elements: &[Element]) -> Comparison {
        let mut ids = Vec::with_capacity(elements.len());
        let mut hashes = vec![None; elements.len()];
        for (position, element) in elements.iter().enumerate() {
            let id = element.id.clone().map(|id| &piece[id]);
            if let Some(id) = id.and_then(|id| std::str::from_utf8(id).ok()) {
                ids.push((position, self.recipe.stored_id(id)));
                hashes[position] = Some(self.hasher.hash(&piece[element.range.clone()]));
            }
        }
        let candidates: Vec<RawCandidate<'_>> = ids
            .iter()
            .filter_map(|(position, id)| {
                let raw_hash = hashes[*position]?;
                Some(RawCandidate { id, raw_hash })
            })
            .collect();
        // Damage is met again, and dealt with, when the entities are written.
        let compared = self
            .dataset
            .compare_received(&candidates)
            .unwrap_or_default();
        let mut comparison = Comparison {
            spared: vec![false; elements.len()],
            hashes,
            passed: Vec::new(),
        };
        let mut different = 0;
        let mut read_before = 0;
        let mut next = 0;
        for ((position, id), compared) in ids.into_iter().zip(compared) {
            match compared {
                Compared::Unknown => continue,
                Compared::Different => {
                    different += 1;
                    continue;
                }
                Compared::Same(seen) => {
                    read_before += position - next;
                    next = position + 1;
                    comparison.spared[position] = true;
                    comparison.passed.push(Passed {
                        id,
                        raw_hash: comparison.hashes[position].unwrap_or_default(),
                        seen,
                        text: piece.slice(elements[position].range.clone()),
                        recipe: self.recipe.clone(),
                        before: read_before,
                    });
                }
            }
        }
        let same = comparison.passed.len() as u64;
        let is_over = self.habit.compared(same, different);
        self.shared.metrics.compared(same, different, is_over);
        comparison
    }
}

struct Comparison {
    spared: Vec<bool>,
    hashes: Vec<Option<u128>>,
    passed: Vec<Passed>,
}

/// An entity that was not read.
#[derive(Clone, Debug)]
pub(crate) struct Passed {
    id: String,
    raw_hash: u128,
    seen: Seen,
    text: Bytes,
    recipe: Arc<Recipe>,
    /// How many that were read come before it.
    pub before: usize,
}

impl Passed {
    /// The id under which it is stored.
    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    /// Bytes of its text.
    pub(crate) fn len(&self) -> usize {
        self.text.len()
    }

    /// In another list, behind so many that were read.
    pub(crate) fn behind(self, before: usize) -> Self {
        Passed { before, ..self }
    }

    /// For the store to confirm.
    pub(crate) fn candidate(&self) -> (RawCandidate<'_>, Seen) {
        let candidate = RawCandidate {
            id: &self.id,
            raw_hash: self.raw_hash,
        };
        (candidate, self.seen)
    }

    /// Reads it after all.
    pub(crate) fn read(&self, key: &HashKey) -> Result<PreparedEntity> {
        // These bytes were read by this recipe before, so they are good.
        let mut prepared = self
            .recipe
            .read(&self.text, key)
            .ok_or_else(|| Error::Damaged {
                place: format!("hash of the bytes received for id {:?}", self.id),
                what: "stands for bytes that cannot be read".to_owned(),
            })?;
        prepared.raw_hash = Some(self.raw_hash);
        Ok(prepared)
    }
}

/// What a piece brought, in order.
#[derive(Default)]
pub(crate) struct Taken {
    /// Entities that were read.
    pub read: Vec<ReadEntity>,
    /// Hashes of their bytes, to be stored with them; as many, or none at all.
    pub raw_hashes: Vec<Option<u128>>,
    /// Entities that were passed over.
    pub passed: Vec<Passed>,
    /// What is wrong behind them.
    pub error: Option<ReadError>,
}

/// Reads an array of entities piece by piece, but for those that need not be read. For blocking threads.
pub(crate) struct PieceReader {
    reader: SparingReader,
    pass_over: Option<PassOver>,
}

impl PieceReader {
    /// Without `pass_over` everything is read.
    pub(crate) fn new(reader: ArrayReader, pass_over: Option<PassOver>) -> Self {
        PieceReader {
            reader: SparingReader::new(reader),
            pass_over,
        }
    }

    /// What is complete with these chunks. Pieces should be long: the entity at the end of one is always read.
    pub(crate) fn take(&mut self, chunks: Vec<Bytes>) -> Taken {
        let mut taken = Taken::default();
        let is_compared = self.pass_over.as_ref().is_some_and(PassOver::is_on);
        let hashes = match self.pass_over.as_ref().filter(|_| is_compared) {
            Some(pass_over) => {
                let piece = in_one(chunks);
                let elements = self.reader.cut(&piece);
                let comparison = pass_over.compare(&piece, &elements);
                self.reader.give(&piece, &elements, &comparison.spared);
                taken.passed = comparison.passed;
                taken.error = self.read_all(&mut taken.read);
                comparison.hashes
            }
            None => {
                // What is not cut now cannot be cut later: nobody knows where it stands.
                self.reader.stop_cutting();
                for chunk in chunks {
                    self.reader.give(&chunk, &[], &[]);
                    taken.error = self.read_all(&mut taken.read);
                    if taken.error.is_some() {
                        break;
                    }
                }
                if let Some(pass_over) = &self.pass_over {
                    pass_over.habit.rested(taken.read.len() as u64);
                }
                return taken;
            }
        };
        let hash = |read: &ReadEntity| read.element.and_then(|element| hashes[element]);
        taken.raw_hashes = taken.read.iter().map(hash).collect();
        if self.reader.brought_end() {
            taken
                .passed
                .iter_mut()
                .for_each(|passed| passed.before += 1);
        }
        if self.reader.stuck_before().is_some() || taken.error.is_some() {
            // What comes behind the bad entity was not asked for yet.
            let read = taken.read.len();
            taken.passed.retain(|passed| passed.before <= read);
        }
        taken
    }

    fn read_all(&mut self, read: &mut Vec<ReadEntity>) -> Option<ReadError> {
        loop {
            match self.reader.next() {
                Ok(Some(entity)) => read.push(entity),
                Ok(None) => return None,
                Err(error) => return Some(error),
            }
        }
    }

    /// There are no more pieces: checks that the array was closed.
    pub(crate) fn finish(&mut self) -> Result<(), ReadError> {
        self.reader.finish()
    }
}

fn in_one(mut chunks: Vec<Bytes>) -> Bytes {
    if chunks.len() == 1 {
        return chunks.pop().unwrap_or_default();
    }
    let mut piece = BytesMut::with_capacity(chunks.iter().map(Bytes::len).sum());
    for chunk in chunks {
        piece.extend_from_slice(&chunk);
    }
    piece.freeze()
}
