//! A slice of a run: one consistent snapshot that source and hops read, for at most a minute (design 3, R47).

use crate::blocking;
use crate::source::ReadError;
use sluice_dataset::{Dataset, ReadOptions, VersionBatch};
use sluice_store::Snapshot;
use std::time::{Duration, Instant};
use std::sync::Arc;

/// How long one snapshot serves: a longer one would keep superseded files from being removed.
const LONGEST: Duration = Duration::from_secs(60);

/// One snapshot of all datasets and when it was taken.
pub struct Slice {
    /// What source and hops of this slice see.
    pub snapshot: Snapshot,
    taken: Instant,
}

impl Slice {
    /// Begins a slice now.
    pub fn new(snapshot: Snapshot) -> Arc<Self> {
        Arc::new(Slice { snapshot, taken: Instant::now() })
    }

    /// True when the next page should be read from a newer snapshot.
    pub fn is_over(&self) -> bool {
        self.taken.elapsed() > LONGEST
    }

    /// One page of a dataset, and whether the dataset is populated. A dataset that does not exist is empty and not populated.
    pub async fn read(
        self: &Arc<Self>,
        dataset: &str,
        options: ReadOptions,
        max_bytes: usize,
    ) -> Result<(VersionBatch, bool), ReadError> {
        let (slice, name) = (self.clone(), dataset.to_owned());
        blocking::run(move || {
            let Some(dataset) = slice.snapshot.dataset(&name) else {
                let mut nothing = VersionBatch::new();
                nothing.finish(None, true);
                return Ok((nothing, false));
            };
            let page = dataset.read(&options, max_bytes)?;
            Ok((page, dataset.status()?.populated))
        })
        .await
        .map_err(|source| ReadError::dataset(dataset, source))
    }
}
