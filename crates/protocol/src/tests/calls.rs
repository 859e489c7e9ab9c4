//! The same script, called directly and over the wire: the same answers, and the far side was asked the same.

use super::fake_storage_node::FakeStorageNode;
use super::fake_worker::FakeWorker;
use super::line::{Line, settings, soon};
use super::samples;
use crate::client::{RemoteStorageNode, RemoteWorker};
use crate::*;
use futures::StreamExt;
use sluice_dataset::ReadOptions;
use sluice_entity::Style;
use std::fmt::Debug;
use std::sync::Arc;

/// An answer as text; of an error what leaves the process.
pub(super) fn shown<T: Debug>(answer: Result<T>) -> String {
    match answer {
        Ok(answer) => format!("{answer:?}"),
        Err(error) => format!(
            "{:?} {} {} {:?}",
            error.code, error.reason, error.message, error.members
        ),
    }
}

/// Headers, entities and end of a feed.
async fn read(feed: Result<Feed>) -> String {
    let mut feed = match feed {
        Ok(feed) => feed,
        Err(error) => return shown::<()>(Err(error)),
    };
    let mut text = format!("{:?}", feed.headers).into_bytes();
    while let Some(page) = feed.pages.next().await {
        match page {
            Ok(Page::Versions(batch)) => {
                for version in batch.iter() {
                    version.write_json(&mut text, &Style::default());
                }
            }
            Ok(Page::Entities(entities)) => {
                for entity in entities {
                    entity.write_json(&mut text, &Style::default());
                }
            }
            Err(error) => text.extend(shown::<()>(Err(error)).into_bytes()),
        }
    }
    String::from_utf8(text).unwrap()
}

async fn published(published: Result<Published>) -> String {
    match published {
        Ok(Published::Entities(feed)) => read(Ok(feed)).await,
        Ok(Published::Bytes {
            content_type,
            file,
            mut body,
        }) => {
            let mut text = format!("{content_type} {file:?}");
            while let Some(chunk) = body.next().await {
                match chunk {
                    Ok(chunk) => text.push_str(std::str::from_utf8(&chunk).unwrap()),
                    Err(error) => text.push_str(&shown::<()>(Err(error))),
                }
            }
            text
        }
        Err(error) => shown::<()>(Err(error)),
    }
}

