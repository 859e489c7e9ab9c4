//! The one way anything of a pipe reaches the store: data, offset, log and queue in ONE transaction.

use crate::clock::Micros;
use crate::pass_over::Passed;
use crate::shared::Shared;
use sluice_dataset::{AppendOptions, Change, FullRun, Offset, PreparedEntity, Result};
use sluice_store::{Dataset, Durability, StateKey, Store, Transaction};
use std::collections::HashSet;
use std::sync::Arc;

/// Versions for one dataset.
pub(crate) struct Append {
    /// Where to.
    pub dataset: Dataset,
    /// In order; shared, because a write that fails is tried again.
    pub entities: Arc<[PreparedEntity]>,
    /// Those among them that were not read, with how many of the others come before each.
    pub passed: Arc<[Passed]>,
    /// Full run, force.
    pub options: AppendOptions,
}

impl Append {
    /// Plain versions.
    pub(crate) fn new(dataset: &Dataset, entities: impl Into<Arc<[PreparedEntity]>>) -> Self {
        Append {
            dataset: dataset.clone(),
            entities: entities.into(),
            passed: Arc::default(),
            options: AppendOptions::default(),
        }
    }

    /// Answers one change per entity; those of passed ones come last.
    fn write(
        &self,
        store: &Store,
        transaction: &mut Transaction,
        now: Micros,
    ) -> Result<Vec<Change>> {
        let Append {
            dataset, options, ..
        } = self;
        if self.passed.is_empty() {
            return transaction.append(dataset, &self.entities, now, options);
        }
        let unread = self.confirm(transaction)?;
        let over = self.passed.len() - unread.len();
        let mut changes = if unread.is_empty() {
            transaction.append(dataset, &self.entities, now, options)?
        } else {
            let entities = self.with_unread(&unread, store)?;
            transaction.append(dataset, &entities, now, options)?
        };
        changes.resize(changes.len() + over, Change::Unchanged);
        Ok(changes)
    }

    /// The passed ones that have to be read after all, in order.
    fn confirm(&self, transaction: &mut Transaction) -> Result<Vec<&Passed>> {
        // What comes twice is worked through in its order.
        let written: HashSet<&str> = self.entities.iter().map(PreparedEntity::id).collect();
        let is_alone = |passed: &&Passed| written.is_empty() || !written.contains(passed.id());
        let candidates: Vec<_> = self
            .passed
            .iter()
            .filter(is_alone)
            .map(Passed::candidate)
            .collect();
        let mut confirmed = transaction
            .pass_over(&self.dataset, &candidates, &self.options)?
            .into_iter();
        let is_unread =
            |passed: &&Passed| !(is_alone(passed) && confirmed.next().unwrap_or_default());
        Ok(self.passed.iter().filter(is_unread).collect())
    }

    fn with_unread(&self, unread: &[&Passed], store: &Store) -> Result<Vec<PreparedEntity>> {
        let mut entities = Vec::with_capacity(self.entities.len() + unread.len());
        let mut unread = unread.iter().peekable();
        for position in 0..=self.entities.len() {
            while let Some(passed) = unread.next_if(|passed| passed.before <= position) {
                entities.push(passed.read(store.hash_key())?);
            }
            entities.extend(self.entities.get(position).cloned());
        }
        Ok(entities)
    }
}

/// Ids that a full run produced and could not write: deletion tracking counts them as seen.
pub(crate) struct Produced {
    /// What the run writes.
    pub dataset: Dataset,
    /// Its marks.
    pub run: FullRun,
    /// The ids.
    pub ids: Vec<String>,
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
    /// What a full run produced without writing it.
    pub produced: Option<Produced>,
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
            produced: None,
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
            && self.produced.is_none()
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
pub(crate) fn commit(shared: &Shared, writes: &Writes, now: Micros) -> Result<Done> {
    let mut datasets: Vec<&Dataset> = writes
        .appends
        .iter()
        .map(|append| &append.dataset)
        .collect();
    datasets.extend(&writes.populated);
    datasets.extend(writes.ended_run.as_ref().map(|(dataset, _)| dataset));
    datasets.extend(writes.produced.as_ref().map(|produced| &produced.dataset));
    let mut transaction = shared.store.transaction(&datasets)?;
    let mut changes = Vec::with_capacity(writes.appends.len());
    for append in &writes.appends {
        shared.assignment.stamp(&mut transaction, &append.dataset)?;
        changes.push(append.write(&shared.store, &mut transaction, now)?);
    }
    if let Some(Produced { dataset, run, ids }) = &writes.produced {
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        transaction.mark_seen(dataset, run, &ids)?;
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
    let committed = shared
        .assignment
        .lease
        .commit(transaction, writes.durability)?;
    let committed = committed.datasets;
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
