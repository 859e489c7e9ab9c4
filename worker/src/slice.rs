//! A slice of a run: one consistent snapshot that source and hops read, for at most a minute (design 3, R47).

use crate::blocking;
use crate::source::ReadError;
use parking_lot::Mutex;
use sluice_dataset::{Dataset, DatasetName, DatasetStatus, ReadOptions, Result, VersionBatch};
use sluice_store::{DatasetView, Snapshot};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long one snapshot serves: a longer one would keep superseded files from being removed.
const LONGEST: Duration = Duration::from_secs(60);

/// One snapshot of all datasets and when it was taken.
pub(crate) struct Slice {
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
    pub(crate) fn new(snapshot: Snapshot) -> Arc<Self> {
        Arc::new(Slice {
            snapshot,
            taken: Instant::now(),
            datasets: Mutex::default(),
        })
    }

    /// True when the next page should be read from a newer snapshot.
    pub(crate) fn is_over(&self) -> bool {
        self.taken.elapsed() > LONGEST
    }

    /// The dataset as of this slice; `None` where there is none. For blocking threads.
    pub(crate) fn dataset(&self, name: &str) -> Result<Option<DatasetView>> {
        if let Some(known) = self.datasets.lock().get(name) {
            return Ok(known.clone());
        }
        let found = match DatasetName::existing(name) {
            Ok(name) => self.snapshot.dataset(&name)?,
            Err(_) => None,
        };
        self.datasets.lock().insert(name.to_owned(), found.clone());
        Ok(found)
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
