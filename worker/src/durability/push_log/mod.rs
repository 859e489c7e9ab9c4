//! The push log of a pipe: what was pushed, in numbered objects that are created only if absent.
//!
//! A request is committed locally first, then it is in an object, then it is answered. So whatever an object up to a number
//! holds is in the local state, and a checkpoint can say which number it contains. The requests of a pipe that wait at the same
//! time share an object. A long body goes in parts; only a request whose last part is there is ever taken again.
//!
//! A new owner that restores creates the next number itself, as a take-over record that is never removed. The old owner, if it
//! still runs, finds its next number taken and acknowledges nothing any more.

mod object;
mod recording;
mod replay;

pub(crate) use recording::{RECORDED, Recording};
pub(crate) use replay::Replay;

use super::Durability;
use super::checkpoint::Subject;
use super::error::{Error, Result};
use super::manifest::{Place, numbers};
use crate::assignment::Lease;
use object::{Entry, Kind, Object};
use parking_lot::Mutex;
use sluice_objects::Created;
use sluice_protocol::Epoch;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio_util::task::TaskTracker;

/// An object takes no more entries once it has this many bytes.
const OBJECT_BYTES: usize = 4 << 20;
/// How long somebody waits for the object store to take an entry. What was given up may be there all the same.
const PATIENCE: Duration = Duration::from_secs(30);

/// The push log of a pipe under one epoch.
pub(crate) struct PushLog {
    place: Place,
    epoch: Epoch,
    lease: Arc<Lease>,
    tasks: TaskTracker,
    state: Mutex<State>,
    /// The number of the next object; held while one is written.
    next: Arc<tokio::sync::Mutex<u64>>,
}

struct State {
    waiting: VecDeque<Waiting>,
    /// Number of the newest object that is there.
    written: u64,
    /// Long requests under way, with the newest object before their first part.
    open: BTreeMap<u64, u64>,
    opened: u64,
}

struct Waiting {
    entry: Entry,
    done: oneshot::Sender<Result<(), Arc<Error>>>,
}

impl Durability {
    /// The push log of a pipe, opened at the first use.
    pub(crate) async fn push_log(&self, subject: &Subject) -> Result<Arc<PushLog>> {
        let pipe = self.pipe(&subject.pipe);
        let opened = pipe.log.get_or_try_init(|| async {
            let place = self.place(&subject.pipe);
            let newest = place.newest().await?.map(|(_, manifest)| manifest);
            if let Some(later) = newest
                .as_ref()
                .filter(|newest| newest.epoch > subject.epoch.number())
            {
                return Err(Error::Superseded {
                    pipe: subject.pipe.clone(),
                    by: Epoch::from_number(later.epoch),
                });
            }
            // A number that was given is never given again, even when nothing under it is there any more.
            let given = newest.map_or(0, |newest| newest.pushes);
            let there = numbers(&place.objects, &place.pushes()).await?;
            let last = there.last().copied().unwrap_or_default().max(given);
            let (lease, tasks) = (self.lease.clone(), self.tasks.clone());
            let log = PushLog::new(place, subject.epoch, lease, tasks, last);
            Ok::<_, Error>(Arc::new(log))
        });
        opened.await.cloned()
    }
}

impl PushLog {
    pub(super) fn new(
        place: Place,
        epoch: Epoch,
        lease: Arc<Lease>,
        tasks: TaskTracker,
        last: u64,
    ) -> Self {
        PushLog {
            place,
            epoch,
            lease,
            tasks,
            state: Mutex::new(State {
                waiting: VecDeque::new(),
                written: last,
                open: BTreeMap::new(),
                opened: 0,
            }),
            next: Arc::new(tokio::sync::Mutex::new(last + 1)),
        }
    }

    /// Everything in objects up to this number was committed locally.
    pub(crate) fn contained(&self) -> u64 {
        let state = self.state.lock();
        let open = state.open.values().min().copied();
        open.map_or(state.written, |open| open.min(state.written))
    }

