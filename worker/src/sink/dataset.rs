//! Sink kind `dataset`: what an entity has to go through before the writer's turn (SK1, EM16).

use super::WriteError;
use sluice_config::{DatasetSink as Settings, PreventMultipleVersions};
use sluice_dataset::PreparedEntity;
use sluice_entity::{Entity, HashKey};

/// Prepares entities for one dataset. The writing itself is part of the pipe's commit.
#[derive(Clone, Debug)]
pub(crate) struct DatasetSink {
    /// Name of the dataset.
    pub dataset: String,
    /// Ids that a full run did not produce are deleted at its end (DE1).
    pub deletion_tracking: bool,
    /// Those deletes say that they were inferred (DE3).
    pub marks_deletes: bool,
    /// Whether an entity may have more than one version (SK1).
    pub versions: PreventMultipleVersions,
    max_entity_bytes: usize,
}

impl DatasetSink {
    /// From the pipe's settings.
    pub(crate) fn new(settings: &Settings) -> Self {
        DatasetSink {
            dataset: settings.dataset.clone(),
            deletion_tracking: settings.deletion_tracking,
            marks_deletes: settings.mark_deletion_tracked,
            versions: settings.prevent_multiple_versions,
            max_entity_bytes: usize::try_from(settings.max_entity_bytes_size).unwrap_or(usize::MAX),
        }
    }

    /// Without settings: for writing straight into a dataset.
    pub(crate) fn plain(dataset: &str) -> Self {
        DatasetSink {
            dataset: dataset.to_owned(),
            deletion_tracking: true,
            marks_deletes: false,
            versions: PreventMultipleVersions::Off,
            max_entity_bytes: 100 << 20,
        }
    }

    /// Strips reserved names, hashes, checks the size.
    pub(crate) fn prepare(
        &self,
        entity: &Entity,
        key: &HashKey,
    ) -> Result<PreparedEntity, WriteError> {
        let prepared = PreparedEntity::new(entity, key).ok_or_else(|| {
            WriteError::entity(
                "missing-id",
                "an entity without a string \"_id\" cannot be written to a dataset",
                None,
            )
        })?;
        let bytes = prepared.body().value().encoded().len();
        if bytes > self.max_entity_bytes {
            let message = format!(
                "an entity of {bytes} bytes is larger than the {} bytes allowed",
                self.max_entity_bytes
            );
            return Err(WriteError::entity("entity-too-large", message, None));
        }
        Ok(prepared)
    }
}
