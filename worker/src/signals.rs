//! Wake-ups: a dataset changed, so its readers may have work.
//!
//! A signal is not a message that could get lost. Whether a reader has work is read from the store: its offset, written in the
//! same transaction as what it made of its input, stands behind the newest offset of that input, or not (PU4). What travels here
//! only says "look now"; the scheduler looks at every reader when it starts, too.

use parking_lot::Mutex;
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::watch;

/// Tells the scheduler, and whoever follows a dataset, to look.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    changed: UnboundedSender<String>,
    watched: Arc<Mutex<HashMap<String, watch::Sender<()>>>>,
}

impl Signals {
    /// The sending and the receiving end. The channel is unbounded because writers must not wait for the scheduler; it empties
    /// the channel at once and holds one entry per dataset.
    pub(crate) fn new() -> (Self, UnboundedReceiver<String>) {
        let (changed, receiver) = unbounded_channel();
        let watched = Arc::default();
        (Signals { changed, watched }, receiver)
    }

    /// A dataset has new versions, became populated, was made or deleted.
    pub(crate) fn dataset_changed(&self, dataset: &str) {
        // Without a scheduler the worker is stopping: the next start looks at every reader.
        let _ = self.changed.send(dataset.to_owned());
        if let Some(watched) = self.watched.lock().get(dataset) {
            watched.send_replace(());
        }
    }

    /// Whatever is followed may be somebody else's by now.
    pub(crate) fn everything_may_have_changed(&self) {
        self.watched
            .lock()
            .values()
            .for_each(|watched| watched.send_replace(()));
    }

    /// Hears of every change of a dataset from now on, whether it exists yet or not.
    pub(crate) fn watch(&self, dataset: &str) -> watch::Receiver<()> {
        let mut watched = self.watched.lock();
        if let Some(known) = watched.get(dataset) {
            return known.subscribe();
        }
        // The names that nobody watches any more go with the next new one.
        watched.retain(|_, sender| sender.receiver_count() > 0);
        let sender = watched.entry(dataset.to_owned()).or_default();
        sender.subscribe()
    }
}
