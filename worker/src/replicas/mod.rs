//! Replicas of datasets that other workers own: what pipes here read instead (design 3, joins and placement).
//!
//! ```text
//! sight     which datasets the pipes here need and do not have: pure
//! owner     who has a dataset, by topology and configuration: pure
//! copier    one task per replica: follows the owner, and begins anew wherever the stream breaks
//! writing   what a follower hears, written into the store
//! upkeep    begins what is needed, stops and in the end removes what is not
//! ```
//!
//! A replica has its owner's generation and offsets, so that a pipe's offset means the same wherever the pipe runs. It is read once it
//! is level: once everything that the owner had at some moment is here. One that had to give up what its owner has lost is not
//! level until it has caught up; the ids of what was given up are in the queues of the pipes that read it (`pipe::revisit`).

mod copier;
mod level;
mod owner;
mod sight;
pub(crate) mod upkeep;
mod writing;

pub(crate) use sight::{Need, sight};

use crate::deployment::Deployment;
use crate::shared::Shared;
use arc_swap::ArcSwap;
use copier::Kept;
use owner::Writers;
use parking_lot::Mutex;
use sluice_protocol::{Reach, Topology, WorkerId};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Instant;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;

/// Replicas that catch up at the same time: each may have a page on its way.
const CATCHING_UP: usize = 16;

/// What is known of a dataset of another worker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Standing {
    /// Its owner was not heard yet.
    #[default]
    Unheard,
    /// Its owner says that there is none.
    Absent,
    /// Its owner has one; whether the replica is level the store knows.
    There,
}

/// The replicas of this worker.
pub(crate) struct Replicas {
    me: WorkerId,
    reach: Arc<dyn Reach>,
    topology: watch::Receiver<Arc<Topology>>,
    /// Who writes which dataset, in the present configuration.
    writers: ArcSwap<Writers>,
    standing: Mutex<HashMap<String, Standing>>,
    kept: Mutex<BTreeMap<String, Kept>>,
    /// Since when replicas are needed by nobody.
    unneeded: Mutex<HashMap<String, Instant>>,
    places: Arc<Semaphore>,
    /// Ends whatever is going on.
    stop: CancellationToken,
}

impl Replicas {
    pub(crate) fn new(
        me: WorkerId,
        reach: Arc<dyn Reach>,
        topology: watch::Receiver<Arc<Topology>>,
        stop: CancellationToken,
    ) -> Self {
        Replicas {
            me,
            reach,
            topology,
            writers: ArcSwap::default(),
            standing: Mutex::default(),
            kept: Mutex::default(),
            unneeded: Mutex::default(),
            places: Arc::new(Semaphore::new(CATCHING_UP)),
            stop,
        }
    }

    /// Who this worker is.
    pub(crate) fn me(&self) -> &WorkerId {
        &self.me
    }

    /// How many are kept up to date.
    pub(crate) fn count(&self) -> usize {
        self.kept.lock().len()
    }

    /// The owner of a dataset says that there is none.
    pub(crate) fn is_absent(&self, dataset: &str) -> bool {
        self.standing.lock().get(dataset) == Some(&Standing::Absent)
    }

    fn set_standing(&self, dataset: &str, standing: Standing) {
        self.standing.lock().insert(dataset.to_owned(), standing);
    }

    /// Why a dataset of another worker cannot be read here yet; `None`: it can, or there is none.
    pub(crate) fn waiting_for(&self, shared: &Shared, dataset: &str) -> Option<String> {
        if shared
            .replica(dataset)
            .is_some_and(|replica| replica.is_level())
            || self.is_absent(dataset)
        {
            return None;
        }
        Some(match self.owner(dataset) {
            Some(place) => format!(
                "waits for the replica of dataset {dataset} to be level with worker {}",
                place.worker
            ),
            None => format!("waits for dataset {dataset}, which no worker has now"),
        })
    }

    /// The pipes here that read a dataset in runs of their own.
    fn readers(deployment: &Deployment, dataset: &str) -> Vec<Arc<crate::deployed::Deployed>> {
        let mut pipes = deployment.pipes();
        pipes.retain(|pipe| {
            let settings = pipe.settings();
            settings.pump.exists() && settings.inputs.iter().any(|input| input == dataset)
        });
        pipes
    }
}
