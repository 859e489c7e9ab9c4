//! Wake-ups: a dataset changed, so its readers may have work.
//!
//! A signal is not a message that could get lost. Whether a reader has work is read from the store: its offset, written in the
//! same transaction as what it made of its input, stands behind the newest offset of that input, or not (PU4). What travels here
//! only says "look now"; the scheduler looks at every reader when it starts, too.

use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Tells the scheduler to look.
#[derive(Clone, Debug)]
pub(crate) struct Signals {
    changed: UnboundedSender<String>,
}

impl Signals {
    /// The sending and the receiving end. The channel is unbounded because writers must not wait for the scheduler; it empties
    /// the channel at once and holds one entry per dataset.
    pub(crate) fn new() -> (Self, UnboundedReceiver<String>) {
        let (changed, receiver) = unbounded_channel();
        (Signals { changed }, receiver)
    }

    /// A dataset has new versions or became populated.
    pub(crate) fn dataset_changed(&self, dataset: &str) {
        // Without a scheduler the worker is stopping: the next start looks at every reader.
        let _ = self.changed.send(dataset.to_owned());
    }
}
