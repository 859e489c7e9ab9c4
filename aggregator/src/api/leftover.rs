//! What a refused request has not read of its body: read and thrown away before the answer goes out.
//!
//! A body that is dropped unread makes HTTP/2 reset the stream and HTTP/1.1 close the connection, and clients that are
//! still sending then report a broken connection instead of the refusal. Nothing is kept in memory here.

use axum::body::{Body, BodyDataStream, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures::{Stream, StreamExt};
use http::header::EXPECT;
use http::{StatusCode, Version};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::sync::oneshot;

/// Most bytes that are read in vain for one refusal.
const MOST_BYTES: u64 = 256 << 20;
/// Longest time an answer is held back.
const PATIENCE: Duration = Duration::from_secs(10);

/// Lends the body to everything inside. When the answer is a refusal, takes back and discards what is left.
pub(crate) async fn discard_after_refusal(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    // Such a client sends its body only after it was asked to, which the first read does.
    let asks_first = request.version() < Version::HTTP_2 && request.headers().contains_key(EXPECT);
    let (parts, body) = request.into_parts();
    let (lent, returned) = Lent::new(body);
    let response = next
        .run(Request::from_parts(parts, Body::from_stream(lent)))
        .await;
    if is_refusal(response.status()) {
        let discarding = async {
            if let Ok(left) = returned.await
                && (left.begun || !asks_first)
            {
                discard(left.chunks).await;
            }
        };
        if tokio::time::timeout(PATIENCE, discarding).await.is_err() {
            tracing::debug!("the body of a refused request takes too long");
        }
    }
    response
}

/// A client that was too slow for its body is not waited for again.
fn is_refusal(status: StatusCode) -> bool {
    (status.is_client_error() || status.is_server_error()) && status != StatusCode::REQUEST_TIMEOUT
}

async fn discard(mut chunks: BodyDataStream) {
    if HttpBody::size_hint(&chunks).lower() > MOST_BYTES {
        return;
    }
    let mut discarded = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        discarded += chunk.len() as u64;
        if discarded > MOST_BYTES {
            return;
        }
    }
}

/// What is left of a body.
struct Left {
    chunks: BodyDataStream,
    /// Somebody has asked for a chunk.
    begun: bool,
}

/// A body that goes back when it is dropped before its end.
struct Lent {
    left: Option<Left>,
    owner: Option<oneshot::Sender<Left>>,
}

impl Lent {
    fn new(body: Body) -> (Self, oneshot::Receiver<Left>) {
        let (owner, returned) = oneshot::channel();
        let left = Left {
            chunks: body.into_data_stream(),
            begun: false,
        };
        let lent = Lent {
            left: Some(left),
            owner: Some(owner),
        };
        (lent, returned)
    }
}

impl Stream for Lent {
    type Item = Result<Bytes, axum::Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Some(left) = &mut self.left else {
            return Poll::Ready(None);
        };
        left.begun = true;
        let chunk = std::task::ready!(left.chunks.poll_next_unpin(context));
        if !matches!(chunk, Some(Ok(_))) {
            self.left = None;
        }
        Poll::Ready(chunk)
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        if let (Some(left), Some(owner)) = (self.left.take(), self.owner.take()) {
            // Nobody takes it back after an answer that is no refusal.
            let _ = owner.send(left);
        }
    }
}
