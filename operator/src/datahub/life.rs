//! The life of the storage node's disk: which claim, which incarnation. It is in the status before anything starts with it.

use super::dereference::Found;
use crate::context::Context;
use crate::crd::{DataHub, StorageNodeStatus};
use crate::{Result, names};
use kube::ResourceExt;

/// The life of the present disk: the one that is there, or the first. A hub that was made anew over old claims goes on with the
/// newest of them.
pub(super) fn decide(hub: &DataHub, found: &Found) -> StorageNodeStatus {
    let name = hub.name_any();
    let known = hub
        .status
        .as_ref()
        .and_then(|status| status.storage_node.clone());
    let prefix = names::storage_node(&name);
    let numbers = found.claims.iter().filter_map(|claim| {
        let name = claim.name_any();
        name.strip_prefix(&format!("{prefix}-"))?
            .parse::<u32>()
            .ok()
    });
    let newest = numbers.max().unwrap_or(1);
    known
        .filter(|known| known.incarnation >= newest)
        .unwrap_or_else(|| StorageNodeStatus {
            incarnation: newest,
            claim: names::storage_node_life(&name, newest),
        })
}

/// Decides it and writes it down.
pub(super) async fn run(
    hub: &DataHub,
    found: &Found,
    context: &Context,
) -> Result<StorageNodeStatus> {
    let life = decide(hub, found);
    let before = hub.status.clone();
    let mut after = before.clone().unwrap_or_default();
    after.storage_node = Some(life.clone());
    crate::status::write(context, hub, before.as_ref(), &after).await?;
    Ok(life)
}
