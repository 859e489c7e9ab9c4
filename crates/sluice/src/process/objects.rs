//! The object store that the settings name, with what the environment says of it.

use anyhow::{Context, Result};
use sluice_objects::Objects;

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
