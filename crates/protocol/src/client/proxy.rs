//! Requests that go on to microservices: chunks of the body go out as the far side asks for them, also while the answer is read.

use super::call::answered;
use super::feed::Reading;
use super::gathering::{Gathering, Next};
use super::worker::Client;
use crate::wire::proto::{self, feed_ask::Ask, feed_part::Part};
use crate::wire::{Damaged, proxied, required, to_open_proxy};
use crate::{ByteStream, ProxyReply, ProxyRequest, Result};
use bytes::Bytes;
use futures::stream::{self, StreamExt};

/// Resolves when the microservice has begun to answer. Dropped, it cancels the far end.
pub(super) async fn proxy(
    client: Client,
    system: &str,
    request: ProxyRequest,
    body: ByteStream,
    page_bytes: usize,
) -> Result<ProxyReply> {
    let open = Ask::Proxy(to_open_proxy(system, request));
    let mut both = Both {
        reading: Reading::open(client, open).await?,
        body: Gathering::new(body, page_bytes),
        is_wanted: false,
    };
    match answered(required(both.part().await?, "head"))? {
        Part::Proxied(head) => {
            let (status, headers) = answered(proxied(head))?;
            Ok(ProxyReply {
                status,
                headers,
                body: both.answer(),
            })
        }
        _ => answered(Err(Damaged::new("part", "no head of an answer"))),
    }
}

/// A request and its answer on their ways.
struct Both {
    reading: Reading,
    body: Gathering,
    /// A chunk of the body is asked for.
    is_wanted: bool,
}

impl Both {
    /// The next part of the answer. Meanwhile the body goes out.
    async fn part(&mut self) -> Result<Option<Part>> {
        loop {
            if self.is_wanted
                && let Some(next) = self.body.next_part()
            {
                self.is_wanted = false;
                let said = match next {
                    Next::Chunk(chunk) => Ask::Chunk(chunk),
                    Next::End => Ask::End(proto::EndOfRequest {}),
                    Next::Failed(error) => Ask::Failed(error),
                };
                self.reading.say(said).await;
            }
            tokio::select! {
                part = self.reading.part() => match part? {
                    Some(Part::Wanted(_)) if self.is_wanted => {
                        let damaged = Damaged::new("part", "asks twice for the same chunk");
                        return answered(Err(damaged));
                    }
                    Some(Part::Wanted(_)) => self.is_wanted = true,
                    part => return Ok(part),
                },
                () = self.body.gather(), if self.body.wants_more() => {}
            }
        }
    }

    async fn chunk(&mut self) -> Result<Option<Bytes>> {
        self.reading.say(Ask::More(proto::More {})).await;
        match self.part().await? {
            None => Ok(None),
            Some(Part::Chunk(chunk)) => Ok(Some(chunk)),
            Some(_) => answered(Err(Damaged::new("part", "no chunk"))),
        }
    }

    fn answer(self) -> ByteStream {
        let chunks = stream::unfold(Some(self), |both| async {
            let mut both = both?;
            match both.chunk().await {
                Ok(Some(chunk)) => Some((Ok(chunk), Some(both))),
                Ok(None) => None,
                Err(error) => Some((Err(error), None)),
            }
        });
        chunks.boxed()
    }
}
