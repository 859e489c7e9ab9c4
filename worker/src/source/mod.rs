//! Where a pipe's entities come from: the trait, and the table of kinds.
//!
//! To add a kind: its settings in `sluice-config`, a file here that implements [`Source`], a line in [`connect`].

mod csv;
mod dataset;
mod embedded;
mod empty;
mod error;
mod feed_seen;
mod http_stream;
mod json;
mod merge_datasets;
mod revisiting;
mod since;
mod union_datasets;

pub(crate) use dataset::DatasetSource;
pub(crate) use error::{FailureKind, ReadError};
pub(crate) use revisiting::{Looked, RevisitingSource};
pub(crate) use since::SinceValue;

use crate::pass_over::{PassOver, Passed};
use crate::pipe::state::FeedSeen;
use crate::slice::Slice;
use crate::system::{HttpSystem, Systems};
use async_trait::async_trait;
use sluice_config::Source as Settings;
use sluice_entity::Entity;
use std::sync::Arc;

/// A connected source of one run. Dropped at the end of the run; what it needs to remember travels in [`Item::since`].
#[async_trait]
pub(crate) trait Source: Send {
    /// What the source can do to go on where the last run stopped.
    fn continuation(&self) -> Continuation;

    /// Begins reading after `since`, from the beginning without it. Called again after a read error, with the since value of
    /// the last item that was taken (PU11).
    async fn open(
        &mut self,
        since: Option<&SinceValue>,
        slice: &Arc<Slice>,
    ) -> Result<(), ReadError>;

    /// Lets the source leave entities unread that it received before; asked only where each run reads everything and what an
    /// entity says of since values does not matter.
    fn pass_over(&mut self, _pass_over: PassOver) {}

    /// An entity without an `_id` that is a string is an error with its position in the stream (R73): nothing behind the source
    /// can give it one.
    fn require_ids(&mut self) {}

    /// The next entities, `None` at the end. A page is bounded by [`PAGE_BYTES`] where the source has a choice. Sources that
    /// read datasets read them from the slice's snapshot; others pay no heed to it.
    async fn next(&mut self, slice: &Arc<Slice>) -> Result<Option<Page>, ReadError>;

    /// Whether what was read to its end was a populated source (SK2): true unless the source knows better. Asked after the end.
    fn is_populated(&self) -> bool {
        true
    }

    /// What an earlier run was told by the other side (AR3). Called before the first [`open`](Self::open).
    fn remember(&mut self, _feed: &FeedSeen) {}

    /// True, once, if what comes from here on is read from the beginning of another generation: since values of before count no
    /// more. Asked after each page.
    fn take_started_over(&mut self) -> bool {
        false
    }

    /// What the other side says of the dataset it answers from (AR3). Asked after the end.
    fn feed(&self) -> Option<FeedSeen> {
        None
    }
}

/// Bytes of entities after which a page ends.
pub(crate) const PAGE_BYTES: usize = 1 << 20;

/// What one call of [`Source::next`] gives.
#[derive(Debug, Default)]
pub(crate) struct Page {
    /// In the source's order. May be empty and not the last.
    pub items: Vec<Item>,
    /// Hashes of the items' bytes, where they came as bytes and will be compared: as many, or none at all.
    pub raw_hashes: Vec<Option<u128>>,
    /// Entities that were not read, with how many items come before each.
    pub passed: Vec<Passed>,
    /// Where to go on after the whole page, where that is further than the last item's since value: something was looked at
    /// and left out. Without it a reader would come back for the same forever.
    pub end: Option<SinceValue>,
}

/// An entity as its source gave it.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    /// The entity, `_updated` included where the source has one.
    pub entity: Entity,
    /// Where to go on after this entity; `None` where the source has no such notion.
    pub since: Option<SinceValue>,
}

