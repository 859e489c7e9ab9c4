//! Why a storage node cannot be opened, and how failures of its store look to other roles.

use crate::records::ReadError;
use sluice_protocol::{Code, Error};
use std::borrow::Cow;
use std::path::{Path, PathBuf};

/// A storage node that refuses to start, and why.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// Its store cannot be opened.
    #[error("cannot open the configuration store in {}", path.display())]
    Store {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: sluice_store::OpenError,
    },
    /// Its store cannot be read.
    #[error("cannot read the configuration in {}", path.display())]
    Read {
        /// The folder.
        path: PathBuf,
        /// Why.
        #[source]
        source: sluice_store::Error,
    },
    /// A record is whole and makes no sense.
    #[error("the record {record} in {} cannot be understood: {problem}", path.display())]
    Record {
        /// The folder.
        path: PathBuf,
        /// Which one.
        record: String,
        /// What is wrong.
        problem: String,
    },
    /// There are secrets and no key.
    #[error(
        "this hub has {count} secrets, but the key {} that opens them is missing; put it back, or name it with --secrets-key-file",
        path.display()
    )]
    NoSecretsKey {
        /// Where the key should be.
        path: PathBuf,
        /// How many secrets there are.
        count: usize,
    },
    /// The key is not the one the secrets were sealed with.
    #[error("the key {} does not open the secret \"{name}\": {problem}", path.display())]
    WrongSecretsKey {
        /// The key.
        path: PathBuf,
        /// The first secret that it does not open.
        name: String,
        /// Whether another key or damage is the reason.
        problem: &'static str,
    },
    /// The key file that was named is not there, or holds no key.
    #[error("{} holds no key for secrets: {problem}", path.display())]
    SecretsKeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The file that was named holds no key of content hashes.
    #[error("{} holds no key for content hashes: {problem}", path.display())]
    HashKeyFile {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// The hub has hashed with another key since its first start.
    #[error("the hub in {} has another key for content hashes since its first start: leave --hash-key-file out", path.display())]
    OtherHashKey {
        /// The store.
        path: PathBuf,
    },
    /// The object store does not do what it is asked.
    #[error("cannot use the object store {place}")]
    Objects {
        /// Where it is.
        place: String,
        /// Why.
        #[source]
        source: Box<sluice_objects::Error>,
    },
    /// An object of the storage node is not what it should be.
    #[error("the object {name} in {place} cannot be understood: {problem}")]
    Object {
        /// The object store.
        place: String,
        /// The object.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// The object store belongs to somebody else.
    #[error(
        "the object store {place} belongs to the hub \"{there}\", not to \"{here}\": each hub needs a place of its own"
    )]
    OtherHub {
        /// The object store.
        place: String,
        /// The hub of this storage node.
        here: String,
        /// The hub that the place belongs to.
        there: String,
    },
    /// The hub hashes with another key than the one in the object store.
    #[error(
        "the hub in the object store {place} has another key for content hashes: leave --hash-key-file out, or give the one that it began with"
    )]
    OtherHashKeyThere {
        /// The object store.
        place: String,
    },
    /// Another disk has the hub's later state.
    #[error("the disk in {} is not the newest of this hub: {problem}; start with an empty disk, which is filled from {place}", path.display())]
    NotNewest {
        /// The store.
        path: PathBuf,
        /// The object store.
        place: String,
        /// How that shows.
        problem: String,
    },
    /// The key file of a new hub could not be made.
    #[error("cannot make the key for secrets")]
    MakeSecretsKey(#[source] sluice_identity::Error),
}

impl OpenError {
    /// Whether somebody has the store open; it may be free a moment later.
    pub fn is_in_use(&self) -> bool {
        matches!(
            self,
            OpenError::Store {
                source: sluice_store::OpenError::Locked { .. },
                ..
            }
        )
    }
}

/// A failure that several are told of.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    code: Code,
    reason: Cow<'static, str>,
    message: String,
}

impl Shared {
    pub(crate) fn stopping() -> Self {
        Shared {
            code: Code::Unavailable,
            reason: "stopping".into(),
            message: "the storage node is stopping".to_owned(),
        }
    }

    pub(crate) fn error(&self) -> Error {
        Error::new(self.code, self.reason.clone(), self.message.clone())
    }
}

impl From<&Error> for Shared {
    fn from(error: &Error) -> Self {
        Shared {
            code: error.code,
            reason: error.reason.clone(),
            message: error.message.clone(),
        }
    }
}

/// Records of the store in `path` that cannot be read.
pub(crate) fn open_error(path: &Path, error: ReadError) -> OpenError {
    let path = path.to_owned();
    match error {
        ReadError::Store(source) => OpenError::Read { path, source },
        ReadError::Record { record, problem } => OpenError::Record {
            path,
            record,
            problem,
        },
    }
}

/// A failed write or read of the store, as other roles see it.
pub(crate) fn from_store(error: sluice_store::Error) -> Error {
    match &error {
        sluice_store::Error::DiskFull { .. } => Error::new(
            Code::StorageFull,
            "disk-full",
            "the disk is full: nothing was changed; it works again when there is space",
        ),
        sluice_store::Error::Stopped { .. } => Error::new(
            Code::Unavailable,
            "store-stopped",
            "the store stopped after a failed write; the hub must be started anew",
        ),
        _ => Error::new(Code::Internal, "internal", "the configuration store failed"),
    }
    .caused_by(error)
}

/// A background thread that did not come to its end.
pub(crate) fn lost_thread(error: tokio::task::JoinError) -> Error {
    Error::internal("a change of the configuration was interrupted", error)
}
