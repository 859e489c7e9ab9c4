//! Pushing: chunks go out as the far side asks for them; meanwhile the next one is gathered.

use super::call::answered;
use super::gathering::{Gathering, Next};
use super::worker::Client;
use crate::wire::proto::{self, push_answer::Answer, push_part::Part};
use crate::wire::{Damaged, Target, from_status, required, to_open_push};
use crate::{ByteStream, Code, Error, PushReply, PushRequest, Result};
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
    let mut chunks = Gathering::new(body, page_bytes);
    let mut wanted = false;
    loop {
        if wanted && let Some(next) = chunks.next_part() {
            // If the far side has ended already, its last word is among the answers.
            let _ = parts.send(part(next.into())).await;
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

fn no_reply() -> Error {
    let message = "the worker ended the push without a reply";
    Error::new(Code::Unavailable, "no-reply", message)
}

fn part(part: Part) -> proto::PushPart {
    proto::PushPart { part: Some(part) }
}

impl From<Next> for Part {
    fn from(next: Next) -> Self {
        match next {
            Next::Chunk(chunk) => Part::Chunk(chunk),
            Next::End => Part::End(proto::EndOfBody {}),
            Next::Failed(error) => Part::Failed(error),
        }
    }
}
