//! Feeds and documents: one part for each ask, one part read ahead.

use super::ServerSettings;
use super::call::{Parts, admit, asked, tell};
use super::worker::USERS;
use super::{proxy, watch};
use crate::wire::proto::{self, feed_ask::Ask, feed_part::Part};
use crate::wire::{
    Damaged, cut, position, publish, read as read_request, required, stage, to_note,
};
use crate::{ByteStream, Code, Error, Feed, FollowStream, Page, Published, Result, Worker};
use bytes::Bytes;
use futures::FutureExt;
use futures::future::{BoxFuture, try_join};
use futures::stream::{self, BoxStream, StreamExt};
use std::sync::Arc;
use tonic::{Request, Status, Streaming};

/// Answers a reader: opens what it wants, then parts as it asks for them.
pub(super) async fn read<W: Worker + ?Sized + 'static>(
    worker: &Arc<W>,
    request: Request<Streaming<proto::FeedAsk>>,
    settings: &ServerSettings,
) -> Result<Parts<proto::FeedPart>, Status> {
    let end = watch::end(&request, settings).boxed();
    let speaks_for_users = admit(&request, &USERS);
    let mut asks = request.into_inner();
    let first = asks.message().await?;
    let ask = asked(required(first.and_then(|first| first.ask), "ask"));
    let ask = ask.map_err(|error| tell(&error))?;
    // A page is read to its end in time; what is followed has none, so that it goes on over another connection.
    let end = match &ask {
        Ask::Follow(_) => end,
        _ => settings.drain.clone().cancelled_owned().boxed(),
    };
    let page_bytes = settings.bounds.page_bytes;
    let ask = match ask {
        Ask::Proxy(open) => {
            speaks_for_users?;
            let worker = Arc::clone(worker);
            return Ok(proxy::answer(worker, open, asks, page_bytes, end));
        }
        other => other,
    };
    let (headers, parts) = open(&**worker, ask, page_bytes)
        .await
        .map_err(|error| tell(&error))?;
    let headers = stream::once(async { Ok(part(headers)) });
    Ok(headers.chain(paced(mores(asks), parts, end)).boxed())
}

/// When a stream has to end so that its reader goes on elsewhere.
pub(super) type End = BoxFuture<'static, ()>;

/// The headers, and what follows on demand.
type Opened = (Part, BoxStream<'static, Result<Part>>);

async fn open<W: Worker + ?Sized>(worker: &W, ask: Ask, page_bytes: usize) -> Result<Opened> {
    match ask {
        Ask::Follow(wanted) => {
            let position = asked(wanted.position.map(position).transpose())?;
            let followed = worker.follow_dataset(&wanted.name, position).await?;
            let headers = Part::Headers(proto::FeedHeaders::default());
            Ok((headers, of_followed(followed, page_bytes)))
        }
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
        Ask::Proxy(_) | Ask::More(_) | Ask::Chunk(_) | Ask::End(_) | Ask::Failed(_) => {
            asked(Err(Damaged::new("ask", "nothing was opened")))
        }
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

fn of_followed(followed: FollowStream, page_bytes: usize) -> BoxStream<'static, Result<Part>> {
    let parts = followed.flat_map(move |followed| {
        let cut = match followed.map(to_note) {
            Ok(Ok(note)) => vec![Ok(Part::Note(note))],
            Ok(Err(versions)) => cut(Page::Versions(versions), page_bytes)
                .into_iter()
                .map(|page| Ok(Part::Page(page)))
                .collect(),
            Err(error) => vec![Err(error)],
        };
        stream::iter(cut)
    });
    parts.boxed()
}

pub(super) fn chunks(body: ByteStream, page_bytes: usize) -> BoxStream<'static, Result<Part>> {
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

/// Asks for one more part each; `Err(None)`: the reader wants no more.
pub(super) type Mores = BoxStream<'static, Result<(), Option<Status>>>;

/// Gives a part for each ask. While it waits for an ask it reads the next part, and no more.
pub(super) fn paced(
    mores: Mores,
    parts: BoxStream<'static, Result<Part>>,
    end: End,
) -> impl futures::Stream<Item = Result<proto::FeedPart, Status>> {
    stream::unfold(Some((mores, parts, end)), |state| async {
        let (mut mores, mut parts, mut end) = state?;
        let more = async { mores.next().await.unwrap_or(Err(None)) };
        let next = try_join(more, async { Ok(parts.next().await) });
        let next = tokio::select! {
            biased;
            () = &mut end => return Some((Err(tell(&draining())), None)),
            next = next => next,
        };
        match next {
            Ok(((), Some(Ok(next)))) => Some((Ok(part(next)), Some((mores, parts, end)))),
            Ok(((), Some(Err(error)))) => Some((Err(tell(&error)), None)),
            Ok(((), None)) | Err(None) => None,
            Err(Some(status)) => Some((Err(status), None)),
        }
    })
}

/// What a reader says after its opening.
fn mores(asks: Streaming<proto::FeedAsk>) -> Mores {
    let mores = asks.map(|ask| match ask {
        Ok(proto::FeedAsk {
            ask: Some(Ask::More(_)),
        }) => Ok(()),
        Ok(_) => {
            let damaged = Damaged::new("ask", "something else than `more`");
            Err(Some(tell(&damaged.request())))
        }
        Err(status) => Err(Some(status)),
    });
    mores.boxed()
}

fn draining() -> Error {
    let message = "the role is ending; read on where it is served next";
    Error::new(Code::Unavailable, "draining", message)
}

pub(super) fn part(part: Part) -> proto::FeedPart {
    proto::FeedPart { part: Some(part) }
}
