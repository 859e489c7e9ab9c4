//! What is answered is there; who was replaced answers nothing.

use super::*;
use crate::assignment::holder::tests::held_lease;
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt};
use sluice_format::Format;
use sluice_objects::Objects;
use sluice_protocol::{ByteStream, PushRequest};

fn log(objects: &Objects, epoch: u64, last: u64) -> Arc<PushLog> {
    let place = Place::new(objects, &Format::default(), "a");
    let epoch = Epoch::from_number(epoch);
    Arc::new(PushLog::new(
        place,
        epoch,
        held_lease(),
        TaskTracker::new(),
        last,
    ))
}

fn body(chunks: &[&str]) -> ByteStream {
    let chunks: Vec<_> = chunks
        .iter()
        .map(|chunk| Ok(Bytes::from(chunk.to_string())))
        .collect();
    futures::stream::iter(chunks).boxed()
}

async fn push(log: &Arc<PushLog>, chunks: &[&str]) -> sluice_protocol::Result<()> {
    let (recording, body) = Recording::begin(log.clone(), &PushRequest::default(), body(chunks));
    let _: Vec<Bytes> = body.try_collect().await?;
    recording.finish(None).await
}

async fn replay(objects: &Objects, behind: u64) -> Vec<String> {
    let mut replay = Replay::behind(Place::new(objects, &Format::default(), "a"), behind)
        .await
        .unwrap();
    let mut found = Vec::new();
    while let Some(replayed) = replay.next().await.unwrap() {
        let chunks: Vec<Bytes> = replayed.body.try_collect().await.unwrap();
        let whole = chunks.concat();
        assert_eq!(replayed.request.content_length, Some(whole.len() as u64));
        found.push(String::from_utf8(whole).unwrap());
    }
    found
}

#[tokio::test]
async fn what_was_answered_is_read_back_in_order_and_waiting_requests_share_an_object() {
    let objects = Objects::in_memory();
    let log = log(&objects, 5, 0);
    push(&log, &["[1,", "2]"]).await.unwrap();
    assert_eq!(log.contained(), 1);
    let bodies: Vec<String> = (0..40).map(|number| format!("[{number}]")).collect();
    let pushing = bodies.iter().map(|body| {
        let (log, body) = (log.clone(), body.clone());
        async move { push(&log, &[&body]).await }
    });
    for pushed in futures::future::join_all(pushing).await {
        pushed.unwrap();
    }
    assert!(log.contained() < 10, "{}", log.contained());
    let mut found = replay(&objects, 0).await;
    assert_eq!(found.remove(0), "[1,2]");
    found.sort();
    let mut expected = bodies;
    expected.sort();
    assert_eq!(found, expected);
    let contained = log.contained();
    push(&log, &["last"]).await.unwrap();
    assert_eq!(replay(&objects, contained).await, ["last"]);
}

#[tokio::test]
async fn a_long_body_goes_in_parts_and_counts_only_when_its_last_is_there() {
    let objects = Objects::in_memory();
    let log = log(&objects, 5, 0);
    push(&log, &["first"]).await.unwrap();
    let chunk = "x".repeat(3 << 20);
    let chunks: Vec<&str> = vec![&chunk; 12];
    let (recording, stream) = Recording::begin(log.clone(), &PushRequest::default(), body(&chunks));
    let read: Vec<Bytes> = stream.try_collect().await.unwrap();
    assert_eq!(read.concat().len(), 12 * chunk.len());
    push(&log, &["between"]).await.unwrap();
    assert_eq!(
        log.contained(),
        1,
        "a checkpoint now must not hide the parts that are there"
    );
    assert_eq!(replay(&objects, 0).await, ["first", "between"]);
    recording.finish(None).await.unwrap();
    assert_eq!(
        replay(&objects, 0).await,
        ["first", "between", &*chunk.repeat(12)]
    );
    assert!(log.contained() > 4);
    // One that was given up leaves nothing but space.
    let (recording, stream) = Recording::begin(log.clone(), &PushRequest::default(), body(&chunks));
    let _: Vec<Bytes> = stream.try_collect().await.unwrap();
    drop(recording);
    push(&log, &["after"]).await.unwrap();
    assert_eq!(replay(&objects, 0).await.len(), 4);
}

