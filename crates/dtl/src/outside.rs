//! What a program needs from outside, as traits: time, chance, secrets, and datasets. All synchronous.

use std::collections::HashMap;

use sluice_entity::{Arena, Datetime, Entity};

use crate::index::IndexExpression;

/// Time, chance and secrets.
pub trait Environment: Send + Sync {
    fn now(&self) -> Datetime;
    /// A random (version 4) UUID.
    fn uuid(&self) -> [u8; 16];
    fn secret(&self, name: &str) -> Option<String>;
}

/// Reads of datasets, answered from local data.
pub trait Lookup {
    /// The latest version of `id`; `None` if there is none or it is deleted.
    fn entity(&self, dataset: &str, id: &str) -> Result<Option<Entity>, LookupError>;

    /// The live entities for which `index` gives at least one of `keys`: each once, ordered by `_id` (HO5).
    /// Keys are sorted, without duplicates, in the form of [`IndexExpression::keys`].
    fn by_index(
        &self,
        dataset: &str,
        index: &IndexExpression,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Entity>, LookupError>;
}

/// Why a dataset could not be read.
#[derive(Debug, thiserror::Error)]
pub enum LookupError {
    #[error("dataset \"{dataset}\" is not there")]
    UnknownDataset { dataset: String },
    #[error("index \"{index}\" of dataset \"{dataset}\" is not there")]
    UnknownIndex { dataset: String, index: String },
    #[error("cannot read dataset \"{dataset}\"")]
    Read {
        dataset: String,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Datasets in memory: for tests and for evaluation on the command line.
#[derive(Default)]
pub struct MemoryLookup {
    datasets: HashMap<String, Vec<Entity>>,
}

impl MemoryLookup {
    pub fn new() -> MemoryLookup {
        MemoryLookup::default()
    }

    /// Adds a dataset; of several entities with one id the last counts.
    pub fn insert(&mut self, dataset: &str, entities: impl IntoIterator<Item = Entity>) {
        let mut latest: Vec<Entity> = Vec::new();
        for entity in entities {
            match latest.iter_mut().find(|known| known.id() == entity.id()) {
                Some(known) => *known = entity,
                None => latest.push(entity),
            }
        }
        latest.retain(|entity| !entity.is_deleted());
        latest.sort_by(|a, b| a.id().cmp(&b.id()));
        self.datasets.insert(dataset.to_owned(), latest);
    }

    fn dataset(&self, dataset: &str) -> Result<&[Entity], LookupError> {
        let missing = || LookupError::UnknownDataset {
            dataset: dataset.to_owned(),
        };
        self.datasets
            .get(dataset)
            .map(Vec::as_slice)
            .ok_or_else(missing)
    }
}

impl Lookup for MemoryLookup {
    fn entity(&self, dataset: &str, id: &str) -> Result<Option<Entity>, LookupError> {
        Ok(self
            .dataset(dataset)?
            .iter()
            .find(|entity| entity.id() == Some(id))
            .cloned())
    }

    fn by_index(
        &self,
        dataset: &str,
        index: &IndexExpression,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Entity>, LookupError> {
        let arena = Arena::new();
        let mut own = Vec::new();
        let mut found = Vec::new();
        for entity in self.dataset(dataset)? {
            own.clear();
            index.keys(entity, &arena, &mut own);
            if own.iter().any(|key| keys.binary_search(key).is_ok()) {
                found.push(entity.clone());
            }
        }
        Ok(found)
    }
}

/// No datasets at all: for expressions that look nothing up.
pub(crate) struct NoLookup;

impl Lookup for NoLookup {
    fn entity(&self, dataset: &str, _: &str) -> Result<Option<Entity>, LookupError> {
        Err(LookupError::UnknownDataset {
            dataset: dataset.to_owned(),
        })
    }

    fn by_index(
        &self,
        dataset: &str,
        _: &IndexExpression,
        _: &[Vec<u8>],
    ) -> Result<Vec<Entity>, LookupError> {
        Err(LookupError::UnknownDataset {
            dataset: dataset.to_owned(),
        })
    }
}

/// A world that stands still: for index expressions, which may not depend on it.
pub(crate) struct NoEnvironment;

impl Environment for NoEnvironment {
    fn now(&self) -> Datetime {
        Datetime::from_unix(0, 0).expect("1970 is between the years 1 and 9999")
    }

    fn uuid(&self) -> [u8; 16] {
        [0; 16]
    }

    fn secret(&self, _: &str) -> Option<String> {
        None
    }
}
