//! State that moves between stores: the logs of some datasets and the records of one owner, out of one store and into another.
//!
//! ```text
//! log files   sorted files of log entries, as the store itself writes them: what was appended since the last ones
//! records     the datasets' records, the full run under way with its marks, all state of the owner: small, always whole
//! ```
//!
//! Both come from one [`Snapshot`](crate::Snapshot), so that they belong together. What can be derived is not moved: the primary
//! index, the marks of superseded versions and the counters come from the log ([`derive`]), secondary indexes are built anew by
//! whoever needs them. Numbers of datasets are unique in a hub, so that log files fit into any of its stores unchanged.

mod derive;
mod export;
mod import;
mod records;

pub use export::{LogFile, Mark};
pub use import::{Import, Imported};
