//! What outlives a worker's disk: checkpoints of pipes in an object store, and how a pipe is restored from them.
//!
//! ```text
//! manifest     a checkpoint's list of files, numbered, created only if absent
//! segments     which parts of a log are written again: pure
//! checkpoint   making one
//! rounds       the task that makes them, for the pipes that changed
//! push_log     pushed data, acknowledged when it is here
//! ahead        what comes before a pipe is handed over
//! restore      from a checkpoint into the store
//! arrivals     restores that go on, for `take_up`
//! ```
//!
//! Only the owner of a pipe's present epoch writes here, and nothing is ever written over: a worker that lost a pipe without
//! hearing of it finds its next number taken, and stops.

mod ahead;
mod arrivals;
mod checkpoint;
mod error;
mod fetching;
mod known;
mod manifest;
pub(crate) mod push_log;
mod restore;
mod rounds;
mod segments;
mod whose;

pub(crate) use arrivals::{Arrivals, Source};
pub(crate) use checkpoint::Subject;
pub(crate) use error::Error;
pub(crate) use known::Owed;
pub(crate) use rounds::Rounds;
pub(crate) use whose::hub_of;

use crate::assignment::Lease;
use crate::blocking;
use crate::shared::Shared;
use error::Result;
use known::{Kept, Known};
use manifest::Place;
use parking_lot::Mutex;
use push_log::{PushLog, Replay};
use sluice_format::Format;
use sluice_objects::Objects;
use sluice_protocol::{Checkpoint, CheckpointReport, Durable};
use sluice_store::{Durability::Synced, Store};
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio_util::task::TaskTracker;

/// How long a push waits for the first checkpoint of its pipe.
const FIRST_CHECKPOINT: Duration = Duration::from_secs(30);

/// The object store, and what is known of each pipe in it.
pub(crate) struct Durability {
    pub(crate) objects: Objects,
    /// What is read of checkpoints and push logs, and what they are written in now: as the store's.
    format: Format,
    /// Where files lie on their way; on the store's disk.
    folder: PathBuf,
    lease: Arc<Lease>,
    pipes: Mutex<HashMap<String, Arc<PipeDurability>>>,
    /// Writes that go on although nobody waits for them any more.
    tasks: TaskTracker,
}

/// One pipe.
#[derive(Default)]
pub(crate) struct PipeDurability {
    /// Held while a checkpoint is made.
    pub(crate) making: tokio::sync::Mutex<Option<Known>>,
    /// What is to be shown, without waiting.
    pub(crate) shown: Mutex<Shown>,
    pub(crate) log: tokio::sync::OnceCell<Arc<PushLog>>,
}

/// How a pipe stands, for its status.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    /// Its newest checkpoint.
    pub(crate) checkpoint: Option<Checkpoint>,
    /// When that was made.
    pub(crate) made: Option<crate::clock::Micros>,
    /// When all of the pipe was in it, last; `None`: it was not looked at yet.
    pub(crate) whole: Option<crate::clock::Micros>,
    /// Why the last try came to nothing.
    pub(crate) problem: Option<String>,
}

impl Durability {
    pub(crate) fn new(
        objects: Objects,
        format: Format,
        folder: PathBuf,
        lease: Arc<Lease>,
    ) -> Arc<Self> {
        Arc::new(Durability {
            objects,
            format,
            folder,
            lease,
            pipes: Mutex::default(),
            tasks: TaskTracker::new(),
        })
    }

    /// Where a pipe is in the object store.
    fn place(&self, pipe: &str) -> Place {
        Place::new(&self.objects, &self.format, pipe)
    }

    /// What is known of a pipe here.
    pub(crate) fn pipe(&self, id: &str) -> Arc<PipeDurability> {
        self.pipes.lock().entry(id.to_owned()).or_default().clone()
    }

    /// It is not this worker's any more, or not under the epoch it was.
    pub(crate) fn forget(&self, id: &str) {
        self.pipes.lock().remove(id);
    }

    /// Neither memory nor disk knows which checkpoint the state goes on from.
    #[cfg(test)]
    pub(crate) async fn lose_track(&self, shared: &Shared, pipe: &str) {
        *self.pipe(pipe).making.lock().await = None;
        let mut transaction = shared.store.transaction(&[]).unwrap();
        transaction.delete_state(&Kept::key(pipe).unwrap());
        let lease = &shared.assignment.lease;
        lease.commit(transaction, Synced).unwrap();
    }

    /// Nothing goes on here any more.
    pub(crate) async fn ended(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }

