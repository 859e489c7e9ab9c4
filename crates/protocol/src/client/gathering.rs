//! A body between its sender and the wire: at most a page of it.

use crate::wire::proto;
use crate::{ByteStream, Error};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;

/// What can be sent of it.
pub(super) enum Next {
    /// Bytes.
    Chunk(Bytes),
    /// It is complete.
    End,
    /// It never will be.
    Failed(proto::Error),
}

/// The body.
pub(super) struct Gathering {
    /// Until it has ended.
    body: Option<ByteStream>,
    chunk: BytesMut,
    /// How it ended, until that was sent.
    last: Option<Next>,
    page_bytes: usize,
}

impl Gathering {
    pub(super) fn new(body: ByteStream, page_bytes: usize) -> Self {
        Gathering {
            body: Some(body),
            chunk: BytesMut::new(),
            last: Some(Next::End),
            page_bytes: page_bytes.max(1),
        }
    }

    pub(super) fn wants_more(&self) -> bool {
        self.body.is_some() && self.chunk.len() < self.page_bytes
    }

    /// Takes the next bytes of the body. Nothing is lost when it is dropped while it waits.
    pub(super) async fn gather(&mut self) {
        let Some(body) = &mut self.body else { return };
        match body.next().await {
            Some(Ok(bytes)) => self.chunk.extend_from_slice(&bytes),
            Some(Err(error)) => self.fail(&error),
            None => self.body = None,
        }
    }

    fn fail(&mut self, error: &Error) {
        self.last = Some(Next::Failed(error.into()));
        self.body = None;
    }

    /// What can be sent now.
    pub(super) fn next_part(&mut self) -> Option<Next> {
        if !self.chunk.is_empty() {
            let length = self.chunk.len().min(self.page_bytes);
            return Some(Next::Chunk(self.chunk.split_to(length).freeze()));
        }
        if self.body.is_none() {
            self.last.take()
        } else {
            None
        }
    }
}
