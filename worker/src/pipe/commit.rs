//! The one way anything of a pipe reaches the store: data, offset, log and queue in ONE transaction.

use crate::clock::Micros;
use sluice_dataset::{AppendOptions, Change, FullRun, Offset, PreparedEntity, Result};
use sluice_store::{Dataset, Durability, StateKey, Store};
use std::sync::Arc;

/// Versions for one dataset.
pub(crate) struct Append {
    /// Where to.
    pub dataset: Dataset,
    /// In order; shared, because a write that fails is tried again.
    pub entities: Arc<[PreparedEntity]>,
    /// Full run, force.
    pub options: AppendOptions,
}

impl Append {
    /// Plain versions.
    pub(crate) fn new(dataset: &Dataset, entities: impl Into<Arc<[PreparedEntity]>>) -> Self {
        Append {
            dataset: dataset.clone(),
            entities: entities.into(),
            options: AppendOptions::default(),
        }
    }
}

/// Everything that has to happen together.
pub(crate) struct Writes {
    /// Versions, dataset by dataset.
    pub appends: Vec<Append>,
    /// Records to keep, or with `None` to drop.
    pub records: Vec<(StateKey, Option<Vec<u8>>)>,
    /// Datasets that are populated from here on (DS4).
    pub populated: Vec<Dataset>,
    /// A full run that ends here; its marks go.
    pub ended_run: Option<(Dataset, FullRun)>,
    /// When it counts as done.
    pub durability: Durability,
}

impl Default for Writes {
    fn default() -> Self {
        Writes {
            appends: Vec::new(),
            records: Vec::new(),
            populated: Vec::new(),
            ended_run: None,
            durability: Durability::Buffered,
        }
    }
}

impl Writes {
    /// True if there is nothing to write.
    pub(crate) fn is_empty(&self) -> bool {
        self.appends.is_empty()
            && self.records.is_empty()
            && self.populated.is_empty()
            && self.ended_run.is_none()
    }

    /// Names of the datasets whose readers want to know, given what became of the appends.
    pub(crate) fn changed_datasets<'a>(
        &'a self,
        changes: &'a [Vec<Change>],
    ) -> impl Iterator<Item = &'a Dataset> {
        let appended = self
            .appends
            .iter()
            .zip(changes)
            .filter(|(_, changes)| changes.iter().any(|c| c.is_appended()));
        appended
            .map(|(append, _)| &append.dataset)
            .chain(&self.populated)
    }
}

/// What a commit did.
#[derive(Default)]
pub(crate) struct Done {
    /// Per append, per entity.
    pub changes: Vec<Vec<Change>>,
    /// The newest offset of each append's dataset.
    pub max_offsets: Vec<Option<Offset>>,
}

/// Writes all of it or nothing. For blocking threads.
pub(crate) fn commit(store: &Store, writes: &Writes, now: Micros) -> Result<Done> {
    let mut datasets: Vec<&Dataset> = writes
        .appends
        .iter()
        .map(|append| &append.dataset)
        .collect();
    datasets.extend(&writes.populated);
    datasets.extend(writes.ended_run.as_ref().map(|(dataset, _)| dataset));
    let mut transaction = store.transaction(&datasets)?;
    let mut changes = Vec::with_capacity(writes.appends.len());
    for append in &writes.appends {
        changes.push(transaction.append(
            &append.dataset,
            &append.entities,
            now,
            &append.options,
        )?);
    }
    for (key, value) in &writes.records {
        match value {
            Some(value) => transaction.put_state(key, value),
            None => transaction.delete_state(key),
        }
    }
    for dataset in &writes.populated {
        transaction.mark_populated(dataset)?;
    }
    if let Some((dataset, run)) = &writes.ended_run {
        transaction.end_run(dataset, run)?;
    }
    let committed = transaction.commit(writes.durability)?.datasets;
    let newest = |append: &Append| {
        committed
            .iter()
            .find(|done| done.name == *append.dataset.name())?
            .max_offset
    };
    Ok(Done {
        changes,
        max_offsets: writes.appends.iter().map(newest).collect(),
    })
}
