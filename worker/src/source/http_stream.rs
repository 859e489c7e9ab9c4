//! The body of an HTTP answer as pages of entities or of bytes, in bounded memory.

use super::{Item, PAGE_BYTES, Page, ReadError};
use crate::system::{HttpSystem, RequestFailure};
use reqwest::Response;
use sluice_entity::{ArrayReader, Limits, Numbers, Reader};
use std::sync::Arc;

/// A JSON array of entities that is still arriving.
pub struct EntityStream {
    system: Arc<HttpSystem>,
    answer: Response,
    reader: ArrayReader,
    what: String,
    ended: bool,
}

impl EntityStream {
    /// `what` names the stream in errors.
    pub fn new(system: Arc<HttpSystem>, answer: Response, what: String) -> Self {
        let reader = ArrayReader::new(Reader::new(Limits::default(), Numbers::default()));
        EntityStream { system, answer, reader, what, ended: false }
    }

    /// The next entities; `None` behind the closing bracket. A stream that breaks off is an error.
    pub async fn next(&mut self) -> Result<Option<Page>, ReadError> {
        if self.ended {
            return Ok(None);
        }
        let (mut items, mut bytes) = (Vec::new(), 0);
        while bytes < PAGE_BYTES {
            match self.reader.next().map_err(|source| ReadError::stream(&self.what, source))? {
                Some(entity) => {
                    bytes += entity.encoded_len();
                    items.push(Item::with_updated(entity));
                }
                None => match self.answer.chunk().await.map_err(|source| self.system.interrupted(source).into_read_error())? {
                    Some(chunk) => self.reader.push(&chunk),
                    None => {
                        self.reader.finish().map_err(|source| ReadError::stream(&self.what, source))?;
                        self.ended = true;
                        break;
                    }
                },
            }
        }
        Ok(Some(Page { items, end: None }))
    }
}

impl RequestFailure {
    /// As seen by a source.
    pub fn into_read_error(self) -> ReadError {
        let error = ReadError::communication(self.reason, self.message);
        match self.source {
            Some(source) => error.caused_by(source),
            None => error,
        }
    }
}
