//! What is in the place.

use super::object::{Kind, Object, Writer};
use super::place::{self, CHANGES, Place, SNAPSHOTS};
use crate::error::OpenError;
use futures::{StreamExt, TryStreamExt};
use std::collections::BTreeSet;

/// Objects read at a time.
const AT_ONCE: usize = 8;

/// The newest snapshot and what came after it.
pub(super) struct View {
    pub(super) snapshot: Option<(u64, Object)>,
    /// By number, dense.
    pub(super) changes: Vec<(u64, Object)>,
    /// The newest number; 0 if there is none.
    pub(super) newest: u64,
    /// Who wrote last.
    pub(super) writer: Option<Writer>,
    /// Numbers of the records of starts.
    pub(super) starts: Vec<u64>,
}

impl View {
    pub(super) async fn read(place: &Place) -> Result<View, OpenError> {
        let numbers = place.numbers(CHANGES).await?;
        let snapshot = match place.numbers(SNAPSHOTS).await?.last() {
            Some(number) => {
                let name = place::snapshot(*number);
                Some((*number, place.read(&name, &[Kind::Snapshot]).await?))
            }
            None => None,
        };
        let contained = snapshot.as_ref().map_or(0, |(number, _)| *number);
        // Below it only the records of starts stay, and what has not been removed yet.
        let after: Vec<u64> = numbers.into_iter().filter(|one| *one > contained).collect();
        let first = match &snapshot {
            Some((number, _)) => number + 1,
            None => after.first().copied().unwrap_or(1),
        };
        for (number, expected) in after.iter().zip(first..) {
            if *number != expected {
                return Err(place.damaged(&place::change(expected), "it is gone"));
            }
        }
        let newest = after.last().copied().unwrap_or(contained);
        let reading = futures::stream::iter(after).map(|number| async move {
            let name = place::change(number);
            let read = place.read(&name, &[Kind::Changes, Kind::Start]).await?;
            Ok::<_, OpenError>((number, read))
        });
        let changes: Vec<(u64, Object)> = reading.buffered(AT_ONCE).try_collect().await?;
        let last = changes.last().or(snapshot.as_ref());
        let writer = last.map(|(_, object)| object.head.writer.clone());
        let mut starts = match &snapshot {
            Some((_, snapshot)) => snapshot.head.starts.clone(),
            None => Vec::new(),
        };
        let started = changes.iter().filter(|(_, one)| one.kind == Kind::Start);
        starts.extend(started.map(|(number, _)| number));
        Ok(View {
            snapshot,
            changes,
            newest,
            writer,
            starts,
        })
    }

    /// The changes after a number that count.
    pub(super) fn counting(&self, after: u64) -> impl Iterator<Item = &(u64, Object)> {
        let void = self.void();
        let later = self
            .changes
            .iter()
            .filter(move |(number, _)| *number > after);
        later.filter(move |(number, _)| !void.contains(number))
    }

    /// Numbers that do not count.
    fn void(&self) -> BTreeSet<u64> {
        let heads = self.changes.iter().map(|(_, object)| &object.head);
        heads.flat_map(|head| head.void.iter().copied()).collect()
    }

    /// Whether something does not count any more that a disk has which stands here.
    pub(super) fn takes_back(&self, applied: u64) -> bool {
        let later = self.changes.iter().filter(|(number, _)| *number > applied);
        let mut void = later.flat_map(|(_, object)| &object.head.void);
        void.any(|number| *number <= applied)
    }
}
