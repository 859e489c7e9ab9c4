//! Feeds and documents: one part for each ask, one part read ahead.

use super::ServerSettings;
use super::call::{Parts, asked, tell};
use crate::wire::proto::{self, feed_ask::Ask, feed_part::Part};
use crate::wire::{Damaged, cut, publish, read as read_request, required, stage};
use crate::{ByteStream, Code, Error, Feed, Published, Result, Worker};
use bytes::Bytes;
use futures::future::try_join;
use futures::stream::{self, BoxStream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Status, Streaming};

/// Answers a reader: opens what it wants, then parts as it asks for them.
pub(super) async fn read<W: Worker + ?Sized>(
    worker: &W,
    mut asks: Streaming<proto::FeedAsk>,
    settings: &ServerSettings,
) -> Result<Parts<proto::FeedPart>, Status> {
    let first = asks.message().await?;
    let (headers, parts) = open(worker, first, settings.bounds.page_bytes)
        .await
        .map_err(|error| tell(&error))?;
    let headers = stream::once(async { Ok(part(headers)) });
    let drain = settings.drain.clone();
    Ok(headers.chain(paced(asks, parts, drain)).boxed())
}

/// The headers, and what follows on demand.
type Opened = (Part, BoxStream<'static, Result<Part>>);

async fn open<W: Worker + ?Sized>(
    worker: &W,
    first: Option<proto::FeedAsk>,
    page_bytes: usize,
) -> Result<Opened> {
    match asked(required(first.and_then(|first| first.ask), "ask"))? {
        Ask::Dataset(dataset) => {
            let read = asked(read_request(dataset.read))?;
            let feed = worker.read_dataset(&dataset.name, read).await?;
            Ok(of_feed(feed, page_bytes))
        }
        Ask::Pipe(pipe) => {
            let (stage, read) = (asked(stage(pipe.stage))?, asked(read_request(pipe.read))?);
            let feed = worker.read_pipe(&pipe.pipe, stage, read).await?;
            Ok(of_feed(feed, page_bytes))
        }
        Ask::Publish(wanted) => {
            let (pipe, request) = asked(publish(wanted))?;
            Ok(match worker.publish(&pipe, request).await? {
                Published::Entities(feed) => of_feed(feed, page_bytes),
                Published::Bytes {
                    content_type,
                    file,
                    body,
                } => {
                    let headers = proto::DocumentHeaders { content_type, file };
                    (Part::Document(headers), chunks(body, page_bytes))
                }
            })
        }
        Ask::More(_) => asked(Err(Damaged::new("ask", "nothing was opened"))),
    }
}

fn of_feed(feed: Feed, page_bytes: usize) -> Opened {
    let parts = feed.pages.flat_map(move |page| {
        let cut = match page {
            Ok(page) => cut(page, page_bytes)
                .into_iter()
                .map(Part::Page)
                .map(Ok)
                .collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(cut)
    });
    (Part::Headers(feed.headers.into()), parts.boxed())
}

fn chunks(body: ByteStream, page_bytes: usize) -> BoxStream<'static, Result<Part>> {
    let parts = body.flat_map(move |chunk| {
        let cut = match chunk {
            Ok(chunk) => cut_bytes(chunk, page_bytes).map(Ok).collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(cut)
    });
    parts.boxed()
}

fn cut_bytes(mut chunk: Bytes, page_bytes: usize) -> impl Iterator<Item = Part> {
    std::iter::from_fn(move || {
        (!chunk.is_empty()).then(|| Part::Chunk(chunk.split_to(chunk.len().min(page_bytes.max(1)))))
    })
}

/// Gives a part for each ask. While it waits for an ask it reads the next part, and no more.
fn paced(
    asks: Streaming<proto::FeedAsk>,
    parts: BoxStream<'static, Result<Part>>,
    drain: CancellationToken,
) -> impl futures::Stream<Item = Result<proto::FeedPart, Status>> {
    stream::unfold(Some((asks, parts, drain)), |state| async {
        let (mut asks, mut parts, drain) = state?;
        let next = try_join(more(&mut asks), async { Ok(parts.next().await) });
        let Some(next) = drain.run_until_cancelled(next).await else {
            return Some((Err(tell(&draining())), None));
        };
        match next {
            Ok(((), Some(Ok(next)))) => Some((Ok(part(next)), Some((asks, parts, drain)))),
            Ok(((), Some(Err(error)))) => Some((Err(tell(&error)), None)),
            Ok(((), None)) | Err(None) => None,
            Err(Some(status)) => Some((Err(status), None)),
        }
    })
}

/// Waits for the next ask; `Err(None)`: the reader wants no more.
async fn more(asks: &mut Streaming<proto::FeedAsk>) -> Result<(), Option<Status>> {
    match asks.message().await {
        Ok(Some(proto::FeedAsk {
            ask: Some(Ask::More(_)),
        })) => Ok(()),
        Ok(Some(_)) => {
            let damaged = Damaged::new("ask", "something else than `more`");
            Err(Some(tell(&damaged.request())))
        }
        Ok(None) => Err(None),
        Err(status) => Err(Some(status)),
    }
}

fn draining() -> Error {
    let message = "the role is ending; read on where it is served next";
    Error::new(Code::Unavailable, "draining", message)
}

fn part(part: Part) -> proto::FeedPart {
    proto::FeedPart { part: Some(part) }
}
