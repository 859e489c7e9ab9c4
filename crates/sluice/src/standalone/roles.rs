//! The roles of a hub, opened in order and closed in the other.

use super::steps::Steps;
use crate::process::{blocking, objects};
use crate::settings::Settings;
use anyhow::{Context, Result};
use sluice_format::Format;
use sluice_objects::Objects;
use sluice_protocol::{OneProcess, StorageNode, Worker};
use sluice_storage_node::{Node, ObjectSettings, PlacementSettings, Placements};
use sluice_telemetry::Metrics;
use sluice_worker::LocalWorker;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// How often a store is tried again that the last request before a restart still holds.
const TRY_AGAIN: Duration = Duration::from_millis(10);

/// Storage node and worker, wired by direct calls.
pub(super) struct Roles {
    storage: Arc<Node>,
    placements: Arc<Placements>,
    worker: Arc<LocalWorker>,
}

impl Roles {
    /// Opens them; every step is announced. The data folder is ours, so a store that is in use is one that the round before a
    /// restart is about to close.
    pub(super) async fn open(
        settings: &Settings,
        metrics: &Metrics,
        steps: &mut Steps,
    ) -> Result<Roles> {
        let patience = Instant::now() + settings.stop_timeout;
        steps.next();
        let objects = objects::open(settings.object_store.as_deref())?;
        let kept = objects::of_storage_node(objects.clone(), settings, None);
        let storage = loop {
            match open_storage(settings, kept.clone()).await? {
                Err(error) if error.is_in_use() && Instant::now() < patience => {
                    tokio::time::sleep(TRY_AGAIN).await
                }
                opened => break Arc::new(opened?),
            }
        };
        let placements = open_placements(&storage).await?;
        placements.register(metrics);
        steps.next();
        let worker = loop {
            let opening = LocalWorker::open(
                worker_settings(settings, objects.clone()),
                storage.clone(),
                placements.clone(),
                Arc::new(OneProcess),
                metrics,
            );
            match opening.await {
                Err(error) if error.is_in_use() && Instant::now() < patience => {
                    tokio::time::sleep(TRY_AGAIN).await
                }
                opened => break opened?,
            }
        };
        steps.next();
        let revision = storage.watch().borrow().revision;
        worker
            .wait_for_revision(revision)
            .await
            .context("cannot take up the configuration")?;
        Ok(Roles {
            storage,
            placements,
            worker,
        })
    }

    pub(super) fn storage(&self) -> Arc<dyn StorageNode> {
        self.storage.clone()
    }

    pub(super) fn worker(&self) -> Arc<dyn Worker> {
        self.worker.clone()
    }

    /// Lets runs end for at most `patience`. The stores close when the last request has let go of them too.
    pub(super) async fn close(self, patience: Duration) {
        if tokio::time::timeout(patience, self.worker.shutdown())
            .await
            .is_err()
        {
            tracing::warn!(
                "runs did not end in time; they go on where they were at the next start"
            );
        }
        // After the worker's last word to it.
        self.placements.close().await;
        self.storage.close().await;
    }
}

async fn open_storage(
    settings: &Settings,
    objects: Option<ObjectSettings>,
) -> Result<Result<Node, sluice_storage_node::OpenError>> {
    let format = Format::new(settings.formats);
    let mut settings = sluice_storage_node::Settings {
        objects,
        secrets_key_file: settings.secrets_key_file.clone(),
        hash_key_file: settings.hash_key_file.clone(),
        ..sluice_storage_node::Settings::new(&settings.data)
    };
    settings.store.format = format;
    blocking(move || Ok(Node::open(&settings))).await
}

/// Who owns which pipe: in one process always the one worker.
async fn open_placements(storage: &Node) -> Result<Arc<Placements>> {
    let storage = storage.clone();
    blocking(move || {
        let placements = Placements::open(&storage, &PlacementSettings::default())?;
        Ok(Arc::new(placements))
    })
    .await
}

fn worker_settings(settings: &Settings, objects: Option<Objects>) -> sluice_worker::Settings {
    let mut worker = sluice_worker::Settings::new(&settings.data);
    worker.store.cache_bytes = settings.store_cache;
    // Write buffers live inside the cache's budget.
    worker.store.write_buffer_bytes = settings.store_cache / 2;
    worker.store.format = Format::new(settings.formats);
    worker.objects = objects;
    worker.checkpoint_every = settings.checkpoint_every;
    worker.microservices.addresses = settings.microservices.clone();
    worker
}
