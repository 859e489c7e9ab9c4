//! The log of changes as its one writer sees it.

use super::object::{Kind, Object, Writer};
use super::place::{self, Place};
use super::snapshot::{self, Previous};
use super::{Followed, tidying};
use crate::difference::Difference;
use crate::error::OpenError;
use parking_lot::Mutex;
use sluice_objects::{Created, Objects};
use sluice_protocol::{Code, Error, Incarnation};
use sluice_store::Store;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How long a change waits for the object store.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a try to settle what was refused waits for it, and how long it is until the next.
const SETTLING: Duration = Duration::from_secs(10);
const PAUSE: Duration = Duration::from_secs(1);
/// Objects after which a snapshot is made.
const OBJECTS: u64 = 256;
/// And bytes, if the last snapshot is not larger.
const BYTES: u64 = 4 << 20;

/// Of a change that was sent and not answered.
const UNKNOWN: &str = "whether the change was kept is not known; look again";

/// The log.
pub(crate) struct Log {
    pub(super) place: Place,
    pub(super) writer: Writer,
    next: tokio::sync::Mutex<Next>,
    /// Since the last snapshot.
    grown: Mutex<Grown>,
    pub(super) previous: tokio::sync::Mutex<Previous>,
    is_making: AtomicBool,
    is_settling: AtomicBool,
    replaced: watch::Sender<Option<Incarnation>>,
}

struct Next {
    number: u64,
    /// What is in the log and was refused all the same.
    void: Vec<u64>,
    /// Something was sent under this number, and nobody knows whether it arrived.
    is_open: bool,
}

impl Next {
    fn is_settled(&self) -> bool {
        !self.is_open && self.void.is_empty()
    }
}

#[derive(Default)]
struct Grown {
    objects: u64,
    bytes: u64,
    snapshot: u64,
}

impl Log {
    pub(super) fn new(place: Place, writer: Writer, next: u64, previous: Previous) -> Self {
        let grown = Grown {
            objects: previous.changes_after,
            snapshot: previous.bytes(),
            ..Grown::default()
        };
        Log {
            place,
            writer,
            next: tokio::sync::Mutex::new(Next {
                number: next,
                void: Vec::new(),
                is_open: false,
            }),
            grown: Mutex::new(grown),
            previous: tokio::sync::Mutex::new(previous),
            is_making: AtomicBool::new(false),
            is_settling: AtomicBool::new(false),
            replaced: watch::Sender::new(None),
        }
    }

    pub(crate) fn objects(&self) -> &Objects {
        &self.place.objects
    }

    /// The incarnation of the storage node that has taken over, once that shows.
    pub(crate) fn watch_replaced(&self) -> watch::Receiver<Option<Incarnation>> {
        self.replaced.subscribe()
    }

    /// Why nothing can be kept; `None`: as far as is known it can.
    pub(crate) fn problem(&self) -> Option<String> {
        let replaced = *self.replaced.borrow();
        replaced.map(|_| self.replaced_error().message)
    }

    /// Returns when the change is in the log, in this format. One at a time.
    pub(crate) async fn append(
        self: &Arc<Self>,
        change: &Difference,
        format: u32,
    ) -> Result<Followed, Error> {
        if self.replaced.borrow().is_some() {
            return Err(self.replaced_error());
        }
        let appending = async {
            let mut next = self.next.lock().await;
            self.create(&mut next, change, format).await
        };
        let appended = tokio::time::timeout(PATIENCE, appending).await;
        let appended = appended.unwrap_or_else(|_| {
            let message = format!("the object store did not answer within {PATIENCE:?}; {UNKNOWN}");
            Err(Error::new(Code::Unavailable, "object-store", message))
        });
        if appended.is_err() {
            self.settle_later();
        }
        appended
    }

