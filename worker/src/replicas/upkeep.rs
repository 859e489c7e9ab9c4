//! Which replicas are kept: those that pipes here need. What nobody needs any more is stopped at once and removed after a while.

use super::owner::writers;
use super::sight::Need;
use super::{Replicas, copier, writing};
use crate::blocking;
use crate::deployment::Deployment;
use crate::shared::Shared;
use sluice_config::Configuration;
use sluice_dataset::{Dataset as _, Result};
use sluice_store::Dataset;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

/// How long a replica that nobody needs is kept: a pipe may come back with what it has read of it.
const KEEP: Duration = Duration::from_secs(3_600);
/// Between two looks for replicas that can go.
const BETWEEN: Duration = Duration::from_secs(60);

impl Replicas {
    /// Notes who writes what, and so where datasets are.
    pub(crate) fn take_up(&self, configuration: &Configuration) {
        self.writers.store(Arc::new(writers(configuration)));
    }

    /// Keeps these and no others.
    pub(crate) async fn keep(
        &self,
        shared: &Arc<Shared>,
        deployment: &Arc<Deployment>,
        need: &Need,
    ) {
        let gone: Vec<_> = {
            let mut kept = self.kept.lock();
            for dataset in need {
                if !kept.contains_key(dataset) {
                    kept.insert(dataset.clone(), copier::begin(shared, deployment, dataset));
                }
            }
            let gone = kept.extract_if(.., |dataset, _| !need.contains(dataset));
            gone.collect()
        };
        let mut unneeded = self.unneeded.lock().clone();
        unneeded.retain(|dataset, _| !need.contains(dataset));
        for replica in shared.store.replicas() {
            let name = replica.name().as_str();
            if !need.contains(name) {
                unneeded.entry(name.to_owned()).or_insert_with(Instant::now);
            }
        }
        *self.unneeded.lock() = unneeded;
        for (dataset, kept) in gone {
            kept.end().await;
            self.standing.lock().remove(&dataset);
        }
    }

    /// Removes what nobody has needed for a while, and what this worker has itself now.
    pub(crate) async fn tidy(
        &self,
        shared: &Arc<Shared>,
        deployment: &Arc<Deployment>,
        keep: Duration,
    ) {
        let unneeded: Vec<(String, Instant)> = {
            let unneeded = self.unneeded.lock();
            let all = unneeded.iter();
            all.map(|(dataset, since)| (dataset.clone(), *since))
                .collect()
        };
        for (dataset, since) in unneeded {
            let (shared, deployment, name) = (shared.clone(), deployment.clone(), dataset.clone());
            let is_old = since.elapsed() >= keep;
            let tidied = blocking::run(move || {
                let Some(replica) = shared.replica(&name) else {
                    return Ok(true);
                };
                let is_settled = settle(&shared, &deployment, &replica)?;
                if is_settled || is_old {
                    shared.store.drop_replica(replica.name())?;
                }
                Ok(is_settled || is_old)
            });
            match tidied.await {
                Ok(true) => {
                    self.unneeded.lock().remove(&dataset);
                }
                Ok(false) => {}
                Err(error) => {
                    let error: sluice_dataset::Error = error;
                    tracing::warn!(dataset, %error, "cannot remove a replica");
                }
            }
        }
    }
}

/// A replica of what is this worker's own by now: what it had and the dataset has not goes into the queues of the pipes that read it.
/// True if it is of no use any more. For blocking threads.
fn settle(shared: &Shared, deployment: &Deployment, replica: &Dataset) -> Result<bool> {
    let name = replica.name().as_str();
    let Some(own) = shared.existing(name) else {
        return Ok(false);
    };
    if shared.assignment.is_elsewhere(name) {
        return Ok(false);
    }
    let (own_status, status) = (own.status()?, replica.status()?);
    if own_status.generation != status.generation {
        return Ok(true);
    }
    let Some(position) = replica.position() else {
        return Ok(true);
    };
    if own_status.epoch <= position.epoch {
        // What this store has of it is older: its state has yet to come.
        return Ok(false);
    }
    if let Some(kept) = own.kept_of(position) {
        let readers = Replicas::readers(deployment, name);
        match writing::rewind(shared, replica, kept, &readers) {
            // What is missing in the replica is in the dataset itself.
            Ok(_) | Err(sluice_dataset::Error::NotLevel { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Looks for what can go until stopped; at the end nothing is kept any more.
pub(crate) async fn run(shared: Arc<Shared>, deployment: Arc<Deployment>, stop: CancellationToken) {
    let replicas = &shared.replicas;
    loop {
        tokio::select! {
            () = tokio::time::sleep(BETWEEN) => {}
            () = stop.cancelled() => break,
        }
        replicas.tidy(&shared, &deployment, KEEP).await;
    }
    replicas.keep(&shared, &deployment, &Need::new()).await;
}
