//! Tests that break nodes have the cluster for themselves; the others share it.

use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

static NODES: RwLock<()> = RwLock::new(());

/// Nobody breaks a node meanwhile.
pub(crate) fn shared() -> RwLockReadGuard<'static, ()> {
    NODES.read().unwrap_or_else(PoisonError::into_inner)
}

/// Nobody else needs one meanwhile.
pub(crate) fn alone() -> RwLockWriteGuard<'static, ()> {
    NODES.write().unwrap_or_else(PoisonError::into_inner)
}
