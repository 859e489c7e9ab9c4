//! Before the end: other workers take the pipes, as long as they can and there is time.

use crate::service::LocalWorker;
use std::time::Duration;
use tokio::time::Instant;

/// How often the storage node is asked how much there is to wait for.
const ASK_EVERY: Duration = Duration::from_millis(250);
/// How long it may be silent. Where it ends with everybody else nobody takes anything.
const SILENCE: Duration = Duration::from_secs(5);

impl LocalWorker {
    /// Lets other workers take the pipes, for at most `patience`; they go on here until they move. It returns at once where
    /// nobody can take them: without another worker, or without an object store, through which they would move.
    pub async fn leave(&self, patience: Duration) {
        if self.shared.durability.is_none() {
            return;
        }
        let begun = Instant::now();
        let is_done = tokio::time::timeout(patience, self.leaving()).await.is_ok();
        let stay = self.deployment.pipes().len();
        let seconds = begun.elapsed().as_secs_f64();
        if is_done {
            tracing::info!(stay, seconds, "what other workers can take is theirs");
        } else {
            tracing::warn!(stay, seconds, "there was no time for all pipes to move");
        }
    }

    async fn leaving(&self) {
        let (mut heard, mut left) = (Instant::now(), None);
        loop {
            match self.shared.assignment.leave().await {
                Ok(0) => return,
                Ok(pipes) => {
                    if left.replace(pipes) != Some(pipes) {
                        tracing::info!(pipes, "pipes move to other workers before the end");
                    }
                    heard = Instant::now();
                }
                Err(error) if heard.elapsed() >= SILENCE => {
                    tracing::warn!(%error, "the storage node does not move pipes before the end");
                    return;
                }
                Err(error) => tracing::debug!(%error, "cannot say that the worker leaves"),
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    }
}
