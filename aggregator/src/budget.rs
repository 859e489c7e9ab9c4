//! The memory that request bodies may take together: a number of bytes shared by all requests.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Counted in pages, because a semaphore's permits are fewer than bytes.
const PAGE: usize = 4 << 10;

/// Bytes that are handed out and come back when the holder is dropped.
pub(crate) struct Budget {
    pages: Arc<Semaphore>,
    all: usize,
    wait: Duration,
}

/// A share of a [`Budget`].
pub(crate) struct Share(Option<OwnedSemaphorePermit>);

impl Budget {
    pub(crate) fn new(bytes: usize, wait: Duration) -> Self {
        let all = bytes.div_ceil(PAGE).clamp(1, Semaphore::MAX_PERMITS);
        Budget {
            pages: Arc::new(Semaphore::new(all)),
            all,
            wait,
        }
    }

    /// Waits for `bytes`; `None` when they did not become free in time. More than everything counts as everything.
    pub(crate) async fn take(&self, bytes: usize) -> Option<Share> {
        let pages = u32::try_from(bytes.div_ceil(PAGE).min(self.all)).unwrap_or(u32::MAX);
        let taken =
            tokio::time::timeout(self.wait, Arc::clone(&self.pages).acquire_many_owned(pages))
                .await;
        Some(Share(Some(taken.ok()?.ok()?)))
    }
}

impl Share {
    /// Nothing yet.
    pub(crate) fn empty() -> Self {
        Share(None)
    }

    /// Adds another share, so that both come back together.
    pub(crate) fn join(&mut self, other: Share) {
        match (&mut self.0, other.0) {
            (Some(mine), Some(theirs)) => mine.merge(theirs),
            (mine @ None, theirs) => *mine = theirs,
            (Some(_), None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_share_comes_back_when_it_is_dropped() {
        let budget = Budget::new(3 * PAGE, Duration::from_secs(1));
        let mut held = budget.take(PAGE).await.unwrap();
        held.join(budget.take(PAGE + 1).await.unwrap());
        assert!(budget.take(1).await.is_none(), "everything is handed out");
        drop(held);
        assert!(
            budget.take(100 * PAGE).await.is_some(),
            "more than everything is everything"
        );
    }
}
