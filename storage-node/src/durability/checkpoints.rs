//! Which pipes have a checkpoint in the object store: a storage node that lost its disk asks there, since the worker that made it
//! may be gone too. Workers write them, under these names and as JSON with the number `format`.

use futures::StreamExt;
use sluice_entity::{Json, Limits};
use sluice_objects::{Error, Objects, segment};
use sluice_protocol::Checkpoint;

/// Largest manifest that is read.
const MAX_BYTES: u64 = 64 << 20;
/// Pipes looked for at a time.
const AT_ONCE: usize = 16;

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
        let listed = self.0.list(&folder).await?;
        let numbers = listed.iter().filter_map(|one| one.name.parse().ok());
        let mut numbers: Vec<u64> = numbers.collect();
        numbers.sort_unstable();
        let (Some(oldest), Some(newest)) = (numbers.first(), numbers.last()) else {
            return Ok(None);
        };
        let name = format!("{folder}/{newest:020}");
        let manifest = self.0.get_at_most(&name, MAX_BYTES).await?;
        let format = manifest.and_then(|manifest| {
            let limits = Limits {
                entity_bytes: usize::MAX,
                ..Limits::default()
            };
            let manifest = Json::parse(&manifest, &limits).ok()?;
            let format = manifest.get("format")?.as_i64()?;
            u32::try_from(format).ok()
        });
        // One that cannot be read is left to whoever restores: it says what is wrong with it.
        Ok(Some(Checkpoint {
            number: *oldest,
            format: format.unwrap_or(1),
        }))
    }
}
