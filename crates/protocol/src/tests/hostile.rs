//! Clients and servers that send what they should not: a clear error, and nothing else happens.

use super::fake_storage_node::FakeStorageNode;
use super::fake_worker::FakeWorker;
use super::line::{Line, settings, soon, until};
use super::samples;
use crate::client::RemoteWorker;
use crate::wire::from_status;
use crate::wire::proto::storage_node_client::StorageNodeClient;
use crate::wire::proto::worker_client::WorkerClient;
use crate::wire::proto::{self, feed_ask, feed_part, push_part};
use crate::*;
use bytes::{BufMut, Bytes};
use futures::StreamExt;
use http_body_util::StreamBody;
use hyper::body::Frame;
use prost::Message;
use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::body::Body;
use tonic::transport::{Channel, Server};

/// A message with the five bytes in front of it.
pub(super) fn framed(message: &[u8]) -> Bytes {
    let mut frame = vec![0];
    frame.put_u32(message.len() as u32);
    frame.extend_from_slice(message);
    frame.into()
}

/// A server that answers calls with these bytes and headers at the end; `answer` sees the path of a call.
pub(super) fn answering(
    answer: impl Fn(&str) -> Vec<Bytes> + Clone + Send + Sync + 'static,
    trailers: &'static [(&'static str, &'static str)],
) -> Channel {
    let (line, incoming) = Line::new();
    let service = tower::service_fn(move |request: http::Request<Body>| {
        let frames = answer(request.uri().path()).into_iter().map(Frame::data);
        let mut end = http::HeaderMap::new();
        for (name, value) in trailers {
            end.insert(*name, http::HeaderValue::from_static(value));
        }
        let frames = frames
            .chain([Frame::trailers(end)])
            .map(Ok::<_, Infallible>);
        let body = Body::new(StreamBody::new(futures::stream::iter(frames)));
        let answer = http::Response::builder()
            .header("content-type", "application/grpc")
            .body(body)
            .unwrap();
        async { Ok::<_, Infallible>(answer) }
    });
    let incoming = UnboundedReceiverStream::new(incoming).map(Ok::<_, io::Error>);
    tokio::spawn(Server::builder().serve_with_incoming(service, incoming));
    line.channel
}

/// A worker that answers every call with these bytes and headers at the end.
fn server(answer: Vec<Bytes>, trailers: &'static [(&'static str, &'static str)]) -> RemoteWorker {
    RemoteWorker::new(answering(move |_| answer.clone(), trailers), settings())
}