impl Item {
    /// An item of a source whose since value is the entity's own `_updated` (R6).
    pub(crate) fn with_updated(entity: Entity) -> Self {
        let since = entity
            .body()
            .get("_updated")
            .filter(|value| !value.is_null())
            .map(|value| SinceValue::from_value(value));
        Item { entity, since }
    }
}

/// The three properties of a source that decide how its since value is kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Continuation {
    /// The source uses a since value when it gets one.
    pub supports_since: bool,
    /// Two since values can be compared.
    pub is_since_comparable: bool,
    /// Entities come in the order of their since values.
    pub is_chronological: bool,
}

impl From<sluice_config::Continuation> for Continuation {
    fn from(settings: sluice_config::Continuation) -> Self {
        Continuation {
            supports_since: settings.supports_since,
            is_since_comparable: settings.is_since_comparable,
            is_chronological: settings.is_chronological,
        }
    }
}

/// How the since value is kept (R20, R21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Strategy {
    /// Saved as the run goes on.
    Chronological,
    /// The greatest is saved at the end of a successful run.
    Max,
    /// Not at all: each run is full.
    None,
}

impl Continuation {
    /// All three, as the dataset sources have them.
    pub(crate) const DATASET: Self = Self {
        supports_since: true,
        is_since_comparable: true,
        is_chronological: true,
    };

    /// R20.
    pub(crate) fn strategy(self) -> Strategy {
        match self {
            Self {
                supports_since: true,
                is_chronological: true,
                ..
            } => Strategy::Chronological,
            Self {
                supports_since: true,
                is_since_comparable: true,
                ..
            } => Strategy::Max,
            _ => Strategy::None,
        }
    }
}

/// What a constructor may look at.
pub(crate) struct Surroundings<'a> {
    /// Connections of the pipe's systems.
    pub systems: &'a Systems,
}

impl Surroundings<'_> {
    /// The connection of a system, as a source wants it.
    fn http(&self, system: &str) -> Result<Arc<HttpSystem>, ReadError> {
        self.systems
            .http(system)
            .map_err(|why| ReadError::communication("unusable-system", why))
    }
}

/// The table of kinds: settings to connected source. `None` for kinds that are not pulled (`http_endpoint`) or that this
/// version cannot run; the pipe says which.
pub(crate) fn connect(
    settings: &Settings,
    surroundings: &Surroundings<'_>,
) -> Result<Option<Box<dyn Source>>, ReadError> {
    Ok(Some(match settings {
        Settings::Dataset(settings) => Box::new(DatasetSource::new(settings)),
        Settings::UnionDatasets(settings) => {
            Box::new(union_datasets::UnionDatasetsSource::new(settings))
        }
        Settings::MergeDatasets(settings) => {
            Box::new(merge_datasets::MergeDatasetsSource::new(settings))
        }
        Settings::Embedded(settings) => Box::new(embedded::EmbeddedSource::new(settings)),
        Settings::Json(settings) => Box::new(json::JsonSource::new(
            settings,
            surroundings.http(&settings.system)?,
        )),
        Settings::Csv(settings) => Box::new(csv::CsvSource::new(
            settings,
            surroundings.http(&settings.system)?,
        )),
        Settings::Empty(_) => Box::new(empty::EmptySource),
        Settings::HttpEndpoint(_) | Settings::NotInThisVersion { .. } => return Ok(None),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_strategy_follows_the_three_properties() {
        let strategy = |supports_since, is_since_comparable, is_chronological| {
            Continuation {
                supports_since,
                is_since_comparable,
                is_chronological,
            }
            .strategy()
        };
        for comparable in [false, true] {
            for chronological in [false, true] {
                assert_eq!(strategy(false, comparable, chronological), Strategy::None);
            }
        }
        assert_eq!(strategy(true, false, false), Strategy::None);
        assert_eq!(strategy(true, false, true), Strategy::Chronological);
        assert_eq!(strategy(true, true, false), Strategy::Max);
        assert_eq!(strategy(true, true, true), Strategy::Chronological);
    }
}
