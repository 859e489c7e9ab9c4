//! Printing feeds: an array of entities, page by page as the consumer takes them, with the headers of JSON pull (JP2).
//!
//! While a large page travels, the next one is read and printed; a consumer that stops holds these two and no more. A failure
//! after the first byte breaks the connection, so that a closed `]` always means complete.

use super::answer;
use super::error::Problem;
use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream::Fuse;
use http::{HeaderMap, HeaderName, HeaderValue};
use sluice_entity::Style;
use sluice_protocol::{Error, Feed, FeedHeaders, FeedStream, Page, Result};
use tokio_util::task::AbortOnDropHandle;

/// Pages with more bodies than this are printed on a blocking thread, and the next page ahead of being asked for.
const PRINT_INLINE: usize = 32 << 10;

/// 200 with the feed. A failure before the first page is an ordinary problem document.
pub(crate) async fn print(feed: Feed) -> Result<Response, Problem> {
    let mut stream = feed.pages.fuse();
    let first = stream.next().await.transpose()?;
    let pages = Pages {
        first,
        stream,
        opened: false,
        ended: false,
    };
    let text = futures::stream::unfold(Next::Asked(pages), Next::chunk);
    let mut response = answer::typed("application/json", Body::from_stream(text));
    insert(response.headers_mut(), &feed.headers);
    Ok(response)
}

/// Only the headers of a feed.
pub(crate) fn insert(headers: &mut HeaderMap, facts: &FeedHeaders) {
    let number = |value: Option<u64>| value.map(|number| number.to_string());
    // Max-Updated and Restore-Offset are JSON; an offset prints the same as an integer. An empty dataset has no offset.
    let values = [
        (
            "x-dataset-populated",
            facts.populated.map(|populated| populated.to_string()),
        ),
        ("x-dataset-max-updated", number(facts.max_updated)),
        ("x-dataset-generation", facts.generation.clone()),
        (
            "x-dataset-filtered",
            facts.filtered.map(|filtered| filtered.to_string()),
        ),
        ("x-dataset-completeness", number(facts.completeness)),
        ("x-dataset-restore-uuid", facts.restore_uuid.clone()),
        ("x-dataset-restore-offset", number(facts.restore_offset)),
    ];
    for (name, value) in values {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            headers.insert(HeaderName::from_static(name), value);
        }
    }
}

/// A piece of the array; `None` behind its end.
type Piece = Result<Option<Vec<u8>>>;

/// What the consumer gets next.
enum Next {
    /// Made when it is asked for.
    Asked(Pages),
    /// Being made. The task makes one piece and ends, or is stopped with the stream that owns it.
    Ahead(AbortOnDropHandle<(Pages, Piece)>),
}

impl Next {
    /// The next piece of the array and what comes behind it.
    async fn chunk(self) -> Option<(Result<Bytes>, Self)> {
        let (pages, piece) = match self {
            Next::Asked(pages) => pages.piece().await,
            Next::Ahead(task) => match task.await {
                Ok(made) => made,
                Err(error) => {
                    let error = Error::internal("printing a page failed", error);
                    return Some((Err(error), Next::Asked(Pages::none())));
                }
            },
        };
        match piece {
            Ok(Some(text)) => {
                let next = if text.len() > PRINT_INLINE && !pages.ended {
                    Next::Ahead(AbortOnDropHandle::new(tokio::spawn(pages.piece())))
                } else {
                    Next::Asked(pages)
                };
                Some((Ok(Bytes::from(text)), next))
            }
            Ok(None) => None,
            Err(error) => {
                tracing::warn!(reason = &*error.reason, %error, "a feed broke off");
                Some((Err(error), Next::Asked(Pages::none())))
            }
        }
    }
}

/// The pages that were not printed yet.
struct Pages {
    /// Read before the answer began.
    first: Option<Page>,
    stream: Fuse<FeedStream>,
    /// The array has begun.
    opened: bool,
    /// Nothing is left to print.
    ended: bool,
}

impl Pages {
    fn none() -> Pages {
        Pages {
            first: None,
            stream: futures::stream::empty().boxed().fuse(),
            opened: true,
            ended: true,
        }
    }

    async fn piece(mut self) -> (Self, Piece) {
        let piece = self.next().await;
        (self, piece)
    }

    /// The next page that shows something, as text; then the end of the array.
    async fn next(&mut self) -> Piece {
        while !self.ended {
            let page = match self.first.take() {
                Some(page) => Some(page),
                None => self.stream.next().await.transpose()?,
            };
            let text = match page {
                Some(page) => print_page(page, self.opened).await?,
                None => {
                    self.ended = true;
                    let end: &[u8] = if self.opened { b"\n]" } else { b"[]" };
                    end.to_vec()
                }
            };
            if !text.is_empty() {
                self.opened = true;
                return Ok(Some(text));
            }
        }
        Ok(None)
    }
}

async fn print_page(page: Page, opened: bool) -> Result<Vec<u8>> {
    let bytes = match &page {
        Page::Versions(batch) => batch.bytes(),
        Page::Entities(entities) => entities.iter().map(|entity| entity.encoded_len()).sum(),
    };
    if bytes <= PRINT_INLINE {
        return Ok(write_page(&page, bytes, opened));
    }
    let printed = tokio::task::spawn_blocking(move || write_page(&page, bytes, opened)).await;
    printed.map_err(|error| Error::internal("printing a page failed", error))
}

fn write_page(page: &Page, bytes: usize, opened: bool) -> Vec<u8> {
    // Printed entities are about half as large again as stored ones.
    let mut out = Vec::with_capacity(bytes + bytes / 2);
    let style = Style::default();
    let mut separator: &[u8] = if opened { b",\n" } else { b"[\n" };
    let mut separate = |out: &mut Vec<u8>| {
        out.extend_from_slice(separator);
        separator = b",\n";
    };
    match page {
        Page::Versions(batch) => {
            for version in batch.iter() {
                separate(&mut out);
                version.write_json(&mut out, &style);
            }
        }
        Page::Entities(entities) => {
            for entity in entities {
                separate(&mut out);
                entity.write_json(&mut out, &style);
            }
        }
    }
    out
}
