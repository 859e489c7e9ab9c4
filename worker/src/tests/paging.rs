//! Feeds of publishers page by page: every position they name leads on, and no other is taken (JP1, R23, R74).

use super::Hub;
use super::configurations::{embedded, people, publisher, receiver};
use super::hub::json;
use sluice_dataset::ReadOptions;
use sluice_entity::Json;
use sluice_protocol::{Code, Error, PublishRequest, Published, ReadRequest, Worker};

/// What a publisher of `source` shows.
fn publishing(id: &str, source: &str, more: &str) -> String {
    format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {source}, {more} "sink": {{"type": "http_endpoint"}}}}"#
    )
}

async fn page(
    hub: &Hub,
    pipe: &str,
    since: Option<&str>,
    limit: Option<u64>,
) -> Result<Vec<Json>, Error> {
    let options = ReadOptions {
        limit,
        ..ReadOptions::latest()
    };
    page_with(hub, pipe, since, options).await
}

async fn page_with(
    hub: &Hub,
    pipe: &str,
    since: Option<&str>,
    options: ReadOptions,
) -> Result<Vec<Json>, Error> {
    let request = PublishRequest {
        read: ReadRequest {
            options,
            since_text: since.map(str::to_owned),
            ..ReadRequest::default()
        },
        format: "json".into(),
        file: None,
    };
    match hub.worker.publish(pipe, request).await? {
        Published::Entities(feed) => {
            let entities = hub.feed(feed, true).await;
            Ok(entities.iter().map(|entity| json(entity)).collect())
        }
        Published::Bytes { .. } => panic!("json is entities"),
    }
}

