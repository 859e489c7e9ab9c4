//! DTL's lookup trait on local datasets: hops and `lookup-entity`, synchronous, for blocking threads only.

use crate::slice::Slice;
use sluice_dataset::{Dataset, Result};
use sluice_dtl::{IndexExpression, Lookup, LookupError};
use sluice_entity::{Entity, string_of_join_key};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Name of the index that every dataset is anyway: id to latest version.
pub(crate) const PRIMARY: &str = "_id";

/// What hops found (HO13).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct HopFigures {
    /// Entities found, all joins together.
    pub rows: u64,
    /// Entities found for the source entity with the most of them.
    pub max_cardinality: u64,
}

impl HopFigures {
    /// Those of another part of the same run.
    pub(crate) fn add(&mut self, other: HopFigures) {
        self.rows += other.rows;
        self.max_cardinality = self.max_cardinality.max(other.max_cardinality);
    }
}

/// Lookups of one batch. Everything is read from the slice's snapshot, except the pipe's own sink, which is read as it is now
/// (R47).
pub(crate) struct LocalLookup<'a> {
    slice: &'a Slice,
    own_sink: Option<(&'a str, &'a sluice_store::Dataset)>,
    figures: Cell<HopFigures>,
    /// Entities found for the present source entity.
    found: Cell<u64>,
}

impl<'a> LocalLookup<'a> {
    /// For a run that writes `own_sink`, if it writes a dataset.
    pub(crate) fn new(
        slice: &'a Slice,
        own_sink: Option<(&'a str, &'a sluice_store::Dataset)>,
    ) -> Self {
        LocalLookup {
            slice,
            own_sink,
            figures: Cell::default(),
            found: Cell::default(),
        }
    }

    /// The next lookups are for another source entity.
    pub(crate) fn entity_ended(&self) {
        let found = self.found.take();
        let mut figures = self.figures.get();
        figures.add(HopFigures {
            rows: found,
            max_cardinality: found,
        });
        self.figures.set(figures);
    }

    /// What was found for the source entities that ended.
    pub(crate) fn figures(&self) -> HopFigures {
        self.figures.get()
    }

    /// Runs `read` on the dataset.
    fn on<T>(
        &self,
        dataset: &str,
        read: impl Fn(&dyn Dataset) -> Result<T>,
    ) -> Result<T, LookupError> {
        let result = match self.own_sink {
            Some((own, present)) if own == dataset => read(present),
            _ => match self.slice.dataset(dataset) {
                Ok(Some(view)) => read(&view),
                Ok(None) => {
                    return Err(LookupError::UnknownDataset {
                        dataset: dataset.to_owned(),
                    });
                }
                Err(error) => Err(error),
            },
        };
        result.map_err(|source| LookupError::Read {
            dataset: dataset.to_owned(),
            source: Box::new(source),
        })
    }
}

impl Lookup for LocalLookup<'_> {
    fn entity(&self, dataset: &str, id: &str) -> Result<Option<Entity>, LookupError> {
        self.on(dataset, |dataset| {
            Ok(dataset
                .get(id)?
                .filter(|version| !version.is_deleted())
                .map(|version| version.to_entity()))
        })
    }

    fn by_index(
        &self,
        dataset: &str,
        index: &IndexExpression,
        keys: &[Vec<u8>],
    ) -> Result<Vec<Entity>, LookupError> {
        let found = self.on(dataset, |dataset| {
            if index.name() == PRIMARY {
                let ids: BTreeSet<&str> = keys
                    .iter()
                    .filter_map(|key| string_of_join_key(key))
                    .collect();
                return live(dataset, &ids.into_iter().collect::<Vec<_>>());
            }
            let ids = dataset.matches(index.name(), keys)?;
            live(dataset, &ids.iter().map(String::as_str).collect::<Vec<_>>())
        })?;
        self.found.set(self.found.get() + found.len() as u64);
        Ok(found)
    }
}

fn live(dataset: &dyn Dataset, ids: &[&str]) -> Result<Vec<Entity>> {
    let versions = dataset.get_many(ids)?.into_iter().flatten();
    Ok(versions
        .filter(|version| !version.is_deleted())
        .map(|version| version.to_entity())
        .collect())
}
