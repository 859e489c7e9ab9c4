//! DTL's lookup trait on local datasets: hops and `lookup-entity`, synchronous, for blocking threads only.

use crate::slice::Slice;
use sluice_dataset::{Dataset, Result};
use sluice_dtl::{IndexExpression, Lookup, LookupError};
use sluice_entity::{Entity, string_of_join_key};
use std::collections::BTreeSet;

/// Name of the index that every dataset is anyway: id to latest version.
pub(crate) const PRIMARY: &str = "_id";

/// Lookups of one batch. Everything is read from the slice's snapshot, except the pipe's own sink, which is read as it is now
/// (R47).
pub(crate) struct LocalLookup<'a> {
    slice: &'a Slice,
    own_sink: Option<(&'a str, &'a sluice_store::Dataset)>,
}

impl<'a> LocalLookup<'a> {
    /// For a run that writes `own_sink`, if it writes a dataset.
    pub(crate) fn new(
        slice: &'a Slice,
        own_sink: Option<(&'a str, &'a sluice_store::Dataset)>,
    ) -> Self {
        LocalLookup { slice, own_sink }
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
        self.on(dataset, |dataset| {
            if index.name() == PRIMARY {
                let ids: BTreeSet<&str> = keys
                    .iter()
                    .filter_map(|key| string_of_join_key(key))
                    .collect();
                return live(dataset, &ids.into_iter().collect::<Vec<_>>());
            }
            let ids = dataset.matches(index.name(), keys)?;
            live(dataset, &ids.iter().map(String::as_str).collect::<Vec<_>>())
        })
    }
}

fn live(dataset: &dyn Dataset, ids: &[&str]) -> Result<Vec<Entity>> {
    let versions = dataset.get_many(ids)?.into_iter().flatten();
    Ok(versions
        .filter(|version| !version.is_deleted())
        .map(|version| version.to_entity())
        .collect())
}
