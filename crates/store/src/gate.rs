//! The write lock of a dataset: a guard that owns what it guards, so that a transaction can be handed to another thread.

use parking_lot::{Condvar, Mutex};
use std::sync::Arc;

/// Open or passed by one writer.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    taken: Mutex<bool>,
    free: Condvar,
}

impl Gate {
    /// Waits for the writer before us.
    pub(crate) fn pass(self: &Arc<Self>) -> Passage {
        let mut taken = self.taken.lock();
        while *taken {
            self.free.wait(&mut taken);
        }
        *taken = true;
        Passage {
            gate: Arc::clone(self),
        }
    }
}

/// The gate is taken while this lives.
#[derive(Debug)]
pub(crate) struct Passage {
    gate: Arc<Gate>,
}

impl Drop for Passage {
    fn drop(&mut self) {
        *self.gate.taken.lock() = false;
        self.gate.free.notify_one();
    }
}
