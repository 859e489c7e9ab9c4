//! Taking what was pushed again, where the state was restored from a checkpoint before it.

use super::TakeUp;
use crate::answer;
use crate::blocking;
use crate::deployed::Deployed;
use crate::durability::{Durability, Error};
use crate::receiver::{self, Bounds};
use crate::scheduler::Wake;
use crate::shared::Shared;
use sluice_protocol::{Code, Result};
use std::sync::Arc;
use std::time::Duration;

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);

impl TakeUp {
    /// Begins it, if there is something; until it is done nobody else may push.
    pub(super) async fn replay(&self, pipe: &Arc<Deployed>) -> Result<()> {
        let Some(durability) = self.shared.durability.clone() else {
            return Ok(());
        };
        let (store, id) = (self.shared.store.clone(), pipe.id.clone());
        let behind = blocking::run(move || Durability::replays_behind(&store, &id)).await;
        let Some(behind) = behind.map_err(answer::dataset)? else {
            return Ok(());
        };
        pipe.set_replaying(true);
        let (shared, bounds, wake) = (self.shared.clone(), self.bounds.clone(), self.wake.clone());
        let pipe = pipe.clone();
        self.runs.spawn(async move {
            while !pipe.is_removing() {
                match replay(&shared, &durability, &bounds, &pipe, behind).await {
                    Ok(requests) => {
                        tracing::info!(pipe = pipe.id, requests, "what was pushed was taken again");
                        pipe.set_replaying(false);
                        let _ = wake.send(Wake::Look {
                            pipe: pipe.id.clone(),
                        });
                        return;
                    }
                    Err(error) => {
                        tracing::warn!(pipe = pipe.id, %error, "what was pushed cannot be taken again yet");
                        tokio::time::sleep(PAUSE).await;
                    }
                }
            }
        });
        Ok(())
    }
}

/// All of it; answers how many requests there were. From the beginning after any failure: a push that was taken changes nothing
/// the second time.
async fn replay(
    shared: &Arc<Shared>,
    durability: &Durability,
    bounds: &Bounds,
    pipe: &Arc<Deployed>,
    behind: u64,
) -> Result<u64> {
    let mut replay = durability
        .replay(&pipe.id, behind)
        .await
        .map_err(Error::answer)?;
    let mut requests = 0;
    while let Some(replayed) = replay.next().await.map_err(Error::answer)? {
        requests += 1;
        let taken = receiver::take_again(shared, pipe, bounds, replayed.request, replayed.body);
        match taken.await {
            Ok(_) => {}
            // It is in the state already, as part of a sequence that went on; or the pipe is no receiver any more.
            Err(error)
                if matches!(
                    error.code,
                    Code::InvalidArgument | Code::Conflict | Code::NotFound
                ) =>
            {
                tracing::info!(pipe = pipe.id, %error, "a push is not taken again");
            }
            Err(error) => return Err(error),
        }
    }
    durability
        .replayed(shared, &pipe.id)
        .await
        .map_err(Error::answer)?;
    Ok(requests)
}
