//! One task per replica: follows the owner of its dataset, wherever that is, and goes on where it was when the stream ends.

use super::Standing;
use super::owner::Place;
use super::writing::{self, Written};
use crate::deployment::Deployment;
use crate::shared::Shared;
use futures::StreamExt;
use sluice_dataset::{Dataset as _, SinceToken};
use sluice_protocol::{Code, Error, FollowStream, Followed, Result};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::OwnedSemaphorePermit;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Before the first new try after a failure; doubled with each one more.
const SHORTEST: Duration = Duration::from_millis(50);
const LONGEST: Duration = Duration::from_secs(5);

/// A replica that is kept up to date.
pub(super) struct Kept {
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Kept {
    /// Ends the following; what was heard is written.
    pub(super) async fn end(self) {
        self.stop.cancel();
        if let Err(error) = self.task.await {
            tracing::error!(%error, "keeping a replica ended by a defect");
        }
    }
}

/// Begins to keep a replica.
pub(super) fn begin(shared: &Arc<Shared>, deployment: &Arc<Deployment>, dataset: &str) -> Kept {
    let stop = shared.replicas.stop.child_token();
    let copier = Copier {
        shared: shared.clone(),
        deployment: deployment.clone(),
        dataset: dataset.to_owned(),
        stop: stop.clone(),
    };
    Kept {
        stop,
        task: tokio::spawn(copier.run()),
    }
}

struct Copier {
    shared: Arc<Shared>,
    deployment: Arc<Deployment>,
    dataset: String,
    stop: CancellationToken,
}

/// Why a stream is not followed any more.
enum Ended {
    Stopped,
    /// The dataset is somewhere else now.
    Moved,
    Failed(Error),
}

impl Copier {
    async fn run(self) {
        let replicas = &self.shared.replicas;
        let mut pause = SHORTEST;
        loop {
            let place = replicas.owner(&self.dataset);
            let ended = match &place {
                Some(place) => self.follow(place, &mut pause).await,
                None => self.until(std::future::pending::<()>(), None).await.1,
            };
            let wait = match ended {
                Some(Ended::Stopped) => return,
                Some(Ended::Moved) => {
                    pause = SHORTEST;
                    continue;
                }
                Some(Ended::Failed(error)) => {
                    let wait = pause.mul_f64(1.0 - 0.5 * rand::random::<f64>());
                    self.shared.metrics.replica_failed();
                    tracing::info!(dataset = self.dataset, reason = &*error.reason, pause = ?wait, "cannot follow the owner of a replica, trying again: {error}");
                    pause = (pause * 2).min(LONGEST);
                    wait
                }
                None => continue,
            };
            let waiting = self.until(tokio::time::sleep(wait), place.as_ref()).await;
            if let (_, Some(Ended::Stopped)) = waiting {
                return;
            }
        }
    }

    /// Waits for something, unless it is to stop or the dataset is somewhere else before.
    async fn until<T>(
        &self,
        something: impl Future<Output = T>,
        place: Option<&Place>,
    ) -> (Option<T>, Option<Ended>) {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => (None, Some(Ended::Stopped)),
            () = self.shared.replicas.moved(&self.dataset, place) => (None, Some(Ended::Moved)),
            something = something => (Some(something), None),
        }
    }

    /// One stream to its end. What was heard is always written before it is left.
    async fn follow(&self, place: &Place, pause: &mut Duration) -> Option<Ended> {
        let catching_up = self.shared.replicas.places.clone().acquire_owned();
        let mut catching_up = match self.until(catching_up, Some(place)).await {
            (Some(permit), _) => permit.ok(),
            (None, ended) => return ended,
        };
        let mut stream = match self.until(self.open(place), Some(place)).await {
            (Some(Ok(stream)), _) => stream,
            (Some(Err(error)), _) => return Some(Ended::Failed(error)),
            (None, ended) => return ended,
        };
        let mut epoch = 0;
        loop {
            let next = match self.until(stream.next(), Some(place)).await {
                (Some(next), _) => next,
                (None, ended) => return ended,
            };
            if let Some(Ok(Followed::Facts(facts))) = &next {
                epoch = facts.epoch;
            }
            let taken = match next {
                Some(Ok(next)) => self.take(next, epoch, &mut catching_up).await,
                Some(Err(error)) => Err(error),
                None => Err(Error::new(Code::Unavailable, "ended", "the stream ended")),
            };
            match taken {
                Ok(()) => *pause = SHORTEST,
                Err(error) => return Some(Ended::Failed(error)),
            }
        }
    }

    async fn open(&self, place: &Place) -> Result<FollowStream> {
        let worker = self.shared.replicas.worker(place)?;
        let replica = self.shared.replica(&self.dataset);
        let position = replica.and_then(|replica| {
            let position = replica.position()?;
            Some(SinceToken {
                generation: replica.status().ok()?.generation,
                epoch: position.epoch,
                offset: position.offset,
            })
        });
        worker.follow_dataset(&self.dataset, position).await
    }

    async fn take(
        &self,
        next: Followed,
        epoch: u64,
        catching_up: &mut Option<OwnedSemaphorePermit>,
    ) -> Result<()> {
        let standing = match &next {
            Followed::Absent => Standing::Absent,
            _ => Standing::There,
        };
        if matches!(next, Followed::Absent | Followed::Level(_)) {
            *catching_up = None;
        }
        let bytes = match &next {
            Followed::Versions(versions) => versions.bytes(),
            _ => 0,
        };
        let _held = self.shared.hold_bytes(bytes).await;
        let Written { copied, is_news } =
            writing::write(&self.shared, &self.deployment, &self.dataset, next, epoch).await?;
        self.shared.metrics.replica_copied(copied);
        self.shared.replicas.set_standing(&self.dataset, standing);
        if is_news {
            self.shared.signals.dataset_changed(&self.dataset);
        }
        Ok(())
    }
}
