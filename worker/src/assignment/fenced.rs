//! The lease in the way of everything that leaves the worker: batches to targets outside, pages of answers.

use super::{Lease, Lost};
use crate::sink::{RunFacts, Sink, WriteError};
use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::BoxStream;
use sluice_entity::Entity;
use sluice_protocol::{Feed, Published, Result};
use std::sync::Arc;

/// A target outside that gets nothing without the lease.
pub(crate) struct FencedSink {
    sink: Box<dyn Sink>,
    lease: Arc<Lease>,
}

impl FencedSink {
    pub(crate) fn new(sink: Box<dyn Sink>, lease: Arc<Lease>) -> Self {
        FencedSink { sink, lease }
    }
}

#[async_trait]
impl Sink for FencedSink {
    async fn begin(&mut self, run: &RunFacts) -> Result<(), WriteError> {
        self.lease.check()?;
        self.sink.begin(run).await
    }

    async fn deliver(&mut self, entities: &[Entity]) -> Result<(), WriteError> {
        self.lease.check()?;
        self.sink.deliver(entities).await
    }

    async fn finish(&mut self, all_delivered: bool) -> Result<(), WriteError> {
        self.lease.check()?;
        self.sink.finish(all_delivered).await
    }
}

/// A feed whose every page is checked just before it goes out; the first one without the lease ends it with an error.
pub(crate) fn fenced_feed(lease: &Arc<Lease>, feed: Feed) -> Result<Feed> {
    lease.check().map_err(Lost::answer)?;
    Ok(Feed {
        headers: feed.headers,
        pages: fenced(lease, feed.pages),
    })
}

/// The same for what a publisher renders.
pub(crate) fn fenced_published(lease: &Arc<Lease>, published: Published) -> Result<Published> {
    lease.check().map_err(Lost::answer)?;
    Ok(match published {
        Published::Entities(feed) => Published::Entities(fenced_feed(lease, feed)?),
        Published::Bytes {
            content_type,
            file,
            body,
        } => Published::Bytes {
            content_type,
            file,
            body: fenced::<Bytes>(lease, body),
        },
    })
}

fn fenced<T: Send + 'static>(
    lease: &Arc<Lease>,
    pages: BoxStream<'static, Result<T>>,
) -> BoxStream<'static, Result<T>> {
    let lease = lease.clone();
    let mut is_over = false;
    pages
        .map(move |page| match lease.check() {
            Ok(()) => page,
            Err(lost) => Err(lost.answer()),
        })
        .take_while(move |page| {
            let goes_on = !is_over;
            is_over |= page.is_err();
            std::future::ready(goes_on)
        })
        .boxed()
}
