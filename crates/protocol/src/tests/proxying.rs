//! Requests for microservices over the wire: bodies both ways at the pace of whoever reads, and failures as they are.

use super::fake_worker::FakeWorker;
use super::line::{Line, settings, soon};
use crate::client::RemoteWorker;
use crate::*;
use bytes::Bytes;
use futures::{StreamExt, stream};
use std::sync::Arc;

fn remote() -> (Arc<FakeWorker>, Arc<RemoteWorker>, Line) {
    let worker = Arc::new(FakeWorker::default());
    let line = Line::to_worker(worker.clone());
    let remote = RemoteWorker::new(line.channel.clone(), settings());
    (worker, Arc::new(remote), line)
}

fn post() -> ProxyRequest {
    ProxyRequest {
        method: "POST".to_owned(),
        target: "/a?b=%20".to_owned(),
        headers: vec![("x-odd".to_owned(), vec![0xe6, b' '])],
        has_body: true,
    }
}

async fn whole(mut body: ByteStream) -> Result<Vec<u8>> {
    let mut all = Vec::new();
    while let Some(chunk) = body.next().await {
        all.extend_from_slice(&chunk?);
    }
    Ok(all)
}

#[tokio::test]
async fn a_request_and_its_answer_travel_in_chunks() {
    let (worker, remote, _line) = remote();
    let chunks = (0..100).map(|n| Ok(Bytes::from(vec![n; 777])));
    let body = stream::iter(chunks.collect::<Vec<_>>()).boxed();
    let reply = soon(remote.proxy("echo", post(), body)).await.unwrap();
    assert_eq!(reply.status, 418);
    assert_eq!(reply.headers, post().headers);
    let all = soon(whole(reply.body)).await.unwrap();
    let expected: Vec<u8> = (0..100).flat_map(|n| vec![n; 777]).collect();
    assert_eq!(all, expected);
    let asked = worker.asked.lock().last().cloned().unwrap();
    assert_eq!(asked, format!("proxy {:?}", ("echo", &post())));
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_taken_for_a_whole_one() {
    let (_worker, remote, _line) = remote();
    let broken = Error::new(Code::InvalidArgument, "broken-body", "it broke off");
    let body = stream::iter([Ok(Bytes::from_static(b"a")), Err(broken)]).boxed();
    let end = soon(remote.proxy("echo", post(), body)).await;
    assert_eq!(end.err().unwrap().reason, "broken-body");
}

#[tokio::test]
async fn an_answer_may_come_before_the_body_is_read_and_a_failure_is_told() {
    let (worker, remote, _line) = remote();
    let endless = || stream::repeat_with(|| Ok(Bytes::from_static(&[b' '; 100]))).boxed();
    let reply = soon(remote.proxy("early", post(), endless())).await;
    let reply = reply.unwrap();
    assert_eq!(soon(whole(reply.body)).await.unwrap(), b"enough");
    let end = soon(remote.proxy("absent", post(), endless())).await;
    assert_eq!(end.err().unwrap().reason, "unknown-system");
    assert!(worker.is_idle());
}

#[tokio::test]
async fn an_answer_is_read_while_the_request_is_still_sent() {
    let (_worker, remote, _line) = remote();
    let (more, chunks) = futures::channel::mpsc::channel(0);
    let sending = async move {
        let mut more = more;
        for n in 0..200_u8 {
            let chunk = Bytes::from(vec![n; 3_000]);
            futures::SinkExt::send(&mut more, Ok(chunk)).await.unwrap();
        }
    };
    let reading = async {
        let reply = remote.proxy("duplex", post(), chunks.boxed()).await?;
        whole(reply.body).await
    };
    let ((), all) = soon(futures::future::join(sending, reading)).await;
    let expected: Vec<u8> = (0..200).flat_map(|n| vec![n; 3_000]).collect();
    assert_eq!(all.unwrap(), expected);
}
