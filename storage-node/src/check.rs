//! Verifying the store of a storage node that does not run.

use crate::error::OpenError;
use sluice_store::Report;
use std::path::Path;

/// Checks everything kept below a data folder by this crate. Refuses while a hub has it open.
pub fn check(data: &Path) -> Result<Report, OpenError> {
    let path = crate::service::folder(data);
    sluice_store::check(&path).map_err(|source| OpenError::Store { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Node, Settings};

    #[test]
    fn a_sound_store_is_clean_and_one_in_use_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let node = Node::open(&Settings::new(folder.path())).unwrap();
        assert!(matches!(check(folder.path()), Err(OpenError::Store { .. })));
        drop(node);
        let report = check(folder.path()).unwrap();
        assert!(report.is_clean(), "{report:?}");
        assert!(report.counts.states > 0);
    }
}
