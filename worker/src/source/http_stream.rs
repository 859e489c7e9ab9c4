//! The body of an HTTP answer as pages of entities or of bytes, in bounded memory.

use super::{Item, PAGE_BYTES, Page, ReadError};
use crate::system::{HttpSystem, RequestFailure};
use reqwest::Response;
use sluice_entity::{ArrayReader, Entity, Limits, Numbers, Reader};
use std::sync::Arc;

/// A JSON array of entities that is still arriving.
pub(super) struct EntityStream {
    system: Arc<HttpSystem>,
    answer: Response,
    reader: ArrayReader,
    what: String,
    ended: bool,
    /// What comes after the entities that were still good.
    failed: Option<ReadError>,
}

impl EntityStream {
    /// `what` names the stream in errors.
    pub(super) fn new(system: Arc<HttpSystem>, answer: Response, what: String) -> Self {
        let reader = ArrayReader::new(Reader::new(Limits::default(), Numbers::default()));
        EntityStream {
            system,
            answer,
            reader,
            what,
            ended: false,
            failed: None,
        }
    }

    /// The next entities; `None` behind the closing bracket. A stream that breaks off is an error, after all that came before.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, ReadError> {
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        if self.ended {
            return Ok(None);
        }
        let (mut items, mut bytes) = (Vec::new(), 0);
        while bytes < PAGE_BYTES {
            match self.next_entity().await {
                Ok(Some(entity)) => {
                    bytes += entity.encoded_len();
                    items.push(Item::with_updated(entity));
                }
                Ok(None) => {
                    self.ended = true;
                    break;
                }
                Err(failure) if items.is_empty() => return Err(failure),
                Err(failure) => {
                    self.failed = Some(failure);
                    break;
                }
            }
        }
        Ok(Some(Page { items, end: None }))
    }

    async fn next_entity(&mut self) -> Result<Option<Entity>, ReadError> {
        loop {
            if let Some(entity) = self
                .reader
                .next()
                .map_err(|source| ReadError::stream(&self.what, source))?
            {
                return Ok(Some(entity));
            }
            match self
                .answer
                .chunk()
                .await
                .map_err(|source| self.system.interrupted(source).into_read_error())?
            {
                Some(chunk) => self.reader.push(&chunk),
                None => {
                    self.reader
                        .finish()
                        .map_err(|source| ReadError::stream(&self.what, source))?;
                    return Ok(None);
                }
            }
        }
    }
}

impl RequestFailure {
    /// As seen by a source.
    pub(crate) fn into_read_error(self) -> ReadError {
        let error = ReadError::communication(self.reason, self.message);
        match self.source {
            Some(source) => error.caused_by(source),
            None => error,
        }
    }
}
