//! What every process of a hub has, whatever its role: a locked data folder, the certificate of its API, a ready file.

pub(crate) mod certificate;
mod folder;
pub(crate) mod objects;
pub(crate) mod ready_file;

pub(crate) use folder::DataFolder;

use anyhow::{Context, Result};

/// Runs what blocks on a thread for it.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .context("starting was interrupted")?
}
