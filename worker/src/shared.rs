//! What all pipes of a worker share, and the few things only the worker as a whole can do.

use crate::assignment::Assignment;
use crate::blocking;
use crate::clock::Clock;
use crate::durability::Durability;
use crate::indexes::Indexes;
use crate::metrics::Metrics;
use crate::pipe::commit::{self, Done, Writes};
use crate::replicas::Replicas;
use crate::short_work::ShortWork;
use crate::signals::Signals;
use crate::slice::Slice;
use crate::system::{Microservices, Systems};
use arc_swap::ArcSwap;
use sluice_dataset::{DatasetName, DatasetNumber, Error, NameError, Result};
use sluice_protocol::{SecretValues, StorageNode};
use sluice_store::{Dataset, Store};
use std::sync::Arc;
use tokio::sync::Semaphore;

/// Bytes of entities that may be between sources and sinks, all runs and pushes together.
pub(crate) const BYTES_IN_FLIGHT: usize = 128 << 20;
/// The part of [`BYTES_IN_FLIGHT`] one permit stands for.
const BYTES_PER_PERMIT: usize = 1 << 10;

/// Held by everybody who works for a pipe.
pub(crate) struct Shared {
    /// All datasets and states of this worker.
    pub store: Store,
    /// What is this worker's to write, and until when.
    pub assignment: Assignment,
    /// Gives numbers to datasets.
    pub storage_node: Arc<dyn StorageNode>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// Connections to the outside.
    pub systems: Systems,
    /// Decrypted secrets of the present configuration.
    pub secrets: ArcSwap<SecretValues>,
    /// Who wants to know that a dataset changed.
    pub signals: Signals,
    /// Figures for operators.
    pub metrics: Metrics,
    /// What the datasets that pipes hop to are indexed by.
    pub indexes: Indexes,
    /// Received entities are passed over where their bytes are those last received.
    pub passes_over: bool,
    /// Look-ups of callers.
    pub short_work: ShortWork,
    /// Copies of what other workers have.
    pub replicas: Replicas,
    /// What outlives this disk, where an object store is given.
    pub durability: Option<Arc<Durability>>,
    bytes: Arc<Semaphore>,
}

/// Bytes that somebody has in flight; returned when dropped.
pub(crate) type BytesHeld = tokio::sync::OwnedSemaphorePermit;

/// What it is put together from; see [`Shared`].
pub(crate) struct Parts {
    pub store: Store,
    pub assignment: Assignment,
    pub storage_node: Arc<dyn StorageNode>,
    pub clock: Arc<dyn Clock>,
    pub signals: Signals,
    pub passes_over: bool,
    pub replicas: Replicas,
    pub durability: Option<Arc<Durability>>,
    pub microservices: Microservices,
}

impl Shared {
    /// Puts it together.
    pub(crate) fn new(parts: Parts) -> Arc<Self> {
        Arc::new(Shared {
            store: parts.store,
            assignment: parts.assignment,
            storage_node: parts.storage_node,
            clock: parts.clock,
            systems: Systems::new(parts.microservices),
            secrets: ArcSwap::default(),
            signals: parts.signals,
            metrics: Metrics::default(),
            indexes: Indexes::default(),
            passes_over: parts.passes_over,
            short_work: ShortWork::default(),
            replicas: parts.replicas,
            durability: parts.durability,
            bytes: Arc::new(Semaphore::new(BYTES_IN_FLIGHT / BYTES_PER_PERMIT)),
        })
    }

    /// Waits until `bytes` more may be in flight. More than there is at all counts as all there is.
    pub(crate) async fn hold_bytes(&self, bytes: usize) -> BytesHeld {
        let permits = (bytes / BYTES_PER_PERMIT + 1).min(BYTES_IN_FLIGHT / BYTES_PER_PERMIT);
        let permits = u32::try_from(permits).unwrap_or(u32::MAX);
        self.bytes
            .clone()
            .acquire_many_owned(permits)
            .await
            .expect("the semaphore is never closed")
    }

    /// A slice that begins now.
    pub(crate) async fn slice(self: &Arc<Self>) -> Arc<Slice> {
        let shared = self.clone();
        blocking::run(move || Slice::new(shared)).await
    }

    /// An instant of everything here.
    pub(crate) async fn slice_snapshot(&self) -> sluice_store::Snapshot {
        let store = self.store.clone();
        blocking::run(move || store.snapshot()).await
    }

    /// The dataset of that name on this worker, if there is one.
    pub(crate) fn existing(&self, name: &str) -> Option<Dataset> {
        DatasetName::existing(name)
            .ok()
            .and_then(|name| self.store.dataset(&name))
    }

    /// The replica of that name, whether it is level or not.
    pub(crate) fn replica(&self, name: &str) -> Option<Dataset> {
        DatasetName::existing(name)
            .ok()
            .and_then(|name| self.store.replica(&name))
    }

    /// What pipes here read under that name: this worker's dataset, or the replica of another one's.
    pub(crate) fn readable(&self, name: &str) -> Option<Dataset> {
        match self.assignment.is_elsewhere(name) {
            true => self.replica(name),
            false => self.existing(name),
        }
    }

    /// A user's dataset, made if there is none (DS7).
    pub(crate) async fn dataset(
        self: &Arc<Self>,
        name: &str,
    ) -> Result<Dataset, sluice_protocol::Error> {
        self.make(DatasetName::new(name), name).await
    }

    /// One of the hub's own datasets, made if there is none (DS9).
    pub(crate) async fn internal_dataset(
        self: &Arc<Self>,
        name: Result<DatasetName, NameError>,
    ) -> Result<Dataset, sluice_protocol::Error> {
        self.make(name, "system:").await
    }

    async fn make(
        self: &Arc<Self>,
        name: Result<DatasetName, NameError>,
        text: &str,
    ) -> Result<Dataset, sluice_protocol::Error> {
        let name = name
            .map_err(|source| Error::Name {
                name: text.to_owned(),
                source,
            })
            .map_err(crate::answer::dataset)?;
        if let Some(dataset) = self.store.dataset(&name) {
            return Ok(dataset);
        }
        let number = self.storage_node.dataset_number(name.as_str()).await?;
        let shared = self.clone();
        let made = blocking::run(move || {
            shared.assignment.lease.check()?;
            let dataset = shared.store.create_dataset(&name, DatasetNumber(number))?;
            shared.indexes.ensure(&dataset)?;
            shared.signals.dataset_changed(name.as_str());
            Ok(dataset)
        });
        made.await.map_err(crate::answer::dataset)
    }

    /// Writes all of it or nothing, then tells the readers of what changed.
    pub(crate) async fn commit(self: &Arc<Self>, writes: Writes) -> Result<Done> {
        let shared = self.clone();
        let now = self.clock.now();
        blocking::run(move || {
            let done = commit::commit(&shared, &writes, now)?;
            for dataset in writes.changed_datasets(&done.changes) {
                shared.signals.dataset_changed(dataset.name().as_str());
            }
            Ok(done)
        })
        .await
    }
}
