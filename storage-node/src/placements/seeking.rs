//! Asks the object store for checkpoints of pipes that nobody told of.

use super::Work;
use crate::durability::Checkpoints;
use std::time::Duration;
use tokio::sync::mpsc::WeakSender;

/// Between two tries, while the object store does not answer.
const PAUSE: Duration = Duration::from_secs(2);

/// Pipes that are told of together.
const TOGETHER: usize = 64;

/// Tells the state machine what is there of each of these pipes. Ends with it.
pub(super) async fn seek(checkpoints: Checkpoints, mut pipes: Vec<String>, work: WeakSender<Work>) {
    loop {
        let mut failed = Vec::new();
        for some in pipes.chunks(TOGETHER) {
            let mut known = Vec::new();
            for (pipe, found) in checkpoints.of(some).await {
                match found {
                    Ok(checkpoint) => known.push((pipe, checkpoint)),
                    Err(error) => {
                        tracing::warn!(pipe, %error, "it is not known yet whether the pipe has a checkpoint");
                        failed.push(pipe);
                    }
                }
            }
            let telling: Work = Box::new(move |core, now| {
                core.found(known, now);
                Box::new(drop)
            });
            let Some(work) = work.upgrade() else {
                return;
            };
            if work.send(telling).await.is_err() {
                return;
            }
        }
        if failed.is_empty() {
            return;
        }
        pipes = failed;
        tokio::time::sleep(PAUSE).await;
    }
}
