//! The two faces of a dataset: what readers see, and what its owner may do.

use crate::{
    AppendOptions, Approval, Change, Compacted, DatasetStatus, DeleteProgress, FullRun, IndexKeys,
    Offset, PreparedEntity, ReadOptions, Result, Retention, Unseen, Version, VersionBatch,
};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Reading. All calls are synchronous and may touch the disk; none of them blocks a writer.
pub trait Dataset: Send + Sync {
    /// Name, generation, counters.
    fn status(&self) -> Result<DatasetStatus>;

    /// One page of the log: ends after `max_bytes` of bodies (but holds at least one version), after `options.limit`, or at
    /// the end of the log. Go on with `options.after(page.resume())`.
    fn read(&self, options: &ReadOptions, max_bytes: usize) -> Result<VersionBatch>;

    /// The latest version of an id, deleted or not.
    fn get(&self, id: &str) -> Result<Option<Version>>;

    /// [`get`](Self::get) for many ids; answers in their order. Faster sorted.
    fn get_many(&self, ids: &[&str]) -> Result<Vec<Option<Version>>> {
        ids.iter().map(|id| self.get(id)).collect()
    }

    /// Exactly that version of that id (DS3).
    fn get_at(&self, id: &str, offset: Offset) -> Result<Option<Version>>;

    /// The newest version of an id below `offset`. `None` where there is none, or it was compacted away (R7).
    fn before(&self, id: &str, offset: Offset) -> Result<Option<Version>>;

    /// Ids of live entities that have `key` in the index: at most `limit`, in order, those after `after`.
    fn lookup(
        &self,
        index: &str,
        key: &[u8],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>>;

    /// The keys under which an id stands in the index, sorted (the other direction, IX3).
    fn index_keys_of(&self, index: &str, id: &str) -> Result<Vec<Vec<u8>>>;

    /// Distinct ids that have any of the keys, in order.
    fn matches(&self, index: &str, keys: &[Vec<u8>]) -> Result<Vec<String>> {
        if let [key] = keys {
            return self.lookup(index, key, None, usize::MAX);
        }
        let mut ids = BTreeSet::new();
        for key in keys {
            ids.extend(self.lookup(index, key, None, usize::MAX)?);
        }
        Ok(ids.into_iter().collect())
    }
}

/// Writing, one step at a time and durable when it returns. The store offers the same steps inside a transaction as well.
pub trait WritableDataset: Dataset {
    /// Appends what changed (R2, R3), in order; answers one [`Change`] per entity.
    fn append(
        &self,
        entities: &[PreparedEntity],
        now_micros: u64,
        options: &AppendOptions,
    ) -> Result<Vec<Change>>;

    /// Appends the latest versions of the ids once more (DS11); answers how many there were. Unknown ids are passed over.
    fn repost(&self, ids: &[&str], now_micros: u64) -> Result<u64>;

    /// Sets the populated flag (DS4).
    fn mark_populated(&self) -> Result<()>;

    /// Begins a full run; an active one is replaced (R63).
    fn begin_run(&self, token: &str) -> Result<FullRun>;

    /// The full run under way, after an interruption too.
    fn active_run(&self) -> Result<Option<FullRun>>;

    /// What the run would delete if it ended now.
    fn unseen(&self, run: &FullRun) -> Result<Unseen>;

    /// Leave to delete, or [`Error::MassDelete`](crate::Error::MassDelete) before the first delete (R27).
    fn approve_deletions(&self, run: &FullRun, allow_mass_delete: bool) -> Result<Approval>;

    /// Appends at most `limit` deleted versions. Call again until `done`.
    fn delete_unseen(
        &self,
        approval: &Approval,
        now_micros: u64,
        limit: usize,
    ) -> Result<DeleteProgress>;

    /// Ends a run and drops its marks; nothing is deleted.
    fn end_run(&self, run: &FullRun) -> Result<()>;

    /// Removes superseded versions from `from` on, looking at no more than `budget` of them. Does nothing in a dataset that is
    /// not populated (CO8).
    fn compact(
        &self,
        retention: &Retention,
        from: Option<Offset>,
        budget: u64,
    ) -> Result<Compacted>;

    /// Builds an index, or takes up one that was built before. From then on every write keeps it.
    fn ensure_index(&self, keys: Arc<dyn IndexKeys>) -> Result<()>;

    /// Removes an index.
    fn drop_index(&self, name: &str) -> Result<()>;
}
