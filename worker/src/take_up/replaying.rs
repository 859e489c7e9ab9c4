//! Taking what was pushed again, where the state was restored from a checkpoint before it.

use super::TakeUp;
use crate::answer;
use crate::blocking;
use crate::deployed::Deployed;
use crate::durability::{Durability, Error, Owed};
use crate::receiver::{self, Bounds};
use crate::scheduler::Wake;
use crate::shared::Shared;
use sluice_protocol::{Code, Error as Refusal, Result};
use std::sync::Arc;
use std::time::Duration;

/// Between two tries.
const PAUSE: Duration = Duration::from_secs(1);
/// Between two tries where the same is refused until somebody does something about it.
const AFTER_A_REFUSAL: Duration = Duration::from_secs(5);
/// What callers are told meanwhile.
const GOES_ON: &str = "takes what was pushed again: its state was restored";

impl TakeUp {
    /// What it has to take again; until it has nobody else may push.
    pub(super) async fn owes(&self, pipe: &Deployed) -> Result<Option<Owed>> {
        if self.shared.durability.is_none() {
            return Ok(None);
        }
        let (store, id) = (self.shared.store.clone(), pipe.id.clone());
        let owed = blocking::run(move || Durability::owed(&store, &id)).await;
        let owed = owed.map_err(answer::dataset)?;
        if owed.is_some() {
            pipe.set_replaying(Some(GOES_ON.to_owned()));
        }
        Ok(owed)
    }

    /// Takes it.
    pub(super) fn replay(&self, pipe: Arc<Deployed>, owed: Owed) {
        let Some(durability) = self.shared.durability.clone() else {
            return;
        };
        let (shared, bounds, wake) = (self.shared.clone(), self.bounds.clone(), self.wake.clone());
        self.runs.spawn(async move {
            while !pipe.is_removing() {
                match replay(&shared, &durability, &bounds, &pipe, owed).await {
                    Ok(requests) => {
                        tracing::info!(pipe = pipe.id, requests, "what was pushed was taken again");
                        pipe.set_replaying(None);
                        // Those that read it have waited too.
                        let _ = wake.send(Wake::Configured { started: false });
                        return;
                    }
                    Err(error) if may_pass(&error) => {
                        tracing::warn!(pipe = pipe.id, %error, "what was pushed cannot be taken again yet");
                        tokio::time::sleep(PAUSE).await;
                    }
                    Err(error) => {
                        tracing::error!(pipe = pipe.id, %error, "what was pushed and acknowledged is refused now: the pipe waits until it is taken");
                        let reason = format!("cannot take again what was pushed and acknowledged: {error}");
                        pipe.set_replaying(Some(reason));
                        tokio::time::sleep(AFTER_A_REFUSAL).await;
                    }
                }
            }
        });
    }
}

/// Whether trying again may help although nobody does anything.
fn may_pass(error: &Refusal) -> bool {
    matches!(
        error.code,
        Code::Unavailable | Code::DeadlineExceeded | Code::StorageFull
    )
}

/// All of it; answers how many requests there were. From the beginning after any failure: a push that was taken changes nothing
/// the second time, but for one that a full push came after. What was logged before the last of those is passed over: it is in the
/// state. Nothing else that was acknowledged is left out: what is refused stops it.
async fn replay(
    shared: &Arc<Shared>,
    durability: &Durability,
    bounds: &Bounds,
    pipe: &Arc<Deployed>,
    owed: Owed,
) -> Result<u64> {
    // Only then is this the pipe's newest state: without it another worker could go on from an older one, for all that is
    // acknowledged here.
    shared.assignment.begin_writing(pipe).await?;
    let contained = contained(shared, durability, pipe, owed).await?;
    let mut replay = durability
        .replay(&pipe.id, owed)
        .await
        .map_err(Error::answer)?;
    let mut requests = 0;
    while let Some(replayed) = replay.next().await.map_err(Error::answer)? {
        requests += 1;
        if requests <= contained {
            continue;
        }
        let (request, body) = (replayed.request, replayed.body);
        let taken =
            receiver::take_again(shared, pipe, bounds, request, body, replayed.sequence).await;
        match taken {
            Ok(_) => {}
            // As part of a sequence that went on.
            Err(error) if receiver::is_contained(&error) => {
                tracing::info!(pipe = pipe.id, %error, "a push is in the state already");
            }
            Err(error) => return Err(error),
        }
    }
    durability
        .replayed(shared, &pipe.id, owed)
        .await
        .map_err(Error::answer)?;
    Ok(requests)
}

/// How many requests there are up to the last one that ended a sequence which is over.
async fn contained(
    shared: &Arc<Shared>,
    durability: &Durability,
    pipe: &Deployed,
    owed: Owed,
) -> Result<u64> {
    let sequences = receiver::sequences(shared, &pipe.id).await?;
    if !sequences.have_begun() {
        return Ok(0);
    }
    let replay = durability.replay(&pipe.id, owed).await;
    let mut replay = replay.map_err(Error::answer)?;
    let (mut requests, mut contained) = (0, 0);
    while let Some(replayed) = replay.next().await.map_err(Error::answer)? {
        requests += 1;
        if sequences.have_ended(&replayed.request, replayed.sequence) {
            contained = requests;
        }
    }
    Ok(contained)
}
