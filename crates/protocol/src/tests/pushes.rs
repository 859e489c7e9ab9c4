//! Pushes over the wire: at the pace of the worker, acknowledged at the end, never half a body taken for a whole one.

use super::fake_worker::FakeWorker;
use super::line::{Line, settings, soon, until};
use crate::client::RemoteWorker;
use crate::*;
use bytes::Bytes;
use futures::StreamExt;
use futures::stream;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn remote() -> (Arc<FakeWorker>, Arc<RemoteWorker>, Line) {
    let worker = Arc::new(FakeWorker::default());
    let line = Line::to_worker(worker.clone());
    let remote = RemoteWorker::new(line.channel.clone(), settings());
    (worker, Arc::new(remote), line)
}

/// An endless body that counts its chunks of 100 bytes.
fn endless() -> (ByteStream, Arc<AtomicUsize>) {
    let given = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&given);
    let body = stream::repeat_with(move || {
        counter.fetch_add(1, Ordering::SeqCst);
        Ok(Bytes::from_static(&[b' '; 100]))
    });
    (body.boxed(), given)
}

#[tokio::test]
async fn small_chunks_travel_together_and_large_ones_in_pieces() {
    let (worker, remote, _line) = remote();
    let small: Vec<_> = (0..1000).map(|_| Ok(Bytes::from_static(b"abc"))).collect();
    let large = [Ok(Bytes::from(vec![b'x'; 5000]))];
    let body = stream::iter(small).chain(stream::iter(large)).boxed();
    let reply = soon(remote.push("in", PushRequest::default(), body))
        .await
        .unwrap();
    assert_eq!(reply.received, 8000);
    let chunks = worker.chunks.load(Ordering::SeqCst);
    assert!((8..=200).contains(&chunks), "{chunks} chunks");
    let text = worker.asked.lock().last().cloned().unwrap();
    assert_eq!(text, format!("{}{}", "abc".repeat(1000), "x".repeat(5000)));
}

#[tokio::test]
async fn the_reply_comes_after_the_worker_answered() {
    let (worker, remote, _line) = remote();
    let body = stream::iter([Ok(Bytes::from_static(b"[]"))]).boxed();
    let mut push = Box::pin(remote.push("slow", PushRequest::default(), body));
    soon(async {
        while worker.bytes.load(Ordering::SeqCst) < 2 {
            assert!(futures::poll!(&mut push).is_pending());
            tokio::task::yield_now().await;
        }
    })
    .await;
    worker.go_on.notify_one();
    // The body is read; the worker has not answered yet.
    for _ in 0..200 {
        assert!(futures::poll!(&mut push).is_pending());
        tokio::task::yield_now().await;
    }
    worker.go_on.notify_one();
    assert_eq!(soon(push).await.unwrap().received, 2);
}

#[tokio::test]
async fn a_worker_that_stops_reading_stops_the_sender() {
    let (worker, remote, _line) = remote();
    let (body, given) = endless();
    let pushing = Arc::clone(&remote);
    let push =
        tokio::spawn(async move { pushing.push("slow", PushRequest::default(), body).await });
    until(|| worker.chunks.load(Ordering::SeqCst) == 1).await;
    for _ in 0..50 {
        soon(remote.pipes()).await.unwrap();
    }
    // What the worker has, and a page on its way.
    let given = given.load(Ordering::SeqCst) * 100;
    let had = worker.bytes.load(Ordering::SeqCst);
    assert!(given <= had + 1000 + 100, "{given} given, {had} read");
    push.abort();
    assert!(push.await.unwrap_err().is_cancelled());
    until(|| worker.is_idle()).await;
}

#[tokio::test]
async fn a_push_that_goes_away_is_cancelled_over_there() {
    let (worker, remote, _line) = remote();
    let body = stream::iter([Ok(Bytes::from_static(b"["))])
        .chain(stream::pending())
        .boxed();
    let mut push = Box::pin(remote.push("in", PushRequest::default(), body));
    soon(async {
        while worker.chunks.load(Ordering::SeqCst) == 0 {
            assert!(futures::poll!(&mut push).is_pending());
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(push);
    until(|| worker.is_idle()).await;
    // Nothing was taken for complete.
    assert_eq!(worker.asked.lock().len(), 1);
}

#[tokio::test]
async fn a_body_that_fails_fails_the_push_with_its_error() {
    let (worker, remote, _line) = remote();
    let broken = Error::new(Code::TooLarge, "body-too-large", "too much").with("most", 3i64.into());
    let body = stream::iter([Ok(Bytes::from_static(b"[{}")), Err(broken)]).boxed();
    let error = soon(remote.push("in", PushRequest::default(), body))
        .await
        .unwrap_err();
    assert_eq!(
        (error.code, &*error.reason),
        (Code::TooLarge, "body-too-large")
    );
    assert_eq!(error.members.len(), 1);
    assert_eq!(worker.bytes.load(Ordering::SeqCst), 3);
    assert!(worker.is_idle());
}

#[tokio::test]
async fn a_refusal_reaches_a_sender_that_still_has_much_to_send() {
    let (worker, remote, _line) = remote();
    for pipe in ["early", "unknown"] {
        let (body, _) = endless();
        let error = soon(remote.push(pipe, PushRequest::default(), body))
            .await
            .unwrap_err();
        assert!(
            ["invalid-json", "unknown-thing"].contains(&&*error.reason),
            "{error:?}"
        );
    }
    until(|| worker.is_idle()).await;
}

#[tokio::test]
async fn a_broken_line_breaks_the_push_off_on_both_sides() {
    let (worker, remote, line) = remote();
    let (body, _) = endless();
    let push = tokio::spawn(async move { remote.push("slow", PushRequest::default(), body).await });
    until(|| worker.chunks.load(Ordering::SeqCst) == 1).await;
    line.cut();
    let error = soon(push).await.unwrap().unwrap_err();
    assert_eq!(error.code, Code::Unavailable, "{error:?}");
    worker.go_on.notify_one();
    until(|| worker.is_idle()).await;
    assert_eq!(worker.asked.lock().len(), 1);
}
