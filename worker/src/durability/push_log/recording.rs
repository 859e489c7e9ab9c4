//! Recording a request while it is taken: what passes by goes into the log when it was committed.

use super::super::error::Error;
use super::object::{Entry, Head, LoggedRequest};
use super::{OBJECT_BYTES, PushLog};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use parking_lot::Mutex;
use sluice_protocol::{ByteStream, PushRequest};
use std::sync::Arc;

/// A body of up to this many bytes is logged in one piece, after it was committed.
const WHOLE: usize = 4 * OBJECT_BYTES;

/// What a recording takes at most of a body that is announced as a long one: a part and its copy on the way.
pub(crate) const RECORDED: usize = 2 * OBJECT_BYTES;

/// A request under way. Dropped without [`finish`](Self::finish) it never was.
pub(crate) struct Recording {
    log: Arc<PushLog>,
    request: LoggedRequest,
    id: String,
    parts: Arc<Mutex<Parts>>,
}

#[derive(Default)]
struct Parts {
    chunks: Vec<Bytes>,
    bytes: usize,
    /// Parts that are in the log.
    logged: u64,
    /// Of a long request.
    opened: Option<u64>,
}

impl Parts {
    fn take(&mut self) -> Bytes {
        let chunks = std::mem::take(&mut self.chunks);
        let mut whole = BytesMut::with_capacity(std::mem::take(&mut self.bytes));
        chunks
            .iter()
            .for_each(|chunk| whole.extend_from_slice(chunk));
        whole.freeze()
    }
}

impl Recording {
    /// Records the body that is read from the stream it answers.
    pub(crate) fn begin(
        log: Arc<PushLog>,
        request: &PushRequest,
        body: ByteStream,
    ) -> (Self, ByteStream) {
        let recording = Recording {
            log,
            request: request.into(),
            id: uuid::Uuid::new_v4().to_string(),
            parts: Arc::default(),
        };
        let (log, parts, id) = (
            recording.log.clone(),
            recording.parts.clone(),
            recording.id.clone(),
        );
        let announced = request.content_length.unwrap_or_default();
        let is_long = announced > WHOLE as u64;
        let body = body.then(move |chunk| {
            let (log, parts, id) = (log.clone(), parts.clone(), id.clone());
            async move {
                let chunk = chunk?;
                let part = {
                    let mut parts = parts.lock();
                    parts.chunks.push(chunk.clone());
                    parts.bytes += chunk.len();
                    let limit = if is_long || parts.opened.is_some() {
                        OBJECT_BYTES
                    } else {
                        WHOLE
                    };
                    match parts.bytes < limit {
                        true => None,
                        false => {
                            parts.opened.get_or_insert_with(|| log.begin());
                            let head = Head {
                                id,
                                part: parts.logged,
                                is_last: false,
                                request: None,
                            };
                            parts.logged += 1;
                            Some(Entry {
                                head,
                                body: parts.take(),
                            })
                        }
                    }
                };
                if let Some(entry) = part {
                    log.write(entry).await.map_err(answer)?;
                }
                Ok(chunk)
            }
        });
        (recording, body.boxed())
    }

    /// The request was committed, as a part of the sequence of this number: returns when all of it is in the log.
    pub(crate) async fn finish(self, sequence: Option<u64>) -> sluice_protocol::Result<()> {
        let entry = {
            let mut parts = self.parts.lock();
            let mut request = self.request.clone();
            request.sequence = sequence;
            let head = Head {
                id: self.id.clone(),
                part: parts.logged,
                is_last: true,
                request: Some(request),
            };
            Entry {
                head,
                body: parts.take(),
            }
        };
        self.log.write(entry).await.map_err(answer)
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        if let Some(opened) = self.parts.lock().opened {
            self.log.end(opened);
        }
    }
}

fn answer(error: Arc<Error>) -> sluice_protocol::Error {
    Error::answer_shared(&error)
}
