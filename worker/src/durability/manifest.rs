//! A checkpoint's manifest: which files make up the state of a pipe at one instant.
//!
//! ```text
//! pipes/SEGMENT/manifests/NUMBER   this, JSON; numbers are dense
//! pipes/SEGMENT/files/BLAKE3       log files and records
//! pipes/SEGMENT/pushes/NUMBER      the push log
//! ```

use super::error::{Error, Result};
use crate::clock::Micros;
use bytes::Bytes;
use serde::{Deserialize, Serialize};
use sluice_format::{Format, Formats, Unreadable};
use sluice_objects::{Created, Objects, segment};
use sluice_protocol::Epoch;

/// Largest manifest that is read.
const MAX_BYTES: u64 = 64 << 20;
/// Newest manifests that are looked at.
const LOOKED_AT: usize = 16;

/// The state of a pipe at one instant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Manifest {
    /// The hub's when it was made: of this, the files and the push log.
    pub format: u32,
    /// Whose.
    pub pipe: String,
    /// Of its owner.
    pub epoch: u64,
    /// Epochs that began with this same state and may have written what is lost now.
    #[serde(default)]
    pub begun: Vec<u64>,
    /// Makes it its maker's alone.
    pub nonce: String,
    /// When it was made.
    pub made: Micros,
    /// Every object of the push log up to this number is contained in the state.
    pub pushes: u64,
    /// Numbers in the push log that are taken for ever.
    #[serde(default)]
    pub take_overs: Vec<u64>,
    /// Of what matters of the state it was made from.
    pub fingerprint: String,
    /// Small records: state of the pipe, records of the datasets.
    pub records: File,
    /// Its datasets.
    pub datasets: Vec<DatasetFiles>,
}

/// A dataset in a checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct DatasetFiles {
    pub name: String,
    pub number: u64,
    pub generation: String,
    /// Newest offset that was ever given.
    pub max_offset: Option<u64>,
    /// Log files in the order of their offsets, which do not overlap.
    pub files: Vec<LogFile>,
}

/// A file by content.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) struct File {
    pub hash: String,
    pub bytes: u64,
}

/// A file of log entries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LogFile {
    #[serde(flatten)]
    pub file: File,
    pub first: u64,
    pub last: u64,
    pub entries: u64,
}

impl Manifest {
    /// Every file it needs.
    pub(crate) fn files(&self) -> impl Iterator<Item = &File> {
        let logs = self.datasets.iter().flat_map(|dataset| &dataset.files);
        logs.map(|log| &log.file).chain([&self.records])
    }

    fn read(name: &str, bytes: &[u8], pipe: &str, reads: Formats) -> Result<Manifest> {
        #[derive(Deserialize)]
        struct Head {
            format: u32,
        }
        let damaged = |error: serde_json::Error| Error::damaged(name, error);
        let head: Head = serde_json::from_slice(bytes).map_err(damaged)?;
        let checked = reads.check(head.format);
        checked.map_err(|source| Error::unreadable(name, source))?;
        let manifest: Manifest = serde_json::from_slice(bytes).map_err(damaged)?;
        if manifest.pipe != pipe {
            return Err(Error::damaged(
                name,
                format!("it is of pipe \"{}\"", manifest.pipe),
            ));
        }
        Ok(manifest)
    }
}

/// The objects of one pipe.
#[derive(Clone)]
pub(crate) struct Place {
    pub objects: Objects,
    pub pipe: String,
    /// What is read, and what is written now.
    pub format: Format,
    folder: String,
}

impl Place {
    pub(crate) fn new(objects: &Objects, format: &Format, pipe: &str) -> Self {
        Place {
            objects: objects.clone(),
            pipe: pipe.to_owned(),
            format: format.clone(),
            folder: format!("pipes/{}", segment(pipe)),
        }
    }

    pub(super) fn file(&self, hash: &str) -> String {
        format!("{}/files/{hash}", self.folder)
    }

    pub(super) fn manifest(&self, number: u64) -> String {
        format!("{}/manifests/{number:020}", self.folder)
    }

    pub(super) fn pushes(&self) -> String {
        format!("{}/pushes", self.folder)
    }

    pub(super) fn push(&self, number: u64) -> String {
        format!("{}/pushes/{number:020}", self.folder)
    }

    /// Numbers of the manifests that are there, ascending.
    pub(super) async fn numbers(&self) -> Result<Vec<u64>> {
        numbers(&self.objects, &format!("{}/manifests", self.folder)).await
    }

    /// One manifest.
    pub(super) async fn read(&self, number: u64) -> Result<Option<Manifest>> {
        let name = self.manifest(number);
        let bytes = self.objects.get_at_most(&name, MAX_BYTES).await?;
        bytes
            .map(|bytes| Manifest::read(&name, &bytes, &self.pipe, self.format.reads()))
            .transpose()
    }

