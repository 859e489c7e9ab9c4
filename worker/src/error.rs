//! What can go wrong while a worker opens; running worker answers `sluice_protocol::Error`.

use sluice_protocol::WorkerId;
use std::path::PathBuf;

/// A worker that could not be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The store below the data folder.
    #[error("cannot open the store in {}", path.display())]
    OpenStore {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: sluice_store::OpenError,
    },
    /// The worker's identity, which is kept in the store.
    #[error("cannot read or write the worker's identity in {}", path.display())]
    Identity {
        /// Where.
        path: PathBuf,
        /// Why.
        #[source]
        source: sluice_store::Error,
    },
    /// The key of the hub's content hashes.
    #[error("the storage node gives no key for content hashes")]
    HashKey(#[source] sluice_protocol::Error),
    /// The object store belongs to another hub.
    #[error(
        "the object store {place} belongs to the hub \"{there}\", not to \"{here}\": each hub needs a place of its own"
    )]
    OtherHub {
        /// The object store.
        place: String,
        /// The hub of this worker.
        here: String,
        /// The hub that the place belongs to.
        there: String,
    },
    /// The data folder of another worker.
    #[error("the store in {} belongs to the worker {owner}, and this is {wanted}: start it as {owner}, or with an empty folder", path.display())]
    OtherWorker {
        /// Where.
        path: PathBuf,
        /// Whose it is.
        owner: WorkerId,
        /// Who this is.
        wanted: WorkerId,
    },
}

impl Error {
    /// Whether somebody has the store open; it may be free a moment later.
    pub fn is_in_use(&self) -> bool {
        matches!(
            self,
            Error::OpenStore {
                source: sluice_store::OpenError::Locked { .. },
                ..
            }
        )
    }
}
