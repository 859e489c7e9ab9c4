//! Reads wait while a pipe changes hands: the old owner has given it back, the new one is opening it, and both say so. Nobody else's copy
//! is read meanwhile, and a caller sees a read that takes a moment longer instead of one that failed.

use super::{Fleet, NOT_HERE};
use sluice_protocol::{Code, Error, Placement, Result, Unplaced, Worker};
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// How long a read waits; a pipe changes hands in less than a second, if nothing has to be fetched for it.
const PATIENCE: Duration = Duration::from_secs(5);
/// An owner that opens a pipe says so nowhere: it is asked again.
const ASK_AGAIN: Duration = Duration::from_millis(50);

/// Of a dataset that was restored, until it has again what was acknowledged.
const NOT_WHOLE: &str = "not-whole";

/// What is read.
#[derive(Clone, Copy)]
pub(super) enum Wanted<'a> {
    Pipe(&'a str),
    Dataset(&'a str),
}

impl Fleet {
    /// Asks the worker that has it, and again where that changes just now. The call may be made several times, none of which answered.
    pub(super) async fn reading<T, F>(
        &self,
        wanted: Wanted<'_>,
        call: impl Fn(Arc<dyn Worker>) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T>> + Send,
    {
        let end = Instant::now() + PATIENCE;
        let mut topology = self.topology.clone();
        loop {
            topology.mark_unchanged();
            let worker = match wanted {
                Wanted::Pipe(pipe) => self.of_pipe(pipe),
                Wanted::Dataset(dataset) => self.of_dataset(dataset).await,
            };
            let answer = match worker {
                Ok(worker) => call(worker).await,
                Err(error) => Err(error),
            };
            let answer = match wanted {
                Wanted::Pipe(pipe) => answer.map_err(|error| self.known(pipe, error)),
                Wanted::Dataset(_) => answer,
            };
            match answer {
                Err(error) if changes_hands(&error) || self.waits_for_owner(wanted) => {
                    let now = Instant::now();
                    if now >= end {
                        return Err(error);
                    }
                    // The topology also tells how pipes do, so often that each word of it would be too many questions.
                    sleep(ASK_AGAIN / 5).await;
                    let changed = timeout_at(now + ASK_AGAIN, topology.changed());
                    if let Ok(Err(_)) = changed.await {
                        return Err(error);
                    }
                }
                answer => return answer,
            }
        }
    }

    /// Whether the storage node has yet to hear of the owner, as after its own start: it is there as a rule, and goes on.
    fn waits_for_owner(&self, wanted: Wanted<'_>) -> bool {
        let directory = self.directory();
        let pipe = match wanted {
            Wanted::Pipe(pipe) => Some(pipe),
            Wanted::Dataset(dataset) => directory.writer(dataset),
        };
        let topology = self.topology();
        let placement = pipe.and_then(|pipe| topology.pipes.get(pipe));
        matches!(
            placement,
            Some(Placement::Unplaced(Unplaced::OwnerMayWrite))
        )
    }
}

/// Whether a worker says that another one has it, or that it has it not yet, or not all of it.
fn changes_hands(error: &Error) -> bool {
    error.code == Code::Unavailable && [NOT_HERE, NOT_WHOLE].contains(&&*error.reason)
}
