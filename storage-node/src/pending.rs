//! Changes that are decided and not durable yet. The next change is planned on top of them; those that wait at the same time become
//! durable together, and nobody sees or is answered anything before.
//!
//! ```text
//! change ─► group ─► object store, if there is one ─► the store, in one synced transaction ─► seen, answered
//!             └─ what fails takes back everything that was planned on top of it
//! ```

use crate::contents::Contents;
use crate::difference::Difference;
use crate::durability::{Followed, Log};
use crate::error::{Shared, from_store, lost_thread};
use crate::history;
use crate::placement_records;
use crate::placements::Configured;
use crate::records;
use crate::service::Inner;
use parking_lot::Mutex;
use sluice_protocol::{Code, ConfigurationSnapshot, Error, Result};
use sluice_store::{Durability, Store};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::task::TaskTracker;

/// What is kept, and how it looks.
#[derive(Clone)]
pub(crate) struct Revision {
    pub(crate) contents: Arc<Contents>,
    pub(crate) snapshot: Arc<ConfigurationSnapshot>,
    pub(crate) configured: Arc<Configured>,
    /// Up to where numbers of datasets may be given, as the object store knows.
    pub(crate) reserved: u64,
}

/// What becomes of the history.
pub(crate) enum HistoryChange {
    Add(Vec<history::Entry>),
    Reset,
}

/// A change as it becomes durable.
pub(crate) struct Decided {
    pub(crate) revision: Revision,
    /// For the object store and this disk.
    pub(crate) shared: Difference,
    /// For this disk alone.
    pub(crate) own: Difference,
    pub(crate) history: HistoryChange,
}

/// Records of changes that wait together; one change alone may have more. They become one object, which has to be readable again.
const GROUP_BYTES: usize = 16 << 20;

type Outcome = Option<Result<(), Shared>>;

struct Group {
    revision: Revision,
    shared: Difference,
    own: Difference,
    history: Vec<HistoryChange>,
    /// Of the records.
    bytes: usize,
    outcome: watch::Sender<Outcome>,
}

struct State {
    newest: Revision,
    group: Option<Group>,
    /// The group that is being made durable.
    under_way: Option<watch::Receiver<Outcome>>,
}

/// Hears when everything that was decided before is durable.
pub(crate) struct Ticket(Option<watch::Receiver<Outcome>>);

impl Ticket {
    pub(crate) async fn wait(self) -> Result<()> {
        let Some(mut outcome) = self.0 else {
            return Ok(());
        };
        let stopping = || Shared::stopping().error();
        let outcome = outcome.wait_for(Option::is_some).await;
        let outcome = outcome.map_err(|_| stopping())?.clone();
        let outcome = outcome.ok_or_else(stopping)?;
        outcome.map_err(|shared| shared.error())
    }
}

pub(crate) struct Pending {
    state: Mutex<State>,
    /// Held by whoever makes a group durable.
    pub(crate) turn: tokio::sync::Mutex<()>,
    pub(crate) tasks: TaskTracker,
}

impl Pending {
    pub(crate) fn new(newest: Revision) -> Self {
        Pending {
            state: Mutex::new(State {
                newest,
                group: None,
                under_way: None,
            }),
            turn: tokio::sync::Mutex::default(),
            tasks: TaskTracker::new(),
        }
    }

    /// What is decided.
    pub(crate) fn newest(&self) -> Revision {
        self.state.lock().newest.clone()
    }

    /// What the next change is planned on, and the ticket of what is not durable of it: whoever finds that nothing changes rests on that.
    pub(crate) fn begin_planning(&self) -> (Revision, Ticket) {
        let state = self.state.lock();
        let group = state.group.as_ref().map(|group| group.outcome.subscribe());
        let ticket = Ticket(group.or_else(|| state.under_way.clone()));
        (state.newest.clone(), ticket)
    }

    fn begin(&self) -> Option<Group> {
        let mut state = self.state.lock();
        let group = state.group.take();
        state.under_way = group.as_ref().map(|group| group.outcome.subscribe());
        group
    }

    fn done(&self) {
        self.state.lock().under_way = None;
    }

    /// Nothing of it has happened; answers those who have planned on it.
    fn take_back(&self, durable: Revision) -> Option<watch::Sender<Outcome>> {
        let mut state = self.state.lock();
        state.under_way = None;
        state.newest = durable;
        state.group.take().map(|group| group.outcome)
    }
}

