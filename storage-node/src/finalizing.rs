//! Looks whether the hub is to be finalized, whenever workers come and go and when the time is over. What is to be done is `formats`.

use crate::formats::{self, HubFormat, Step};
use crate::service::Inner;
use sluice_protocol::Result;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Nothing is expected: it is looked all the same, since a change may have failed.
const SELDOM: Duration = Duration::from_secs(60);
/// A change was refused, of the object store perhaps.
const AGAIN: Duration = Duration::from_secs(5);

/// Until it is stopped, or the node is gone.
pub(crate) async fn run(node: Weak<Inner>, stop: CancellationToken) {
    let Some(mut readers) = node.upgrade().map(|node| node.readers.subscribe()) else {
        return;
    };
    loop {
        readers.borrow_and_update();
        // To its end, also when it is stopped meanwhile: the store must not stay open behind it.
        let pause = match look(&node).await {
            None => return,
            Some(Ok(pause)) => pause.unwrap_or(SELDOM).min(SELDOM),
            Some(Err(error)) => {
                tracing::warn!(%error, "the format of the hub is not changed now");
                AGAIN
            }
        };
        tokio::select! {
            biased;
            () = stop.cancelled() => return,
            changed = readers.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(pause) => {}
        }
    }
}

/// Answers when to look again; `None`: the node is gone.
async fn look(node: &Weak<Inner>) -> Option<Result<Option<Duration>>> {
    let node = node.upgrade()?;
    if node.log.as_ref().is_some_and(|log| log.problem().is_some()) {
        // Another storage node has taken over.
        return Some(Ok(None));
    }
    let after = *node.finalize_after.lock();
    let hub = node.contents.read().hub_format;
    let step = move |hub: HubFormat, node: &Inner| {
        let readers = node.readers.borrow().clone();
        formats::step(hub, node.store.format().reads(), &readers, now(), after)
    };
    if step(hub, &node) == Step::Nothing {
        return Some(Ok(formats::pause(hub, now(), after)));
    }
    let changed = node.change(move |change| {
        let hub = change.before().hub_format;
        match step(hub, &change.inner) {
            Step::Nothing => Ok(hub),
            Step::Keep(next) => change.put_hub_format(next).map(|()| next),
        }
    });
    Some(changed.await.map(|hub| formats::pause(hub, now(), after)))
}

/// Microseconds since 1970: it goes on while the node is away.
fn now() -> u64 {
    u64::try_from(jiff::Timestamp::now().as_microsecond()).unwrap_or_default()
}

impl Inner {
    /// Everything is written in the hub's format from now on. What the object store has in the one before is put together anew.
    pub(crate) async fn follow_format(self: &Arc<Self>, format: u32) {
        if format <= self.store.format().writes() {
            return;
        }
        let store = self.store.clone();
        let raising = tokio::task::spawn_blocking(move || store.raise_format(format));
        match raising.await {
            Ok(Ok(())) => tracing::info!(format, "the hub is finalized in another format"),
            // It is kept what the hub's format is: the next start does it.
            Ok(Err(error)) => {
                tracing::error!(%error, format, "the storage node's store is not marked with the hub's format")
            }
            Err(_) => {}
        }
        if let Some(log) = &self.log {
            log.wants_snapshot();
        }
        self.format.send_replace(format);
    }
}

#[cfg(test)]
mod tests;
