//! Custom resources are the truth: a change waits for the operator, which makes it there and hands it over.
//!
//! ```text
//! write ─► shown to the operator ─► begun: kept in the store ─► handed over ─► answered: forgotten
//!              └─ not begun in time: withdrawn, nothing has happened
//! ```

use crate::error::{from_store, lost_thread};
use crate::offer_records;
use crate::records::ReadError;
use async_trait::async_trait;
use parking_lot::Mutex;
use sluice_protocol::{
    Code, ConfigurationWriter, Error, RequestId, Result, WriteAnswer, WriteIntent,
};
use sluice_store::Store;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, oneshot, watch};
use tokio_util::sync::CancellationToken;

/// The writes that wait for the operator, in order.
pub(crate) struct Writes {
    store: Store,
    /// How long a write waits for the operator to begin.
    patience: Duration,
    state: Mutex<State>,
    /// Somebody watches, or a write ended.
    changed: Notify,
    stop: CancellationToken,
}

struct State {
    /// Of the latest leader that was heard.
    epoch: u64,
    waiting: Vec<Waiting>,
    /// Replaced with the leader, so that an earlier one hears that it is over.
    shown: watch::Sender<Arc<Vec<WriteIntent>>>,
}

struct Waiting {
    intent: WriteIntent,
    is_begun: bool,
    /// Hears how it ends; nobody, if it was begun before the last start.
    ended: Option<oneshot::Sender<Result<()>>>,
}

impl State {
    fn show(&self) {
        let intents = self.waiting.iter().map(|one| one.intent.clone());
        self.shown.send_replace(Arc::new(intents.collect()));
    }

    fn find(&mut self, request: &RequestId) -> Option<&mut Waiting> {
        let mut waiting = self.waiting.iter_mut();
        waiting.find(|one| one.intent.request == *request)
    }

    fn take(&mut self, request: &RequestId) -> Option<Waiting> {
        let index = self
            .waiting
            .iter()
            .position(|one| one.intent.request == *request)?;
        let taken = self.waiting.remove(index);
        self.show();
        Some(taken)
    }
}

impl Writes {
    /// Those of a store: what was begun before the last start still waits for its answer.
    pub(crate) fn open(store: &Store, patience: Duration) -> Result<Self, ReadError> {
        let begun = offer_records::begun_writes(store)?;
        let waiting = begun.into_iter().map(|intent| Waiting {
            intent,
            is_begun: true,
            ended: None,
        });
        let state = State {
            epoch: 0,
            waiting: waiting.collect(),
            shown: watch::Sender::default(),
        };
        state.show();
        Ok(Writes {
            store: store.clone(),
            patience,
            state: Mutex::new(state),
            changed: Notify::new(),
            stop: CancellationToken::new(),
        })
    }

    /// Refuses an operator that a later one has replaced.
    pub(crate) fn admit(&self, epoch: u64) -> Result<()> {
        let mut state = self.state.lock();
        if epoch < state.epoch {
            let latest = state.epoch;
            let message = format!("operator {epoch} was replaced by {latest}");
            return Err(Error::new(Code::Conflict, "stale-operator", message));
        }
        if epoch > state.epoch {
            state.epoch = epoch;
            state.shown = watch::Sender::default();
            state.show();
        }
        Ok(())
    }

    /// For the operator.
    pub(crate) fn watch(&self, epoch: u64) -> Result<watch::Receiver<Arc<Vec<WriteIntent>>>> {
        self.admit(epoch)?;
        let receiver = self.state.lock().shown.subscribe();
        self.changed.notify_waiters();
        Ok(receiver)
    }

    /// Waits until there is an operator.
    pub(crate) async fn operator(&self) -> Result<()> {
        self.until(|state| state.shown.receiver_count() > 0, no_operator)
            .await
    }

    /// Waits until nothing waits that was begun before the last start: what comes next is planned on its outcome.
    pub(crate) async fn settled(&self) -> Result<()> {
        self.until(|state| state.waiting.is_empty(), busy).await
    }

