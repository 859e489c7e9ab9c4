//! Publishers and feeds: what readers get, and from where.

use super::Hub;
use super::configurations::{dataset, people, publisher};
use futures::StreamExt;
use sluice_dataset::ReadOptions;
use sluice_protocol::{Code, EntityStage, PublishRequest, Published, ReadRequest, Worker};
use std::borrow::Cow;

async fn published(hub: &Hub, pipe: &str, read: ReadRequest) -> Vec<String> {
    let request = PublishRequest {
        read,
        format: "json".into(),
        file: None,
    };
    match hub.worker.publish(pipe, request).await.unwrap() {
        Published::Entities(feed) => hub.feed(feed, true).await,
        Published::Bytes { .. } => panic!("json is entities"),
    }
}

fn latest() -> ReadRequest {
    ReadRequest {
        options: ReadOptions::latest(),
        ..ReadRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_publisher_transforms_on_request_and_says_where_to_go_on() {
    let rules = r#"[["filter", ["neq", "_S.n", 1]], ["copy", "_id"], ["add", "who", "_B.who"]]"#;
    let hub = Hub::with(&[&people(4), &publisher("out", "people", rules)]).await;
    assert_eq!(
        published(&hub, "out", latest()).await.len(),
        0,
        "nothing is there yet"
    );
    hub.run_all_of(&["people"]).await;
    let mut read = latest();
    read.parameters.insert("who".into(), "me".into());
    let all = published(&hub, "out", read).await;
    assert_eq!(all.len(), 3);
    assert_eq!(all[0], r#"{"_id":"0","_updated":0,"who":"me"}"#);
    assert_eq!(all[2], r#"{"_id":"3","_updated":3,"who":"me"}"#);
    let since = ReadRequest {
        since_text: Some("2".into()),
        ..latest()
    };
    assert_eq!(published(&hub, "out", since).await.len(), 1);
    let mut limited = latest();
    limited.options.limit = Some(2);
    assert_eq!(published(&hub, "out", limited).await.len(), 2);
    let bad = PublishRequest {
        read: ReadRequest {
            since_text: Some("x".into()),
            ..latest()
        },
        format: "json".into(),
        file: None,
    };
    assert_eq!(
        hub.worker
            .publish("out", bad)
            .await
            .err()
            .map(|error| error.reason),
        Some("invalid-since".into())
    );
    let other = PublishRequest {
        read: latest(),
        format: "csv".into(),
        file: None,
    };
    assert_eq!(
        hub.worker
            .publish("out", other)
            .await
            .err()
            .map(|error| error.code),
        Some(Code::NotFound)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn csv_is_rendered_byte_by_byte() {
    let pipe = r#"{"_id": "out", "type": "pipe", "source": {"type": "dataset", "dataset": "people"},
        "sink": {"type": "csv_endpoint", "columns": ["_id", "n"]}}"#;
    let hub = Hub::with(&[&people(2), pipe]).await;
    hub.run_all_of(&["people"]).await;
    let request = PublishRequest {
        read: latest(),
        format: "csv".into(),
        file: Some("people.csv".into()),
    };
    let Published::Bytes {
        content_type,
        file,
        mut body,
    } = hub.worker.publish("out", request).await.unwrap()
    else {
        panic!("csv is bytes")
    };
    let mut document = Vec::new();
    while let Some(chunk) = body.next().await {
        document.extend_from_slice(&chunk.unwrap());
    }
    assert_eq!(
        String::from_utf8(document).unwrap(),
        "_id,n\r\n0,0\r\n1,1\r\n"
    );
    assert!(content_type.starts_with("text/csv"), "{content_type}");
    assert_eq!(file.as_deref(), Some("people.csv"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_page_of_a_feed_comes_before_the_rest_is_read() {
    let hub = Hub::with(&[
        &people(1_000),
        &publisher("out", "people", r#"[["copy", "*"]]"#),
    ])
    .await;
    hub.run_all_of(&["people"]).await;
    let request = PublishRequest {
        read: latest(),
        format: "json".into(),
        file: None,
    };
    let Published::Entities(mut feed) = hub.worker.publish("out", request).await.unwrap() else {
        panic!("entities")
    };
    let Some(Ok(sluice_protocol::Page::Entities(first))) = feed.pages.next().await else {
        panic!("a page")
    };
    assert!(!first.is_empty() && first.len() < 1_000, "{}", first.len());
    assert_eq!(feed.headers.max_updated, Some(999));
    assert_eq!(
        (feed.headers.populated, feed.headers.filtered),
        (Some(true), Some(true))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn reading_a_dataset_follows_the_rules() {
    let mut hub = Hub::with(&[&people(3)]).await;
    hub.run_all_of(&["people"]).await;
    hub.configure(&[&people(2)]).await;
    hub.run_all_of(&["people"]).await;
    let ids = async |read: ReadRequest| -> Result<Vec<i64>, Cow<'static, str>> {
        let feed = hub
            .worker
            .read_dataset("people", read)
            .await
            .map_err(|error| error.reason)?;
        let entities = hub.feed(feed, true).await;
        Ok(entities
            .iter()
            .map(|entity| {
                super::hub::json(entity)
                    .get("_updated")
                    .unwrap()
                    .as_i64()
                    .unwrap()
            })
            .collect())
    };
    let with = |change: fn(&mut ReadRequest)| {
        let mut read = ReadRequest::default();
        change(&mut read);
        read
    };
    assert_eq!(ids(with(|_| {})).await, Ok(vec![0, 1, 2, 3]));
    assert_eq!(
        ids(with(|read| read.since_text = Some("1".into()))).await,
        Ok(vec![2, 3])
    );
    assert_eq!(
        ids(with(|read| read.since_text = Some("99".into()))).await,
        Ok(vec![])
    );
    assert_eq!(
        ids(with(|read| read.options.limit = Some(2))).await,
        Ok(vec![0, 1])
    );
    assert_eq!(
        ids(with(|read| read.options.limit = Some(0))).await,
        Ok(vec![])
    );
    assert_eq!(
        ids(with(|read| read.options.reverse = true)).await,
        Ok(vec![3, 2, 1, 0])
    );
    assert_eq!(
        ids(with(|read| read.options.history = false)).await,
        Ok(vec![0, 1, 3])
    );
    let live = with(|read| (read.options.history, read.options.deleted) = (false, false));
    assert_eq!(ids(live).await, Ok(vec![0, 1]));
    for bad in ["-1", "x", "1.0"] {
        assert_eq!(
            ids(ReadRequest {
                since_text: Some(bad.into()),
                ..Default::default()
            })
            .await,
            Err("invalid-since".into()),
            "{bad}"
        );
    }
    let foreign = format!("1-{}-0-1", "7".repeat(32));
    assert_eq!(
        ids(ReadRequest {
            since_text: Some(foreign),
            ..Default::default()
        })
        .await,
        Err("other-generation".into())
    );
    assert_eq!(
        ids(with(|read| read.subset = Some("[]".into()))).await,
        Err("unknown-index".into())
    );
    assert_eq!(
        hub.worker
            .read_dataset("nothing", ReadRequest::default())
            .await
            .err()
            .map(|error| error.code),
        Some(Code::NotFound)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_output_pipe_shows_what_it_would_send_without_sending() {
    let system = r#"{"_id": "away", "type": "system:url", "url_pattern": "http://127.0.0.1:9/%s"}"#;
    let pipe = r#"{"_id": "out", "type": "pipe", "source": {"type": "dataset", "dataset": "people"},
        "transform": {"type": "dtl", "rules": {"default": [["copy", "*"], ["add", "sent", true]]}},
        "sink": {"type": "json", "system": "away", "url": "x"}, "pump": {"schedule_interval": 86400}}"#;
    let waiting = dataset("later", "people", r#"[["copy", "*"]]"#);
    let hub = Hub::with(&[system, &people(1), pipe, &waiting]).await;
    hub.run_all_of(&["people"]).await;
    assert_eq!(
        hub.stage("out", EntityStage::Sink).await,
        [r#"{"_id":"0","n":0,"sent":true}"#]
    );
    assert_eq!(
        hub.stage("later", EntityStage::Sink).await.len(),
        0,
        "a pipe that never ran has stored nothing"
    );
    let populated = ReadRequest {
        populated: true,
        ..latest()
    };
    let refused = hub
        .worker
        .read_pipe("later", EntityStage::Sink, populated)
        .await
        .err()
        .map(|error| error.reason);
    assert_eq!(refused, Some("not-populated".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_would_be_sent_is_shown_although_this_version_cannot_send_it() {
    let away = r#"{"_id": "away", "type": "system:postgresql", "host": "db", "username": "u", "password": "p", "database": "d"}"#;
    let to_sql = r#"{"_id": "out", "type": "pipe", "source": {"type": "dataset", "dataset": "people"},
        "transform": {"type": "dtl", "rules": {"default": [["copy", "*"], ["add", "sent", true]]}},
        "sink": {"type": "sql", "system": "away", "table": "t", "primary_key": "_id"}}"#;
    let from_sql = r#"{"_id": "in", "type": "pipe", "source": {"type": "sql", "system": "away", "table": "t"}}"#;
    let invalid = r#"{"_id": "bad", "type": "pipe", "source": {"type": "dataset", "dataset": 5}}"#;
    let hub = Hub::with(&[away, &people(1), to_sql, from_sql, invalid]).await;
    hub.run_all_of(&["people"]).await;
    for (stage, expected) in [
        (EntityStage::Source, r#"{"_id":"0","n":0}"#),
        (
            EntityStage::AfterTransform,
            r#"{"_id":"0","n":0,"sent":true}"#,
        ),
        (EntityStage::Sink, r#"{"_id":"0","n":0,"sent":true}"#),
    ] {
        assert_eq!(hub.stage("out", stage).await, [expected]);
    }
    for pipe in ["in", "bad"] {
        for stage in [EntityStage::Source, EntityStage::Sink] {
            let refused = hub.worker.read_pipe(pipe, stage, latest()).await.err();
            assert_eq!(
                refused.map(|error| (error.code, error.reason)),
                Some((Code::FailedPrecondition, "pipe-not-runnable".into())),
                "{pipe}"
            );
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subset_without_an_index_is_never_answered_with_everything() {
    let out = publisher("out", "people", r#"[["copy", "*"]]"#);
    let union = r#"{"_id": "both", "type": "pipe", "sink": {"type": "http_endpoint"},
        "source": {"type": "union_datasets", "datasets": ["people", "copy"]}}"#;
    let hub = Hub::with(&[
        &people(2),
        &dataset("copy", "people", r#"[["copy", "*"]]"#),
        &out,
        union,
    ])
    .await;
    hub.run_all_of(&["people", "copy"]).await;
    let read = ReadRequest {
        subset: Some(r#"["eq", "_S.n", 1]"#.into()),
        ..latest()
    };
    for (pipe, stage) in [
        ("out", EntityStage::Sink),
        ("both", EntityStage::Source),
        ("both", EntityStage::Sink),
        ("people", EntityStage::Source),
        ("people", EntityStage::Sink),
    ] {
        let refused = hub.worker.read_pipe(pipe, stage, read.clone()).await.err();
        assert_eq!(
            refused.map(|error| (error.code, error.reason)),
            Some((Code::NotFound, "unknown-index".into())),
            "{pipe}"
        );
    }
    for pipe in ["out", "both"] {
        let request = PublishRequest {
            read: read.clone(),
            format: "json".into(),
            file: None,
        };
        let refused = hub.worker.publish(pipe, request).await.err();
        assert_eq!(
            refused.map(|error| error.reason),
            Some("unknown-index".into())
        );
    }
}
