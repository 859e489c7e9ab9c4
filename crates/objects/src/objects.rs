//! [`Objects`]: reading, writing, and creating what must not be there yet.

use crate::metrics::Metrics;
use crate::open::{open, shown};
use crate::{Error, Result};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{Error as StoreError, ObjectStore, ObjectStoreExt, PutMode, PutOptions};
use prometheus_client::registry::Registry;
use std::sync::Arc;
use std::time::Duration;

/// How often the outcome of a creation is looked at before it counts as unknown.
const LOOKS: u32 = 5;
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(200);

/// What became of a creation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Created {
    /// The object is there, with this content, by us.
    Ours,
    /// Somebody else's object has the name; this is in it.
    Taken(Bytes),
}

/// An object in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Listed {
    /// What follows the prefix in its name.
    pub name: String,
    /// Its size.
    pub bytes: u64,
}

/// Objects below one place of a store. Clones share it.
#[derive(Clone, Debug)]
pub struct Objects {
    store: Arc<dyn ObjectStore>,
    root: Path,
    place: Arc<str>,
    metrics: Metrics,
}

impl Objects {
    /// The store that a URL names, set up by the environment (`AWS_…`, `GOOGLE_…`, `AZURE_…`).
    pub fn open(
        url: &str,
        environment: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Self> {
        let (store, root) = open(url, environment)?;
        Ok(Self::of(store, root, &shown(url)))
    }

    /// A store of this process, for tests.
    pub fn in_memory() -> Self {
        Self::of(Arc::new(InMemory::new()), Path::default(), "memory")
    }

    fn of(store: Arc<dyn ObjectStore>, root: Path, place: &str) -> Self {
        Objects {
            store,
            root,
            place: place.into(),
            metrics: Metrics::default(),
        }
    }

    /// Where it is, to be printed.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Adds its metrics to the registry.
    pub fn register(&self, registry: &mut Registry) {
        self.metrics.register(registry);
    }

    /// Writes an object, whatever is there.
    pub async fn put(&self, name: &str, content: Bytes) -> Result<()> {
        let bytes = content.len() as u64;
        let written = self.store.put(&self.path(name), content.into()).await;
        self.counted("write", name, written)?;
        self.metrics.bytes_written.inc_by(bytes);
        Ok(())
    }

    /// Creates an object that must not be there. The content has to be the caller's alone (with a random part, or by what it says):
    /// an answer that got lost is found out by looking at what is there.
    pub async fn create(&self, name: &str, content: Bytes) -> Result<Created> {
        let path = self.path(name);
        let mut looks = 0;
        loop {
            looks += 1;
            let options = PutOptions::from(PutMode::Create);
            let put = self.store.put_opts(&path, content.clone().into(), options);
            let failure = match self.counted("create", name, put.await) {
                Ok(_) => {
                    self.metrics.bytes_written.inc_by(content.len() as u64);
                    return Ok(Created::Ours);
                }
                Err(error) => error,
            };
            // Taken, or unknown: an earlier try of the same request may have been the one that took it.
            match self.get(name).await {
                Ok(Some(there)) if there == content => return Ok(Created::Ours),
                Ok(Some(there)) => return Ok(Created::Taken(there)),
                Ok(None) if is_refusal(&failure) => return Err(failure),
                Ok(None) | Err(_) if looks < LOOKS => {
                    tracing::debug!(name, error = %failure, "the outcome of a creation is unknown; looking again");
                    tokio::time::sleep(PAUSE * looks).await;
                }
                _ => return Err(failure),
            }
        }
    }

    /// An object's content; `None` if there is none.
    pub async fn get(&self, name: &str) -> Result<Option<Bytes>> {
        self.get_at_most(name, u64::MAX).await
    }

    /// An object's content, refused when it is larger than it may be.
    pub async fn get_at_most(&self, name: &str, at_most: u64) -> Result<Option<Bytes>> {
        let found = match self.store.get(&self.path(name)).await {
            Err(StoreError::NotFound { .. }) => {
                self.metrics.requests.inc();
                return Ok(None);
            }
            other => self.counted("read", name, other)?,
        };
        let bytes = found.meta.size;
        if bytes > at_most {
            return Err(Error::TooLarge {
                name: name.to_owned(),
                bytes,
                at_most,
            });
        }
        let content = found.bytes().await;
        let content = content.map_err(|source| self.failed("read", name, source))?;
        self.metrics.bytes_read.inc_by(content.len() as u64);
        Ok(Some(content))
    }

    /// The objects whose names begin with `prefix` and a slash, in the order of their names.
    pub async fn list(&self, prefix: &str) -> Result<Vec<Listed>> {
        let path = self.path(prefix);
        let listed: Result<Vec<_>, _> = self.store.list(Some(&path)).try_collect().await;
        let listed = self.counted("list", prefix, listed)?;
        let below = format!("{path}/");
        let named = listed.into_iter().filter_map(|meta| {
            let name = meta.location.as_ref().strip_prefix(&below)?.to_owned();
            let bytes = meta.size;
            Some(Listed { name, bytes })
        });
        let mut named: Vec<Listed> = named.collect();
        named.sort_unstable_by(|a, b| a.name.cmp(&b.name));
        Ok(named)
    }

    /// The numbers below a prefix, ascending; what is no number is passed over.
    pub async fn numbers(&self, prefix: &str) -> Result<Vec<u64>> {
        let listed = self.list(prefix).await?;
        let numbers = listed.iter().filter_map(|listed| listed.name.parse().ok());
        let mut numbers: Vec<u64> = numbers.collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// Removes objects; those that are not there count as removed.
    pub async fn delete(&self, names: &[String]) -> Result<()> {
        let paths: Vec<_> = names.iter().map(|name| Ok(self.path(name))).collect();
        let mut deleting = self
            .store
            .delete_stream(futures::stream::iter(paths).boxed());
        while let Some(deleted) = deleting.next().await {
            match deleted {
                Err(StoreError::NotFound { .. }) => {}
                other => {
                    self.counted("remove", names.first().map_or("", |name| name), other)?;
                }
            }
        }
        Ok(())
    }

    fn path(&self, name: &str) -> Path {
        let parts = self.root.parts();
        let below = name.split('/').map(Into::into);
        Path::from_iter(parts.chain(below))
    }

    fn counted<T>(
        &self,
        tried: &'static str,
        name: &str,
        outcome: Result<T, StoreError>,
    ) -> Result<T> {
        self.metrics.requests.inc();
        outcome.map_err(|source| self.failed(tried, name, source))
    }

    fn failed(&self, tried: &'static str, name: &str, source: StoreError) -> Error {
        let is_taken = matches!(
            source,
            StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }
        );
        if !is_taken {
            self.metrics.failures.inc();
        }
        Error::Request {
            tried,
            name: name.to_owned(),
            source,
        }
    }
}

/// Trying again would be answered the same.
fn is_refusal(error: &Error) -> bool {
    let Error::Request { source, .. } = error else {
        return false;
    };
    matches!(
        source,
        StoreError::PermissionDenied { .. }
            | StoreError::Unauthenticated { .. }
            | StoreError::NotSupported { .. }
            | StoreError::NotImplemented { .. }
            | StoreError::InvalidPath { .. }
    )
}

#[cfg(test)]
mod tests;
