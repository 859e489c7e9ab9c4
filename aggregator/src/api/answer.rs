//! Successful answers.

use super::error::Problem;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream::{self, Stream, StreamExt};
use http::header::CONTENT_TYPE;
use http::{HeaderValue, StatusCode};
use serde::Serialize;
use sluice_protocol::Error;

/// Items printed before the next chunk goes out.
const ITEMS_PER_CHUNK: usize = 64;

/// `{"message": "OK"}`, as the compatible clients expect it.
#[derive(Serialize, schemars::JsonSchema)]
pub(crate) struct Message {
    pub(crate) message: &'static str,
}

impl Message {
    pub(crate) const OK: Message = Message { message: "OK" };
}

/// 200 with JSON.
pub(crate) fn json(value: &impl Serialize) -> Result<Response, Problem> {
    let text = serde_json::to_vec(value).map_err(|error| {
        tracing::error!(%error, "an answer cannot be printed");
        Problem::internal()
    })?;
    Ok(typed("application/json", Body::from(text)))
}

/// 201 with JSON.
pub(crate) fn created(value: &impl Serialize) -> Result<Response, Problem> {
    let mut response = json(value)?;
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// 202 with JSON.
pub(crate) fn accepted(value: &impl Serialize) -> Result<Response, Problem> {
    let mut response = json(value)?;
    *response.status_mut() = StatusCode::ACCEPTED;
    Ok(response)
}

/// 200 with a JSON array, printed piece by piece: a list of ten thousand pipes neither waits nor lies whole in memory.
pub(crate) fn list<T, U>(items: Vec<T>, show: impl Fn(T) -> U + Send + 'static) -> Response
where
    T: Send + 'static,
    U: Serialize,
{
    let mut items = items.into_iter().peekable();
    let mut opened = false;
    let chunks = std::iter::from_fn(move || {
        if opened && items.peek().is_none() {
            return None;
        }
        let mut text = Vec::new();
        text.push(if opened { b',' } else { b'[' });
        opened = true;
        for (position, item) in items.by_ref().take(ITEMS_PER_CHUNK).enumerate() {
            if position > 0 {
                text.push(b',');
            }
            if let Err(error) = serde_json::to_writer(&mut text, &show(item)) {
                tracing::error!(%error, "an answer cannot be printed");
                return Some(Err(std::io::Error::other(error)));
            }
        }
        if items.peek().is_none() {
            text.push(b']');
        }
        Some(Ok(Bytes::from(text)))
    });
    typed(
        "application/json",
        Body::from_stream(futures::stream::iter(chunks)),
    )
}

/// The same from pages that come one after another. A page that cannot be had breaks the answer off.
pub(crate) fn list_of_pages<T, U>(
    pages: impl Stream<Item = Result<Vec<T>, Error>> + Send + 'static,
    show: impl Fn(T) -> U + Send + 'static,
) -> Response
where
    T: Send + 'static,
    U: Serialize,
{
    let mut separator = b'[';
    let print = move |page: Result<Vec<T>, Error>| -> std::io::Result<Bytes> {
        let mut text = Vec::new();
        for item in page.map_err(std::io::Error::other)? {
            text.push(separator);
            separator = b',';
            serde_json::to_writer(&mut text, &show(item)).map_err(|error| {
                tracing::error!(%error, "an answer cannot be printed");
                std::io::Error::other(error)
            })?;
        }
        if separator == b'[' {
            // The first page is empty: nothing comes.
            text.push(b'[');
        }
        Ok(Bytes::from(text))
    };
    let end = stream::iter([Ok(Bytes::from_static(b"]"))]);
    let chunks = pages.map(print).chain(end);
    typed("application/json", Body::from_stream(chunks))
}

/// 200 with a document.
pub(crate) fn typed(content_type: &str, body: Body) -> Response {
    let mut response = body.into_response();
    let content_type = HeaderValue::from_str(content_type);
    response.headers_mut().insert(
        CONTENT_TYPE,
        content_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    response
}