/// As a client sends it: text as it is, anything else as JSON.
fn since_of(entity: &Json) -> String {
    match entity.get("_updated").expect("a position") {
        Json::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn id(entity: &Json) -> String {
    let id = entity.get("_id").and_then(Json::as_str);
    id.expect("an id").to_owned()
}

/// The ids of each page behind `since`, and where the last one ended.
async fn walk(
    hub: &Hub,
    pipe: &str,
    mut since: Option<String>,
    limit: u64,
) -> (Vec<Vec<String>>, Option<String>) {
    let mut pages = Vec::new();
    loop {
        let page = page(hub, pipe, since.as_deref(), Some(limit)).await;
        let page = page.unwrap();
        let Some(last) = page.last() else {
            return (pages, since);
        };
        since = Some(since_of(last));
        pages.push(page.iter().map(id).collect());
        assert!(pages.len() < 50, "the feed does not end: {pages:?}");
    }
}

async fn refused(hub: &Hub, pipe: &str, since: &str) -> Option<(Code, String)> {
    let answer = page(hub, pipe, Some(since), None).await;
    let refused = answer.err();
    refused.map(|error| (error.code, error.reason.into_owned()))
}

const BOTH: &str = r#""datasets": ["a", "b"]"#;

/// Every source of several datasets, with and without a transform.
fn composites() -> Vec<(String, String)> {
    let copy = r#""transform": {"type": "dtl", "rules": {"default": [["copy", "*"]]}},"#;
    let sources = [
        ("union", format!(r#"{{"type": "union_datasets", {BOTH}}}"#)),
        (
            "history",
            format!(r#"{{"type": "union_datasets", {BOTH}, "include_previous_versions": true}}"#),
        ),
        ("latest", format!(r#"{{"type": "merge_datasets", {BOTH}}}"#)),
        (
            "all",
            format!(r#"{{"type": "merge_datasets", {BOTH}, "strategy": "all"}}"#),
        ),
    ];
    let mut pipes = Vec::new();
    for (id, source) in sources {
        pipes.push((id.to_owned(), publishing(id, &source, "")));
        let transformed = format!("{id}-transformed");
        pipes.push((transformed.clone(), publishing(&transformed, &source, copy)));
    }
    pipes
}

async fn push_ids(hub: &Hub, receiver: &str, ids: impl IntoIterator<Item = u32>) {
    let entities: Vec<String> = ids
        .into_iter()
        .map(|id| format!(r#"{{"_id": "{id}"}}"#))
        .collect();
    hub.push(receiver, &format!("[{}]", entities.join(",")))
        .await
        .unwrap();
}

async fn hub_of_composites() -> (Hub, Vec<String>) {
    let pipes = composites();
    let (a, b) = (receiver("a"), receiver("b"));
    let mut components = vec![a.as_str(), b.as_str()];
    components.extend(pipes.iter().map(|(_, pipe)| pipe.as_str()));
    let hub = Hub::with(&components).await;
    (hub, pipes.into_iter().map(|(id, _)| id).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_of_several_datasets_is_read_page_by_page_like_any_other() {
    let (hub, pipes) = hub_of_composites().await;
    for pipe in &pipes {
        assert!(page(&hub, pipe, None, None).await.unwrap().is_empty());
    }
    push_ids(&hub, "a", 0..5).await;
    push_ids(&hub, "b", 3..7).await;
    hub.push("a", r#"[{"_id": "1", "n": 2}]"#).await.unwrap();
    let mut ends = Vec::new();
    for pipe in &pipes {
        let whole = page(&hub, pipe, None, None).await.unwrap();
        let expected: Vec<String> = whole.iter().map(id).collect();
        let count = match pipe.split('-').next() {
            Some("union") => 9,
            Some("history") => 10,
            _ => 7,
        };
        assert_eq!(expected.len(), count, "{pipe}");
        let mut end = None;
        for limit in 1..=11 {
            let (pages, last) = walk(&hub, pipe, None, limit).await;
            assert_eq!(pages.concat(), expected, "{pipe} by {limit}");
            let full = pages.iter().rev().skip(1);
            assert!(full.map(Vec::len).all(|len| len as u64 == limit), "{pipe}");
            end = last;
        }
        // From each entity on comes exactly what is behind it.
        for (position, entity) in whole.iter().enumerate() {
            let rest = page(&hub, pipe, Some(&since_of(entity)), None).await;
            let rest: Vec<String> = rest.unwrap().iter().map(id).collect();
            assert_eq!(rest, expected[position + 1..], "{pipe} at {position}");
        }
        assert!(page(&hub, pipe, None, Some(0)).await.unwrap().is_empty());
        ends.push(end);
    }
    // What is new, changed and deleted comes behind the end, in both of them.
    push_ids(&hub, "a", [9]).await;
    hub.push("b", r#"[{"_id": "3", "_deleted": true}]"#)
        .await
        .unwrap();
    for (pipe, end) in pipes.iter().zip(ends) {
        let (pages, _) = walk(&hub, pipe, end, 1).await;
        let prefix = |dataset: &str, id: &str| match pipe.starts_with(['u', 'h']) {
            true => format!("{dataset}:{id}"),
            false => id.to_owned(),
        };
        assert_eq!(pages.concat(), [prefix("a", "9"), prefix("b", "3")]);
        let whole = page(&hub, pipe, None, None).await.unwrap();
        let deleted = whole.iter().any(|entity| {
            entity.get("_deleted").and_then(Json::as_bool) == Some(true)
                && id(entity) == prefix("b", "3")
        });
        assert_eq!(deleted, !pipe.starts_with("all"), "{pipe}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_in_several_datasets_says_nothing_of_one_and_the_other_way_round() {
    let (hub, pipes) = hub_of_composites().await;
    push_ids(&hub, "a", 0..3).await;
    push_ids(&hub, "b", 0..3).await;
    let malformed = Some((Code::InvalidArgument, "invalid-since".to_owned()));
    for pipe in &pipes {
        let last = since_of(page(&hub, pipe, None, None).await.unwrap().last().unwrap());
        for bad in ["", "0", "1", "999999", "-1", "x", r#"{"a":1,"b":1}"#, "1.0"] {
            assert_eq!(refused(&hub, pipe, bad).await, malformed, "{pipe} {bad}");
        }
        for bad in [
            format!("{last}."),
            format!("{last}.{last}"),
            last.replace("1-", "2-"),
        ] {
            assert_eq!(refused(&hub, pipe, &bad).await, malformed, "{pipe} {bad}");
        }
        let foreign = format!("1-{}-0-1", "7".repeat(32));
        let gone = Some((Code::Gone, "other-generation".to_owned()));
        assert_eq!(refused(&hub, pipe, &foreign).await, gone, "{pipe}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_is_gone_when_one_of_the_datasets_is_made_again_or_no_input_any_more() {
    let (mut hub, pipes) = hub_of_composites().await;
    push_ids(&hub, "a", 0..3).await;
    let mut in_a = Vec::new();
    for pipe in &pipes {
        in_a.push(since_of(&page(&hub, pipe, None, None).await.unwrap()[1]));
    }
    push_ids(&hub, "b", 5..8).await;
    let mut in_both = Vec::new();
    for pipe in &pipes {
        in_both.push(since_of(&page(&hub, pipe, None, None).await.unwrap()[4]));
    }
    let gone = Some((Code::Gone, "other-generation".to_owned()));
    hub.worker.delete_dataset("b", "tester").await.unwrap();
    for (pipe, since) in pipes.iter().zip(&in_both) {
        assert_eq!(refused(&hub, pipe, since).await, gone, "{pipe} without b");
    }
    push_ids(&hub, "b", 5..7).await;
    for (pipe, (in_a, in_both)) in pipes.iter().zip(in_a.iter().zip(&in_both)) {
        assert_eq!(refused(&hub, pipe, in_both).await, gone, "{pipe}");
        // Nothing of b was read at this one.
        let rest = page(&hub, pipe, Some(in_a), None).await.unwrap();
        assert_eq!(rest.len(), 3, "{pipe}");
    }
    let only_b = publishing(
        "union",
        r#"{"type": "union_datasets", "datasets": ["b"]}"#,
        "",
    );
    hub.configure(&[&receiver("a"), &receiver("b"), &only_b])
        .await;
    assert_eq!(refused(&hub, "union", &in_a[0]).await, gone);
    assert_eq!(walk(&hub, "union", None, 1).await.0.concat().len(), 2);
    let malformed = Some((Code::InvalidArgument, "invalid-since".to_owned()));
    assert_eq!(refused(&hub, "union", "0").await, malformed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_cannot_go_on_takes_no_since() {
    let entities = r#"[{"_id": "x", "_updated": 1}, {"_id": "y", "_updated": 1}, {"_id": "z", "_updated": 2}]"#;
    let source = |more: &str| format!(r#"{{"type": "embedded", "entities": {entities} {more}}}"#);
    let hub = Hub::with(&[
        &publishing("never", &source(""), ""),
        &publishing("on", &source(r#", "supports_since": true"#), ""),
    ])
    .await;
    let refused_there = refused(&hub, "never", "1").await;
    assert_eq!(
        refused_there,
        Some((Code::InvalidArgument, "invalid-since".to_owned()))
    );
    assert_eq!(page(&hub, "never", None, None).await.unwrap().len(), 3);
    // The two that share a position are not torn apart.
    let (pages, _) = walk(&hub, "on", None, 1).await;
    assert_eq!(pages, [vec!["x", "y"], vec!["z"]]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_of_one_source_entity_is_on_one_page() {
    let made = |count: u32| {
        let dicts: Vec<String> = (1..=count)
            .map(|n| format!(r#"["dict", "_id", ["concat", "_S._id", "-{n}"]]"#))
            .collect();
        format!(
            r#"[["create", ["list", {}]], ["copy", "*"]]"#,
            dicts.join(",")
        )
    };
    let hub = Hub::with(&[
        &people(250),
        &publisher("three", "people", &made(2)),
        &publisher(
            "late",
            "people",
            r#"[["filter", ["gt", "_S.n", 124]], ["copy", "*"]]"#,
        ),
        &embedded("none", "[]"),
        &publisher("empty", "none", &made(2)),
    ])
    .await;
    hub.run_all_of(&["people", "none"]).await;
    let whole = page(&hub, "three", None, None).await.unwrap();
    let whole: Vec<String> = whole.iter().map(id).collect();
    assert_eq!(whole.len(), 750);
    for limit in [1, 2, 3, 4, 299, 300, 301] {
        let (pages, _) = match limit {
            1..5 => {
                let first = page(&hub, "three", Some("239"), Some(limit)).await;
                assert!(first.unwrap().len() as u64 >= limit);
                walk(&hub, "three", Some("239".into()), limit).await
            }
            _ => walk(&hub, "three", None, limit).await,
        };
        let read = pages.concat();
        assert_eq!(read, whole[whole.len() - read.len()..], "by {limit}");
        assert_eq!(read.len(), if limit < 5 { 30 } else { 750 }, "by {limit}");
        let expected = limit.next_multiple_of(3) as usize;
        let full = pages.iter().rev().skip(1);
        assert!(full.map(Vec::len).all(|len| len == expected), "by {limit}");
    }
    assert_eq!(walk(&hub, "late", None, 7).await.0.concat().len(), 125);
    assert!(page(&hub, "three", None, Some(0)).await.unwrap().is_empty());
    assert!(page(&hub, "empty", None, Some(1)).await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_shown_does_not_count() {
    let both = format!(r#"{{"type": "union_datasets", {BOTH}}}"#);
    let hub = Hub::with(&[
        &receiver("a"),
        &receiver("b"),
        &publishing("both", &both, ""),
    ])
    .await;
    push_ids(&hub, "a", 0..4).await;
    push_ids(&hub, "b", 0..2).await;
    let deleted = r#"[{"_id": "1", "_deleted": true}, {"_id": "3", "_deleted": true}]"#;
    hub.push("a", deleted).await.unwrap();
    let mut since = None;
    let mut pages = Vec::new();
    for _ in 0..3 {
        let options = ReadOptions {
            limit: Some(2),
            ..ReadOptions::live()
        };
        let page = page_with(&hub, "both", since.as_deref(), options).await;
        let page = page.unwrap();
        since = page.last().map(since_of).or(since);
        pages.push(page.iter().map(id).collect::<Vec<_>>());
    }
    assert_eq!(pages, [vec!["a:0", "a:2"], vec!["b:0", "b:1"], vec![]]);
}