    /// What a pipe has yet to take of what was pushed to it; `None`: it has all. For blocking threads.
    pub(crate) fn owed(store: &Store, pipe: &str) -> sluice_dataset::Result<Option<Owed>> {
        let kept = Kept::load(store, pipe)?;
        Ok(kept.as_ref().and_then(Kept::owed))
    }

    /// What was pushed to a pipe and it has yet to take.
    pub(crate) async fn replay(&self, pipe: &str, owed: Owed) -> Result<Replay> {
        Replay::behind(self.place(pipe), owed.behind).await
    }

    /// A pipe has all that it had yet to take. If it was restored once more meanwhile, that says nothing of what came with it.
    pub(crate) async fn replayed(
        &self,
        shared: &Arc<Shared>,
        pipe: &str,
        owed: Owed,
    ) -> Result<()> {
        let durability = self.pipe(pipe);
        let _making = durability.making.lock().await;
        let (shared, pipe) = (shared.clone(), pipe.to_owned());
        let noted = blocking::run(move || {
            let kept = Kept::load(&shared.store, &pipe)?;
            let Some(kept) = kept.filter(|kept| kept.owed() == Some(owed)) else {
                return Ok(());
            };
            let kept = Kept {
                replay_behind: None,
                ..kept
            };
            let mut transaction = shared.store.transaction(&[])?;
            transaction.put_state(&Kept::key(&pipe)?, &kept.bytes());
            let lease = &shared.assignment.lease;
            lease.commit(transaction, Synced).map(drop)
        });
        noted.await.map_err(Error::Store)
    }

    /// Returns when a pipe has a checkpoint: what is in a push log is of use only on top of one.
    pub(crate) async fn ensure_checkpoint(
        self: &Arc<Self>,
        shared: &Arc<Shared>,
        subject: &Subject,
    ) -> Result<()> {
        let pipe = self.pipe(&subject.pipe);
        let has_one = || pipe.shown.lock().whole.is_some();
        if has_one() {
            return Ok(());
        }
        let making = async {
            // Perhaps somebody makes one.
            drop(pipe.making.lock().await);
            if has_one() {
                return Ok(());
            }
            let (durability, shared, subject) = (self.clone(), shared.clone(), subject.clone());
            // Whoever asked may go away: what has begun goes on.
            let made = self
                .tasks
                .spawn(async move { durability.checkpoint(&shared, &subject).await.map(drop) });
            made.await
                .map_err(|error| Error::damaged("checkpoint", error))?
        };
        let made = tokio::time::timeout(FIRST_CHECKPOINT, making).await;
        made.unwrap_or(Err(Error::Silent {
            after: FIRST_CHECKPOINT,
        }))
    }

    /// Shows what the disk remembers of pipes' checkpoints, until they are looked at.
    pub(crate) async fn recall(
        &self,
        store: &Store,
        pipes: Vec<String>,
    ) -> sluice_dataset::Result<()> {
        let store = store.clone();
        let kept = blocking::run(move || {
            let kept = |pipe: String| Ok((Self::kept(&store, &pipe)?, pipe));
            let kept = pipes.into_iter().map(kept);
            kept.collect::<sluice_dataset::Result<Vec<_>>>()
        });
        for (checkpoint, pipe) in kept.await? {
            let pipe = self.pipe(&pipe);
            let mut shown = pipe.shown.lock();
            shown.checkpoint = shown.checkpoint.or(checkpoint);
        }
        Ok(())
    }

    /// Whether a pipe is in the object store.
    pub(crate) fn durable(&self, pipe: &str) -> Durable {
        let pipe = self.pipe(pipe);
        let shown = pipe.shown.lock();
        match (&shown.problem, shown.checkpoint) {
            (Some(_), _) => Durable::Failing,
            (None, Some(_)) => Durable::Checkpointed,
            (None, None) => Durable::NoCheckpoint,
        }
    }

    /// What of a pipe is there.
    pub(crate) fn report(&self, pipe: &str) -> CheckpointReport {
        let pipe = self.pipe(pipe);
        let shown = pipe.shown.lock().clone();
        CheckpointReport {
            number: shown.checkpoint.map(|checkpoint| checkpoint.number),
            made: shown.made,
            whole: shown.whole,
            problem: shown.problem,
        }
    }

    /// The newest checkpoint of the state on this disk. For blocking threads.
    pub(crate) fn kept(store: &Store, pipe: &str) -> sluice_dataset::Result<Option<Checkpoint>> {
        let kept = Kept::load(store, pipe)?;
        Ok(kept.map(|kept| Checkpoint {
            number: kept.number,
            format: kept.format,
        }))
    }
}
