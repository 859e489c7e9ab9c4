//! The roles of a hub, opened in order and closed in the other.

use super::serving::blocking;
use super::steps::Steps;
use crate::settings::Settings;
use anyhow::{Context, Result};
use sluice_protocol::{StorageNode, Worker};
use sluice_storage_node::Node;
use sluice_telemetry::Metrics;
use sluice_worker::LocalWorker;
use std::sync::{Arc, Weak};
use std::time::Duration;

/// How often it is looked whether the last request has let go of a role.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Storage node and worker, wired by direct calls.
pub(super) struct Roles {
    storage: Arc<Node>,
    worker: Arc<LocalWorker>,
}

impl Roles {
    /// Opens them; every step is announced.
    pub(super) async fn open(
        settings: &Settings,
        metrics: &Metrics,
        steps: &mut Steps,
    ) -> Result<Roles> {
        steps.next();
        let storage_settings = sluice_storage_node::Settings {
            secrets_key_file: settings.secrets_key_file.clone(),
            ..sluice_storage_node::Settings::new(&settings.data)
        };
        let storage = blocking(move || Ok(Arc::new(Node::open(&storage_settings)?))).await?;
        steps.next();
        let mut worker_settings = sluice_worker::Settings::new(&settings.data);
        worker_settings.store.cache_bytes = settings.store_cache;
        // Write buffers live inside the cache's budget.
        worker_settings.store.write_buffer_bytes = settings.store_cache / 2;
        let worker = LocalWorker::open(worker_settings, storage.clone(), metrics).await?;
        steps.next();
        let revision = storage.watch().borrow().revision;
        worker
            .wait_for_revision(revision)
            .await
            .context("cannot take up the configuration")?;
        Ok(Roles { storage, worker })
    }

    pub(super) fn storage(&self) -> Arc<dyn StorageNode> {
        self.storage.clone()
    }

    pub(super) fn worker(&self) -> Arc<dyn Worker> {
        self.worker.clone()
    }

    /// Lets runs end for at most `patience`. The stores close when requests have let go of them too: see [`Closing`].
    pub(super) async fn close(self, patience: Duration) -> Closing {
        if tokio::time::timeout(patience, self.worker.shutdown())
            .await
            .is_err()
        {
            tracing::warn!(
                "runs did not end in time; they go on where they were at the next start"
            );
        }
        Closing {
            storage: Arc::downgrade(&self.storage),
            worker: Arc::downgrade(&self.worker),
        }
    }
}

/// Roles that somebody may still hold.
pub(super) struct Closing {
    storage: Weak<Node>,
    worker: Weak<LocalWorker>,
}

impl Closing {
    /// Resolves when nobody holds them any more, so that they can be opened again.
    pub(super) async fn closed(&self) {
        while self.storage.strong_count() > 0 || self.worker.strong_count() > 0 {
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }
}
