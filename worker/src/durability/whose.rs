//! Whose the place in the object store is: the storage node writes the hub's name there once.

use super::error::{Error, Result};
use serde::Deserialize;
use sluice_objects::Objects;

const HUB: &str = "storage-node/hub";
const MAX_BYTES: u64 = 1 << 20;

/// What a worker reads of the mark.
#[derive(Deserialize)]
struct Mark {
    hub: String,
}

/// The hub that the place belongs to; `None`: no storage node has taken it.
pub(crate) async fn hub_of(objects: &Objects) -> Result<Option<String>> {
    let Some(mark) = objects.get_at_most(HUB, MAX_BYTES).await? else {
        return Ok(None);
    };
    let mark: Mark = serde_json::from_slice(&mark).map_err(|flaw| Error::damaged(HUB, flaw))?;
    Ok(Some(mark.hub))
}
