//! Feeds over the wire: longer than a message, at the pace of their reader, gone with their reader.

use super::fake_worker::{ENTITY, FakeWorker};
use super::line::{Line, settings, soon, until};
use crate::client::RemoteWorker;
use crate::*;
use futures::StreamExt;
use sluice_dataset::{DatasetNumber, Generation, SinceToken};
use std::sync::Arc;
use std::sync::atomic::Ordering;

fn remote() -> (Arc<FakeWorker>, RemoteWorker, Line) {
    let worker = Arc::new(FakeWorker::default());
    let line = Line::to_worker(worker.clone());
    let remote = RemoteWorker::new(line.channel.clone(), settings());
    (worker, remote, line)
}

async fn open(remote: &RemoteWorker, name: &str) -> Feed {
    soon(remote.read_dataset(name, ReadRequest::default()))
        .await
        .unwrap()
}

fn offsets(page: &Page) -> Vec<u64> {
    let Page::Versions(batch) = page else {
        panic!("versions stay versions")
    };
    batch
        .iter()
        .map(|version| version.generated.updated)
        .collect()
}

#[tokio::test]
async fn a_page_larger_than_a_message_comes_in_pieces() {
    let (_worker, remote, _line) = remote();
    let mut feed = open(&remote, "long").await;
    let mut all = Vec::new();
    while let Some(page) = soon(feed.pages.next()).await {
        let page = page.unwrap();
        let offsets = offsets(&page);
        assert!(
            !offsets.is_empty() && offsets.len() <= 1000 / ENTITY,
            "{offsets:?}"
        );
        let Page::Versions(batch) = &page else {
            panic!("versions stay versions")
        };
        assert_eq!(batch.resume(), offsets.last().copied());
        all.extend(offsets);
    }
    assert_eq!(all, (0..500).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_reader_that_stops_costs_one_page_read_ahead() {
    let (worker, remote, _line) = remote();
    let mut feed = open(&remote, "endless").await;
    // Each page is cut into three messages or more: while the reader takes three, at most two pages are needed.
    for _ in 0..3 {
        soon(feed.pages.next()).await.unwrap().unwrap();
    }
    // Other calls on the connection go on meanwhile, however many there are.
    for _ in 0..50 {
        soon(remote.pipes()).await.unwrap();
    }
    let pages = worker.pages.load(Ordering::SeqCst);
    assert!(pages <= 2, "{pages} pages read");
    soon(feed.pages.next()).await.unwrap().unwrap();
}

#[tokio::test]
async fn many_stopped_readers_do_not_hold_up_the_others() {
    let (worker, remote, _line) = remote();
    let mut stopped = Vec::new();
    for _ in 0..300 {
        let mut feed = open(&remote, "large").await;
        soon(feed.pages.next()).await.unwrap().unwrap();
        stopped.push(feed);
    }
    // Together they have far more to read than a connection lets be in flight.
    let mut feed = open(&remote, "large").await;
    let mut entities = 0;
    while let Some(page) = soon(feed.pages.next()).await {
        entities += offsets(&page.unwrap()).len();
    }
    assert_eq!(entities, 3);
    drop(stopped);
    until(|| worker.is_idle()).await;
}

#[tokio::test]
async fn a_dropped_feed_ends_the_reading() {
    let (worker, remote, _line) = remote();
    let mut feed = open(&remote, "endless").await;
    soon(feed.pages.next()).await.unwrap().unwrap();
    assert!(!worker.is_idle());
    drop(feed);
    until(|| worker.is_idle()).await;
    // Also one that waits for its first page.
    let mut feed = open(&remote, "silent").await;
    assert!(futures::poll!(feed.pages.next()).is_pending());
    until(|| !worker.is_idle()).await;
    drop(feed);
    until(|| worker.is_idle()).await;
}

#[tokio::test]
async fn a_broken_line_ends_the_feed_with_an_error_that_is_worth_a_retry() {
    let (worker, remote, line) = remote();
    let mut feed = open(&remote, "endless").await;
    soon(feed.pages.next()).await.unwrap().unwrap();
    line.cut();
    let error = soon(async {
        loop {
            if let Err(error) = feed.pages.next().await.unwrap() {
                break error;
            }
        }
    })
    .await;
    assert_eq!(error.code, Code::Unavailable, "{error:?}");
    assert!(error.code.is_retryable());
    assert!(soon(feed.pages.next()).await.is_none());
    until(|| worker.is_idle()).await;
    let refused = soon(remote.pipes()).await.unwrap_err();
    assert_eq!(refused.code, Code::Unavailable, "{refused:?}");
    line.mend();
    soon(remote.pipes()).await.unwrap();
}

#[tokio::test]
async fn a_handler_that_panics_fails_its_own_call_only() {
    let (_worker, remote, _line) = remote();
    let failed = soon(remote.pipe("panics")).await.unwrap_err();
    assert!(matches!(
        failed.code,
        Code::Unavailable | Code::DeadlineExceeded | Code::Internal
    ));
    soon(remote.pipe("in")).await.unwrap();
}

#[tokio::test]
async fn a_server_that_ends_breaks_feeds_off_and_answers_what_it_is_doing() {
    let (worker, remote, mut line) = remote();
    let mut reading = open(&remote, "endless").await;
    soon(reading.pages.next()).await.unwrap().unwrap();
    let mut waiting = open(&remote, "silent").await;
    assert!(futures::poll!(waiting.pages.next()).is_pending());
    let remote = Arc::new(remote);
    let calling = Arc::clone(&remote);
    let call = tokio::spawn(async move { calling.pipe("slow").await });
    until(|| worker.going_on.load(Ordering::SeqCst) == 3).await;
    let ended = tokio::spawn(async move { line.drain().await });
    for mut feed in [reading, waiting] {
        let error = soon(feed.pages.next()).await.unwrap().unwrap_err();
        assert_eq!(
            (error.code, &*error.reason),
            (Code::Unavailable, "draining")
        );
    }
    worker.go_on.notify_one();
    soon(call).await.unwrap().unwrap();
    soon(ended).await.unwrap();
    assert!(worker.is_idle());
}

#[tokio::test]
async fn what_is_followed_arrives_in_order_and_stays_open() {
    let (worker, remote, _line) = remote();
    let position = SinceToken {
        generation: Generation([9; 16]),
        epoch: 7,
        offset: 4,
    };
    let mut followed = soon(remote.follow_dataset("in", Some(position)))
        .await
        .unwrap();
    let asked = worker.asked.lock().join("\n");
    assert!(
        asked.contains(&format!("{:?}", ("in", Some(position)))),
        "{asked}"
    );
    let (mut said, mut offsets) = (Vec::new(), Vec::new());
    while offsets.len() < 30 || said.len() < 7 {
        match soon(followed.next()).await.unwrap().unwrap() {
            Followed::Versions(versions) => {
                offsets.extend(versions.iter().map(|version| version.generated.updated));
            }
            other => said.push(format!("{other:?}")),
        }
    }
    assert_eq!(offsets, (0..30).collect::<Vec<_>>());
    let facts = |generation: u8, populated: bool| {
        let facts = OwnerFacts {
            number: DatasetNumber(3),
            generation: Generation([generation; 16]),
            epoch: 7,
            populated,
        };
        format!("{:?}", Followed::Facts(facts))
    };
    let expected = [
        "Absent".to_owned(),
        facts(1, false),
        "Rewind(None)".to_owned(),
        "Rewind(Some(4))".to_owned(),
        format!("Level(Some({}))", u64::MAX),
        facts(2, true),
        "Level(None)".to_owned(),
    ];
    assert_eq!(said, expected);
    // Nothing more comes, and nothing ends it.
    assert!(futures::poll!(followed.next()).is_pending());
    assert!(!worker.is_idle());
    drop(followed);
    until(|| worker.is_idle()).await;
}

#[tokio::test]
async fn what_is_followed_goes_on_elsewhere_when_a_server_ends() {
    let (worker, remote, mut line) = remote();
    let mut followed = soon(remote.follow_dataset("in", None)).await.unwrap();
    soon(followed.next()).await.unwrap().unwrap();
    let ended = tokio::spawn(async move { line.drain().await });
    let error = soon(async {
        loop {
            if let Err(error) = followed.next().await.unwrap() {
                break error;
            }
        }
    })
    .await;
    assert_eq!(
        (error.code, &*error.reason),
        (Code::Unavailable, "draining")
    );
    soon(ended).await.unwrap();
    assert!(worker.is_idle());
}
