//! Reading feeds and documents: a part is asked for when the reader polls, so a reader that stops holds nothing on the way.

use super::call::answered;
use super::worker::Client;
use crate::wire::proto::{self, feed_ask::Ask, feed_part::Part};
use crate::wire::{Damaged, checked_page, followed, from_status, required};
use crate::{Feed, FeedStream, FollowStream, Page, Published, Result};
use bytes::Bytes;
use futures::stream::{self, BoxStream, StreamExt};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

/// A feed that nobody renders.
pub(super) async fn read(client: Client, wanted: Ask) -> Result<Feed> {
    match publish(client, wanted).await? {
        Published::Entities(feed) => Ok(feed),
        Published::Bytes { .. } => {
            answered(Err(Damaged::new("part", "a document instead of a feed")))
        }
    }
}

/// A dataset as it comes.
pub(super) async fn follow(client: Client, wanted: proto::FollowDataset) -> Result<FollowStream> {
    let mut reading = Reading::open(client, Ask::Follow(wanted)).await?;
    match answered(required(reading.part().await?, "headers"))? {
        Part::Headers(_) => Ok(reading.items(followed)),
        _ => answered(Err(Damaged::new("part", "no headers before what follows"))),
    }
}

/// A feed or a rendered document.
pub(super) async fn publish(client: Client, wanted: Ask) -> Result<Published> {
    let mut reading = Reading::open(client, wanted).await?;
    match answered(required(reading.part().await?, "headers"))? {
        Part::Headers(headers) => Ok(Published::Entities(Feed {
            headers: headers.into(),
            pages: pages(reading),
        })),
        Part::Document(document) => Ok(Published::Bytes {
            content_type: document.content_type,
            file: document.file,
            body: reading.items(chunk),
        }),
        Part::Page(_) | Part::Chunk(_) | Part::Note(_) | Part::Wanted(_) | Part::Proxied(_) => {
            answered(Err(Damaged::new("part", "no headers before the content")))
        }
    }
}

fn pages(reading: Reading) -> FeedStream {
    reading.items(page)
}

fn page(part: Part) -> Result<Page, Damaged> {
    match part {
        Part::Page(page) => checked_page(page),
        _ => Err(Damaged::new("part", "no page")),
    }
}

fn chunk(part: Part) -> Result<Bytes, Damaged> {
    match part {
        Part::Chunk(chunk) => Ok(chunk),
        _ => Err(Damaged::new("part", "no chunk")),
    }
}

/// The near end of a read. Dropped, it cancels the far end.
pub(super) struct Reading {
    asks: mpsc::Sender<proto::FeedAsk>,
    parts: Streaming<proto::FeedPart>,
}

impl Reading {
    /// Says what is wanted.
    pub(super) async fn open(mut client: Client, wanted: Ask) -> Result<Self> {
        // There is room for the opening, one ask and a chunk: a reader never has more than one part to come, and never waits to
        // say something while it should read.
        let (asks, asked) = mpsc::channel(3);
        let _ = asks.try_send(ask(wanted));
        let answer = client.read(ReceiverStream::new(asked)).await;
        Ok(Reading {
            asks,
            parts: answer.map_err(from_status)?.into_inner(),
        })
    }

    /// Says something else than `more`. If the far side has ended already, its last word is among the parts.
    pub(super) async fn say(&self, said: Ask) {
        let _ = self.asks.send(ask(said)).await;
    }

    /// The next part that was asked for.
    pub(super) async fn part(&mut self) -> Result<Option<Part>> {
        match self.parts.message().await.map_err(from_status)? {
            Some(part) => answered(required(part.part, "part")).map(Some),
            None => Ok(None),
        }
    }

    /// Asks for one part after the other. After an error there is nothing more.
    fn items<T: 'static>(
        self,
        item: fn(Part) -> Result<T, Damaged>,
    ) -> BoxStream<'static, Result<T>> {
        let items = stream::unfold(Some(self), move |reading| async move {
            let mut reading = reading?;
            // If the far side has ended already, its last word is among the parts.
            let _ = reading.asks.send(ask(Ask::More(proto::More {}))).await;
            match reading.part().await {
                Ok(Some(part)) => match answered(item(part)) {
                    Ok(item) => Some((Ok(item), Some(reading))),
                    Err(error) => Some((Err(error), None)),
                },
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        items.boxed()
    }
}

fn ask(ask: Ask) -> proto::FeedAsk {
    proto::FeedAsk { ask: Some(ask) }
}
