//! What readers see of the in-memory dataset.

use super::{Memory, Stored};
use crate::{
    Dataset, DatasetStatus, IndexState, Offset, ReadOptions, Result, Version, VersionBatch,
};

impl Dataset for Memory {
    fn status(&self) -> Result<DatasetStatus> {
        let state = self.state.lock();
        let indexes = state
            .indexes
            .keys()
            .map(|name| IndexState {
                name: name.clone(),
                ready: true,
            })
            .collect();
        Ok(DatasetStatus {
            name: self.name.clone(),
            number: self.number,
            generation: self.generation,
            populated: state.populated,
            max_offset: (state.log.len() as Offset).checked_sub(1),
            epoch: 0,
            counters: state.counters(),
            last_modified: state.last_ts,
            indexes,
        })
    }

    fn read(&self, options: &ReadOptions, max_bytes: usize) -> Result<VersionBatch> {
        let state = self.state.lock();
        let mut rest: Vec<&Stored> = state
            .stored()
            .filter(|stored| match options.since {
                None => true,
                Some(since) if options.reverse => stored.version.offset() < since,
                Some(since) => stored.version.offset() > since,
            })
            .collect();
        if options.reverse {
            rest.reverse();
        }
        let limit = options.limit.map_or(usize::MAX, |limit| limit as usize);
        let mut page = VersionBatch::new();
        let mut resume = options.since;
        let mut at_end = true;
        for stored in rest {
            if page.len() >= limit || page.bytes() >= max_bytes {
                at_end = false;
                break;
            }
            resume = Some(stored.version.offset());
            if options.shows(state.is_latest(stored), stored.version.is_deleted()) {
                page.push(
                    stored.version.body.value().encoded(),
                    stored.version.generated,
                );
            }
        }
        page.finish(resume, at_end && limit > 0);
        Ok(page)
    }

    fn get(&self, id: &str) -> Result<Option<Version>> {
        Ok(self.state.lock().latest(id).cloned())
    }

    fn get_at(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        Ok(self
            .state
            .lock()
            .of_id(id)
            .find(|version| version.offset() == offset)
            .cloned())
    }

    fn before(&self, id: &str, offset: Offset) -> Result<Option<Version>> {
        let state = self.state.lock();
        let below = |version: &&Version| version.offset() < offset;
        let Some(found) = state.of_id(id).rev().find(below) else {
            return Ok(None);
        };
        Ok(Some(found.clone()))
    }

    fn lookup(
        &self,
        index: &str,
        key: &[u8],
        after: Option<&str>,
        limit: usize,
    ) -> Result<Vec<String>> {
        let state = self.state.lock();
        self.check_index(&state, index)?;
        Ok(state
            .latest_of_all()
            .into_iter()
            .filter(|(id, _)| after.is_none_or(|after| *id > after))
            .filter(|(_, version)| state.keys(index, version).iter().any(|found| found == key))
            .map(|(id, _)| id.to_owned())
            .take(limit)
            .collect())
    }

    fn index_keys_of(&self, index: &str, id: &str) -> Result<Vec<Vec<u8>>> {
        let state = self.state.lock();
        self.check_index(&state, index)?;
        Ok(state
            .latest(id)
            .map_or_else(Vec::new, |version| state.keys(index, version)))
    }
}
