//! Write errors: retries, the queue, dead letters (PU11-PU14, R31-R35).

use super::Hub;
use super::configurations::embedded;
use sluice_entity::Json;
use sluice_protocol::OperationKind;

/// A sink that takes no entity of more than 100 bytes.
fn narrow(entities: &str, pump: &str) -> String {
    embedded("in", entities).replace(
        r#""pump": {"#,
        &format!(
            r#""sink": {{"type": "dataset", "dataset": "in", "max_entity_bytes_size": 100, "deletion_tracking": false}},
               "pump": {{{pump} "#
        ),
    )
}

fn wide(text: usize) -> String {
    format!(
        r#"[{{"_id": "a"}}, {{"_id": "b", "text": "{}"}}, {{"_id": "c"}}]"#,
        "x".repeat(text)
    )
}

const QUEUE: &str = r#""max_write_errors_in_retry_dataset": 10, "max_consecutive_write_errors": 5, "max_retries_per_entity": 2,
    "dead_letter_dataset": "dead", "track_dead_letters": true,"#;

#[tokio::test(flavor = "multi_thread")]
async fn by_default_the_first_write_error_ends_the_run() {
    let hub = Hub::with(&[&narrow(&wide(500), "")]).await;
    let (success, message) = hub.run("in").await;
    assert!(!success && message.contains("larger than"), "{message}");
    let failed = hub.event("in", "pump-failed").await;
    let entity = failed
        .get("exception_entity")
        .and_then(|entity| entity.get("_id"))
        .and_then(Json::as_str);
    assert_eq!(
        (failed.get("reason").and_then(Json::as_str), entity),
        (Some("entity-too-large"), Some("b"))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_entity_is_tried_again_until_it_is_given_up_and_healed_by_a_newer_version() {
    let mut hub = Hub::with(&[&narrow(&wide(500), QUEUE)]).await;
    assert!(hub.run("in").await.0);
    assert_eq!(hub.live("in").await, [r#"{"_id":"a"}"#, r#"{"_id":"c"}"#]);
    assert_eq!(hub.report("in").await.queues.retries, 1);
    let error = hub.event("in", "write-error:b").await;
    assert_eq!(error.get("retryable").and_then(Json::as_bool), Some(true));
    assert_eq!(error.get("retry_attempts").and_then(Json::as_i64), Some(0));

    // The source is empty now, so that only the queue is left to be tried.
    hub = hub.restart().await;
    hub.configure(&[&narrow("[]", QUEUE)]).await;
    assert!(hub.run("in").await.0);
    assert_eq!(
        hub.event("in", "write-error:b")
            .await
            .get("retry_attempts")
            .and_then(Json::as_i64),
        Some(1)
    );
    assert_eq!(hub.log("dead").await.len(), 0);
    assert!(hub.run("in").await.0);
    let given_up = hub.event("in", "write-error:b").await;
    assert_eq!(given_up.get("dead").and_then(Json::as_bool), Some(true));
    assert_eq!(hub.report("in").await.queues.retries, 0);
    assert_eq!(hub.live("dead").await.len(), 1);
    assert!(hub.run("in").await.0, "a dead entity is not tried again");

    hub.configure(&[&narrow(&wide(1), QUEUE)]).await;
    assert!(hub.run("in").await.0);
    assert_eq!(hub.live("in").await.len(), 3);
    assert_eq!(
        hub.event("in", "write-error:b")
            .await
            .get("resolved")
            .and_then(Json::as_bool),
        Some(true)
    );
    assert_eq!(
        hub.live("dead").await.len(),
        0,
        "a later success takes it out of the dead letters"
    );
    let letters = hub.log("dead").await;
    let gone = super::hub::json(letters.last().unwrap());
    let text = gone.get("text").and_then(Json::as_str).map(str::len);
    let deleted = gone.get("_deleted").and_then(Json::as_bool);
    assert_eq!(
        (deleted, text),
        (Some(true), Some(500)),
        "a delete keeps what it said"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_over_its_limit_ends_the_run_and_can_be_discarded() {
    let large = |id: &str| format!(r#"{{"_id": "{id}", "text": "{}"}}"#, "x".repeat(500));
    let entities = format!("[{}, {}, {}]", large("a"), large("b"), large("c"));
    let pump = r#""max_write_errors_in_retry_dataset": 2, "max_consecutive_write_errors": 100,"#;
    let hub = Hub::with(&[&narrow(&entities, pump)]).await;
    assert!(!hub.run("in").await.0);
    assert_eq!(hub.report("in").await.queues.retries, 2);
    hub.operate("in", OperationKind::DiscardRetries, &[])
        .await
        .unwrap();
    assert_eq!(hub.report("in").await.queues.retries, 0);
    assert_eq!(
        hub.events("in").await.last().map(String::as_str),
        Some("pump-discard-retries")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn consecutive_errors_are_bounded_apart_from_the_queue() {
    let large = |id: &str| format!(r#"{{"_id": "{id}", "text": "{}"}}"#, "x".repeat(500));
    let entities = format!("[{}, {}, {}]", large("a"), large("b"), large("c"));
    let pump = r#""max_write_errors_in_retry_dataset": 10, "max_consecutive_write_errors": 2,"#;
    let hub = Hub::with(&[&narrow(&entities, pump)]).await;
    assert!(!hub.run("in").await.0);
    assert_eq!(hub.report("in").await.queues.retries, 2);
}
