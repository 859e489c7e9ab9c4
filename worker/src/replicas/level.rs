//! Waiting until replicas have what their owners have now: for whoever has to know that everything was read.

use super::Replicas;
use crate::shared::Shared;
use sluice_dataset::{Dataset as _, DatasetStatus};
use sluice_protocol::{Code, Error, Result};
use std::time::Duration;

/// Between two looks when nothing was heard.
const PAUSE: Duration = Duration::from_millis(100);

impl Replicas {
    /// Returns when everything that the owner of a dataset has now is here.
    pub(crate) async fn catch_up(&self, shared: &Shared, dataset: &str) -> Result<()> {
        let place = self.owner(dataset).ok_or_else(|| {
            let message = format!("no other worker has dataset \"{dataset}\" now");
            Error::new(Code::Unavailable, "not-here", message)
        })?;
        let worker = self.worker(&place)?;
        let there = match worker.dataset(dataset).await {
            Ok(report) => Some(report.status),
            Err(error) if error.code == Code::NotFound => None,
            Err(error) => return Err(error),
        };
        let mut news = shared.signals.watch(dataset);
        while !self.has(shared, dataset, there.as_ref()) {
            // Not every change is heard: that a dataset is gone is one that nobody signals.
            let _ = tokio::time::timeout(PAUSE, news.changed()).await;
        }
        Ok(())
    }

    fn has(&self, shared: &Shared, dataset: &str, there: Option<&DatasetStatus>) -> bool {
        let replica = shared.replica(dataset).filter(|replica| replica.is_level());
        let Some(there) = there else {
            // Or it was made since.
            return self.is_absent(dataset) || replica.is_some();
        };
        let Some(replica) = replica else { return false };
        replica.status().is_ok_and(|here| {
            let is_later = here.generation != there.generation && here.number > there.number;
            let is_level = here.generation == there.generation
                && here.max_offset >= there.max_offset
                && here.populated >= there.populated;
            is_level || is_later
        })
    }
}