impl Inner {
    /// Takes a change that was planned on `before`. Who asked for it waits for the ticket.
    pub(crate) fn enqueue(
        self: &Arc<Self>,
        before: &Arc<Contents>,
        decided: Decided,
    ) -> Result<Ticket> {
        let mut state = self.pending.state.lock();
        if !Arc::ptr_eq(before, &state.newest.contents) {
            let message =
                "a change of the configuration before this one failed; nothing was changed";
            return Err(Error::new(
                Code::Unavailable,
                "change-before-failed",
                message,
            ));
        }
        let bytes = decided.shared.bytes() + decided.own.bytes();
        if let Some(group) = &state.group
            && group.bytes + bytes > GROUP_BYTES
        {
            return Err(too_much());
        }
        state.newest = decided.revision.clone();
        if let Some(group) = &mut state.group {
            group.bytes += bytes;
            group.revision = decided.revision;
            group.shared.extend(decided.shared);
            group.own.extend(decided.own);
            group.history.push(decided.history);
            return Ok(Ticket(Some(group.outcome.subscribe())));
        }
        let (outcome, heard) = watch::channel(None);
        state.group = Some(Group {
            revision: decided.revision,
            shared: decided.shared,
            own: decided.own,
            history: vec![decided.history],
            bytes,
            outcome,
        });
        let inner = Arc::clone(self);
        self.pending.tasks.spawn(async move {
            // The store is let go of before anybody is answered: whoever heard may open it again.
            let (told, outcome) = inner.make_durable().await;
            for told in told {
                told.send_replace(Some(outcome.clone()));
            }
        });
        Ok(Ticket(Some(heard)))
    }

    async fn make_durable(self: Arc<Self>) -> (Vec<watch::Sender<Outcome>>, Result<(), Shared>) {
        let _turn = self.pending.turn.lock().await;
        let Some(group) = self.pending.begin() else {
            return (Vec::new(), Ok(()));
        };
        let Group {
            revision,
            shared,
            own,
            history,
            outcome,
            bytes: _,
        } = group;
        let format = revision.contents.hub_format.finalized;
        match self.write(shared, own, format).await {
            Ok(()) => {
                self.show(revision, history);
                self.follow_format(format).await;
                self.pending.done();
                self.snapshot_if_due();
                (vec![outcome], Ok(()))
            }
            Err(error) => {
                tracing::error!(
                    error = chain(&error),
                    "a change of the configuration cannot be kept"
                );
                let then = self.pending.take_back(self.durable());
                let told = then.into_iter().chain([outcome]).collect();
                (told, Err(Shared::from(&error)))
            }
        }
    }

    /// What everybody may see.
    fn durable(&self) -> Revision {
        let reserved = *self.reserved.lock();
        Revision {
            contents: self.contents.read().clone(),
            snapshot: self.published.borrow().clone(),
            configured: self.configured.borrow().clone(),
            reserved,
        }
    }

    async fn write(&self, shared: Difference, own: Difference, format: u32) -> Result<()> {
        // What the disk cannot take must not be in the object store either.
        self.store.health().map_err(from_store)?;
        let log = self.log.as_ref().filter(|_| !shared.is_empty());
        let followed = match log {
            Some(log) => Some(log.append(&shared, format).await?),
            None => None,
        };
        let (store, at) = (self.store.clone(), followed.clone());
        let format = Some(format).filter(|format| *format > store.format().writes());
        let writing = tokio::task::spawn_blocking(move || {
            commit(&store, &shared, &own, at.as_ref(), format).map_err(from_store)
        });
        let written = writing.await.map_err(lost_thread).flatten();
        if let (Some(log), Some(followed), Err(_)) = (log, &followed, &written) {
            log.not_taken(followed).await;
        }
        written
    }

    fn show(&self, revision: Revision, changes: Vec<HistoryChange>) {
        let mut history = self.history.write();
        for change in changes {
            match change {
                HistoryChange::Add(entries) => {
                    entries.into_iter().for_each(|entry| history.add(entry));
                }
                HistoryChange::Reset => *history = history::Index::default(),
            }
        }
        drop(history);
        *self.reserved.lock() = revision.reserved;
        *self.contents.write() = revision.contents;
        if !Arc::ptr_eq(&self.published.borrow(), &revision.snapshot) {
            self.configured.send_replace(revision.configured);
            self.published.send_replace(revision.snapshot);
        }
    }

    /// Shortens the log in the object store where it has become long.
    fn snapshot_if_due(self: &Arc<Self>) {
        let Some(log) = self.log.as_ref().filter(|log| log.begins_snapshot()) else {
            return;
        };
        let (log, store): (Arc<Log>, Store) = (log.clone(), self.store.clone());
        self.pending.tasks.spawn(async move {
            if let Err(error) = log.snapshot(&store).await {
                tracing::warn!(%error, "the storage node's changes in the object store cannot be put together now");
            }
        });
    }
}

fn commit(
    store: &Store,
    shared: &Difference,
    own: &Difference,
    followed: Option<&Followed>,
    format: Option<u32>,
) -> Result<(), sluice_store::Error> {
    let mut transaction = store.transaction(&[])?;
    shared.apply(&mut transaction)?;
    own.apply(&mut transaction)?;
    if let Some(followed) = followed {
        followed.put(&mut transaction)?;
    }
    if let Some(format) = format {
        // Until the whole store says so: an earlier version refuses it all the same.
        records::put_format(&mut transaction, format)?;
        placement_records::put_format(&mut transaction, format)?;
    }
    transaction.commit(Durability::Synced).map(drop)
}

fn too_much() -> Error {
    let message = "too much waits to be kept already; nothing was changed, try again";
    Error::new(Code::Unavailable, "configuration-busy", message)
}

/// An error with its causes, for the log.
fn chain(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}
