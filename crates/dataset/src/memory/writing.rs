//! What the owner of the in-memory dataset may do.

use super::{Memory, Run, Stored};
use crate::{
    AppendOptions, Approval, Change, Compacted, DeleteProgress, FullRun, IndexKeys, Offset,
    PreparedEntity, Result, Retention, Unseen, Version, WritableDataset,
};
use std::collections::BTreeSet;
use std::sync::Arc;

impl WritableDataset for Memory {
    fn append(
        &self,
        entities: &[PreparedEntity],
        now_micros: u64,
        options: &AppendOptions,
    ) -> Result<Vec<Change>> {
        let mut state = self.state.lock();
        if let Some(run) = options.run {
            self.check_run(&state, run)?;
        }
        Ok(entities
            .iter()
            .map(|entity| state.append(entity, now_micros, options))
            .collect())
    }

    fn repost(&self, ids: &[&str], now_micros: u64) -> Result<u64> {
        let mut state = self.state.lock();
        let mut count = 0;
        for id in ids {
            let Some(Version { body, generated }) = state.latest(id).cloned() else {
                continue;
            };
            let again = PreparedEntity::again(id, body, generated.hash, generated.deleted);
            state.append(
                &again,
                now_micros,
                &AppendOptions {
                    force: true,
                    run: None,
                },
            );
            count += 1;
        }
        Ok(count)
    }

    fn mark_populated(&self) -> Result<()> {
        self.state.lock().populated = true;
        Ok(())
    }

    fn begin_run(&self, token: &str) -> Result<FullRun> {
        let mut state = self.state.lock();
        state.runs += 1;
        let start = state.log.len() as Offset;
        let full = FullRun {
            number: state.runs,
            token: token.to_owned(),
            start,
            deleting: false,
        };
        state.run = Some(Run {
            full: full.clone(),
            seen: BTreeSet::new(),
            dealt_with: BTreeSet::new(),
        });
        Ok(full)
    }

    fn active_run(&self) -> Result<Option<FullRun>> {
        Ok(self.state.lock().run.as_ref().map(|run| run.full.clone()))
    }

    fn unseen(&self, run: &FullRun) -> Result<Unseen> {
        let state = self.state.lock();
        self.check_run(&state, run.number)?;
        Ok(Unseen {
            live: state.counters().index_exists,
            unseen: state.unseen().len() as u64,
        })
    }

    fn approve_deletions(&self, run: &FullRun, allow_mass_delete: bool) -> Result<Approval> {
        let (run, populated) = {
            let state = self.state.lock();
            (self.check_run(&state, run.number)?, state.populated)
        };
        Approval::decide(
            &self.name,
            run.clone(),
            populated,
            allow_mass_delete,
            || self.unseen(&run),
        )
    }

    fn delete_unseen(
        &self,
        approval: &Approval,
        now_micros: u64,
        limit: usize,
    ) -> Result<DeleteProgress> {
        let mut state = self.state.lock();
        self.check_run(&state, approval.run().number)?;
        let dealt_with = state
            .run
            .as_ref()
            .map(|run| run.dealt_with.clone())
            .unwrap_or_default();
        let left: Vec<String> = state
            .unseen()
            .into_iter()
            .filter(|id| !dealt_with.contains(id))
            .collect();
        for id in left.iter().take(limit) {
            let Some(version) = state.latest(id).cloned() else {
                continue;
            };
            let delete = approval.delete_of(id, version.body, &self.hash_key);
            state.append(&delete, now_micros, &AppendOptions::default());
        }
        if let Some(run) = &mut state.run {
            run.full.deleting = true;
            run.dealt_with.extend(left.iter().take(limit).cloned());
        }
        Ok(DeleteProgress {
            deleted: left.len().min(limit) as u64,
            done: left.len() <= limit,
        })
    }

    fn end_run(&self, run: &FullRun) -> Result<()> {
        let mut state = self.state.lock();
        self.check_run(&state, run.number)?;
        state.run = None;
        Ok(())
    }

    fn compact(
        &self,
        retention: &Retention,
        from: Option<Offset>,
        _budget: u64,
    ) -> Result<Compacted> {
        let mut state = self.state.lock();
        if !state.populated {
            return Ok(Compacted::default());
        }
        let mut done = Compacted::default();
        let candidates: Vec<Stored> = state
            .stored()
            .filter(|stored| {
                stored.version.offset() >= from.unwrap_or(0) && !state.is_latest(stored)
            })
            .cloned()
            .collect();
        let before = state.clone();
        for Stored { id, version } in candidates {
            done.examined += 1;
            let newer: Vec<&Version> = before
                .of_id(&id)
                .filter(|other| other.offset() > version.offset())
                .collect();
            let enough = newer.len() as u64 >= u64::from(retention.keep_versions.max(1));
            let consumed = retention
                .consumed
                .is_none_or(|consumed| newer[0].offset() <= consumed);
            let old = retention
                .keep_since
                .is_none_or(|since| version.generated.ts < since);
            if enough && consumed && old {
                let position =
                    usize::try_from(version.offset()).expect("an offset is a position in the log");
                state.log[position] = None;
                done.removed += 1;
            }
        }
        Ok(done)
    }

    fn ensure_index(&self, keys: Arc<dyn IndexKeys>) -> Result<()> {
        self.state
            .lock()
            .indexes
            .insert(keys.name().to_owned(), keys);
        Ok(())
    }

    fn drop_index(&self, name: &str) -> Result<()> {
        let mut state = self.state.lock();
        self.check_index(&state, name)?;
        state.indexes.remove(name);
        Ok(())
    }
}
