//! Requests that go on to microservices: chunks of the body are asked for, and the answer goes out as any document does. Both may
//! go on at the same time, as some microservices answer while they read.

use super::call::{Parts, asked, tell};
use super::feed::{End, Mores, chunks, paced, part};
use crate::wire::proto::{self, feed_ask::Ask, feed_part::Part};
use crate::wire::{Damaged, open_proxy, to_headers};
use crate::{ByteStream, Code, Error, ProxyReply, Result, Worker};
use bytes::Bytes;
use futures::stream::{self, StreamExt};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// Answers whoever sends a request on. It goes on as long as the answer is read.
pub(super) fn answer<W: Worker + ?Sized + 'static>(
    worker: Arc<W>,
    open: proto::OpenProxy,
    asks: Streaming<proto::FeedAsk>,
    page_bytes: usize,
    end: End,
) -> Parts<proto::FeedPart> {
    let (wants, wanted) = mpsc::channel(1);
    let (sends, sent) = mpsc::channel(1);
    let (more, mores) = mpsc::channel(1);
    let body = body(Reader { sent, wants });
    let reply = async move {
        match send(&*worker, open, body).await {
            Ok(reply) => {
                let head = Part::Proxied(proto::Proxied {
                    status: reply.status.into(),
                    headers: to_headers(reply.headers),
                });
                let head = stream::once(async { Ok(part(head)) });
                let mores: Mores = ReceiverStream::new(mores).boxed();
                head.chain(paced(mores, chunks(reply.body, page_bytes), end))
                    .boxed()
            }
            Err(error) => stream::once(async move { Err(tell(&error)) }).boxed(),
        }
    };
    let wanted = ReceiverStream::new(wanted).map(|more| Some(Ok(part(Part::Wanted(more)))));
    // The end of the answer is the end of everything.
    let reply = stream::once(reply).flatten().map(Some);
    let reply = reply.chain(stream::iter([None]));
    let sorted = stream::once(sort(asks, sends, more)).filter_map(async |()| None);
    let all = stream::select(stream::select(wanted, reply), sorted);
    all.take_while(|one| std::future::ready(one.is_some()))
        .filter_map(async |one| one)
        .boxed()
}

async fn send<W: Worker + ?Sized>(
    worker: &W,
    open: proto::OpenProxy,
    body: ByteStream,
) -> Result<ProxyReply> {
    let (system, request) = asked(open_proxy(open))?;
    worker.proxy(&system, request, body).await
}

/// Gives what comes to whom it is for, until nothing more comes. Nobody has more than one of each on its way.
async fn sort(
    mut asks: Streaming<proto::FeedAsk>,
    sends: mpsc::Sender<Result<Ask>>,
    mores: mpsc::Sender<Result<(), Option<Status>>>,
) {
    loop {
        match asks.message().await {
            Ok(Some(proto::FeedAsk {
                ask: Some(Ask::More(_)),
            })) => {
                // Where the answer has not begun it waits; where it has ended nobody needs it.
                let _ = mores.send(Ok(())).await;
            }
            Ok(Some(proto::FeedAsk { ask: Some(ask) })) => {
                // What was on its way when the body was let go of.
                let _ = sends.send(Ok(ask)).await;
            }
            Ok(Some(proto::FeedAsk { ask: None })) => {
                let damaged = Damaged::new("ask", "missing");
                let _ = sends.send(Err(damaged.request())).await;
            }
            Ok(None) => return,
            Err(status) => {
                let _ = sends.send(Err(broken_off().caused_by(status))).await;
                return;
            }
        }
    }
}

/// The near end of a body.
struct Reader {
    sent: mpsc::Receiver<Result<Ask>>,
    wants: mpsc::Sender<proto::More>,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<Bytes>> {
        if self.wants.send(proto::More {}).await.is_err() {
            return Err(broken_off());
        }
        match self.sent.recv().await.transpose()? {
            Some(Ask::Chunk(chunk)) => Ok(Some(chunk)),
            Some(Ask::End(_)) => Ok(None),
            Some(Ask::Failed(error)) => {
                Err(Error::try_from(error).unwrap_or_else(Damaged::request))
            }
            Some(_) => Err(Damaged::new("ask", "no chunk of the body").request()),
            None => Err(broken_off()),
        }
    }
}

fn body(reader: Reader) -> ByteStream {
    let chunks = stream::unfold(Some(reader), |reader| async {
        let mut reader = reader?;
        match reader.next().await {
            Ok(Some(chunk)) => Some((Ok(chunk), Some(reader))),
            Ok(None) => None,
            Err(error) => Some((Err(error), None)),
        }
    });
    chunks.boxed()
}

fn broken_off() -> Error {
    let message = "the body was broken off before its end";
    Error::new(Code::Unavailable, "body-broken-off", message)
}
