//! The task that makes checkpoints of the pipes that changed, every so often.

use super::Durability;
use super::checkpoint::Subject;
use super::error::{Error, chain};
use crate::deployed::Deployed;
use crate::deployment::Deployment;
use crate::shared::Shared;
use futures::StreamExt;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Pipes at a time.
const AT_ONCE: usize = 4;

/// The task.
pub(crate) struct Rounds {
    pub durability: Arc<Durability>,
    pub shared: Arc<Shared>,
    pub deployment: Arc<Deployment>,
    pub every: Duration,
    pub stop: CancellationToken,
}

impl Rounds {
    /// Until stopped; then once more, so that what was written last is not only here.
    pub(crate) async fn run(self) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.every) => self.round().await,
                () = self.stop.cancelled() => break,
            }
        }
        self.round().await;
        self.durability.ended().await;
    }

    async fn round(&self) {
        let pipes = self.deployment.pipes();
        let round = futures::stream::iter(pipes);
        round
            .for_each_concurrent(AT_ONCE, |pipe| self.look_at(pipe))
            .await;
        let pipes = self.deployment.pipes();
        let whole = pipes
            .iter()
            .filter_map(|pipe| self.durability.report(&pipe.id).whole);
        let now = self.shared.clock.now();
        let age = whole.min().map_or(0, |oldest| now.saturating_sub(oldest));
        let age = Duration::from_micros(age);
        self.shared.metrics.set_checkpoint_age(age);
    }

    async fn look_at(&self, pipe: Arc<Deployed>) {
        // Before its first write there is nothing that anybody would restore.
        if pipe.is_removing() || pipe.unannounced().is_some() {
            return;
        }
        let subject = Subject::of(&pipe);
        match self.durability.checkpoint(&self.shared, &subject).await {
            Ok(_) => {}
            Err(Error::Superseded { pipe, by }) => {
                tracing::warn!(pipe, epoch = %by, "another worker owns the pipe: no checkpoint is made");
            }
            Err(error) => {
                tracing::warn!(
                    pipe = pipe.id,
                    error = chain(&error),
                    "cannot make a checkpoint"
                );
            }
        }
    }
}
