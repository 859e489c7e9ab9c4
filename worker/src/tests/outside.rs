//! Sources and targets outside of the hub: retries, single entities, offsets (PU11, PU12, R20-R24, R31, R32).

use super::Hub;
use super::configurations::people;
use super::other_side::OtherSide;
use sluice_entity::Json;
use sluice_protocol::{OperationKind, Worker};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

fn output(batch_size: u32, pump: &str) -> String {
    format!(
        r#"{{"_id": "out", "type": "pipe", "batch_size": {batch_size},
            "source": {{"type": "dataset", "dataset": "people", "supports_signalling": false}},
            "sink": {{"type": "json", "system": "away", "url": "push"}}, "pump": {{{pump} "schedule_interval": 86400}}}}"#
    )
}

/// Ids of all entities that arrived, in order.
fn arrived(other: &OtherSide, good: impl Fn(&str) -> bool) -> Vec<String> {
    let bodies = other
        .requests()
        .into_iter()
        .map(|request| request.body)
        .filter(|body| good(body));
    bodies
        .flat_map(|body| match super::hub::json(&body) {
            Json::Array(entities) => entities,
            single => vec![single],
        })
        .map(|entity| entity.get("_id").and_then(Json::as_str).unwrap().to_owned())
        .collect()
}

fn refusing(id: &'static str) -> impl Fn(&str) -> bool {
    move |body| !body.contains(&format!(r#""_id":"{id}""#))
}

async fn side_refusing(id: &'static str) -> OtherSide {
    OtherSide::new(move |request| {
        if refusing(id)(&request.body) {
            (200, "{}".into())
        } else {
            (500, "{}".into())
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn entities_arrive_outside_once_and_the_offset_moves() {
    let other = OtherSide::new(|_| (200, "{}".into())).await;
    let hub = Hub::with(&[&other.system(), &people(5), &output(2, "")]).await;
    hub.run_all_of(&["people", "out"]).await;
    assert_eq!(arrived(&other, |_| true), ["0", "1", "2", "3", "4"]);
    assert_eq!(hub.last_seen("out").await, "4");
    let before = arrived(&other, |_| true).len();
    hub.run_all_of(&["out"]).await;
    assert_eq!(arrived(&other, |_| true).len(), before);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_batch_is_tried_again_as_a_batch_and_then_one_by_one() {
    let other = side_refusing("2").await;
    let pump = r#""batch_retries": 1, "max_write_errors_in_retry_dataset": 10, "max_consecutive_write_errors": 5,"#;
    let hub = Hub::with(&[&other.system(), &people(5), &output(5, pump)]).await;
    hub.run_all_of(&["people", "out"]).await;
    assert_eq!(arrived(&other, refusing("2")), ["0", "1", "3", "4"]);
    let batches = other
        .requests()
        .iter()
        .filter(|request| request.body.matches("_id").count() == 5)
        .count();
    assert_eq!(batches, 2, "the batch and the batch once more");
    assert_eq!(hub.report("out").await.queues.retries, 1);
    assert_eq!(hub.last_seen("out").await, "4");
    let error = hub.event("out", "write-error:2").await;
    assert_eq!(error.get("retryable").and_then(Json::as_bool), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_batch_is_queued_as_a_whole_where_the_pump_says_so() {
    let other = side_refusing("2").await;
    let pump = r#""batch_retries": 0, "max_write_errors_in_retry_dataset": 10, "max_consecutive_write_errors": 50,
        "fallback_to_single_entities_on_batch_fail": false,"#;
    let hub = Hub::with(&[&other.system(), &people(5), &output(5, pump)]).await;
    hub.run_all_of(&["people", "out"]).await;
    assert!(arrived(&other, refusing("2")).is_empty());
    assert_eq!(hub.report("out").await.queues.retries, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_retries_the_first_bad_entity_ends_the_run_at_the_last_good_batch() {
    let other = side_refusing("3").await;
    let hub = Hub::with(&[
        &other.system(),
        &people(5),
        &output(2, r#""batch_retries": 0,"#),
    ])
    .await;
    hub.run_all_of(&["people"]).await;
    assert!(!hub.run("out").await.0);
    assert_eq!(hub.last_seen("out").await, "1");
    assert_eq!(arrived(&other, refusing("3")), ["0", "1", "2"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_entity_that_arrives_later_is_resolved() {
    let closed = Arc::new(AtomicU32::new(1));
    let gate = closed.clone();
    let other = OtherSide::new(move |request| {
        let refused = gate.load(Ordering::SeqCst) == 1 && !refusing("2")(&request.body);
        if refused {
            (500, "{}".into())
        } else {
            (200, "{}".into())
        }
    })
    .await;
    let pump = r#""batch_retries": 0, "max_write_errors_in_retry_dataset": 10, "max_consecutive_write_errors": 5,"#;
    let hub = Hub::with(&[&other.system(), &people(3), &output(1, pump)]).await;
    hub.run_all_of(&["people", "out"]).await;
    assert_eq!(hub.report("out").await.queues.retries, 1);
    closed.store(0, Ordering::SeqCst);
    hub.run_all_of(&["out"]).await;
    assert_eq!(hub.report("out").await.queues.retries, 0);
    assert_eq!(
        hub.event("out", "write-error:2")
            .await
            .get("resolved")
            .and_then(Json::as_bool),
        Some(true)
    );
}

fn input(pump: &str, source: &str) -> String {
    format!(
        r#"{{"_id": "in", "type": "pipe", "source": {{"type": "json", "system": "away", "url": "feed" {source}}},
            "pump": {{{pump} "schedule_interval": 86400}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_read_is_tried_again_as_often_as_the_pump_says() {
    let asked = Arc::new(AtomicU32::new(0));
    let count = asked.clone();
    let other = OtherSide::new(move |_| match count.fetch_add(1, Ordering::SeqCst) % 2 {
        0 => (400, "{}".into()),
        _ => (200, r#"[{"_id": "1"}]"#.into()),
    })
    .await;
    let mut hub = Hub::with(&[&other.system(), &input("", "")]).await;
    assert!(!hub.run("in").await.0);
    assert!(hub.events("in").await.contains(&"pump-failed".to_owned()));
    hub.configure(&[&other.system(), &input(r#""max_read_retries": 1,"#, "")])
        .await;
    asked.store(0, Ordering::SeqCst);
    assert!(hub.run("in").await.0);
    assert_eq!(hub.live("in").await.len(), 1);
    assert!(hub.events("in").await.contains(&"read-error".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_does_not_lead_on_fails_the_run_and_nothing_is_deleted() {
    // The other side knows `limit` and not `since`.
    let other = OtherSide::new(|request| {
        let shown = if request.target.contains("limit=2") {
            2
        } else {
            9
        };
        let entities: Vec<String> = (0..shown)
            .map(|n| format!(r#"{{"_id": "{n}", "_updated": {n}}}"#))
            .collect();
        (200, format!("[{}]", entities.join(",")))
    })
    .await;
    let source = r#", "supports_since": true, "is_chronological": true"#;
    let whole = input("", source);
    let paged = input("", &format!(r#"{source}, "page_size": 2"#));
    let mut hub = Hub::with(&[&other.system(), &whole]).await;
    hub.run_all_of(&["in"]).await;
    hub.configure(&[&other.system(), &paged]).await;
    for kind in [OperationKind::StartRescan, OperationKind::Start] {
        let (success, message) = hub.run_as("in", kind, &[]).await;
        assert!(!success, "{message}");
        for part in [
            "system \"away\" at \"feed\"",
            "the page after since value 1 holds 2 entities and it ends at 1",
            "page_size",
        ] {
            assert!(message.contains(part), "{message}");
        }
        assert_eq!(hub.live("in").await.len(), 9);
    }
    let events = hub.events("in").await;
    assert_eq!(events[events.len() - 2..], ["read-error", "pump-failed"]);
    let fresh = Hub::with(&[&other.system(), &paged]).await;
    assert!(!fresh.run("in").await.0, "two of nine are not everything");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_since_value_that_is_only_comparable_is_saved_at_the_end_of_a_successful_run() {
    let broken = Arc::new(AtomicU32::new(1));
    let gate = broken.clone();
    let other = OtherSide::new(move |_| match gate.load(Ordering::SeqCst) {
        1 => (
            200,
            r#"[{"_id": "1", "_updated": "b"}, {"_id": "2", "_updated": "a"}"#.into(),
        ),
        _ => (
            200,
            r#"[{"_id": "1", "_updated": "b"}, {"_id": "2", "_updated": "a"}]"#.into(),
        ),
    })
    .await;
    let source =
        r#", "supports_since": true, "is_since_comparable": true, "initial_since_value": "0""#;
    let pump = r#""log_events_noop_runs": true,"#;
    let hub = Hub::with(&[&other.system(), &input(pump, source)]).await;
    assert!(!hub.run("in").await.0, "the array is not closed");
    assert_eq!(hub.last_seen("in").await, "null");
    broken.store(0, Ordering::SeqCst);
    assert!(hub.run("in").await.0);
    assert_eq!(
        hub.last_seen("in").await,
        r#""b""#,
        "the greatest, not the last"
    );
    hub.run("in").await;
    let since: Vec<bool> = other
        .requests()
        .iter()
        .map(|request| request.target.contains("since=0"))
        .collect();
    assert_eq!(since, [true, true, false], "{:?}", other.requests());
    assert!(other.requests().last().unwrap().target.contains("since=b"));
    let sync_type = hub.event("in", "pump-completed").await;
    assert_eq!(
        sync_type.get("sync_type").and_then(Json::as_str),
        Some("incremental"),
        "since was used"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_entity_in_the_middle_of_a_chronological_stream_loses_nothing_before_it() {
    let other = OtherSide::new(|request| match request.target.contains("since=2") {
        false => (
            200,
            r#"[{"_id": "1", "_updated": 1}, {"_id": "2", "_updated": 2}, {"_id": "3", "_upd"#
                .into(),
        ),
        true => (200, r#"[{"_id": "3", "_updated": 3}]"#.into()),
    })
    .await;
    let source = r#", "supports_since": true, "is_chronological": true"#;
    let hub = Hub::with(&[&other.system(), &input("", source)]).await;
    let (success, message) = hub.run("in").await;
    assert!(!success && message.contains("entity 2"), "{message}");
    assert_eq!(hub.last_seen("in").await, "2");
    assert!(hub.run_as("in", OperationKind::Start, &[]).await.0);
    assert_eq!(
        hub.live("in").await.len(),
        3,
        "the full run went on and did not delete what came before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_system_says_what_keeps_it_from_being_used() {
    let hub = Hub::with(&[
        r#"{"_id": "wrong", "type": "system:url", "url_pattern": 5}"#,
        r#"{"_id": "later", "type": "system:ldap"}"#,
    ])
    .await;
    let systems = hub.worker.systems().await.unwrap();
    let message = |id: &str| {
        let system = systems.iter().find(|system| system.id == id).unwrap();
        system.message.clone().unwrap()
    };
    assert_eq!(
        message("wrong"),
        "the configuration of system \"wrong\" has errors"
    );
    assert!(!message("later").is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_feed_that_was_made_again_or_cut_short_is_a_reason_that_stays_until_a_rescan() {
    let newest = Arc::new(AtomicU32::new(9));
    let generation = Arc::new(AtomicU32::new(1));
    let (last, made) = (newest.clone(), generation.clone());
    let other = OtherSide::with_headers(move |request| {
        let (last, made) = (last.load(Ordering::SeqCst), made.load(Ordering::SeqCst));
        let headers = format!("X-Dataset-Generation: g{made}\r\nX-Dataset-Max-Updated: {last}\r\n");
        let since = request.target.split("since=").nth(1);
        let since: Option<u32> = since.map(|since| since.parse().unwrap());
        let body = if since.is_none_or(|since| since < last) {
            format!(r#"[{{"_id": "a", "_updated": {last}}}]"#)
        } else {
            "[]".to_owned()
        };
        (200, headers, body)
    })
    .await;
    let input = r#"{"_id": "in", "type": "pipe", "pump": {"schedule_interval": 86400, "partial_rescan_run_count": 3,
            "partial_rescan_delta": 2},
        "source": {"type": "json", "system": "away", "url": "x", "supports_since": true,
            "is_since_comparable": true, "is_chronological": true}}"#;
    let hub = Hub::with(&[&other.system(), input]).await;
    let reasons = async || hub.report("in").await.reprocessing_reasons;
    hub.run_all_of(&["in", "in"]).await;
    assert!(reasons().await.is_empty());
    assert_eq!(hub.last_seen("in").await, "9");
    newest.store(5, Ordering::SeqCst);
    hub.run_all_of(&["in", "in"]).await;
    assert_eq!(
        hub.last_seen("in").await,
        "9",
        "a partial rescan that finds nothing does not go back"
    );
    let partial = other
        .requests()
        .iter()
        .any(|request| request.target.ends_with("since=7"));
    assert!(partial, "{:?}", other.requests());
    let truncated = "the dataset behind the feed was truncated";
    assert_eq!(reasons().await, [truncated]);
    generation.store(2, Ordering::SeqCst);
    hub.run_all_of(&["in", "in"]).await;
    assert_eq!(
        reasons().await,
        [
            "the dataset behind the feed was deleted and made again",
            truncated
        ]
    );
    hub.run_as("in", OperationKind::StartRescan, &[]).await;
    assert!(reasons().await.is_empty());
    hub.run_all_of(&["in"]).await;
    assert!(reasons().await.is_empty());
    assert_eq!(hub.last_seen("in").await, "5");
}
