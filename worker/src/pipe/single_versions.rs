//! `prevent_multiple_versions`: a sink that takes each entity once (SK1).

use super::failure::RunFailure;
use sluice_config::PreventMultipleVersions;
use sluice_dataset::{Dataset as _, PreparedEntity};
use sluice_store::Dataset;
use std::sync::Arc;

/// Why nothing is taken.
pub(crate) struct Refused {
    /// The entity that would be a second version, where that is the reason.
    pub position: Option<usize>,
    /// In words.
    pub failure: RunFailure,
}

/// The same on a blocking thread, for runs.
pub(super) async fn without_updates(
    dataset: &Dataset,
    prepared: &Arc<[PreparedEntity]>,
    versions: PreventMultipleVersions,
) -> Result<Vec<PreparedEntity>, RunFailure> {
    let (dataset, prepared) = (dataset.clone(), prepared.clone());
    crate::blocking::run(move || first_versions(&dataset, &prepared, versions))
        .await
        .map_err(|refused| refused.failure)
}

/// What is known already is skipped, or refuses all. The caller sees to it that nobody else writes the dataset meanwhile.
pub(crate) fn first_versions(
    dataset: &Dataset,
    prepared: &[PreparedEntity],
    versions: PreventMultipleVersions,
) -> Result<Vec<PreparedEntity>, Refused> {
    if versions == PreventMultipleVersions::Off {
        return Ok(prepared.to_vec());
    }
    let ids: Vec<&str> = prepared.iter().map(PreparedEntity::id).collect();
    let known = dataset.get_many(&ids).map_err(|source| Refused {
        position: None,
        failure: RunFailure::store("look for earlier versions", source),
    })?;
    let mut allowed = Vec::with_capacity(prepared.len());
    let mut taken = std::collections::BTreeSet::new();
    for (position, (entity, known)) in prepared.iter().zip(known).enumerate() {
        let latest = known
            .as_ref()
            .map(|version| (version.generated.hash, version.generated.deleted));
        let is_first = taken.insert(entity.id());
        match known {
            None if is_first => allowed.push(entity.clone()),
            Some(_) if !entity.change_against(latest).is_appended() => allowed.push(entity.clone()),
            _ if versions == PreventMultipleVersions::Fail => {
                let message = "the sink does not take a second version of an entity";
                return Err(Refused {
                    position: Some(position),
                    failure: RunFailure::new("multiple-versions", message),
                });
            }
            // The version there takes its place, so that deletion tracking counts the id as seen.
            Some(kept) => {
                let (hash, deleted) = (kept.generated.hash, kept.is_deleted());
                allowed.push(PreparedEntity::again(entity.id(), kept.body, hash, deleted));
            }
            None => {}
        }
    }
    Ok(allowed)
}
