//! What can go wrong with a dataset.

use crate::{DatasetName, NameError};

/// Result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// A failed operation on a dataset.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No such name can exist.
    #[error("the name {name:?} cannot be used")]
    Name {
        /// As given.
        name: String,
        /// Why.
        #[source]
        source: NameError,
    },
    /// The dataset was deleted; a handle to it is of no use any more.
    #[error("dataset {dataset} was deleted")]
    Deleted {
        /// Its name.
        dataset: DatasetName,
    },
    /// A number that another dataset has or had.
    #[error("dataset number {number} is taken, cannot make {dataset}")]
    NumberTaken {
        /// The number.
        number: u64,
        /// The dataset that was to be made.
        dataset: DatasetName,
    },
    /// A transaction writes only to the datasets it was opened with.
    #[error("the transaction was not opened for dataset {dataset}")]
    NotInTransaction {
        /// The other dataset.
        dataset: DatasetName,
    },
    /// The volume is full: nothing was written. Reads go on, writes resume when there is space again.
    #[error("no space left to {tried}")]
    DiskFull {
        /// What was tried.
        tried: &'static str,
    },
    /// A write or sync failed with unknown outcome; the store takes no more writes until it is opened again.
    #[error("the store stopped writing after a failure: {cause}")]
    Stopped {
        /// The first failure.
        cause: String,
    },
    /// A full run would delete too much (R27).
    #[error("the full run would delete {deletes} of {live} live entities of dataset {dataset}")]
    MassDelete {
        /// The dataset.
        dataset: DatasetName,
        /// Live ids.
        live: u64,
        /// Ids to be deleted.
        deletes: u64,
    },
    /// Another full run has begun since, or this one has ended.
    #[error("full run {number} of dataset {dataset} is not active any more")]
    RunReplaced {
        /// The dataset.
        dataset: DatasetName,
        /// The run.
        number: u64,
    },
    /// Another owner has written the dataset since: this one must not any more.
    #[error("dataset {dataset} is written under epoch {present}; epoch {epoch} is over")]
    StaleEpoch {
        /// The dataset.
        dataset: DatasetName,
        /// Of the refused write.
        epoch: u64,
        /// Of the dataset.
        present: u64,
    },
    /// It is a copy of what another store has: only that one's versions are written to it.
    #[error("dataset {dataset} is here only as a replica, and is not written")]
    Replica {
        /// The dataset.
        dataset: DatasetName,
    },
    /// The replica of it is not yet what the owner has, so it is not read.
    #[error("the replica of dataset {dataset} is not level with its owner")]
    NotLevel {
        /// The dataset's name.
        dataset: String,
    },
    /// The worker holds no lease: somebody else may own what it wants to write. Nothing was written.
    #[error("the worker's lease has ended, so it writes nothing")]
    LeaseEnded,
    /// Nobody built it.
    #[error("dataset {dataset} has no index {index}")]
    UnknownIndex {
        /// The dataset.
        dataset: DatasetName,
        /// Its canonical expression.
        index: String,
    },
    /// It is being built, or has to be.
    #[error("index {index} of dataset {dataset} is not ready")]
    IndexNotReady {
        /// The dataset.
        dataset: DatasetName,
        /// Its canonical expression.
        index: String,
    },
    /// Stored bytes are not what was written.
    #[error("damaged data at {place}: {what}")]
    Damaged {
        /// Dataset, key space and key.
        place: String,
        /// What is wrong with it.
        what: String,
    },
    /// The storage engine failed.
    #[error("cannot {tried}")]
    Storage {
        /// What was tried.
        tried: &'static str,
        /// The engine's words.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Error {
    /// A stable code for callers and the API.
    pub fn code(&self) -> &'static str {
        match self {
            Error::Name { .. } => "dataset-name",
            Error::Deleted { .. } => "dataset-deleted",
            Error::NumberTaken { .. } => "dataset-number-taken",
            Error::NotInTransaction { .. } => "dataset-not-in-transaction",
            Error::DiskFull { .. } => "disk-full",
            Error::Stopped { .. } => "store-stopped",
            Error::MassDelete { .. } => "mass-delete",
            Error::RunReplaced { .. } => "full-run-replaced",
            Error::StaleEpoch { .. } => "stale-epoch",
            Error::Replica { .. } => "replica",
            Error::NotLevel { .. } => "replica-not-level",
            Error::LeaseEnded => "lease-ended",
            Error::UnknownIndex { .. } => "unknown-index",
            Error::IndexNotReady { .. } => "index-not-ready",
            Error::Damaged { .. } => "damaged-data",
            Error::Storage { .. } => "storage-failed",
        }
    }
}
