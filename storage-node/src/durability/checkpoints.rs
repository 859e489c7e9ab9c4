//! Which pipes have a checkpoint in the object store: a storage node that lost its disk asks there, since the worker that made it
//! may be gone too. Workers write them, under these names and as JSON with the number `format`.

use futures::StreamExt;
use serde::Deserialize;
use sluice_objects::{Error, Objects, segment};
use sluice_protocol::Checkpoint;

/// Largest manifest that is read.
const MAX_BYTES: u64 = 64 << 20;
/// Pipes looked for at a time.
const AT_ONCE: usize = 4;

/// What matters of a manifest.
#[derive(Deserialize)]
struct Head {
    format: u32,
}

type Found = Result<Option<Checkpoint>, Error>;

/// Looks for checkpoints.
#[derive(Clone)]
pub(crate) struct Checkpoints(Objects);

impl Checkpoints {
    pub(crate) fn new(objects: Objects) -> Self {
        Checkpoints(objects)
    }

    /// What is there of each of these pipes.
    pub(crate) async fn of(&self, pipes: &[String]) -> Vec<(String, Found)> {
        let looking = futures::stream::iter(pipes.to_vec()).map(|pipe| {
            let checkpoints = self.clone();
            async move {
                let found = checkpoints.find(&pipe).await;
                (pipe, found)
            }
        });
        looking.buffer_unordered(AT_ONCE).collect().await
    }

    /// One that is there; whoever restores looks for the newest one itself.
    async fn find(&self, pipe: &str) -> Found {
        let folder = format!("pipes/{}/manifests", segment(pipe));
        let numbers = self.0.numbers(&folder).await?;
        let (Some(oldest), Some(newest)) = (numbers.first(), numbers.last()) else {
            return Ok(None);
        };
        let name = format!("{folder}/{newest:020}");
        let manifest = match self.0.get_at_most(&name, MAX_BYTES).await {
            // It stays too large, however often it is asked for.
            Err(Error::TooLarge { .. }) => None,
            read => read?,
        };
        let format = manifest.and_then(|manifest| {
            let head: Head = serde_json::from_slice(&manifest).ok()?;
            Some(head.format)
        });
        // One that cannot be read is left to whoever restores: it says what is wrong with it.
        Ok(Some(Checkpoint {
            number: *oldest,
            format: format.unwrap_or(1),
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_manifest_that_cannot_be_read_is_a_checkpoint_all_the_same() {
        let objects = Objects::in_memory();
        let large = vec![b' '; usize::try_from(MAX_BYTES).unwrap() + 1];
        for (pipe, manifest) in [
            (
                "known",
                br#"{"pipe": "known", "format": 7, "datasets": [{}]}"#.to_vec(),
            ),
            ("large", large),
            ("damaged", b"{".to_vec()),
        ] {
            let name = format!("pipes/{}/manifests/{:020}", segment(pipe), 3);
            objects.put(&name, manifest.into()).await.unwrap();
        }
        let pipes = ["known", "large", "damaged", "none"].map(str::to_owned);
        let mut found = Checkpoints::new(objects).of(&pipes).await;
        found.sort_by(|a, b| a.0.cmp(&b.0));
        let found = found.into_iter().map(|(pipe, found)| {
            let found = found.unwrap();
            (pipe, found.map(|found| (found.number, found.format)))
        });
        let expected = [
            ("damaged".to_owned(), Some((3, 1))),
            ("known".to_owned(), Some((3, 7))),
            ("large".to_owned(), Some((3, 1))),
            ("none".to_owned(), None),
        ];
        assert_eq!(found.collect::<Vec<_>>(), expected);
    }
}
