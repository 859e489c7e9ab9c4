//! What the comparisons share: the documents, the store as the hub uses it, RocksDB by hand.

pub mod documents;
pub mod ours;
pub mod raw;
