//! Pipes on their way here. `take_up` begins them and hears when one has arrived; then it is on the disk like any other.

use super::Durability;
use super::ahead::Ahead;
use super::error::{Error, chain};
use super::restore::Restore;
pub(crate) use super::restore::Source;
use crate::assignment::held::HeldRecord;
use crate::shared::Shared;
use parking_lot::Mutex;
use sluice_protocol::{Epoch, Report};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// Pipes that are restored at a time.
const AT_ONCE: usize = 4;
/// Before a pipe that could not be brought here is tried again, if it still is to be.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the word that a pipe cannot begin may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// The tasks.
pub(crate) struct Arrivals {
    shared: Arc<Shared>,
    going: Mutex<BTreeMap<String, (Epoch, CancellationToken)>>,
    /// Pipes that are handed over as soon as their owner hears that we are ready.
    following: Mutex<BTreeMap<String, CancellationToken>>,
    /// What has come of them.
    aheads: Arc<Mutex<BTreeMap<String, Ahead>>>,
    arrived: watch::Sender<u64>,
    turns: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Arrivals {
    pub(crate) fn new(shared: Arc<Shared>) -> Arc<Self> {
        Arc::new(Arrivals {
            shared,
            going: Mutex::default(),
            following: Mutex::default(),
            aheads: Arc::default(),
            arrived: watch::Sender::new(0),
            turns: Arc::new(Semaphore::new(AT_ONCE)),
            tasks: TaskTracker::new(),
        })
    }

    /// Whether pipes can come here at all.
    pub(crate) fn are_possible(&self) -> bool {
        self.shared.durability.is_some()
    }

    /// Grows with every pipe that has arrived.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.arrived.subscribe()
    }

    /// Brings a pipe here, unless that goes on already.
    pub(crate) fn begin(
        self: &Arc<Self>,
        pipe: &str,
        epoch: Epoch,
        source: Source,
        dataset: Option<String>,
        record: HeldRecord,
    ) {
        let Some(durability) = self.shared.durability.clone() else {
            return;
        };
        let stop = CancellationToken::new();
        {
            let mut going = self.going.lock();
            if going
                .get(pipe)
                .is_some_and(|(present, _)| *present == epoch)
            {
                return;
            }
            let before = going.insert(pipe.to_owned(), (epoch, stop.clone()));
            if let Some((_, before)) = before {
                before.cancel();
            }
        }
        let restore = Restore {
            durability,
            shared: self.shared.clone(),
            pipe: pipe.to_owned(),
            epoch,
            source,
            dataset,
            record,
            stop,
            aheads: self.aheads.clone(),
        };
        let arrivals = self.clone();
        self.tasks
            .spawn(async move { arrivals.bring(restore).await });
    }

    async fn bring(self: Arc<Self>, restore: Restore) {
        let Ok(_turn) = self.turns.clone().acquire_owned().await else {
            return;
        };
        if restore.stop.is_cancelled() {
            return;
        }
        let (pipe, epoch, started) = (restore.pipe.clone(), restore.epoch, Instant::now());
        tracing::info!(pipe, %epoch, source = ?restore.source, "bringing the pipe's state here");
        // It looks at `stop` itself: what it does on a blocking thread has to end before another one may begin.
        let outcome = restore.run().await;
        let is_present = |going: &(Epoch, CancellationToken)| going.0 == epoch;
        match outcome {
            Ok(bytes) => {
                tracing::info!(pipe, %epoch, bytes, seconds = started.elapsed().as_secs_f64(), "the pipe's state is here");
            }
            Err(Error::Report(error)) if error.reason == "stale-epoch" => {
                tracing::info!(pipe, %epoch, "the pipe goes elsewhere meanwhile");
            }
            Err(error) => {
                let reason = chain(&error);
                tracing::warn!(pipe, %epoch, error = reason, "the pipe's state cannot be brought here");
                let pipe = pipe.clone();
                let report = Report::CannotStart {
                    pipe,
                    epoch,
                    reason,
                };
                let said = self.shared.assignment.report(report);
                if let Ok(Err(error)) = tokio::time::timeout(PATIENCE, said).await {
                    tracing::debug!(%error, "the storage node does not hear of it");
                }
                tokio::select! {
                    () = tokio::time::sleep(PAUSE) => {}
                    () = restore.stop.cancelled() => {}
                }
            }
        }
        {
            let mut going = self.going.lock();
            if going.get(&pipe).is_some_and(is_present) {
                going.remove(&pipe);
            }
        }
        self.arrived.send_modify(|arrived| *arrived += 1);
    }

