//! The object store that the settings name, with what the environment says of it.

use crate::settings::Settings;
use anyhow::{Context, Result};
use sluice_objects::Objects;
use sluice_protocol::Incarnation;
use sluice_storage_node::ObjectSettings;

/// The hub that a process is by itself.
const ALONE: &str = "standalone";

/// Opens it; `None` where no URL is given.
pub(crate) fn open(url: Option<&str>) -> Result<Option<Objects>> {
    let Some(url) = url else {
        return Ok(None);
    };
    let environment = std::env::vars_os().filter_map(|(name, value)| {
        let (name, value) = (name.into_string().ok()?, value.into_string().ok()?);
        Some((name, value))
    });
    let opened = Objects::open(url, environment);
    opened.context("cannot use --object-store").map(Some)
}

/// What the storage node keeps there.
pub(crate) fn of_storage_node(
    objects: Option<Objects>,
    settings: &Settings,
    incarnation: Option<Incarnation>,
) -> Option<ObjectSettings> {
    let objects = objects?;
    if settings.secrets_key_file.is_none() {
        tracing::warn!(
            "the key of the secrets lies on the disk that may be lost, and without it nobody can read those in the object store: keep it elsewhere with --secrets-key-file"
        );
    }
    let hub = match settings.hub.as_str() {
        "" => ALONE.to_owned(),
        named => named.to_owned(),
    };
    Some(ObjectSettings {
        objects,
        hub,
        incarnation,
        lease: settings.lease,
    })
}