    /// A long request begins: what is written of it counts only at its end.
    fn begin(&self) -> u64 {
        let mut state = self.state.lock();
        state.opened += 1;
        let (id, written) = (state.opened, state.written);
        state.open.insert(id, written);
        id
    }

    fn end(&self, id: u64) {
        self.state.lock().open.remove(&id);
    }

    /// Returns when the entry is in the log, or when that takes too long.
    async fn write(self: &Arc<Self>, entry: Entry) -> Result<(), Arc<Error>> {
        let written = tokio::time::timeout(PATIENCE, self.write_at_last(entry));
        let written = written.await;
        written.unwrap_or_else(|_| Err(Arc::new(Error::Silent { after: PATIENCE })))
    }

    async fn write_at_last(self: &Arc<Self>, entry: Entry) -> Result<(), Arc<Error>> {
        let (done, mut written) = oneshot::channel();
        let waiting = Waiting { entry, done };
        self.state.lock().waiting.push_back(waiting);
        loop {
            let turn = tokio::select! {
                biased;
                outcome = &mut written => return outcome.unwrap_or_else(|_| Err(self.interrupted())),
                turn = self.next.clone().lock_owned() => turn,
            };
            // Somebody has to write what waits, ours among it. Whoever asked may go away: the write must not.
            let log = self.clone();
            let writing = self
                .tasks
                .spawn(async move { log.write_waiting(turn).await });
            if writing.await.is_err() {
                return Err(self.interrupted());
            }
        }
    }

    fn interrupted(&self) -> Arc<Error> {
        Arc::new(Error::damaged(
            &self.place.pushes(),
            "the write was interrupted",
        ))
    }

    async fn write_waiting(&self, mut next: tokio::sync::OwnedMutexGuard<u64>) {
        let mut group: Vec<Waiting> = Vec::new();
        {
            let mut state = self.state.lock();
            let mut bytes = 0;
            while let Some(waiting) = state.waiting.pop_front_if(|_| bytes < OBJECT_BYTES) {
                if waiting.done.is_closed() {
                    // Nobody waits for it any more: it is not answered.
                    continue;
                }
                bytes += waiting.entry.body.len();
                group.push(waiting);
            }
        }
        if group.is_empty() {
            return;
        }
        let (entries, done): (Vec<_>, Vec<_>) = group
            .into_iter()
            .map(|waiting| (waiting.entry, waiting.done))
            .unzip();
        let outcome = self.put(&mut next, Kind::Pushes, entries).await;
        let outcome = outcome.map_err(Arc::new);
        for done in done {
            let _ = done.send(outcome.clone());
        }
    }

    /// Creates the next object. Fails for good when a later owner has taken its number.
    async fn put(&self, next: &mut u64, kind: Kind, entries: Vec<Entry>) -> Result<()> {
        let object = Object::new(kind, self.epoch, entries);
        let bytes = object.write(self.place.format.byte());
        loop {
            self.lease.check().map_err(sluice_dataset::Error::from)?;
            let name = self.place.push(*next);
            match self.place.objects.create(&name, bytes.clone()).await? {
                Created::Ours => {
                    self.state.lock().written = *next;
                    *next += 1;
                    return Ok(());
                }
                Created::Taken(other) => {
                    let other = Object::read(&name, other, self.place.format.reads())?;
                    if other.epoch > self.epoch {
                        return Err(Error::Superseded {
                            pipe: self.place.pipe.clone(),
                            by: other.epoch,
                        });
                    }
                    // A write of our own that was given up and arrived all the same, or the old owner's last word.
                    self.state.lock().written = *next;
                    *next += 1;
                }
            }
        }
    }

    /// Says in the log that another owner goes on; answers the number of the record.
    pub(super) async fn take_over(&self) -> Result<u64> {
        let mut next = self.next.lock().await;
        self.put(&mut next, Kind::TakeOver, Vec::new()).await?;
        Ok(*next - 1)
    }
}

#[cfg(test)]
mod tests;
