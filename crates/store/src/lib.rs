//! Datasets on disk: one RocksDB for all datasets of a worker, and the small records that must move together with them.
//!
//! Only this crate links RocksDB. [`keys`] is the only code that knows keys, [`codec`] the only code that knows values.
//! Start reading at [`Store`], then [`Transaction`].
//!
//! # Key space
//!
//! Five column families, whatever the number of datasets. Every key begins with the dataset's number, eight bytes big-endian, so
//! that a dataset is one range in each family. The number `u64::MAX` stands for the store itself. The highest bit of a number is
//! set in those of replicas: copies of what another store has, with its offsets.
//!
//! ```text
//! family       key                                               value
//! log          dataset offset                                    header (44 bytes), body            one per version
//! ids          dataset id                                        offset, hash, deleted, raw hash    one per id: its latest
//! superseded   dataset offset                                    offset of the next version         one per version not latest
//! index        dataset index 0 key-length key id                 -                                  key to ids
//!              dataset index 1 id                                list of keys                       id to keys
//! default      dataset 'd'                                       name, generation, counters, ...    the dataset record
//!              dataset 'x' index-name                            number, state, build cursor        one per secondary index
//!              dataset 'r'                                       number, start, cursor, token       the full run under way
//!              dataset 'm' offset/4096                           512 bytes of bits                  unchanged ids seen by it
//!              dataset 'c'                                       level or not                        only of a replica
//!              MAX 'f'                                           format version, hash key           the store record
//!              MAX 's' owner-length owner name                   any bytes                          state of pipes
//! ```
//!
//! All values but `index 0` carry a CRC-32 over their key and themselves, so that a flipped bit or a value under a wrong key is
//! found; the body is covered by the content hash. [`check`] verifies all of it against one another.
//!
//! The format is the hub's ([`sluice_format`]). It is in a file of the folder too (`marker`), which is read before RocksDB opens
//! anything: a version that does not read it leaves the folder as it is.
//!
//! # Promises
//!
//! * A [`Transaction`] is one RocksDB write batch: versions, index changes, counters and state appear together or not at all.
//! * [`Durability::Synced`] answers after a sync of the write-ahead log that many waiting writers share.
//! * Reading never blocks writing. A [`Snapshot`] sees all datasets at one instant.
//! * A full disk is [`Error::DiskFull`]: nothing was written, reads go on, writes work again when there is space. Any other failed
//!   write or sync stops all writing until the store is opened again.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod check;
mod codec;
mod compaction;
mod dataset;
mod deletion_tracking;
mod engine;
mod families;
mod gate;
mod group_sync;
mod index;
mod index_build;
mod keys;
mod lock;
mod marker;
mod moving;
mod open;
mod reading;
mod received;
mod records;
mod registry;
mod replica;
mod settings;
mod snapshot;
mod state;
mod store;
mod transaction;
mod trimming;

pub use check::{Counts, Problem, Report, check};
pub use dataset::Dataset;
pub use moving::{Import, Imported, LogFile, Mark};
pub use open::OpenError;
pub use received::{ByteHasher, Compared, Seen};
pub use replica::{OwnerFacts, Position};
pub use settings::Settings;
pub use sluice_dataset::Error;
pub use snapshot::{DatasetView, Snapshot};
pub use state::StateKey;
pub use store::Store;
pub use transaction::{
    Committed, CommittedDataset, Continuity, Durability, GAP, Rewound, Transaction,
};
pub use trimming::Trimming;

type Result<T, E = Error> = std::result::Result<T, E>;
