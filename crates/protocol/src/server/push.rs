//! Pushes: the body is asked for chunk by chunk, as the worker reads it.

use super::call::{Parts, asked, tell};
use crate::wire::proto::{self, push_answer, push_part::Part};
use crate::wire::{Damaged, Target, open_push, required};
use crate::{ByteStream, Code, Error, PushRequest, Result, Worker};
use futures::stream::{self, StreamExt};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

/// Answers a pusher. The push is done by whoever reads the answers: it ends when they are not wanted any more.
pub(super) async fn push<W: Worker + ?Sized + 'static>(
    worker: Arc<W>,
    mut parts: Streaming<proto::PushPart>,
) -> Result<Parts<proto::PushAnswer>, Status> {
    let first = parts.message().await?;
    let (target, request) = opened(first).map_err(|error| tell(&error))?;
    let (asks, asked) = mpsc::channel(1);
    let body = body(parts, asks);
    let reply = async move {
        let reply = match target {
            Target::Pipe(pipe) => worker.push(&pipe, request, body).await,
            Target::Dataset(dataset) => worker.write_dataset(&dataset, request, body).await,
        };
        reply
            .map(|reply| push_answer::Answer::Reply(reply.into()))
            .map_err(|error| tell(&error))
    };
    let asks = ReceiverStream::new(asked)
        .map(|more| Ok(push_answer::Answer::More(more)))
        .boxed();
    let answers = stream::select(asks, stream::once(reply));
    let answers = answers.map(|answer| {
        Ok(proto::PushAnswer {
            answer: Some(answer?),
        })
    });
    Ok(answers.boxed())
}

fn opened(first: Option<proto::PushPart>) -> Result<(Target, PushRequest)> {
    match first.and_then(|first| first.part) {
        Some(Part::Open(open)) => asked(open_push(open)),
        _ => asked(required(None, "open")),
    }
}

/// The body as the worker reads it: every chunk is asked for.
fn body(parts: Streaming<proto::PushPart>, asks: mpsc::Sender<proto::More>) -> ByteStream {
    let chunks = stream::unfold(Some((parts, asks)), |state| async {
        let (mut parts, asks) = state?;
        if asks.send(proto::More {}).await.is_err() {
            return Some((Err(broken_off()), None));
        }
        let part = match parts.message().await {
            Ok(Some(part)) => part.part,
            Ok(None) => return Some((Err(broken_off()), None)),
            Err(status) => return Some((Err(broken_off().caused_by(status)), None)),
        };
        match part {
            Some(Part::Chunk(chunk)) => Some((Ok(chunk), Some((parts, asks)))),
            Some(Part::End(_)) => None,
            Some(Part::Failed(error)) => {
                let error = Error::try_from(error).unwrap_or_else(Damaged::request);
                Some((Err(error), None))
            }
            Some(Part::Open(_)) => {
                let damaged = Damaged::new("part", "a push that is open already");
                Some((Err(damaged.request()), None))
            }
            None => Some((Err(Damaged::new("part", "missing").request()), None)),
        }
    });
    chunks.boxed()
}

fn broken_off() -> Error {
    let message = "the body was broken off before its end";
    Error::new(Code::Unavailable, "body-broken-off", message)
}
