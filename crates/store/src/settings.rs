//! Budgets of a store.

use sluice_entity::HashKey;
use sluice_format::Format;

/// How much memory, disk and threads a store may take. The defaults suit one machine with 2 GiB or more for the hub.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Block cache, write buffers included.
    pub cache_bytes: usize,
    /// Write buffers of all families together.
    pub write_buffer_bytes: usize,
    /// Threads for flush and compaction.
    pub background_jobs: i32,
    /// Files kept open; -1 for all.
    pub open_files: i32,
    /// Writes are refused as "disk full" when less than this is free, so that flushes and compactions find room.
    pub reserve_bytes: u64,
    /// Key of the content hash for a new store; a random one if `None`. An existing store keeps its own.
    pub hash_key: Option<HashKey>,
    /// What is read, and written to a new store. A store of a later one raises it.
    pub format: Format,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            cache_bytes: 256 << 20,
            write_buffer_bytes: 128 << 20,
            background_jobs: 2,
            open_files: 1_000,
            reserve_bytes: 16 << 20,
            hash_key: None,
            format: Format::default(),
        }
    }
}

impl Settings {
    /// Small buffers, for tests and tools.
    pub fn small() -> Self {
        Self {
            cache_bytes: 8 << 20,
            write_buffer_bytes: 4 << 20,
            open_files: 100,
            reserve_bytes: 1 << 20,
            ..Self::default()
        }
    }
}
