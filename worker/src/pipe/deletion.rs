//! The deletes at the end of a full run or a full push: leave first, then bounded steps (DE1, R26, R27).
//!
//! R27 measures a run by the ids that were live when it began, an interruption notwithstanding: it must not delete more than half
//! of them. A run that did not complete leaves what it added, so the next attempt is measured once more, by the ids that were
//! live before the first of the attempts: what they added must not make the loss of all the others look small.

use super::failure::RunFailure;
use crate::blocking;
use crate::shared::Shared;
use serde::{Deserialize, Serialize};
use sluice_dataset::{
    Approval, Dataset as _, DeleteProgress, Error, FullRun, Result as DatasetResult, Unseen,
    WritableDataset,
};
use sluice_store::{Dataset, Durability};
use std::sync::Arc;

/// Ids that one transaction of deletion tracking deletes at most.
const DELETES: usize = 1_000;
const TRIED: &str = "delete what the full run did not produce";

/// A dataset as it was when a full run or push began; kept with the run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Beginning {
    /// Of the dataset: offsets of another one say nothing.
    generation: String,
    /// The log's end.
    start: u64,
    /// Live ids.
    live: u64,
}

/// What the deletes of a full run are measured by.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Measure {
    /// Its own beginning.
    own: Option<Beginning>,
    /// That of the first attempt since one was completed; its own if there was none before.
    first: Option<Beginning>,
}

impl Measure {
    /// A run begins, after attempts that were measured by `self`.
    pub(crate) fn begin(&mut self, dataset: &Dataset, run: &FullRun) -> DatasetResult<()> {
        let status = dataset.status()?;
        let own = Beginning {
            generation: status.generation.to_string(),
            start: run.start,
            live: status.counters.index_exists,
        };
        let is_same = |first: &Beginning| first.generation == own.generation;
        self.first = self.first.take().filter(is_same).or(Some(own.clone()));
        self.own = Some(own);
        Ok(())
    }

    fn check(&self, dataset: &Dataset, run: &FullRun) -> Result<(), RunFailure> {
        let counted = dataset.unseen(run).map_err(failed)?;
        let live = self.own.as_ref().map_or(counted.live, |own| own.live);
        if let Some(refused) = refusal(dataset, Unseen { live, ..counted }).map_err(failed)? {
            return Err(failed(refused));
        }
        let Some(first) = self.first.as_ref().filter(|first| first.start < run.start) else {
            return Ok(());
        };
        let of_first = Unseen {
            live: first.live,
            unseen: dataset
                .unseen_from_before(run, first.start)
                .map_err(failed)?,
        };
        let Some(refused) = refusal(dataset, of_first).map_err(failed)? else {
            return Ok(());
        };
        let mut failure = failed(refused);
        failure.message.push_str(
            ", not counting what came with the full runs before this one, which did not complete",
        );
        Err(failure)
    }
}

fn refusal(dataset: &Dataset, measured: Unseen) -> DatasetResult<Option<Error>> {
    let is_refused = measured.is_mass_delete(dataset.status()?.populated);
    Ok(is_refused.then(|| Error::MassDelete {
        dataset: dataset.name().clone(),
        live: measured.live,
        deletes: measured.unseen,
    }))
}

fn failed(source: Error) -> RunFailure {
    RunFailure::store(TRIED, source)
}

/// A full run that was read to its end.
pub(crate) struct Ending<'a> {
    /// What it wrote.
    pub dataset: &'a Dataset,
    /// Its marks.
    pub run: &'a FullRun,
    /// What it is measured by.
    pub measure: Measure,
    /// A person lets it through.
    pub allow_mass_delete: bool,
    /// The deletes say that they were inferred (DE3).
    pub marks_deletes: bool,
}

/// Leave to delete, or the failure that stops a mass delete before it begins (R27).
pub(crate) async fn approve(ending: &Ending<'_>) -> Result<Approval, RunFailure> {
    let (dataset, run) = (ending.dataset.clone(), ending.run.clone());
    let (measure, allowed) = (ending.measure.clone(), ending.allow_mass_delete);
    let marks_deletes = ending.marks_deletes;
    blocking::run(move || {
        if !allowed && !run.deleting {
            measure.check(&dataset, &run)?;
        }
        let approval = dataset.approve_deletions(&run, true).map_err(failed)?;
        Ok(approval.marking_deletes(marks_deletes))
    })
    .await
}

/// One bounded step of the deletes.
pub(crate) async fn delete_some(
    shared: &Arc<Shared>,
    dataset: &Dataset,
    approval: &Approval,
    now: u64,
) -> Result<DeleteProgress, RunFailure> {
    let (shared, dataset, approval) = (shared.clone(), dataset.clone(), approval.clone());
    let deleted = blocking::run(move || {
        let mut transaction = shared.store.transaction(&[&dataset])?;
        shared.assignment.stamp(&mut transaction, &dataset)?;
        let progress = transaction.delete_unseen(&dataset, &approval, now, DELETES)?;
        shared
            .assignment
            .lease
            .commit(transaction, Durability::Buffered)?;
        Ok(progress)
    });
    deleted.await.map_err(failed)
}