    /// The newest state: of the latest epoch, and there the highest number. Its number too.
    pub(super) async fn newest(&self) -> Result<Option<(u64, Manifest)>> {
        let numbers = self.numbers().await?;
        let mut newest: Option<(u64, Manifest)> = None;
        for number in numbers.into_iter().rev().take(LOOKED_AT) {
            let read = match self.read(number).await {
                // Idle pipes keep one from before the hub was finalized: behind a later one it says nothing.
                Err(Error::Format { source, .. })
                    if newest.is_some() && matches!(source, Unreadable::Earlier { .. }) =>
                {
                    continue;
                }
                read => read?,
            };
            let Some(manifest) = read else {
                continue;
            };
            let is_later = |known: &(u64, Manifest)| manifest.epoch > known.1.epoch;
            if newest.as_ref().is_none_or(is_later) {
                newest = Some((number, manifest));
            }
        }
        Ok(newest)
    }

    /// Creates a manifest under the first free number from `number` on; answers which.
    pub(super) async fn create(&self, mut number: u64, manifest: &Manifest) -> Result<u64> {
        let bytes =
            serde_json::to_vec(manifest).map_err(|error| Error::damaged("manifest", error))?;
        let bytes = Bytes::from(bytes);
        loop {
            let name = self.manifest(number);
            match self.objects.create(&name, bytes.clone()).await? {
                Created::Ours => return Ok(number),
                Created::Taken(other) => {
                    let reads = self.format.reads();
                    let other = Manifest::read(&name, &other, &self.pipe, reads)?;
                    if other.epoch > manifest.epoch {
                        return Err(Error::Superseded {
                            pipe: self.pipe.clone(),
                            by: Epoch::from_number(other.epoch),
                        });
                    }
                    number += 1;
                }
            }
        }
    }
}

/// The numbers below a place, ascending; what is no number is passed over.
pub(super) async fn numbers(objects: &Objects, prefix: &str) -> Result<Vec<u64>> {
    Ok(objects.numbers(prefix).await?)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn manifest(epoch: u64, nonce: &str) -> Manifest {
        Manifest {
            format: 1,
            pipe: "a".into(),
            epoch,
            begun: Vec::new(),
            nonce: nonce.into(),
            made: 1,
            pushes: 0,
            take_overs: Vec::new(),
            fingerprint: "none".into(),
            records: File {
                hash: "00".into(),
                bytes: 1,
            },
            datasets: Vec::new(),
        }
    }

    #[tokio::test]
    async fn the_newest_state_is_that_of_the_latest_epoch_whatever_an_earlier_owner_still_wrote() {
        let place = Place::new(&Objects::in_memory(), &Format::default(), "a");
        assert!(place.newest().await.unwrap().is_none());
        assert_eq!(place.create(1, &manifest(5, "x")).await.unwrap(), 1);
        assert_eq!(place.create(2, &manifest(9, "y")).await.unwrap(), 2);
        // The owner of epoch 5 does not know of it, and another of its kind slipped in before.
        let refused = place.create(2, &manifest(5, "z")).await;
        assert!(matches!(refused, Err(Error::Superseded { .. })));
        let bytes = serde_json::to_vec(&manifest(5, "late")).unwrap();
        place
            .objects
            .put(&place.manifest(3), bytes.into())
            .await
            .unwrap();
        assert_eq!(
            place.newest().await.unwrap().unwrap(),
            (2, manifest(9, "y"))
        );
        assert_eq!(place.create(3, &manifest(9, "next")).await.unwrap(), 4);
        assert_eq!(place.newest().await.unwrap().unwrap().0, 4);
    }

    #[tokio::test]
    async fn a_manifest_of_a_later_format_is_refused_politely_whatever_else_is_in_it() {
        let objects = Objects::in_memory();
        let place = Place::new(&objects, &Format::default(), "a");
        let bytes = r#"{"format": 2, "else": []}"#;
        let name = place.manifest(1);
        place.objects.put(&name, bytes.into()).await.unwrap();
        for tried in [
            place.newest().await.map(drop),
            place.create(1, &manifest(1, "x")).await.map(drop),
        ] {
            let Err(Error::Format { source, .. }) = tried else {
                panic!("{tried:?}");
            };
            assert!(
                source.to_string().contains("use a later version"),
                "{source}"
            );
        }
        let there = place.objects.get(&name).await.unwrap().unwrap();
        assert_eq!(there, bytes, "it stays as it is");
        // The next version reads both.
        let next = Format::new(Formats::with_next("2").unwrap());
        let place = Place::new(&objects, &next, "b");
        let mut both = manifest(1, "x");
        both.pipe = "b".into();
        place.create(1, &both).await.unwrap();
        (both.format, both.epoch) = (2, 2);
        place.create(2, &both).await.unwrap();
        assert_eq!(place.newest().await.unwrap(), Some((2, both)));
        assert_eq!(place.read(1).await.unwrap().unwrap().format, 1);
    }

    #[tokio::test]
    async fn what_cannot_be_read_is_an_error_and_not_absence() {
        let place = Place::new(&Objects::in_memory(), &Format::default(), "a");
        for (bytes, expected) in [("{", "EOF"), (r#"{"format": 1}"#, "missing field")] {
            place
                .objects
                .put(&place.manifest(1), bytes.into())
                .await
                .unwrap();
            let error = place.newest().await.unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
        }
        let other = Manifest {
            pipe: "b".into(),
            ..manifest(1, "x")
        };
        let bytes = serde_json::to_vec(&other).unwrap();
        place
            .objects
            .put(&place.manifest(1), bytes.into())
            .await
            .unwrap();
        let error = place.newest().await.unwrap_err().to_string();
        assert!(error.contains("of pipe \"b\""), "{error}");
    }
}
