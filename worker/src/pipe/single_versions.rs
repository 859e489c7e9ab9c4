//! `prevent_multiple_versions`: a sink that takes each entity once.

use super::failure::RunFailure;
use sluice_config::PreventMultipleVersions;
use sluice_dataset::PreparedEntity;
use sluice_store::Dataset;
use std::sync::Arc;

/// `prevent_multiple_versions`: what is known already is skipped, or fails the run.
pub(super) async fn without_updates(
    dataset: &Dataset,
    prepared: &Arc<[PreparedEntity]>,
    versions: PreventMultipleVersions,
) -> Result<Vec<PreparedEntity>, RunFailure> {
    let (dataset, prepared) = (dataset.clone(), prepared.clone());
    crate::blocking::run(move || {
        use sluice_dataset::Dataset as _;
        let ids: Vec<&str> = prepared.iter().map(PreparedEntity::id).collect();
        let known = dataset
            .get_many(&ids)
            .map_err(|source| RunFailure::store("look for earlier versions", source))?;
        let mut allowed = Vec::with_capacity(prepared.len());
        let mut taken = std::collections::BTreeSet::new();
        for (entity, known) in prepared.iter().zip(known) {
            let latest = known
                .as_ref()
                .map(|version| (version.generated.hash, version.generated.deleted));
            let is_first = taken.insert(entity.id());
            match known {
                None if is_first => allowed.push(entity.clone()),
                Some(_) if !entity.change_against(latest).is_appended() => {
                    allowed.push(entity.clone())
                }
                _ if versions == PreventMultipleVersions::Fail => {
                    let message = "the sink does not take a second version of an entity";
                    return Err(RunFailure::new("multiple-versions", message));
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
    })
    .await
}