/// What the error must say, and what does the damage.
pub(super) type Damage<T> = (&'static str, fn(&mut T));

pub(super) const FINE: &[(&str, &str)] = &[("grpc-status", "0")];

#[track_caller]
pub(super) fn assert_damaged(error: &Error, place: &str) {
    assert_eq!(
        (error.code, &*error.reason),
        (Code::Internal, "damaged-answer"),
        "{error:?}"
    );
    assert!(error.message.contains(place), "{}", error.message);
}

#[tokio::test]
async fn reports_with_fields_that_are_missing_or_unknown_are_refused_with_their_place() {
    let sound = proto::PipeReport::from(samples::pipe_report("in"));
    let damage: [Damage<proto::PipeReport>; 6] = [
        ("state: unknown value 99", |pipe| pipe.state = 99),
        ("state: unknown value 0", |pipe| pipe.state = 0),
        ("supported_operations: unknown value -1", |pipe| {
            pipe.supported_operations = vec![-1]
        }),
        ("queues: missing", |pipe| pipe.queues = None),
        ("original: ", |pipe| {
            pipe.original = "{\"a\":1,\"a\":2}".to_owned()
        }),
        ("diagnostics.element: missing", |pipe| {
            pipe.diagnostics[0].elements[0].element = None;
        }),
    ];
    for (place, damage) in damage {
        let mut report = sound.clone();
        damage(&mut report);
        let remote = server(vec![framed(&report.encode_to_vec())], FINE);
        assert_damaged(&soon(remote.pipe("in")).await.unwrap_err(), place);
    }
    let remote = server(vec![framed(&sound.encode_to_vec())], FINE);
    assert_eq!(
        soon(remote.pipe("in")).await.unwrap(),
        samples::pipe_report("in")
    );
}

/// Headers and then these pages.
fn feed(pages: Vec<proto::Page>) -> Vec<Bytes> {
    let headers = feed_part::Part::Headers(samples::headers().into());
    let parts = [headers]
        .into_iter()
        .chain(pages.into_iter().map(feed_part::Part::Page));
    let parts = parts.map(|part| proto::FeedPart { part: Some(part) });
    parts.map(|part| framed(&part.encode_to_vec())).collect()
}

#[tokio::test]
async fn damaged_entities_in_a_feed_are_named_and_end_it() {
    let Page::Versions(batch) = samples::versions(7..9, 10) else {
        panic!("versions")
    };
    let lengths: Vec<u64> = batch
        .iter()
        .map(|one| one.body.encoded().len() as u64)
        .collect();
    let sound = proto::VersionPage {
        versions: batch
            .iter()
            .zip(&lengths)
            .map(|(version, length)| proto::PlacedVersion {
                length: *length,
                generated: Some(version.generated.into()),
            })
            .collect(),
        bodies: batch.into_bodies().into(),
        resume: Some(8),
        at_end: true,
    };
    let damage: [Damage<proto::VersionPage>; 6] = [
        ("versions.offset 7.body: damaged value", |page| {
            let mut bodies = page.bodies.to_vec();
            bodies[0] = 0xee;
            page.bodies = bodies.into();
        }),
        ("versions.offset 8.length: beyond", |page| {
            page.versions[1].length = u64::MAX
        }),
        ("versions.bodies: bytes behind", |page| {
            page.versions.truncate(1)
        }),
        ("versions.generated: missing", |page| {
            page.versions[0].generated = None
        }),
        (
            "versions.offset 7.body: damaged value at byte 0: no bytes",
            |page| {
                page.versions[0].length = 0;
            },
        ),
        ("versions.offset 7.body: no `_id`", |page| {
            let entity = samples::entity(r#"{"id": "a"}"#);
            page.bodies = entity.body_buf().encoded().to_vec().into();
            page.versions.truncate(1);
            page.versions[0].length = page.bodies.len() as u64;
        }),
    ];
    for (place, damage) in damage {
        let mut page = sound.clone();
        damage(&mut page);
        let pages = vec![
            proto::page::Page::Versions(sound.clone()).into(),
            proto::page::Page::Versions(page).into(),
            proto::page::Page::Versions(sound.clone()).into(),
        ];
        let remote = server(feed(pages), FINE);
        let mut feed = soon(remote.read_dataset("in", ReadRequest::default()))
            .await
            .unwrap();
        assert!(soon(feed.pages.next()).await.unwrap().is_ok());
        assert_damaged(&soon(feed.pages.next()).await.unwrap().unwrap_err(), place);
        assert!(soon(feed.pages.next()).await.is_none());
    }
}

#[tokio::test]
async fn a_feed_without_headers_or_with_something_else_is_refused() {
    let mut pages = feed(vec![proto::Page { page: None }]);
    let remote = server(pages.clone(), FINE);
    let mut opened = soon(remote.read_dataset("in", ReadRequest::default()))
        .await
        .unwrap();
    assert_damaged(
        &soon(opened.pages.next()).await.unwrap().unwrap_err(),
        "page: missing",
    );
    for (answer, place) in [
        (vec![], "headers: missing"),
        (vec![framed(b"")], "part: missing"),
        (vec![pages.remove(1)], "no headers before the content"),
        (
            vec![framed(
                &proto::FeedPart {
                    part: Some(feed_part::Part::Document(Default::default())),
                }
                .encode_to_vec(),
            )],
            "a document instead of a feed",
        ),
    ] {
        let remote = server(answer, FINE);
        let refused = soon(remote.read_dataset("in", ReadRequest::default())).await;
        assert_damaged(&refused.err().unwrap(), place);
    }
}

#[tokio::test]
async fn answers_that_are_no_protobuf_or_too_large_are_errors() {
    let remote = server(vec![framed(b"\xff\xff\xff\xff")], FINE);
    let error = soon(remote.pipe("in")).await.unwrap_err();
    assert_eq!(error.code, Code::Internal, "{error:?}");
    // It only says that it is large: nothing is reserved for it.
    let mut frame = vec![0];
    frame.put_u32(u32::MAX);
    let remote = server(vec![frame.into()], FINE);
    let error = soon(remote.pipe("in")).await.unwrap_err();
    assert_eq!(
        (error.code, &*error.reason),
        (Code::TooLarge, "message-too-large"),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_status_with_nonsense_in_its_details_is_still_a_status() {
    for details in ["%%%", "====", "A", "gA"] {
        let trailers: &'static [(&str, &str)] = Box::leak(Box::new([
            ("grpc-status", "5"),
            ("grpc-message", "words"),
            ("grpc-status-details-bin", details),
        ]));
        let remote = server(vec![], trailers);
        let error = soon(remote.pipe("in")).await.unwrap_err();
        assert_eq!(error.code, Code::NotFound, "{details}: {error:?}");
    }
}

#[tokio::test]
async fn a_push_that_is_acknowledged_by_silence_or_asked_for_twice_is_not_done() {
    let more = proto::PushAnswer {
        answer: Some(proto::push_answer::Answer::More(proto::More {})),
    };
    let more = framed(&more.encode_to_vec());
    for (answer, code) in [
        (vec![], Code::Unavailable),
        (vec![more.clone()], Code::Unavailable),
        (vec![framed(b"")], Code::Internal),
        (vec![more.clone(), more], Code::Internal),
    ] {
        let remote = server(answer, FINE);
        let body = futures::stream::pending().boxed();
        let error = soon(remote.push("in", PushRequest::default(), body))
            .await
            .unwrap_err();
        assert_eq!(error.code, code, "{error:?}");
    }
}

fn client() -> (Arc<FakeWorker>, WorkerClient<tonic::transport::Channel>) {
    let worker = Arc::new(FakeWorker::default());
    let line = Line::to_worker(worker.clone());
    (worker, WorkerClient::new(line.channel))
}

#[track_caller]
pub(super) fn assert_refused(status: tonic::Status, place: &str) {
    let error = from_status(status);
    assert_eq!(
        (error.code, &*error.reason),
        (Code::InvalidArgument, "damaged-message"),
        "{error:?}"
    );
    assert!(error.message.contains(place), "{}", error.message);
}

#[tokio::test]
async fn requests_with_fields_that_are_missing_or_unknown_are_refused_and_nothing_is_called() {
    let (worker, mut client) = client();
    let pump = proto::OperatePumpRequest {
        kind: 77,
        ..Default::default()
    };
    assert_refused(
        soon(client.operate_pump(pump)).await.unwrap_err(),
        "kind: unknown value 77",
    );
    let run = proto::RunAllRequest::default();
    assert_refused(soon(client.run_all(run)).await.unwrap_err(), "run: missing");
    let ask = |ask| futures::stream::iter([proto::FeedAsk { ask }]);
    for (wanted, place) in [
        (None, "ask: missing"),
        (
            Some(feed_ask::Ask::More(proto::More {})),
            "nothing was opened",
        ),
        (
            Some(feed_ask::Ask::Dataset(Default::default())),
            "read: missing",
        ),
        (
            Some(feed_ask::Ask::Pipe(proto::ReadPipe {
                stage: 9,
                ..Default::default()
            })),
            "stage: unknown value 9",
        ),
        (
            Some(feed_ask::Ask::Publish(Default::default())),
            "publish.read: missing",
        ),
    ] {
        assert_refused(soon(client.read(ask(wanted))).await.unwrap_err(), place);
    }
    assert_refused(
        soon(client.read(futures::stream::empty()))
            .await
            .unwrap_err(),
        "ask: missing",
    );
    let part = |part| futures::stream::iter([proto::PushPart { part }]);
    for (opening, place) in [
        (None, "open: missing"),
        (Some(push_part::Part::Chunk(Bytes::new())), "open: missing"),
        (
            Some(push_part::Part::Open(Default::default())),
            "target: missing",
        ),
    ] {
        assert_refused(soon(client.push(part(opening))).await.unwrap_err(), place);
    }
    assert!(worker.asked.lock().is_empty(), "{:?}", worker.asked.lock());
    assert!(worker.is_idle());
}

#[tokio::test]
async fn damaged_configuration_is_refused_and_nothing_is_changed() {
    let node = Arc::new(FakeStorageNode::new());
    let line = Line::to_storage_node(node.clone());
    let mut client = StorageNodeClient::new(line.channel);
    let put = proto::PutConfigurationRequest::default();
    assert_refused(
        soon(client.put_configuration(put)).await.unwrap_err(),
        "scope: missing",
    );
    let put = proto::PutComponentRequest {
        expected_kind: 1,
        component: "{".to_owned(),
        ..Default::default()
    };
    assert_refused(
        soon(client.put_component(put)).await.unwrap_err(),
        "component: ",
    );
    let deep = "[".repeat(100_000);
    let put = proto::PutVariablesRequest {
        variables: [("v".to_owned(), deep)].into(),
        ..Default::default()
    };
    assert_refused(
        soon(client.put_variables(put)).await.unwrap_err(),
        "variables.v: ",
    );
    let delete = proto::DeleteComponentRequest::default();
    assert_refused(
        soon(client.delete_component(delete)).await.unwrap_err(),
        "kind: unknown value 0",
    );
    let put = proto::PutSecretsRequest::default();
    assert_refused(
        soon(client.put_secrets(put)).await.unwrap_err(),
        "scope: missing",
    );
    assert!(node.asked.lock().is_empty());
}

#[tokio::test]
async fn a_request_above_the_limit_is_refused() {
    let (worker, mut client) = client();
    let large = proto::PipeRequest {
        id: "x".repeat(700_000),
    };
    let error = from_status(soon(client.pipe(large)).await.unwrap_err());
    assert_eq!(error.code, Code::TooLarge, "{error:?}");
    assert!(worker.asked.lock().is_empty());
}

#[tokio::test]
async fn a_body_that_is_opened_twice_or_just_ends_is_an_error_of_the_push() {
    let (worker, mut client) = client();
    let open = || {
        let target = crate::wire::Target::Pipe("in".into());
        push_part::Part::Open(crate::wire::to_open_push(target, PushRequest::default()))
    };
    for (parts, reason) in [
        (vec![open()], "body-broken-off"),
        (
            vec![open(), push_part::Part::Chunk("[]".into())],
            "body-broken-off",
        ),
        (vec![open(), open()], "damaged-message"),
        (
            vec![open(), push_part::Part::Failed(proto::Error::default())],
            "damaged-message",
        ),
    ] {
        let parts = parts
            .into_iter()
            .map(|part| proto::PushPart { part: Some(part) });
        let mut answers = soon(client.push(futures::stream::iter(parts)))
            .await
            .unwrap()
            .into_inner();
        let status = soon(async {
            loop {
                match answers.message().await {
                    Ok(answer) => {
                        let answer = answer.and_then(|answer| answer.answer);
                        assert!(matches!(answer, Some(proto::push_answer::Answer::More(_))));
                    }
                    Err(status) => break status,
                }
            }
        })
        .await;
        assert_eq!(from_status(status).reason, reason);
    }
    until(|| worker.is_idle()).await;
}

#[tokio::test]
async fn a_reader_that_asks_for_something_else_halfway_is_refused() {
    let (worker, mut client) = client();
    let open = || {
        feed_ask::Ask::Dataset(proto::ReadDataset {
            name: "endless".into(),
            read: Some(ReadRequest::default().into()),
        })
    };
    let asks = [open(), feed_ask::Ask::More(proto::More {}), open()];
    let asks = asks.map(|ask| proto::FeedAsk { ask: Some(ask) });
    let asks = futures::stream::iter(asks).chain(futures::stream::pending());
    let mut parts = soon(client.read(asks)).await.unwrap().into_inner();
    assert!(soon(parts.message()).await.unwrap().is_some());
    assert!(soon(parts.message()).await.unwrap().is_some());
    assert_refused(
        soon(parts.message()).await.unwrap_err(),
        "something else than `more`",
    );
    until(|| worker.is_idle()).await;
}
