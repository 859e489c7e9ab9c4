//! The body of an HTTP answer as pages of entities or of bytes, in bounded memory.

use super::{Item, PAGE_BYTES, Page, ReadError};
use crate::blocking;
use crate::pass_over::{PassOver, Passed, PieceReader, ReadEntity};
use crate::system::{HttpSystem, RequestFailure};
use bytes::Bytes;
use reqwest::Response;
use sluice_entity::{ArrayReader, Limits, Numbers, Reader};
use std::sync::Arc;

/// A JSON array of entities that is still arriving.
pub(super) struct EntityStream {
    system: Arc<HttpSystem>,
    answer: Response,
    /// Given away while it works on a blocking thread.
    reader: Option<PieceReader>,
    what: String,
    /// Entities without `_id` are errors.
    requires_ids: bool,
    ended: bool,
    /// What comes after the entities that were still good.
    failed: Option<ReadError>,
}

impl EntityStream {
    /// `what` names the stream in errors. What `pass_over` knows already is not read.
    pub(super) fn new(
        system: Arc<HttpSystem>,
        answer: Response,
        what: String,
        pass_over: Option<PassOver>,
        requires_ids: bool,
    ) -> Self {
        let reader = ArrayReader::new(Reader::new(Limits::default(), Numbers::default()));
        EntityStream {
            system,
            answer,
            reader: Some(PieceReader::new(reader, pass_over)),
            what,
            requires_ids,
            ended: false,
            failed: None,
        }
    }

    /// The next entities; `None` behind the closing bracket. A stream that breaks off is an error, after all that came before.
    pub(super) async fn next(&mut self) -> Result<Option<Page>, ReadError> {
        if let Some(failure) = self.failed.take() {
            return Err(failure);
        }
        let Some(mut reader) = self.reader.take().filter(|_| !self.ended) else {
            return Ok(None);
        };
        let piece = self.piece().await;
        let ended = self.ended;
        let (reader, taken, unfinished) = blocking::run(move || {
            let taken = reader.take(piece);
            let is_whole = ended && taken.error.is_none();
            let unfinished = is_whole.then(|| reader.finish().err()).flatten();
            (reader, taken, unfinished)
        })
        .await;
        self.reader = Some(reader);
        if let Some(error) = taken.error.or(unfinished) {
            // It comes before whatever else happened to the stream.
            self.failed = Some(ReadError::stream(&self.what, error));
            self.ended = true;
        }
        let page = self.page(taken.read, taken.raw_hashes, taken.passed);
        if page.items.is_empty() && page.passed.is_empty() {
            if let Some(failure) = self.failed.take() {
                return Err(failure);
            }
            if self.ended {
                return Ok(None);
            }
        }
        Ok(Some(page))
    }

    /// What was read, up to an entity that nothing can be done with: the stream ends there, before whatever else happened to it.
    fn page(
        &mut self,
        read: Vec<ReadEntity>,
        mut raw_hashes: Vec<Option<u128>>,
        mut passed: Vec<Passed>,
    ) -> Page {
        let mut items = Vec::with_capacity(read.len());
        for ReadEntity {
            entity,
            index,
            offset,
            ..
        } in read
        {
            if self.requires_ids && entity.id().is_none() {
                let error = ReadError::missing_id(&self.what, index);
                self.failed = Some(error.at(Some(index), offset));
                self.ended = true;
                raw_hashes.truncate(items.len());
                passed.retain(|passed| passed.before <= items.len());
                break;
            }
            items.push(Item::with_updated(entity));
        }
        Page {
            items,
            raw_hashes,
            passed,
            end: None,
        }
    }

    /// Chunks until they are about a page, or there is no more.
    async fn piece(&mut self) -> Vec<Bytes> {
        let (mut piece, mut bytes) = (Vec::new(), 0);
        while bytes < PAGE_BYTES {
            match self.answer.chunk().await {
                Ok(Some(chunk)) => {
                    bytes += chunk.len();
                    piece.push(chunk);
                }
                Ok(None) => {
                    self.ended = true;
                    break;
                }
                Err(source) => {
                    self.failed = Some(self.system.interrupted(source).into_read_error());
                    break;
                }
            }
        }
        piece
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
