//! Which entries the history has, in memory: what a page of it needs is found without reading the others (R74).

use crate::contents::ComponentKey;
use sluice_dataset::ReadOptions;
use sluice_protocol::{ComponentKind, HistorySummary};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What is known of an entry without its content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// Its offset.
    pub(crate) offset: u64,
    /// Of which component.
    pub(crate) component: ComponentKey,
    /// The component was removed.
    pub(crate) deleted: bool,
    /// Bytes of the component's JSON.
    pub(crate) bytes: u64,
    /// Microseconds since 1970 UTC.
    pub(crate) timestamp: u64,
}

/// All entries by offset, and by component.
#[derive(Debug, Default)]
pub(crate) struct Index {
    entries: BTreeMap<u64, Known>,
    latest: BTreeSet<u64>,
    components: BTreeMap<Arc<ComponentKey>, Vec<u64>>,
    summary: HistorySummary,
}

#[derive(Debug)]
struct Known {
    previous: Option<u64>,
    deleted: bool,
}

impl Index {
    /// Adds an entry; its offset is above all others.
    pub(crate) fn add(&mut self, entry: Entry) {
        let offsets = self
            .components
            .entry(Arc::new(entry.component))
            .or_default();
        let previous = offsets.last().copied();
        offsets.push(entry.offset);
        let was_deleted = previous.and_then(|offset| {
            self.latest.remove(&offset);
            self.entries.get(&offset).map(|known| known.deleted)
        });
        self.latest.insert(entry.offset);
        let summary = &mut self.summary;
        match was_deleted {
            Some(true) => summary.components_deleted -= 1,
            Some(false) => summary.components -= 1,
            None => {}
        }
        if entry.deleted {
            summary.versions_deleted += 1;
            summary.components_deleted += 1;
        } else {
            summary.versions += 1;
            summary.components += 1;
        }
        summary.bytes += entry.bytes;
        summary.newest = Some(entry.offset);
        summary.last_modified = entry.timestamp;
        let known = Known {
            previous,
            deleted: entry.deleted,
        };
        self.entries.insert(entry.offset, known);
    }

    /// The numbers of all entries together.
    pub(crate) fn summary(&self) -> HistorySummary {
        self.summary
    }

    /// The entry of the same component before this one.
    pub(crate) fn previous(&self, offset: u64) -> Option<u64> {
        self.entries.get(&offset)?.previous
    }

    /// Offsets of the entries that a reader gets, in its order, no more than `most`.
    pub(crate) fn select(
        &self,
        kind: Option<ComponentKind>,
        id: Option<&str>,
        options: &ReadOptions,
        most: usize,
    ) -> Vec<u64> {
        let limit = options.limit.map_or(most, |limit| {
            usize::try_from(limit).unwrap_or(usize::MAX).min(most)
        });
        let (from, to) = match (options.since, options.reverse) {
            (None, _) => (0, u64::MAX),
            (Some(since), false) => (since.saturating_add(1), u64::MAX),
            (Some(since), true) => (0, since),
        };
        let shows = |offset: &u64| {
            let known = self.entries.get(offset);
            known.is_some_and(|known| options.shows(self.latest.contains(offset), known.deleted))
        };
        let offsets: Vec<u64>;
        let all: Box<dyn DoubleEndedIterator<Item = u64> + '_> = if kind.is_some() || id.is_some() {
            offsets = self.of(kind, id);
            let inside = offsets.iter().copied();
            Box::new(inside.filter(move |offset| (from..to).contains(offset)))
        } else if options.history {
            Box::new(self.entries.range(from..to).map(|(offset, _)| *offset))
        } else {
            Box::new(self.latest.range(from..to).copied())
        };
        if options.reverse {
            all.rev().filter(shows).take(limit).collect()
        } else {
            all.filter(shows).take(limit).collect()
        }
    }

    /// Offsets of all entries of a kind and an id.
    fn of(&self, kind: Option<ComponentKind>, id: Option<&str>) -> Vec<u64> {
        let is_wanted = |component: &ComponentKey| {
            kind.is_none_or(|kind| kind == component.0) && id.is_none_or(|id| id == component.1)
        };
        let wanted = self
            .components
            .iter()
            .filter(|(component, _)| is_wanted(component));
        let mut offsets: Vec<u64> = wanted.flat_map(|(_, offsets)| offsets).copied().collect();
        offsets.sort_unstable();
        offsets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `a` twice and removed, `b` once, `a` again as a system.
    fn index() -> Index {
        let mut index = Index::default();
        let entries = [
            (3, ComponentKind::Pipe, "a", false),
            (4, ComponentKind::Pipe, "a", false),
            (5, ComponentKind::Pipe, "b", false),
            (6, ComponentKind::Pipe, "a", true),
            (9, ComponentKind::System, "a", false),
        ];
        for (offset, kind, id, deleted) in entries {
            index.add(Entry {
                offset,
                component: (kind, id.to_owned()),
                deleted,
                bytes: if deleted { 0 } else { 10 },
                timestamp: offset * 100,
            });
        }
        index
    }

    #[test]
    fn a_reader_gets_what_the_same_options_give_of_a_dataset() {
        let index = index();
        let select = |id, since, reverse, history, deleted, most| {
            let options = ReadOptions {
                since,
                limit: None,
                reverse,
                history,
                deleted,
            };
            index.select(None, id, &options, most)
        };
        assert_eq!(select(None, None, false, true, true, 9), [3, 4, 5, 6, 9]);
        assert_eq!(select(None, Some(4), false, true, true, 2), [5, 6]);
        assert_eq!(select(None, Some(6), true, true, true, 9), [5, 4, 3]);
        assert_eq!(select(None, None, false, false, true, 9), [5, 6, 9]);
        assert_eq!(select(None, None, true, false, false, 9), [9, 5]);
        assert_eq!(select(Some("a"), None, false, true, true, 9), [3, 4, 6, 9]);
        assert_eq!(select(Some("a"), Some(3), false, false, true, 9), [6, 9]);
        let of_pipe = index.select(
            Some(ComponentKind::Pipe),
            Some("a"),
            &ReadOptions::default(),
            9,
        );
        assert_eq!(of_pipe, [3, 4, 6]);
        let nothing = ReadOptions {
            limit: Some(0),
            ..ReadOptions::default()
        };
        assert!(index.select(None, None, &nothing, 9).is_empty());
    }

    #[test]
    fn the_summary_counts_versions_and_components_and_knows_the_newest() {
        let index = index();
        let expected = HistorySummary {
            versions: 4,
            versions_deleted: 1,
            components: 2,
            components_deleted: 1,
            bytes: 40,
            newest: Some(9),
            last_modified: 900,
        };
        assert_eq!(index.summary(), expected);
        let previous = [3, 4, 6, 9].map(|offset| index.previous(offset));
        assert_eq!(previous, [None, Some(3), Some(4), None]);
    }
}
