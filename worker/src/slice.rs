//! A slice of a run: one consistent snapshot that source and hops read, for at most a minute (design 3, R47).

use crate::blocking;
use crate::shared::Shared;
use crate::source::ReadError;
use parking_lot::Mutex;
use sluice_dataset::{
    Dataset, DatasetName, DatasetStatus, Error, ReadOptions, Result, VersionBatch,
};
use sluice_store::{DatasetView, Snapshot};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one snapshot serves: a longer one would keep superseded files from being removed.
const LONGEST: Duration = Duration::from_secs(60);

/// One snapshot of all datasets and when it was taken.
pub(crate) struct Slice {
    shared: Arc<Shared>,
    snapshot: Snapshot,
    taken: Instant,
    /// Datasets that were asked for, and names that no dataset has: each hop asks for one.
    datasets: Mutex<HashMap<String, Option<DatasetView>>>,
}

/// A page of a dataset with the dataset's status at the same instant.
pub(crate) struct DatasetPage {
    /// The versions.
    pub versions: VersionBatch,
    /// `None` if there is no such dataset: an empty one that is not populated.
    pub status: Option<DatasetStatus>,
}

impl Slice {
    /// Begins a slice now.
    pub(crate) fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Slice {
            snapshot: shared.store.snapshot(),
            shared,
            taken: Instant::now(),
            datasets: Mutex::default(),
        })
    }

    /// True when the next page should be read from a newer snapshot.
    pub(crate) fn is_over(&self) -> bool {
        self.taken.elapsed() > LONGEST
    }

    /// The dataset, or the replica of another worker's, as of this slice; `None` where there is none. For blocking threads.
    pub(crate) fn dataset(&self, name: &str) -> Result<Option<DatasetView>> {
        if let Some(known) = self.datasets.lock().get(name) {
            return Ok(known.clone());
        }
        let found = match DatasetName::existing(name) {
            Ok(name) if self.shared.assignment.is_elsewhere(name.as_str()) => {
                self.replica(&name)?
            }
            Ok(name) => self.snapshot.dataset(&name)?,
            Err(_) => None,
        };
        self.datasets.lock().insert(name.to_owned(), found.clone());
        Ok(found)
    }

    /// What is not level is not what its owner has: reading it as the dataset would make wrong data.
    fn replica(&self, name: &DatasetName) -> Result<Option<DatasetView>> {
        match self.snapshot.replica(name)? {
            Some(replica) if replica.is_level()? => Ok(Some(replica)),
            None if self.shared.replicas.is_absent(name.as_str()) => Ok(None),
            _ => Err(Error::NotLevel {
                dataset: name.as_str().to_owned(),
            }),
        }
    }

    /// One page of a dataset.
    pub(crate) async fn read(
        self: &Arc<Self>,
        dataset: &str,
        options: ReadOptions,
        max_bytes: usize,
    ) -> Result<DatasetPage, ReadError> {
        let (slice, name) = (self.clone(), dataset.to_owned());
        blocking::run(move || {
            let Some(dataset) = slice.dataset(&name)? else {
                let mut versions = VersionBatch::new();
                versions.finish(None, true);
                return Ok(DatasetPage {
                    versions,
                    status: None,
                });
            };
            Ok(DatasetPage {
                versions: dataset.read(&options, max_bytes)?,
                status: Some(dataset.status()?),
            })
        })
        .await
        .map_err(|source| ReadError::dataset(dataset, source))
    }
}
