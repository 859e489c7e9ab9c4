//! The configuration, followed: the newest snapshot for everybody.

use super::ClientSettings;
use super::follow::{Following, never};
use super::storage_node::Client;
use crate::wire::{Gathered, proto};
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
        let open = move || {
            let mut client = client.clone();
            let wanted = proto::WatchRequest { differences: true };
            async move { client.watch(wanted).await }
        };
        let following = Following::<Gathered, _>::new("the configuration", settings, open);
        let publish = move |snapshot| {
            sender.send_replace(Arc::new(snapshot));
            Ok(())
        };
        let task = tokio::spawn(following.run(publish, never));
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
