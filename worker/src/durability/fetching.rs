//! Files of a checkpoint on their way to the local disk.

use super::error::{Error, Result};
use super::manifest::{File, Place};
use crate::blocking;
use futures::{StreamExt, TryStreamExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio_util::sync::CancellationToken;

/// Files fetched at a time.
const AT_ONCE: usize = 4;
/// Largest file that is fetched. One entry can be larger than a file should be.
pub(super) const FILE_MAX: u64 = 1 << 30;

/// Fetches files into a folder, looks whether they are what they are called, and tells after each how many bytes there are;
/// answers how many there were.
pub(super) async fn fetch<'a, F: Future<Output = Result<()>>>(
    place: &Place,
    files: impl Iterator<Item = &'a File>,
    folder: &Path,
    stop: &CancellationToken,
    tell: impl Fn(u64) -> F,
) -> Result<u64> {
    tokio::fs::create_dir_all(folder)
        .await
        .map_err(Error::folder("make a folder"))?;
    let fetched = AtomicU64::new(0);
    let files: Vec<File> = files.cloned().collect();
    let fetching = futures::stream::iter(files.into_iter().map(|file| {
        let (fetched, tell) = (&fetched, &tell);
        async move {
            let name = place.file(&file.hash);
            if stop.is_cancelled() {
                return Err(sluice_dataset::Error::LeaseEnded.into());
            }
            let content = place.objects.get_at_most(&name, FILE_MAX).await?;
            let content = content.ok_or(Error::Missing { name: name.clone() })?;
            let path = folder.join(&file.hash);
            let bytes = content.len() as u64;
            blocking::run(move || {
                if sluice_objects::digest(&content) != file.hash {
                    return Err(Error::damaged(&name, "its content does not match its name"));
                }
                std::fs::write(path, &content).map_err(Error::folder("write a file"))
            })
            .await?;
            tell(fetched.fetch_add(bytes, Ordering::Relaxed) + bytes).await
        }
    }));
    fetching
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    Ok(fetched.into_inner())
}