fn body(chunks: &[&'static str]) -> ByteStream {
    let chunks: Vec<Result<bytes::Bytes>> =
        chunks.iter().map(|chunk| Ok((*chunk).into())).collect();
    futures::stream::iter(chunks).boxed()
}

fn read_request() -> ReadRequest {
    ReadRequest {
        options: ReadOptions {
            since: Some(3),
            limit: Some(1000),
            reverse: true,
            history: false,
            deleted: false,
        },
        since_text: Some("1-0-0-3".into()),
        subset: Some(r#"["eq", "_S.a", 1.0]"#.into()),
        populated: true,
        parameters: [("ø".to_owned(), "å".to_owned())].into(),
    }
}

async fn ask_worker(worker: &dyn Worker) -> Vec<String> {
    let pump = PumpRequest {
        operation: PumpOperation {
            kind: OperationKind::UpdateLastSeen,
            parameters: [("last-seen".to_owned(), "4".to_owned())].into(),
        },
        user: "ann".into(),
    };
    let push = PushRequest {
        sequence_id: Some("s".into()),
        is_full: true,
        is_last: true,
        content_length: Some(9),
        user: "ann".into(),
        ..PushRequest::default()
    };
    let publish = |format: &str| PublishRequest {
        read: read_request(),
        format: format.into(),
        file: Some("f".into()),
    };
    let mut answers = vec![
        shown(worker.pipes().await),
        shown(worker.pipe("in").await),
        shown(worker.pipe("unknown").await),
        shown(worker.operate_pump("in", pump).await),
        shown(worker.datasets().await),
        shown(worker.dataset("in").await),
        shown(worker.dataset("unknown").await),
        shown(worker.delete_dataset("in", "ann").await),
        shown(worker.delete_dataset("unknown", "ann").await),
        shown(
            worker
                .entity("in", "Ærø \"\n", None)
                .await
                .map(|one| one.body().to_json_string()),
        ),
        shown(
            worker
                .entity("in", "a", Some(5))
                .await
                .map(|one| one.generated().copied()),
        ),
        shown(worker.entity("unknown", "a", None).await.map(|_| ())),
        shown(
            worker
                .push("in", push.clone(), body(&["[{}", ", {}]"]))
                .await,
        ),
        shown(worker.push("in", push.clone(), body(&[])).await),
        shown(worker.push("early", push.clone(), body(&["[", "]"])).await),
        shown(worker.push("unknown", push.clone(), body(&["[]"])).await),
        shown(worker.write_dataset("in", push, body(&["[]"])).await),
        shown(worker.systems().await),
        shown(worker.run_all(samples::run_all(), "ann").await),
        shown(worker.start_run_all(samples::run_all(), "ann").await),
        shown(worker.stop_run_all(3).await),
        shown(worker.stop_run_all(u64::MAX).await),
        shown(worker.run_all_log(Some(4), Some("token-1")).await),
        shown(worker.run_all_log(None, None).await),
        shown(worker.run_all_status("token-1").await),
        shown(worker.run_all_status("token-2").await),
        shown(worker.run_all_status("other").await),
        shown(worker.delete_all_sink_datasets("ann").await),
        shown(worker.wait_for_revision(8).await),
        shown(worker.reset().await),
        shown(worker.facts().await),
    ];
    for id in ["in", "empty", "breaks", "long", "made", "large", "unknown"] {
        answers.push(read(worker.read_dataset(id, read_request()).await).await);
        let stage = EntityStage::BeforeTransform;
        answers.push(read(worker.read_pipe(id, stage, read_request()).await).await);
        answers.push(published(worker.publish(id, publish("json")).await).await);
        answers.push(published(worker.publish(id, publish("csv")).await).await);
    }
    answers
}

#[tokio::test]
async fn a_worker_answers_the_same_over_the_wire() {
    let (near, far) = (FakeWorker::default(), Arc::new(FakeWorker::default()));
    let line = Line::to_worker(far.clone());
    let remote = RemoteWorker::new(line.channel, settings());
    let expected = soon(ask_worker(&near)).await;
    let answers = soon(ask_worker(&remote)).await;
    for (answer, expected) in answers.iter().zip(&expected) {
        assert_eq!(answer, expected);
    }
    assert_eq!(answers.len(), 59);
    assert!(answers.iter().any(|text| text.contains("disk-full")));
    assert!(answers.iter().any(|text| text.contains("run-failed")));
    assert_eq!(*far.asked.lock(), *near.asked.lock());
}

async fn ask_storage_node(node: &dyn StorageNode) -> Vec<String> {
    let component =
        || samples::json(r#"{"z": 1.0, "_id": "a", "n": 123456789012345678901234567890}"#);
    let put = |scope| PutConfiguration {
        scope,
        components: vec![component()],
        force: true,
        user: "ann".into(),
    };
    let kind = ComponentKind::System;
    let read = ReadOptions {
        since: Some(7),
        limit: Some(8),
        reverse: true,
        history: false,
        deleted: true,
    };
    let variables = || [("v".to_owned(), samples::json("[1.10]"))].into();
    let secrets = || [("s".to_owned(), "hush".to_owned())].into();
    let system = || SecretScope::System("crm".into());
    vec![
        shown(node.put_configuration(put(Scope::All)).await),
        shown(node.put_configuration(put(Scope::Group("ø".into()))).await),
        shown(node.put_component(kind, component(), false, "ann").await),
        shown(
            node.add_components(kind, vec![component(), component()], true, "ann")
                .await,
        ),
        shown(node.delete_component(kind, "a", "ann").await),
        shown(node.delete_component(kind, "unknown", "ann").await),
        shown(node.history(None, None, &ReadOptions::default()).await),
        shown(node.history(Some(kind), Some("a"), &read).await),
        shown(node.history_summary().await),
        shown(node.put_variables(variables(), true, "ann").await),
        shown(node.delete_variable("v", "ann").await),
        shown(
            node.put_secrets(SecretScope::Global, secrets(), true, "ann")
                .await,
        ),
        shown(node.put_secrets(system(), secrets(), false, "ann").await),
        shown(node.delete_secret(system(), "s", "ann").await),
        shown(
            node.secret_values()
                .await
                .map(|values| (values.global, values.systems)),
        ),
        shown(node.hash_key().await.map(|key| key.0)),
        shown(node.dataset_number("people").await),
        shown(node.format().await),
        shown(node.finalize("ann").await),
        shown(node.finalize("nobody").await),
        shown(node.reset().await),
        format!("{:?}", node.watch().borrow()),
    ]
}

#[tokio::test]
async fn a_storage_node_answers_the_same_over_the_wire() {
    let (near, far) = (FakeStorageNode::new(), Arc::new(FakeStorageNode::new()));
    let line = Line::to_storage_node(far.clone());
    let remote = soon(RemoteStorageNode::connect(line.channel, settings())).await;
    let expected = soon(ask_storage_node(&near)).await;
    let answers = soon(ask_storage_node(&remote)).await;
    for (answer, expected) in answers.iter().zip(&expected) {
        assert_eq!(answer, expected);
    }
    assert_eq!(answers.len(), 22);
    assert_eq!(*far.asked.lock(), *near.asked.lock());
}
