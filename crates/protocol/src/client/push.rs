//! Pushing: chunks go out as the far side asks for them; meanwhile the next one is gathered.

use super::call::answered;
use super::worker::Client;
use crate::wire::proto::{self, push_answer::Answer, push_part::Part};
use crate::wire::{Damaged, Target, from_status, required, to_open_push};
use crate::{ByteStream, Code, Error, PushReply, PushRequest, Result};
use bytes::BytesMut;
use futures::StreamExt;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

/// Resolves with the far side's reply, which comes after everything is durable. Dropped, it cancels the far end.
pub(super) async fn push(
    mut client: Client,
    target: Target,
    request: PushRequest,
    body: ByteStream,
    page_bytes: usize,
) -> Result<PushReply> {
    // There is room for the opening and one chunk: a chunk goes out when the far side has asked for it.
    let (parts, outgoing) = mpsc::channel(2);
    let _ = parts.try_send(part(Part::Open(to_open_push(target, request))));
    let answer = client.push(ReceiverStream::new(outgoing)).await;
    let mut answers = answer.map_err(from_status)?.into_inner();
    let mut chunks = Gathering {
        body: Some(body),
        chunk: BytesMut::new(),
        last: Some(Part::End(proto::EndOfBody {})),
        page_bytes: page_bytes.max(1),
    };
    let mut wanted = false;
    loop {
        if wanted && let Some(next) = chunks.next_part() {
            // If the far side has ended already, its last word is among the answers.
            let _ = parts.send(part(next)).await;
            wanted = false;
        }
        tokio::select! {
            answer = answers.message() => match answer.map_err(from_status)? {
                None => return Err(no_reply()),
                Some(answer) => match answered(required(answer.answer, "answer"))? {
                    Answer::Reply(reply) => return Ok(reply.into()),
                    Answer::More(_) if wanted => {
                        let damaged = Damaged::new("answer", "asks twice for the same chunk");
                        return answered(Err(damaged));
                    }
                    Answer::More(_) => wanted = true,
                },
            },
            () = chunks.gather(), if chunks.wants_more() => {}
        }
    }
}

/// The body between its sender and the wire: at most a page of it.
struct Gathering {
    /// Until it has ended.
    body: Option<ByteStream>,
    chunk: BytesMut,
    /// How it ended, until that was sent.
    last: Option<Part>,
    page_bytes: usize,
}

impl Gathering {
    fn wants_more(&self) -> bool {
        self.body.is_some() && self.chunk.len() < self.page_bytes
    }

    /// Takes the next bytes of the body. Nothing is lost when it is dropped while it waits.
    async fn gather(&mut self) {
        let Some(body) = &mut self.body else { return };
        match body.next().await {
            Some(Ok(bytes)) => self.chunk.extend_from_slice(&bytes),
            Some(Err(error)) => {
                self.last = Some(Part::Failed((&error).into()));
                self.body = None;
            }
            None => self.body = None,
        }
    }

    /// What can be sent now.
    fn next_part(&mut self) -> Option<Part> {
        if !self.chunk.is_empty() {
            let length = self.chunk.len().min(self.page_bytes);
            return Some(Part::Chunk(self.chunk.split_to(length).freeze()));
        }
        if self.body.is_none() {
            self.last.take()
        } else {
            None
        }
    }
}

fn no_reply() -> Error {
    let message = "the worker ended the push without a reply";
    Error::new(Code::Unavailable, "no-reply", message)
}

fn part(part: Part) -> proto::PushPart {
    proto::PushPart { part: Some(part) }
}
