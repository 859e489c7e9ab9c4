//! Deadlines travel with a call, and a call that nobody waits for ends over there.

use super::fake_worker::FakeWorker;
use super::line::{Line, settings, soon, until};
use crate::client::{ClientSettings, RemoteWorker};
use crate::wire::proto::{self, worker_client::WorkerClient};
use crate::wire::{from_status, to_status};
use crate::*;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tonic::Request;

const SHORT: Duration = Duration::from_millis(50);

fn remote(look: Duration) -> (Arc<FakeWorker>, RemoteWorker, Line) {
    let worker = Arc::new(FakeWorker::default());
    let line = Line::to_worker(worker.clone());
    let settings = ClientSettings {
        deadlines: Deadlines {
            look,
            ..Deadlines::default()
        },
        ..settings()
    };
    let remote = RemoteWorker::new(line.channel.clone(), settings);
    (worker, remote, line)
}

#[tokio::test]
async fn a_call_ends_at_the_deadline_of_its_kind_on_both_sides() {
    let (worker, remote, _line) = remote(SHORT);
    let begin = Instant::now();
    let error = soon(remote.pipe("slow")).await.unwrap_err();
    assert_eq!(error.code, Code::DeadlineExceeded, "{error:?}");
    assert!(begin.elapsed() >= SHORT);
    until(|| worker.is_idle()).await;
    soon(remote.pipe("in")).await.unwrap();
}

#[tokio::test]
async fn a_call_takes_no_longer_than_the_one_that_it_serves() {
    let (worker, remote, _line) = remote(Duration::from_secs(600));
    let deadline = tokio::time::Instant::now() + SHORT;
    let error = soon(deadline::before(deadline, remote.pipe("slow")))
        .await
        .unwrap_err();
    assert_eq!(error.code, Code::DeadlineExceeded);
    // A later deadline inside does not win.
    let later = deadline + Duration::from_secs(600);
    let error = soon(deadline::before(
        deadline,
        deadline::before(later, remote.pipe("slow")),
    ))
    .await
    .unwrap_err();
    assert_eq!(error.code, Code::DeadlineExceeded);
    until(|| worker.is_idle()).await;
}

#[tokio::test]
async fn the_far_side_keeps_to_the_deadline_it_is_told() {
    let (worker, _, line) = remote(SHORT);
    let mut request = Request::new(proto::PipeRequest {
        id: "slow".to_owned(),
    });
    request.set_timeout(SHORT);
    let mut client = WorkerClient::new(line.channel.clone());
    let status = soon(client.pipe(request)).await.unwrap_err();
    assert_eq!(from_status(status).code, Code::DeadlineExceeded);
    until(|| worker.is_idle()).await;
    let told = to_status(&Error::new(
        Code::DeadlineExceeded,
        "deadline-exceeded",
        "late",
    ));
    assert_eq!(told.code(), tonic::Code::DeadlineExceeded);
}

#[tokio::test]
async fn a_call_that_is_dropped_is_dropped_over_there() {
    let (worker, remote, _line) = remote(Duration::from_secs(600));
    let mut call = Box::pin(remote.pipe("slow"));
    soon(async {
        while worker.is_idle() {
            assert!(futures::poll!(&mut call).is_pending());
            tokio::task::yield_now().await;
        }
    })
    .await;
    drop(call);
    until(|| worker.is_idle()).await;
}
