//! Streams of entities with the facts that go into the feed's headers (JP2).

use crate::Result;
use futures::stream::BoxStream;
use sluice_dataset::VersionBatch;
use sluice_entity::Entity;

/// One page of a feed: stored versions in one buffer, or entities made on the fly (publishers, pipe stages).
#[derive(Debug)]
pub enum Page {
    /// Straight from a dataset's log.
    Versions(VersionBatch),
    /// Transformed while reading.
    Entities(Vec<Entity>),
}

/// Pages in order. An error item ends the stream; a consumer that stops polling stops the reading.
pub type FeedStream = BoxStream<'static, Result<Page>>;

/// Facts about the dataset behind a feed, as of its first page.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FeedHeaders {
    /// `X-Dataset-Populated`
    pub populated: Option<bool>,
    /// `X-Dataset-Max-Updated`; `None` inside `Some` feed means the dataset is empty.
    pub max_updated: Option<u64>,
    /// `X-Dataset-Generation`
    pub generation: Option<String>,
    /// `X-Dataset-Filtered`: some entities may have been left out.
    pub filtered: Option<bool>,
    /// `X-Dataset-Completeness`, microseconds.
    pub completeness: Option<u64>,
    /// `X-Dataset-Restore-Uuid`
    pub restore_uuid: Option<String>,
    /// `X-Dataset-Restore-Offset`
    pub restore_offset: Option<u64>,
}

/// A feed: headers known before the first byte, then pages.
pub struct Feed {
    /// Known when the feed is opened.
    pub headers: FeedHeaders,
    /// The entities.
    pub pages: FeedStream,
}
