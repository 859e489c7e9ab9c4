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
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::watch;

/// How long a change waits for the object store.
const PATIENCE: Duration = Duration::from_secs(30);
/// Objects after which a snapshot is made.
const OBJECTS: u64 = 256;
/// And bytes, if the last snapshot is not larger.
const BYTES: u64 = 4 << 20;

/// The log.
pub(crate) struct Log {
    pub(super) place: Place,
    pub(super) writer: Writer,
    next: tokio::sync::Mutex<Next>,
    /// Since the last snapshot.
    grown: Mutex<Grown>,
    pub(super) previous: tokio::sync::Mutex<Previous>,
    is_making: AtomicBool,
    replaced: watch::Sender<Option<Incarnation>>,
}

struct Next {
    number: u64,
    /// What is in the log and was refused all the same.
    void: Vec<u64>,
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
            }),
            grown: Mutex::new(grown),
            previous: tokio::sync::Mutex::new(previous),
            is_making: AtomicBool::new(false),
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

    /// Returns when the change is in the log. One at a time.
    pub(crate) async fn append(&self, change: &Difference) -> Result<Followed, Error> {
        if self.replaced.borrow().is_some() {
            return Err(self.replaced_error());
        }
        let appended = tokio::time::timeout(PATIENCE, self.create(change)).await;
        // What was sent may still arrive: whatever comes next finds it under its number.
        appended.unwrap_or_else(|_| {
            let message =
                format!("the object store did not answer within {PATIENCE:?}; nothing was changed");
            Err(Error::new(Code::Unavailable, "object-store", message))
        })
    }

    async fn create(&self, change: &Difference) -> Result<Followed, Error> {
        let mut next = self.next.lock().await;
        loop {
            let mut object = Object::new(Kind::Changes, &self.writer);
            object.head.void.clone_from(&next.void);
            object.steps = change.clone();
            let (name, bytes) = (place::change(next.number), object.write());
            let size = bytes.len() as u64;
            let created = self.place.objects.create(&name, bytes).await;
            match created.map_err(unavailable)? {
                Created::Ours => {
                    let number = next.number;
                    next.number += 1;
                    next.void.clear();
                    let mut grown = self.grown.lock();
                    grown.objects += 1;
                    grown.bytes += size;
                    return Ok(Followed::of(&self.writer, number));
                }
                Created::Taken(other) => {
                    let other = Object::read(other).map_err(|problem| {
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

    /// The last change is in the log and was not taken here.
    pub(crate) async fn not_taken(&self) {
        let mut next = self.next.lock().await;
        let last = next.number - 1;
        next.void.push(last);
    }

    fn replaced_error(&self) -> Error {
        let message = format!(
            "another storage node of this hub has taken over (incarnation {}, this is {}); nothing was changed",
            self.replaced.borrow().map_or(0, Incarnation::number),
            self.writer.incarnation
        );
        Error::new(Code::Unavailable, "superseded", message)
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
    let message = "the object store does not answer; nothing was changed";
    Error::new(Code::Unavailable, "object-store", message).caused_by(error)
}
