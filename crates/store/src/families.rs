//! The column families: which there are, and how RocksDB keeps each of them.

use crate::Settings;
use rocksdb::{
    BlockBasedOptions, Cache, ColumnFamilyDescriptor, DBCompressionType, Options,
    WriteBufferManager,
};

/// A fixed handful, however many datasets: families do not scale, prefixes do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Family {
    /// Small records and state.
    Default,
    /// Versions.
    Log,
    /// Primary index.
    Ids,
    /// Which versions are not the latest of their id.
    Superseded,
    /// Secondary indexes.
    Index,
}

impl Family {
    pub(crate) const ALL: [Family; 5] = [
        Family::Default,
        Family::Log,
        Family::Ids,
        Family::Superseded,
        Family::Index,
    ];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Family::Default => "default",
            Family::Log => "log",
            Family::Ids => "ids",
            Family::Superseded => "superseded",
            Family::Index => "index",
        }
    }
}

/// Options of the database as a whole.
pub(crate) fn database_options(settings: &Settings, buffers: &WriteBufferManager) -> Options {
    let mut options = Options::default();
    options.create_if_missing(true);
    options.create_missing_column_families(true);
    options.set_paranoid_checks(true);
    // Bounds what is replayed after a crash: a family that is never full would otherwise keep every log file alive.
    options.set_max_total_wal_size(64 << 20);
    options.set_write_buffer_manager(buffers);
    options.set_max_background_jobs(settings.background_jobs);
    options.set_bytes_per_sync(1 << 20);
    options.set_max_open_files(settings.open_files);
    options.set_keep_log_file_num(4);
    options.set_max_log_file_size(4 << 20);
    options.set_track_and_verify_wals_in_manifest(true);
    options.set_max_manifest_file_size(16 << 20);
    options
}

/// All families with their options.
pub(crate) fn descriptors(settings: &Settings, cache: &Cache) -> Vec<ColumnFamilyDescriptor> {
    Family::ALL
        .map(|family| ColumnFamilyDescriptor::new(family.name(), options(family, settings, cache)))
        .into()
}

/// Options of files of log entries that move between stores. Their form is pinned like that of the store's own files.
pub(crate) fn file_options() -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_format_version(5);
    blocks.set_block_size(16 << 10);
    let mut options = Options::default();
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_block_based_table_factory(&blocks);
    options
}

fn options(family: Family, settings: &Settings, cache: &Cache) -> Options {
    let mut blocks = BlockBasedOptions::default();
    blocks.set_block_cache(cache);
    blocks.set_format_version(5);
    blocks.set_cache_index_and_filter_blocks(true);
    blocks.set_cache_index_and_filter_blocks_with_high_priority(true);
    blocks.set_pin_l0_filter_and_index_blocks_in_cache(true);
    let mut options = Options::default();
    options.set_compression_type(DBCompressionType::Lz4);
    options.set_level_compaction_dynamic_level_bytes(true);
    options.set_write_buffer_size(settings.write_buffer_bytes / 2);
    match family {
        // Read in ranges: big blocks compress better, and nobody asks whether a key exists.
        Family::Log => blocks.set_block_size(16 << 10),
        Family::Ids => {
            blocks.set_bloom_filter(10.0, false);
            // An id that is new is looked up in the memtable first: without this filter that is a skip-list search per id.
            options.set_memtable_prefix_bloom_ratio(0.1);
            options.set_memtable_whole_key_filtering(true);
        }
        Family::Default | Family::Superseded | Family::Index => {
            blocks.set_bloom_filter(10.0, false)
        }
    }
    options.set_block_based_table_factory(&blocks);
    options
}
