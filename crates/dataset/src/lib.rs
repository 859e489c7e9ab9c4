//! What a dataset *is*: an append-only log with change tracking, a primary index, counters and secondary indexes (DS1-DS11).
//!
//! This crate owns the types, the traits and the behaviour. It does no I/O. Two implementations exist: [`Memory`] here, small
//! enough to be believed by reading it, and the durable one in `sluice-store`. Both run [`suite`]; a property test drives them
//! side by side.
//!
//! * [`Dataset`] is what a reader sees, [`WritableDataset`] what the owner of a dataset may do.
//! * [`PreparedEntity`] is an entity on its way in: parsed, stripped and hashed before the writer's turn.
//! * [`VersionBatch`] is a page on its way out: many stored bodies in one buffer.
#![cfg_attr(test, allow(clippy::unwrap_used))]

mod batch;
mod dataset;
mod deletion_tracking;
mod error;
mod identifiers;
mod index_keys;
mod memory;
mod name;
mod prepared;
mod read_options;
mod retention;
mod since;
mod status;
pub mod suite;
mod version;

pub use batch::{VersionBatch, VersionRef};
pub use dataset::{Dataset, WritableDataset};
pub use deletion_tracking::{Approval, DeleteProgress, FullRun, Unseen};
pub use error::{Error, Result};
pub use identifiers::{DatasetNumber, Generation, Offset};
pub use index_keys::IndexKeys;
pub use memory::Memory;
pub use name::{DatasetName, NameError};
pub use prepared::{AppendOptions, Change, PreparedEntity, RawCandidate};
pub use read_options::{DEFAULT_PAGE_BYTES, ReadOptions};
pub use retention::{Compacted, Retention};
pub use since::{Since, SinceError, SinceToken, SinceTokens};
pub use status::{Counters, DatasetStatus, IndexState};
pub use version::Version;