#[tokio::test]
async fn an_owner_that_was_replaced_acknowledges_nothing() {
    let objects = Objects::in_memory();
    let old = log(&objects, 5, 0);
    push(&old, &["before"]).await.unwrap();
    let new = log(&objects, 9, 1);
    assert_eq!(new.take_over().await.unwrap(), 2);
    let refused = push(&old, &["lost"]).await.unwrap_err();
    assert_eq!(&*refused.reason, "not-here");
    assert_eq!(push(&old, &["again"]).await.unwrap_err().reason, "not-here");
    push(&new, &["after"]).await.unwrap();
    assert_eq!(replay(&objects, 0).await, ["before", "after"]);
}

#[tokio::test]
async fn the_last_word_of_an_old_owner_is_found_by_the_new_one() {
    let objects = Objects::in_memory();
    let old = log(&objects, 5, 0);
    // It looked before the old one wrote.
    let new = log(&objects, 9, 0);
    push(&old, &["in time"]).await.unwrap();
    assert_eq!(new.take_over().await.unwrap(), 2);
    assert_eq!(replay(&objects, 0).await, ["in time"]);
    assert!(push(&old, &["late"]).await.is_err());
}

#[tokio::test]
async fn a_number_that_is_missing_is_an_error() {
    let objects = Objects::in_memory();
    let log = log(&objects, 5, 0);
    for text in ["1", "2", "3"] {
        push(&log, &[text]).await.unwrap();
    }
    let place = Place::new(&objects, &Format::default(), "a");
    objects.delete(&[place.push(2)]).await.unwrap();
    let found = Replay::behind(place, 0).await;
    assert!(matches!(found.err(), Some(Error::Missing { .. })));
}

#[tokio::test(start_paused = true)]
async fn a_store_that_does_not_answer_is_waited_for_half_a_minute_and_no_more() {
    let objects = Objects::in_memory();
    let log = log(&objects, 5, 0);
    let writing = log.next.clone().lock_owned().await;
    let begun = tokio::time::Instant::now();
    let refused = push(&log, &["given up"]).await.unwrap_err();
    assert_eq!(refused.code, sluice_protocol::Code::Unavailable);
    assert_eq!(begun.elapsed(), PATIENCE);
    drop(writing);
    push(&log, &["later"]).await.unwrap();
    assert_eq!(replay(&objects, 0).await, ["later"]);
}

#[tokio::test]
async fn a_body_that_is_announced_as_long_goes_in_parts_from_the_beginning() {
    let objects = Objects::in_memory();
    let log = log(&objects, 5, 0);
    let chunk = "x".repeat(1 << 20);
    let chunks: Vec<&str> = vec![&chunk; 17];
    let request = PushRequest {
        content_length: Some(17 << 20),
        ..PushRequest::default()
    };
    let (recording, mut stream) = Recording::begin(log.clone(), &request, body(&chunks));
    for _ in 0..4 {
        stream.next().await.unwrap().unwrap();
    }
    assert_eq!(objects.list("pipes").await.unwrap().len(), 1);
    let _: Vec<Bytes> = stream.try_collect().await.unwrap();
    recording.finish(Some(7)).await.unwrap();
    let mut replay = Replay::behind(Place::new(&objects, &Format::default(), "a"), 0)
        .await
        .unwrap();
    assert_eq!(replay.next().await.unwrap().unwrap().sequence, Some(7));
}

#[tokio::test]
async fn the_end_of_a_long_body_without_its_beginning_is_no_push() {
    let objects = Objects::in_memory();
    let log = log(&objects, 5, 0);
    let chunk = "x".repeat(3 << 20);
    let chunks: Vec<&str> = vec![&chunk; 12];
    let (recording, stream) = Recording::begin(log.clone(), &PushRequest::default(), body(&chunks));
    let _: Vec<Bytes> = stream.try_collect().await.unwrap();
    let contained = log.state.lock().written;
    recording.finish(None).await.unwrap();
    push(&log, &["after"]).await.unwrap();
    assert_eq!(replay(&objects, contained).await, ["after"]);
}
