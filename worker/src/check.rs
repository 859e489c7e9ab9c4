//! `sluice check`: verifies the datasets of a data folder, without a hub running on it.

use crate::service::store_folder;
use sluice_store::{OpenError, Report};
use std::path::Path;

/// Verifies the store below a data folder against itself. Refuses while a hub holds the lock.
pub fn check(data: &Path) -> Result<Report, OpenError> {
    sluice_store::check(store_folder(data))
}
