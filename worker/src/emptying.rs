//! Taking data away: datasets, what pipes remember, everything (`delete-all-sink-datasets`, `reset`, AP8).

use crate::answer;
use crate::assignment::Lost;
use crate::blocking;
use crate::deployed::Deployed;
use crate::deployment::Deployment;
use crate::pipe::state::{Control, Progress};
use crate::scheduler::keep_control;
use crate::shared::Shared;
use crate::take_up;
use sluice_dataset::DatasetName;
use sluice_protocol::{Code, Error, Result};
use std::sync::Arc;
use tokio::sync::{OwnedMutexGuard, OwnedRwLockWriteGuard};

/// Stops pipes, deletes the datasets they write and forgets where they were. What has to exist from the beginning exists again.
///
/// All of them stand still until all are empty: a pipe that ran in between would read what is about to go, and remember an
/// offset that means nothing in what comes after.
pub(crate) async fn empty_pipes(shared: &Arc<Shared>, pipes: &[Arc<Deployed>]) -> Result<()> {
    let _still = hold_still(pipes).await;
    for pipe in pipes {
        if let Some(name) = &pipe.settings().sink_dataset {
            delete(shared, name).await?;
        }
        let disabled = pipe.control.lock().disabled;
        take_up::forget(shared, &pipe.id).await?;
        *pipe.progress.lock() = Progress::default();
        *pipe.control.lock() = Control {
            disabled,
            ..Control::default()
        };
        if disabled {
            keep_control(shared, pipe).await.map_err(answer::dataset)?;
        }
    }
    for pipe in pipes {
        take_up::prepare(shared, &pipe.settings()).await?;
    }
    Ok(())
}

/// Neither runs nor pushes while it is held.
struct Still {
    _runs: Vec<OwnedMutexGuard<()>>,
    _pushes: Vec<OwnedRwLockWriteGuard<()>>,
}

async fn hold_still(pipes: &[Arc<Deployed>]) -> Still {
    for pipe in pipes {
        pipe.stop();
    }
    // In the order of the list, which is that of the ids: two who hold do not wait for one another in a circle.
    let (mut runs, mut pushes) = (Vec::new(), Vec::new());
    for pipe in pipes {
        runs.push(pipe.run_lock.clone().lock_owned().await);
        pushes.push(pipe.push_lock.clone().write_owned().await);
    }
    Still {
        _runs: runs,
        _pushes: pushes,
    }
}

/// Deletes one dataset. The pipe that writes it starts over: its offset says nothing about an empty dataset.
pub(crate) async fn delete_dataset(
    shared: &Arc<Shared>,
    deployment: &Deployment,
    name: &str,
) -> Result<()> {
    let dataset = crate::feed::existing(shared, name)?;
    if dataset.name().is_internal() {
        let message = format!("dataset \"{name}\" belongs to the hub and cannot be deleted");
        return Err(Error::new(
            Code::PermissionDenied,
            "internal-dataset",
            message,
        ));
    }
    match deployment.writer_of(name) {
        Some(pipe) => empty_pipes(shared, &[pipe]).await,
        None => delete(shared, name).await.map(|_| ()),
    }
}

/// Empties every pipe that writes a dataset.
pub(crate) async fn delete_all_sink_datasets(
    shared: &Arc<Shared>,
    deployment: &Deployment,
) -> Result<()> {
    empty_pipes(shared, &deployment.pipes()).await
}

/// Everything: all datasets, the hub's own too, and all that any pipe remembers.
pub(crate) async fn reset(shared: &Arc<Shared>, deployment: &Deployment) -> Result<()> {
    let pipes = deployment.pipes();
    let _still = hold_still(&pipes).await;
    for pipe in &pipes {
        take_up::forget(shared, &pipe.id).await?;
        *pipe.progress.lock() = Progress::default();
        *pipe.control.lock() = Control::default();
    }
    let (store, lease) = (shared.store.clone(), shared.assignment.lease.clone());
    let deleted = blocking::run(move || {
        lease.check()?;
        for dataset in store.datasets() {
            store.delete_dataset(dataset.name())?;
        }
        Ok(())
    });
    deleted.await.map_err(answer::dataset)?;
    shared.signals.everything_may_have_changed();
    for pipe in &pipes {
        take_up::prepare(shared, &pipe.settings()).await?;
    }
    Ok(())
}

/// Deletes a dataset with everything in it; false if there is none.
pub(crate) async fn delete(shared: &Arc<Shared>, name: &str) -> Result<bool> {
    let Ok(name) = DatasetName::existing(name) else {
        return Ok(false);
    };
    let lease = &shared.assignment.lease;
    lease.check().map_err(Lost::answer)?;
    let (store, deleted) = (shared.store.clone(), name.clone());
    let is_deleted = blocking::run(move || store.delete_dataset(&deleted))
        .await
        .map_err(answer::dataset)?;
    shared.signals.dataset_changed(name.as_str());
    Ok(is_deleted)
}