    /// Stops what is not owed any more.
    pub(crate) fn keep_only(&self, is_owed: impl Fn(&str, Epoch) -> bool) {
        self.going.lock().retain(|pipe, (epoch, stop)| {
            let stays = is_owed(pipe, *epoch);
            if !stays {
                stop.cancel();
            }
            stays
        });
    }

    /// Brings ahead what there is of a pipe that is to be handed over, then says so to its owner, unless that goes on already.
    pub(crate) fn follow(self: &Arc<Self>, pipe: &str) {
        let Some(durability) = self.shared.durability.clone() else {
            return;
        };
        let stop = CancellationToken::new();
        {
            let mut following = self.following.lock();
            if following.contains_key(pipe) {
                return;
            }
            following.insert(pipe.to_owned(), stop.clone());
        }
        let (arrivals, pipe) = (self.clone(), pipe.to_owned());
        self.tasks.spawn(async move {
            arrivals.prepare(&durability, &pipe, &stop).await;
            arrivals.say_level(pipe, &stop).await;
        });
    }

    async fn prepare(&self, durability: &Durability, pipe: &str, stop: &CancellationToken) {
        let Ok(_turn) = self.turns.acquire().await else {
            return;
        };
        let known = durability.pipe(pipe);
        // A restore of the pipe waits for this, which ends soon when it is stopped.
        let _making = known.making.lock().await;
        if stop.is_cancelled() {
            return;
        }
        let started = Instant::now();
        match Ahead::make(durability, &self.shared, pipe, stop).await {
            Ok(Some(ahead)) => {
                let (bytes, seconds) = (ahead.bytes, started.elapsed().as_secs_f64());
                let has_begun = ahead.begun.is_some();
                tracing::info!(
                    pipe,
                    bytes,
                    has_begun,
                    seconds,
                    "what there is of the pipe has come ahead"
                );
                let before = self.aheads.lock().insert(pipe.to_owned(), ahead);
                if let Some(mut before) = before {
                    before.give_up().await;
                }
            }
            Ok(None) => {}
            // It comes when its owner has stopped.
            Err(error) => {
                tracing::info!(
                    pipe,
                    error = chain(&error),
                    "nothing of the pipe comes ahead"
                );
            }
        }
    }

    async fn say_level(&self, pipe: String, stop: &CancellationToken) {
        while !stop.is_cancelled() {
            let report = Report::Level { pipe: pipe.clone() };
            match self.shared.assignment.report(report).await {
                Ok(()) => return,
                Err(error) if error.reason == "stale-epoch" => return,
                Err(error) => {
                    tracing::debug!(pipe, %error, "cannot say that the pipe may be handed over")
                }
            }
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = stop.cancelled() => return,
            }
        }
    }

    /// Moves that go on; of others nothing stays but what has come of a pipe that is this worker's now.
    pub(crate) fn keep_following(
        &self,
        follows: impl Fn(&str) -> bool,
        owns: impl Fn(&str) -> bool,
    ) {
        self.following.lock().retain(|pipe, stop| {
            let stays = follows(pipe);
            if !stays {
                stop.cancel();
            }
            stays
        });
        let mut aheads = self.aheads.lock();
        let gone = aheads.keys().filter(|pipe| !follows(pipe) && !owns(pipe));
        let gone: Vec<String> = gone.cloned().collect();
        for mut ahead in gone.iter().filter_map(|pipe| aheads.remove(pipe)) {
            self.tasks.spawn(async move { ahead.give_up().await });
        }
    }

    /// Stops everything and waits until it has.
    pub(crate) async fn end(&self) {
        self.keep_only(|_, _| false);
        self.keep_following(|_| false, |_| false);
        self.tasks.close();
        self.tasks.wait().await;
        // What came just before it was stopped.
        self.keep_following(|_| false, |_| false);
        self.tasks.wait().await;
        self.tasks.reopen();
    }
}
