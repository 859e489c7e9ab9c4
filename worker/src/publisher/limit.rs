//! How many entities a reader still gets. A page ends only where its reader can go on: never between entities of one position.

use crate::source::SinceValue;
use sluice_entity::Entity;

/// An entity as a reader sees it, and the position of the source entity that it was made from.
pub(super) struct Shown {
    /// The entity.
    pub entity: Entity,
    /// Where a reader goes on behind it.
    pub since: Option<SinceValue>,
}

/// What is left of `limit`.
pub(super) struct Limit {
    /// `None`: no limit.
    remaining: Option<u64>,
    /// Position of the last entity that was given.
    last: Option<SinceValue>,
}

impl Limit {
    /// As the reader asked.
    pub(super) fn new(limit: Option<u64>) -> Self {
        Limit {
            remaining: limit,
            last: None,
        }
    }

    /// As many as were asked for are given.
    pub(super) fn is_reached(&self) -> bool {
        self.remaining == Some(0)
    }

    /// The last entity that was given has a position, which others may share.
    pub(super) fn has_position(&self) -> bool {
        self.last.is_some()
    }

    /// What has this position does not come any more.
    pub(super) fn ends_before(&self, since: Option<&SinceValue>) -> bool {
        self.is_reached() && !(self.has_position() && self.last.as_ref() == since)
    }

    /// Takes what may still come of `shown`: what is left, and all of the position at which that ends.
    pub(super) fn take(&mut self, mut shown: Vec<Shown>) -> Vec<Shown> {
        let Some(remaining) = self.remaining else {
            return shown;
        };
        let mut count = shown
            .len()
            .min(usize::try_from(remaining).unwrap_or(usize::MAX));
        if let Some(last) = count.checked_sub(1).and_then(|last| shown.get(last)) {
            self.last = last.since.clone();
        }
        self.remaining = Some(remaining - count as u64);
        while shown
            .get(count)
            .is_some_and(|next| !self.ends_before(next.since.as_ref()))
        {
            count += 1;
        }
        shown.truncate(count);
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::Builder;

    fn shown(sinces: &[Option<u64>]) -> Vec<Shown> {
        let mut builder = Builder::new();
        builder.begin_dict();
        builder.end();
        let entity = Entity::new(builder.finish()).unwrap();
        let shown = |since: &Option<u64>| Shown {
            entity: entity.clone(),
            since: since.map(SinceValue::Offset),
        };
        sinces.iter().map(shown).collect()
    }

    fn taken(limit: Option<u64>, batches: &[&[Option<u64>]]) -> Vec<usize> {
        let mut limit = Limit::new(limit);
        let take = |batch: &&[Option<u64>]| limit.take(shown(batch)).len();
        batches.iter().map(take).collect()
    }

    #[test]
    fn a_page_ends_between_positions_also_where_a_batch_ends() {
        let batches: [&[Option<u64>]; 3] = [
            &[Some(1), Some(1), Some(2)],
            &[Some(2), Some(2), Some(3)],
            &[Some(4)],
        ];
        for (limit, expected) in [
            (None, [3, 3, 1]),
            (Some(0), [0, 0, 0]),
            (Some(1), [2, 0, 0]),
            (Some(2), [2, 0, 0]),
            (Some(3), [3, 2, 0]),
            (Some(4), [3, 2, 0]),
            (Some(6), [3, 3, 0]),
            (Some(9), [3, 3, 1]),
        ] {
            assert_eq!(taken(limit, &batches), expected, "{limit:?}");
        }
    }

    #[test]
    fn without_positions_the_limit_is_exact() {
        assert_eq!(taken(Some(2), &[&[None, None, None], &[None]]), [2, 0]);
    }
}