    async fn until(&self, holds: impl Fn(&State) -> bool, otherwise: fn() -> Error) -> Result<()> {
        let waiting = async {
            loop {
                let changed = self.changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if holds(&self.state.lock()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::select! {
            () = waiting => Ok(()),
            () = tokio::time::sleep(self.patience) => Err(otherwise()),
            () = self.stop.cancelled() => Err(stopping()),
        }
    }

    /// The write that a hand-over belongs to.
    pub(crate) fn begun(&self, request: &RequestId) -> Option<WriteIntent> {
        let mut state = self.state.lock();
        let found = state.find(request).filter(|one| one.is_begun);
        found.map(|one| one.intent.clone())
    }

    /// The operator begins.
    pub(crate) async fn begin(&self, epoch: u64, request: &RequestId) -> Result<()> {
        self.admit(epoch)?;
        let intent = {
            let mut state = self.state.lock();
            let found = state.find(request);
            let found = found
                .ok_or_else(|| Error::not_found("unknown-write", "waiting write", &request.0))?;
            if found.is_begun {
                return Ok(());
            }
            found.is_begun = true;
            found.intent.clone()
        };
        let store = self.store.clone();
        let kept = tokio::task::spawn_blocking(move || offer_records::keep_write(&store, &intent));
        let kept = kept.await.map_err(lost_thread)?.map_err(from_store);
        if kept.is_err()
            && let Some(found) = self.state.lock().find(request)
        {
            found.is_begun = false;
        }
        kept
    }

    /// The operator has ended.
    pub(crate) async fn answer(
        &self,
        epoch: u64,
        request: &RequestId,
        answer: WriteAnswer,
    ) -> Result<()> {
        self.admit(epoch)?;
        let (store, forgotten) = (self.store.clone(), request.clone());
        let forgotten =
            tokio::task::spawn_blocking(move || offer_records::forget_write(&store, &forgotten));
        forgotten.await.map_err(lost_thread)?.map_err(from_store)?;
        let taken = self.state.lock().take(request);
        self.changed.notify_waiters();
        if let Some(ended) = taken.and_then(|taken| taken.ended) {
            // Whoever asked may be gone.
            let _ = ended.send(match answer {
                WriteAnswer::Applied => Ok(()),
                WriteAnswer::Refused(error) => Err(error),
            });
        }
        Ok(())
    }

    /// Nobody is kept waiting any more. What was begun goes on after the next start.
    pub(crate) fn close(&self) {
        self.stop.cancel();
    }

    /// Takes a write back unless it was begun.
    fn withdraw(&self, request: &RequestId) -> bool {
        let mut state = self.state.lock();
        if state.find(request).is_some_and(|found| found.is_begun) {
            return false;
        }
        state.take(request).is_some()
    }
}

#[async_trait]
impl ConfigurationWriter for Writes {
    async fn write(&self, intent: WriteIntent) -> Result<()> {
        let request = intent.request.clone();
        let (ended, mut end) = oneshot::channel();
        {
            let mut state = self.state.lock();
            state.waiting.push(Waiting {
                intent,
                is_begun: false,
                ended: Some(ended),
            });
            state.show();
        }
        let gone = |_| stopping();
        tokio::select! {
            ended = &mut end => return ended.map_err(gone)?,
            () = tokio::time::sleep(self.patience) => {}
            () = self.stop.cancelled() => {}
        }
        if self.withdraw(&request) {
            let is_stopping = self.stop.is_cancelled();
            return Err(if is_stopping {
                stopping()
            } else {
                no_operator()
            });
        }
        tokio::select! {
            ended = &mut end => ended.map_err(gone)?,
            () = self.stop.cancelled() => Err(stopping()),
        }
    }
}

fn no_operator() -> Error {
    let message = "the operator, which writes the configuration, is not there now; nothing was changed or queued";
    Error::new(Code::Unavailable, "no-operator", message)
}

fn busy() -> Error {
    let message =
        "an earlier change of the configuration is not finished; nothing was changed or queued";
    Error::new(Code::Unavailable, "configuration-busy", message)
}

fn stopping() -> Error {
    Error::new(
        Code::Unavailable,
        "stopping",
        "the storage node is stopping",
    )
}
