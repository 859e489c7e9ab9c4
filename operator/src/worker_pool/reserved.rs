//! Numbers of workers that are written down in the status of their pool, while their Workers are not made yet.
//!
//! Known only as long as an operator leads: a later one cannot tell whether they were used, and takes others. Without this, each try
//! of a pool whose Workers are refused would write down further numbers, and that would be a reason to look at it once more.

use parking_lot::Mutex;
use std::collections::{BTreeMap, BTreeSet};

/// They, by the uid of their pool.
#[derive(Default)]
pub(crate) struct Reserved(Mutex<BTreeMap<String, BTreeSet<u32>>>);

impl Reserved {
    /// Of a pool.
    pub(super) fn of(&self, pool: &str) -> BTreeSet<u32> {
        self.0.lock().get(pool).cloned().unwrap_or_default()
    }

    /// They were written down.
    pub(super) fn add(&self, pool: &str, numbers: impl Iterator<Item = u32>) {
        self.0
            .lock()
            .entry(pool.to_owned())
            .or_default()
            .extend(numbers);
    }

    /// There is a Worker with it.
    pub(super) fn used(&self, pool: &str, number: u32) {
        if let Some(numbers) = self.0.lock().get_mut(pool) {
            numbers.remove(&number);
        }
    }

    /// The pool goes.
    pub(super) fn forget(&self, pool: &str) {
        self.0.lock().remove(pool);
    }
}
