//! Following the configuration: one stream at a time, a new one when it ends, the newest snapshot for everybody.

use super::ClientSettings;
use super::call::answered;
use super::storage_node::Client;
use crate::wire::{Gathered, from_status, proto};
use crate::{Code, ConfigurationSnapshot, Error, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Snapshots as they arrive.
type Published = watch::Sender<Arc<ConfigurationSnapshot>>;

/// The task that follows; it ends with this handle.
pub(super) struct Watch {
    published: Published,
    task: JoinHandle<()>,
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Watch {
    /// Follows from now on; resolves when the first snapshot is there, however long that takes.
    pub(super) async fn start(client: Client, settings: ClientSettings) -> Watch {
        let published = Published::default();
        let mut first = published.subscribe();
        let sender = published.clone();
        let task = tokio::spawn(async move { follow(client, settings, &sender).await });
        let watch = Watch { published, task };
        // The sender is held above, so there is nothing that could fail.
        let _ = first.changed().await;
        watch
    }

    /// The present configuration and each later one.
    pub(super) fn subscribe(&self) -> watch::Receiver<Arc<ConfigurationSnapshot>> {
        self.published.subscribe()
    }

    /// Waits until this revision, or a later one, is here: whoever changed something then sees it.
    pub(super) async fn reach(&self, revision: u64, limit: Duration) -> Result<()> {
        let mut snapshots = self.published.subscribe();
        let here = snapshots.wait_for(|snapshot| snapshot.revision >= revision);
        match tokio::time::timeout(limit, here).await {
            Ok(Ok(_)) => Ok(()),
            _ => {
                let message = format!(
                    "the change is stored, but its configuration (revision {revision}) did not arrive in time"
                );
                Err(Error::new(
                    Code::DeadlineExceeded,
                    "configuration-late",
                    message,
                ))
            }
        }
    }
}

async fn follow(mut client: Client, settings: ClientSettings, published: &Published) {
    let mut pause = settings.shortest_pause;
    loop {
        let before = published.borrow().clone();
        let end = read(&mut client, published).await;
        if !Arc::ptr_eq(&before, &published.borrow()) {
            pause = settings.shortest_pause;
        }
        match end {
            Ok(()) => tracing::info!("the storage node ended the watch of the configuration"),
            Err(error) => tracing::warn!(
                reason = &*error.reason,
                pause = ?pause,
                "cannot watch the configuration, trying again: {error}"
            ),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(settings.longest_pause);
    }
}

/// Reads one stream to its end.
async fn read(client: &mut Client, published: &Published) -> Result<()> {
    let stream = client.watch(proto::WatchRequest {}).await;
    let mut parts = stream.map_err(from_status)?.into_inner();
    let mut gathered = Gathered::default();
    while let Some(part) = parts.message().await.map_err(from_status)? {
        if let Some(snapshot) = answered(gathered.take(part))? {
            published.send_replace(Arc::new(snapshot));
        }
    }
    Ok(())
}