    /// Writes an empty change after one that was refused, until it is there: what was sent may still arrive, is found under its number
    /// then and declared void. Otherwise the next start would take it.
    fn settle_later(self: &Arc<Self>) {
        if self.is_settling.swap(true, Ordering::AcqRel) {
            return;
        }
        let log = Arc::downgrade(self);
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(PAUSE).await;
                let Some(log) = log.upgrade() else {
                    return;
                };
                if log.settle().await {
                    return;
                }
            }
        });
    }

    /// Whether nothing is open any more.
    async fn settle(&self) -> bool {
        // A change that is being written settles it too.
        let Ok(mut next) = self.next.try_lock() else {
            return false;
        };
        if !next.is_settled() && self.replaced.borrow().is_none() {
            let nothing = Difference::default();
            let settling = self.create(&mut next, &nothing, self.place.format.writes());
            match tokio::time::timeout(SETTLING, settling).await {
                Ok(Ok(_)) => tracing::info!("what was refused is settled in the object store"),
                Ok(Err(_)) | Err(_) if self.replaced.borrow().is_none() => return false,
                Ok(Err(_)) | Err(_) => {}
            }
        }
        // With the lock held: whoever comes next begins anew.
        self.is_settling.store(false, Ordering::Release);
        drop(next);
        true
    }

    async fn create(
        &self,
        next: &mut Next,
        change: &Difference,
        format: u32,
    ) -> Result<Followed, Error> {
        loop {
            let mut object = Object::new(Kind::Changes, &self.writer);
            object.head.void.clone_from(&next.void);
            object.steps = change.clone();
            let (name, bytes) = (place::change(next.number), object.write(format));
            let size = bytes.len() as u64;
            next.is_open = true;
            let created = self.place.objects.create(&name, bytes).await;
            match created.map_err(unavailable)? {
                Created::Ours => {
                    let number = next.number;
                    next.number += 1;
                    next.void.clear();
                    next.is_open = false;
                    let mut grown = self.grown.lock();
                    grown.objects += 1;
                    grown.bytes += size;
                    return Ok(Followed::of(&self.writer, number));
                }
                Created::Taken(other) => {
                    let other = Object::read(other, self.place.format.reads());
                    let other = other.map_err(|problem| {
                        let message = format!("the object {name} cannot be understood: {problem}");
                        Error::new(Code::Internal, "internal", message)
                    })?;
                    if other.head.writer.process != self.writer.process {
                        let later = Incarnation::new(other.head.writer.incarnation);
                        let later = later.unwrap_or(Incarnation::FIRST);
                        self.replaced.send_replace(Some(later));
                        tracing::error!(number = next.number, incarnation = %later, "another storage node has taken over; this one changes nothing any more");
                        return Err(self.replaced_error());
                    }
                    // One of our own that was given up and arrived all the same.
                    let number = next.number;
                    next.void.push(number);
                    next.number += 1;
                }
            }
        }
    }

    /// The change is in the log and was not taken here.
    pub(crate) async fn not_taken(self: &Arc<Self>, change: &Followed) {
        self.next.lock().await.void.push(change.applied);
        self.settle_later();
    }

    fn replaced_error(&self) -> Error {
        let message = format!(
            "another storage node of this hub has taken over (incarnation {}, this is {}); nothing was changed",
            self.replaced.borrow().map_or(0, Incarnation::number),
            self.writer.incarnation
        );
        Error::new(Code::Unavailable, "superseded", message)
    }

    /// The next change is a reason for a snapshot.
    pub(crate) fn wants_snapshot(&self) {
        self.grown.lock().objects += OBJECTS;
    }

    /// Whether it is time for a snapshot; the caller makes it then.
    pub(crate) fn begins_snapshot(&self) -> bool {
        let grown = self.grown.lock();
        let is_due = grown.objects >= OBJECTS || grown.bytes > BYTES.max(grown.snapshot);
        is_due && !self.is_making.swap(true, Ordering::AcqRel)
    }

    /// Puts all records together, and removes what is not needed any more.
    pub(crate) async fn snapshot(&self, store: &Store) -> Result<(), OpenError> {
        let made = self.make_snapshot(store).await;
        self.is_making.store(false, Ordering::Release);
        made
    }

    async fn make_snapshot(&self, store: &Store) -> Result<(), OpenError> {
        let mut previous = self.previous.lock().await;
        // What comes while it is made counts for the next one, and a failure waits as long.
        *self.grown.lock() = Grown {
            snapshot: previous.bytes(),
            ..Grown::default()
        };
        snapshot::make(&self.place, &self.writer, store, &mut previous).await?;
        self.grown.lock().snapshot = previous.bytes();
        tidying::tidy(&self.place).await
    }
}

fn unavailable(error: sluice_objects::Error) -> Error {
    let message = format!("the object store does not answer; {UNKNOWN}");
    Error::new(Code::Unavailable, "object-store", message).caused_by(error)
}
