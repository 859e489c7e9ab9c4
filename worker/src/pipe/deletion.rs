//! The deletes at the end of a full run or a full push: leave first, then bounded steps (DE1, R26, R27).

use super::failure::RunFailure;
use crate::blocking;
use sluice_dataset::{
    Approval, Dataset as _, DeleteProgress, Error, FullRun, Result as DatasetResult, Unseen,
    WritableDataset,
};
use sluice_store::{Dataset, Durability, Store};

/// Ids that one transaction of deletion tracking deletes at most.
const DELETES: usize = 1_000;
const TRIED: &str = "delete what the full run did not produce";

/// A full run that was read to its end.
pub(crate) struct Ending<'a> {
    /// What it wrote.
    pub dataset: &'a Dataset,
    /// Its marks.
    pub run: &'a FullRun,
    /// Live ids when it began. What the run added itself must not make the loss of all the others look small.
    pub live_before: Option<u64>,
    /// A person lets it through.
    pub allow_mass_delete: bool,
    /// The deletes say that they were inferred (DE3).
    pub marks_deletes: bool,
}

/// Leave to delete, or the failure that stops a mass delete before it begins (R27).
pub(crate) async fn approve(ending: &Ending<'_>) -> Result<Approval, RunFailure> {
    let (dataset, run) = (ending.dataset.clone(), ending.run.clone());
    let (live_before, allowed) = (ending.live_before, ending.allow_mass_delete);
    let marks_deletes = ending.marks_deletes;
    let approval = blocking::run(move || {
        if !allowed && !run.deleting {
            check(&dataset, &run, live_before)?;
        }
        let approval = dataset.approve_deletions(&run, true)?;
        Ok(approval.marking_deletes(marks_deletes))
    });
    approval
        .await
        .map_err(|source| RunFailure::store(TRIED, source))
}

fn check(dataset: &Dataset, run: &FullRun, live_before: Option<u64>) -> DatasetResult<()> {
    let counted = dataset.unseen(run)?;
    let unseen = Unseen {
        live: live_before.unwrap_or(counted.live),
        ..counted
    };
    if unseen.is_mass_delete(dataset.status()?.populated) {
        let (dataset, live) = (dataset.name().clone(), unseen.live);
        return Err(Error::MassDelete {
            dataset,
            live,
            deletes: unseen.unseen,
        });
    }
    Ok(())
}

/// Live ids of a dataset now.
pub(crate) fn live_ids(dataset: &Dataset) -> Option<u64> {
    dataset
        .status()
        .ok()
        .map(|status| status.counters.index_exists)
}

/// One bounded step of the deletes.
pub(crate) async fn delete_some(
    store: &Store,
    dataset: &Dataset,
    approval: &Approval,
    now: u64,
) -> Result<DeleteProgress, RunFailure> {
    let (store, dataset, approval) = (store.clone(), dataset.clone(), approval.clone());
    let deleted = blocking::run(move || {
        let mut transaction = store.transaction(&[&dataset])?;
        let progress = transaction.delete_unseen(&dataset, &approval, now, DELETES)?;
        transaction.commit(Durability::Buffered)?;
        Ok(progress)
    });
    deleted
        .await
        .map_err(|source| RunFailure::store(TRIED, source))
}
