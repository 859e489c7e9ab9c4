//! Taking data away: datasets, what pipes remember, everything (`delete-all-sink-datasets`, `reset`, AP8).

use crate::answer;
use crate::blocking;
use crate::deployed::Deployed;
use crate::deployment::Deployment;
use crate::pipe::state::{Control, Progress};
use crate::shared::Shared;
use crate::take_up;
use futures::future::join_all;
use sluice_dataset::DatasetName;
use sluice_protocol::{Code, Error, Result};
use std::sync::Arc;

/// Stops a pipe, deletes the dataset it writes and forgets where it was. What has to exist from the beginning exists again.
pub(crate) async fn empty_pipe(shared: &Arc<Shared>, pipe: &Arc<Deployed>) -> Result<()> {
    pipe.stop();
    let _no_run = pipe.run_lock.lock().await;
    let _no_push = pipe.push_lock.write().await;
    let settings = pipe.settings();
    if let Some(name) = &settings.sink_dataset {
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
        crate::scheduler::keep_control(shared, pipe)
            .await
            .map_err(answer::dataset)?;
    }
    take_up::prepare(shared, &settings).await
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
        Some(pipe) => empty_pipe(shared, &pipe).await,
        None => delete(shared, name).await.map(|_| ()),
    }
}

/// Empties every pipe that writes a dataset.
pub(crate) async fn delete_all_sink_datasets(
    shared: &Arc<Shared>,
    deployment: &Deployment,
) -> Result<()> {
    let pipes = deployment.pipes();
    join_all(pipes.iter().map(|pipe| empty_pipe(shared, pipe)))
        .await
        .into_iter()
        .collect()
}

/// Everything: all datasets, the hub's own too, and all that any pipe remembers.
pub(crate) async fn reset(shared: &Arc<Shared>, deployment: &Deployment) -> Result<()> {
    let pipes = deployment.pipes();
    for pipe in &pipes {
        pipe.stop();
    }
    for pipe in &pipes {
        let _no_run = pipe.run_lock.lock().await;
        let _no_push = pipe.push_lock.write().await;
        take_up::forget(shared, &pipe.id).await?;
        *pipe.progress.lock() = Progress::default();
        *pipe.control.lock() = Control::default();
    }
    let store = shared.store.clone();
    let deleted = blocking::run(move || {
        for dataset in store.datasets() {
            store.delete_dataset(dataset.name())?;
        }
        Ok(())
    });
    deleted.await.map_err(answer::dataset)?;
    for pipe in &pipes {
        take_up::prepare(shared, &pipe.settings()).await?;
    }
    Ok(())
}

async fn delete(shared: &Arc<Shared>, name: &str) -> Result<bool> {
    let Ok(name) = DatasetName::existing(name) else {
        return Ok(false);
    };
    let store = shared.store.clone();
    blocking::run(move || store.delete_dataset(&name))
        .await
        .map_err(answer::dataset)
}
