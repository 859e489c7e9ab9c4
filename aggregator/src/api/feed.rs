//! Printing feeds: an array of entities, page by page as the consumer takes them, with the headers of JSON pull (JP2).
//!
//! At most one page is printed ahead of the consumer. A failure after the first byte breaks the connection, so that a
//! closed `]` always means complete.

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

/// Pages with more bodies than this are printed on a blocking thread.
const PRINT_INLINE: usize = 32 << 10;

/// 200 with the feed. A failure before the first page is an ordinary problem document.
pub(crate) async fn print(feed: Feed) -> Result<Response, Problem> {
    let mut pages = feed.pages.fuse();
    let first = pages.next().await.transpose()?;
    let printer = Printer {
        first,
        pages,
        opened: false,
        ended: false,
    };
    let text = futures::stream::unfold(printer, Printer::chunk);
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

struct Printer {
    first: Option<Page>,
    pages: Fuse<FeedStream>,
    opened: bool,
    ended: bool,
}

impl Printer {
    /// The next piece of the array and what is left to print.
    async fn chunk(mut self) -> Option<(Result<Bytes>, Self)> {
        while !self.ended {
            let page = match self.first.take() {
                Some(page) => Some(Ok(page)),
                None => self.pages.next().await,
            };
            let text = match page {
                Some(Ok(page)) => print_page(page, self.opened).await,
                Some(Err(error)) => Err(error),
                None => {
                    self.ended = true;
                    Ok(if self.opened {
                        b"\n]".to_vec()
                    } else {
                        b"[]".to_vec()
                    })
                }
            };
            match text {
                Ok(text) if text.is_empty() => {}
                Ok(text) => {
                    self.opened = true;
                    return Some((Ok(Bytes::from(text)), self));
                }
                Err(error) => {
                    tracing::warn!(reason = error.reason, %error, "a feed broke off");
                    self.ended = true;
                    return Some((Err(error), self));
                }
            }
        }
        None
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
