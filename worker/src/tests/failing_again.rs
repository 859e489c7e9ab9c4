//! Entities that cannot be written and come from the source again and again (DE1, PU13, PU14, R33, R73).

use super::Hub;
use super::configurations::embedded;
use super::other_side::OtherSide;
use sluice_entity::Json;

const PUMP: &str = r#""max_write_errors_in_retry_dataset": 10, "max_consecutive_write_errors": 5,
    "max_retries_per_entity": 2, "dead_letter_dataset": "dead", "#;

/// A pipe that reads everything in every run, into a dataset with deletion tracking that takes no entity of more than `most` bytes.
fn narrow(most: u32, entities: &str) -> String {
    embedded("in", entities).replace(
        r#""pump": {"#,
        &format!(
            r#""sink": {{"type": "dataset", "max_entity_bytes_size": {most}}}, "pump": {{{PUMP}"#
        ),
    )
}

fn large(id: &str) -> String {
    format!(r#"{{"_id": "{id}", "text": "{}"}}"#, "x".repeat(200))
}

async fn attempts(hub: &Hub, pipe: &str, id: &str) -> (i64, bool) {
    let event = hub.event(pipe, &format!("write-error:{id}")).await;
    let attempts = event.get("retry_attempts").and_then(Json::as_i64).unwrap();
    (attempts, event.get("dead").and_then(Json::as_bool).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_run_could_not_write_is_not_deleted() {
    let mut hub = Hub::with(&[&narrow(100, r#"[{"_id": "a"}, {"_id": "b"}]"#)]).await;
    hub.run_all_of(&["in"]).await;
    let entities = format!(r#"[{}, {{"_id": "b"}}]"#, large("a"));
    hub.configure(&[&narrow(100, &entities)]).await;
    for _ in 0..4 {
        hub.run_all_of(&["in"]).await;
        assert_eq!(hub.log("in").await, [r#"{"_id":"a"}"#, r#"{"_id":"b"}"#]);
    }
    assert_eq!(attempts(&hub, "in", "a").await, (2, true));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_source_dropped_does_not_come_back_from_the_queue() {
    let entities = format!(r#"[{}, {{"_id": "b"}}]"#, large("a"));
    let mut hub = Hub::with(&[&narrow(100, &entities)]).await;
    hub.run_all_of(&["in"]).await;
    assert_eq!(hub.report("in").await.queues.retries, 1);
    hub.configure(&[&narrow(1_000, r#"[{"_id": "b"}]"#)]).await;
    hub.run_all_of(&["in"]).await;
    assert_eq!(hub.log("in").await, [r#"{"_id":"b"}"#]);
    assert_eq!(hub.report("in").await.queues.retries, 0);
    let event = hub.event("in", "write-error:a").await;
    assert_eq!(event.get("resolved").and_then(Json::as_bool), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_that_comes_again_in_every_run_dies_and_stays_dead_until_it_changes() {
    let entities = format!("[{}]", large("a"));
    let mut hub = Hub::with(&[&narrow(100, &entities)]).await;
    for expected in [(0, false), (1, false), (2, true), (2, true)] {
        hub.run_all_of(&["in"]).await;
        assert_eq!(attempts(&hub, "in", "a").await, expected);
        hub = hub.restart().await;
    }
    assert_eq!(hub.log("dead").await.len(), 1);
    let events = hub.events("in").await;
    let errors = events.iter().filter(|kind| *kind == "write-error").count();
    assert_eq!(errors, 3, "nothing is tried or logged after the end");
    let other = format!("[{}]", large("a").replace("text", "other"));
    hub.configure(&[&narrow(100, &other)]).await;
    hub.run_all_of(&["in"]).await;
    assert_eq!(attempts(&hub, "in", "a").await, (0, false));
    hub.configure(&[&narrow(1_000, &other)]).await;
    hub.run_all_of(&["in"]).await;
    assert_eq!(hub.live("in").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn outside_too_an_entity_has_one_try_per_run_and_none_when_it_is_dead() {
    let other = OtherSide::new(|request| match request.body.contains("bad") {
        true => (500, "{}".into()),
        false => (200, "{}".into()),
    })
    .await;
    let pipe = |text: &str| {
        let entities = format!(r#"[{{"_id": "a", "is": "{text}"}}, {{"_id": "b"}}]"#);
        embedded("out", &entities).replace(
            r#""pump": {"#,
            &format!(
                r#""sink": {{"type": "json", "system": "away", "url": "push"}}, "pump": {{{PUMP} "batch_retries": 0, "#
            ),
        )
    };
    let tried = |other: &OtherSide| {
        let requests = other.requests();
        let alone = |body: &str| body.contains("bad") && !body.contains(r#""b""#);
        requests
            .iter()
            .filter(|request| alone(&request.body))
            .count()
    };
    let mut hub = Hub::with(&[&other.system(), &pipe("bad")]).await;
    for (run, expected) in [(0, false), (1, false), (2, true), (2, true)]
        .into_iter()
        .enumerate()
    {
        hub.run_all_of(&["out"]).await;
        assert_eq!(attempts(&hub, "out", "a").await, expected, "run {run}");
        assert_eq!(tried(&other), (run + 1).min(3), "run {run}");
    }
    assert_eq!(hub.live("dead").await.len(), 1);
    hub.configure(&[&other.system(), &pipe("good")]).await;
    hub.run_all_of(&["out"]).await;
    let event = hub.event("out", "write-error:a").await;
    assert_eq!(event.get("resolved").and_then(Json::as_bool), Some(true));
    assert_eq!(
        hub.live("dead").await.len(),
        1,
        "a letter stays unless letters are tracked"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_heals_an_error_is_named_also_where_it_was_not_read_again() {
    let answers = ["good", "bad", "good"].map(|what| {
        let text = if what == "bad" {
            "x".repeat(200)
        } else {
            "1".to_owned()
        };
        format!(r#"[{{"_id": "a", "text": "{text}"}}, {{"_id": "b"}}]"#)
    });
    let turn = std::sync::atomic::AtomicUsize::new(0);
    let other = OtherSide::new(move |_| {
        let turn = turn.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        (200, answers[turn].clone())
    })
    .await;
    let pulled = format!(
        r#"{{"_id": "in", "type": "pipe", "source": {{"type": "json", "system": "away", "url": "feed"}},
            "sink": {{"type": "dataset", "max_entity_bytes_size": 100}},
            "pump": {{{PUMP} "schedule_interval": 86400}}}}"#
    );
    let hub = Hub::with(&[&other.system(), &pulled]).await;
    for _ in 0..3 {
        hub.run_all_of(&["in"]).await;
    }
    assert!(hub.passed_over() > 0, "the last answer is known");
    let event = hub.event("in", "write-error:a").await;
    let by = event.get("resolved_entity").and_then(|by| by.get("text"));
    assert_eq!(by.and_then(Json::as_str), Some("1"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_without_id_is_a_read_error_with_its_position() {
    let other = OtherSide::new(|_| {
        let entities = r#"[{"_id": "a"}, {"_id": "b"}, {"n": 1}, {"_id": 5}]"#;
        (200, entities.into())
    })
    .await;
    let pulled = format!(
        r#"{{"_id": "in", "type": "pipe", "source": {{"type": "json", "system": "away", "url": "feed"}},
            "pump": {{{PUMP} "schedule_interval": 86400}}}}"#
    );
    let mut hub = Hub::with(&[&other.system(), &pulled]).await;
    let (success, message) = hub.run("in").await;
    assert!(
        !success && message.contains("(entity 2 at byte 29)"),
        "{message}"
    );
    assert_eq!(hub.live("in").await, [r#"{"_id":"a"}"#, r#"{"_id":"b"}"#]);
    assert_eq!(
        hub.events("in").await,
        ["pump-started", "read-error", "pump-failed"]
    );
    let given = embedded("in", r#"[{"_id": "a"}, {"_id": 5}]"#);
    hub.configure(&[&given]).await;
    let (success, message) = hub.run("in").await;
    assert!(!success && message.contains("(entity 1)"), "{message}");
    let rules = r#""transform": {"type": "dtl", "rules": {"default": [["add", "_id", "made"]]}}, "pump": {"#;
    hub.configure(&[&given.replace(r#""pump": {"#, rules)])
        .await;
    assert!(hub.run("in").await.0, "transforms may give ids");
}
