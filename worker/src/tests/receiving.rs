//! Receivers: what a push changes, and what it does not (R62, R63, R73, JP3-JP5).

use super::Hub;
use super::configurations::receiver;
use super::hub::stream;
use crate::Bounds;
use sluice_protocol::{Code, PushReply, PushRequest, Worker};

fn part(request: &str, previous: Option<&str>, first: bool, last: bool) -> PushRequest {
    PushRequest {
        sequence_id: Some("s".into()),
        request_id: Some(request.into()),
        previous_request_id: previous.map(Into::into),
        is_full: true,
        is_first: first,
        is_last: last,
        ..PushRequest::default()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pushed_entity_is_stored_exactly_once() {
    let hub = Hub::with(&[&receiver("in")]).await;
    let body = r#"[{"_id": "æ/..%2f:1", "big": 123456789012345678901234567890, "d": 1.10}]"#;
    assert_eq!(
        hub.push("in", body).await.unwrap(),
        PushReply {
            received: 1,
            changed: 1
        }
    );
    assert_eq!(
        hub.push("in", body).await.unwrap(),
        PushReply {
            received: 1,
            changed: 0
        }
    );
    assert_eq!(
        hub.log("in").await,
        [r#"{"_id":"æ/..%2f:1","big":123456789012345678901234567890,"d":"~f1.10"}"#]
    );
    assert_eq!(
        hub.push("in", r#"{"_id": "alone"}"#).await.unwrap().changed,
        1,
        "one object counts as a list of one"
    );
    assert_eq!(hub.push("in", "[]").await.unwrap(), PushReply::default());
    let entity = hub.worker.entity("in", "æ/..%2f:1", Some(0)).await.unwrap();
    assert_eq!(entity.id(), Some("æ/..%2f:1"));
    assert_eq!(
        hub.worker
            .entity("in", "alone", Some(0))
            .await
            .unwrap_err()
            .code,
        Code::NotFound
    );
    assert!(hub.report("in").await.sink_dataset.is_some());
    assert!(
        hub.worker.dataset("in").await.unwrap().status.populated,
        "receivers are populated at load"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_input_changes_nothing_and_the_answer_names_the_place() {
    let hub = Hub::with(&[&receiver("in")]).await;
    for (body, reason) in [
        (r#"[{"_id": "1"}, {"_id": "2""#, "invalid-json"),
        (r#"[{"_id": "1"}, {"_id": 2}]"#, "missing-id"),
        (r#"[{"_id": "1"}, {"name": "x"}]"#, "missing-id"),
        (r#"[{"_id": "1"}, 5]"#, "invalid-json"),
        (
            r#"[{"_id": "1"}, {"_id": "2", "a": 1, "a": 2}]"#,
            "invalid-json",
        ),
        (r#""text""#, "invalid-json"),
        ("", "invalid-json"),
    ] {
        let refused = hub.push("in", body).await.unwrap_err();
        assert_eq!(
            (refused.code, &*refused.reason),
            (Code::InvalidArgument, reason),
            "{body}"
        );
        let accepted = refused
            .members
            .iter()
            .find(|(name, _)| *name == "accepted")
            .map(|(_, value)| value.to_string());
        assert_eq!(accepted.as_deref(), Some("0"), "{body}");
    }
    assert_eq!(hub.log("in").await.len(), 0);
    assert_eq!(
        hub.worker
            .push("nobody", PushRequest::default(), stream(&["[]"]))
            .await
            .unwrap_err()
            .reason,
        "unknown-pipe"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_body_is_written_as_it_comes_and_the_answer_says_how_far_it_got() {
    let hub = Hub::with_bounds(
        &[&receiver("in")],
        Bounds {
            whole: 1_000,
            ..Bounds::default()
        },
    )
    .await;
    let entities: Vec<String> = (0..40_000)
        .map(|n| format!(r#"{{"_id": "{n}", "text": "some text to make it longer"}}"#))
        .collect();
    let good = format!("[{}]", entities.join(","));
    let chunks: Vec<&str> = good
        .as_bytes()
        .chunks(65_536)
        .map(|chunk| std::str::from_utf8(chunk).unwrap())
        .collect();
    let reply = hub
        .worker
        .push("in", PushRequest::default(), stream(&chunks))
        .await
        .unwrap();
    assert_eq!(
        reply,
        PushReply {
            received: 40_000,
            changed: 40_000
        }
    );

    let hub = Hub::with_bounds(
        &[&receiver("in")],
        Bounds {
            whole: 1_000,
            ..Bounds::default()
        },
    )
    .await;
    let bad = format!("[{},{{\"name\": \"no id\"}}]", entities.join(","));
    let chunks: Vec<&str> = bad
        .as_bytes()
        .chunks(65_536)
        .map(|chunk| std::str::from_utf8(chunk).unwrap())
        .collect();
    let refused = hub
        .worker
        .push("in", PushRequest::default(), stream(&chunks))
        .await
        .unwrap_err();
    let member = |wanted: &str| {
        let (_, value) = refused
            .members
            .iter()
            .find(|(name, _)| *name == wanted)
            .unwrap();
        value.as_i64().unwrap()
    };
    assert_eq!(member("index"), 40_000);
    let accepted = usize::try_from(member("accepted")).unwrap();
    assert!(accepted > 20_000 && accepted < 40_000, "{accepted}");
    assert_eq!(hub.log("in").await.len(), accepted);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_push_deletes_at_its_end_what_it_did_not_bring() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.push("in", r#"[{"_id": "a"}, {"_id": "b"}, {"_id": "c"}]"#)
        .await
        .unwrap();
    hub.push_as("in", part("1", None, true, false), r#"[{"_id": "b"}]"#)
        .await
        .unwrap();
    assert_eq!(hub.live("in").await.len(), 3, "deletes happen at the end");
    // In between somebody pushes by itself: that is spared, unchanged or new.
    hub.push("in", r#"[{"_id": "c"}, {"_id": "d"}]"#)
        .await
        .unwrap();
    let reply = hub
        .push_as("in", part("2", Some("1"), false, true), "[]")
        .await
        .unwrap();
    assert_eq!(
        reply,
        PushReply {
            received: 0,
            changed: 1
        }
    );
    assert_eq!(
        hub.live("in").await,
        [r#"{"_id":"b"}"#, r#"{"_id":"c"}"#, r#"{"_id":"d"}"#]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_sequence_is_a_conflict_also_after_a_restart() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.push_as("in", part("1", None, true, false), r#"[{"_id": "a"}]"#)
        .await
        .unwrap();
    let hub = hub.restart().await;
    for (request, reason) in [
        (
            part("3", Some("2"), false, false),
            "previous-request-differs",
        ),
        (part("2", None, true, false), "second-first"),
        (
            PushRequest {
                is_full: false,
                ..part("2", Some("1"), false, false)
            },
            "is-full-changed",
        ),
    ] {
        let refused = hub
            .push_as("in", request, r#"[{"_id": "x"}]"#)
            .await
            .unwrap_err();
        assert_eq!((refused.code, &*refused.reason), (Code::Conflict, reason));
    }
    assert_eq!(hub.live("in").await, [r#"{"_id":"a"}"#]);
    hub.push_as("in", part("2", Some("1"), false, true), "[]")
        .await
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_push_that_would_delete_most_of_a_dataset_is_a_conflict_until_it_is_allowed() {
    let hub = Hub::with(&[&receiver("in")]).await;
    let all: Vec<String> = (0..150).map(|n| format!(r#"{{"_id": "{n}"}}"#)).collect();
    hub.push("in", &format!("[{}]", all.join(",")))
        .await
        .unwrap();
    let only = part("1", None, true, true);
    let refused = hub
        .push_as("in", only.clone(), r#"[{"_id": "1"}]"#)
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (Code::Conflict, "mass-delete")
    );
    assert_eq!(hub.live("in").await.len(), 150);
    let allowed = PushRequest {
        allow_mass_delete: true,
        ..only
    };
    assert_eq!(
        hub.push_as("in", allowed, r#"[{"_id": "1"}]"#)
            .await
            .unwrap()
            .changed,
        149
    );
    assert_eq!(hub.live("in").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn pushed_entities_go_through_the_transforms_of_the_pipe() {
    let pipe = r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"},
        "transform": {"type": "dtl", "rules": {"default": [["copy", "*"], ["add", "loud", ["upper", "_S.text"]],
            ["if", ["eq", "_S.n", 13], ["fail!", "unlucky"]]]}}}"#;
    let hub = Hub::with(&[pipe]).await;
    hub.push("in", r#"[{"_id": "1", "text": "a"}]"#)
        .await
        .unwrap();
    assert_eq!(
        hub.log("in").await,
        [r#"{"_id":"1","loud":"A","text":"a"}"#]
    );
    assert!(
        hub.push("in", r#"[{"_id": "2", "n": 1}, {"_id": "3", "n": 13}]"#)
            .await
            .is_err()
    );
    assert_eq!(
        hub.log("in").await.len(),
        1,
        "a push is written whole or not at all"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_can_be_written_without_a_pipe() {
    let hub = Hub::with(&[]).await;
    hub.worker
        .write_dataset(
            "raw",
            PushRequest::default(),
            stream(&[r#"[{"_id": "1"}"#, "]"]),
        )
        .await
        .unwrap();
    assert_eq!(hub.log("raw").await, [r#"{"_id":"1"}"#]);
    for (force, versions) in [("false", 1), ("true", 2)] {
        let request = PushRequest {
            parameters: [("force".to_owned(), force.to_owned())].into(),
            ..PushRequest::default()
        };
        let again = stream(&[r#"[{"_id": "1"}]"#]);
        hub.worker
            .write_dataset("raw", request, again)
            .await
            .unwrap();
        assert_eq!(hub.log("raw").await.len(), versions, "force={force}");
    }
    for bad in ["system:x", "a/b", ""] {
        let refused = hub
            .worker
            .write_dataset(bad, PushRequest::default(), stream(&["[]"]))
            .await
            .unwrap_err();
        assert_eq!(refused.code, Code::InvalidArgument, "{bad}");
    }
    assert_eq!(
        hub.worker
            .delete_dataset("raw", "tester")
            .await
            .map_err(|error| error.reason),
        Ok(())
    );
    assert_eq!(
        hub.worker.dataset("raw").await.unwrap_err().reason,
        "unknown-dataset"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_entity_is_named_by_its_number_and_its_place_in_the_body() {
    let narrow = r#"{"_id": "in", "type": "pipe", "source": {"type": "http_endpoint"},
        "sink": {"type": "dataset", "dataset": "in", "max_entity_bytes_size": 100}}"#;
    let large = format!(r#"{{"_id": "large", "text": "{}"}}"#, "x".repeat(500));
    for (bad, reason) in [
        (large.as_str(), "entity-too-large"),
        (r#"{"n": 1}"#, "missing-id"),
    ] {
        for (whole, count) in [(1 << 20, 3), (10, 3), (10, 60_000)] {
            let bounds = Bounds {
                whole,
                ..Bounds::default()
            };
            let hub = Hub::with_bounds(&[narrow], bounds).await;
            let good: Vec<String> = (0..count)
                .map(|n| format!(r#"{{"_id": "æ{n}", "text": "some text"}},"#))
                .collect();
            let before = format!("[ {}\n ", good.concat());
            let body = format!("{before}{bad}]");
            let refused = hub.push("in", &body).await.unwrap_err();
            assert_eq!(refused.reason, reason);
            let member = |wanted: &str| {
                let named = refused.members.iter().filter(|(name, _)| *name == wanted);
                let values: Vec<i64> = named.map(|(_, value)| value.as_i64().unwrap()).collect();
                assert_eq!(values.len(), 1, "{wanted} of {reason}");
                usize::try_from(values[0]).unwrap()
            };
            assert_eq!(member("index"), count);
            assert_eq!(member("offset"), before.len());
            assert_eq!(member("accepted"), hub.log("in").await.len());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_prevents_multiple_versions_refuses_or_skips_the_second() {
    let pipe = |id: &str, kind: &str| {
        let sink =
            format!(r#""sink": {{"type": "dataset", "prevent_multiple_versions": {kind}}}, "#);
        receiver(id).replacen(r#""source""#, &format!("{sink}\"source\""), 1)
    };
    let hub = Hub::with(&[&pipe("strict", "true"), &pipe("once", r#""ignore""#)]).await;
    let first = r#"[{"_id": "a", "v": 1}]"#;
    let second = r#"[{"_id": "b", "v": 1}, {"_id": "a", "v": 2}]"#;
    for id in ["strict", "once"] {
        assert_eq!(hub.push(id, first).await.unwrap().changed, 1);
        assert_eq!(
            hub.push(id, first).await.unwrap().changed,
            0,
            "no other version"
        );
    }
    let refused = hub.push("strict", second).await.unwrap_err();
    assert_eq!(
        (refused.code, &*refused.reason),
        (Code::Conflict, "multiple-versions")
    );
    let detail = |name: &str| {
        let mut members = refused.members.iter();
        members
            .find(|(member, _)| *member == name)
            .map(|(_, value)| value.to_string())
    };
    assert_eq!(
        (detail("index"), detail("offset")),
        (Some("1".into()), Some("23".into()))
    );
    assert_eq!(hub.log("strict").await, [r#"{"_id":"a","v":1}"#]);
    assert_eq!(hub.push("once", second).await.unwrap().changed, 1);
    assert_eq!(
        hub.log("once").await,
        [r#"{"_id":"a","v":1}"#, r#"{"_id":"b","v":1}"#]
    );
    let full = hub.push_as(
        "once",
        part("1", None, true, true),
        r#"[{"_id": "a", "v": 3}]"#,
    );
    full.await.unwrap();
    assert_eq!(hub.live("once").await, [r#"{"_id":"a","v":1}"#]);
}
