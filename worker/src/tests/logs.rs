//! Execution logs: what their events say (EX2-EX5) and how long they are kept (CO4).

use super::Hub;
use super::configurations::{embedded, people};
use super::hub::json;
use super::other_side::OtherSide;
use crate::housekeeping;
use sluice_dataset::{AppendOptions, PreparedEntity, WritableDataset};
use sluice_entity::{Entity, Json, Numbers};
use sluice_protocol::OperationKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio_util::sync::CancellationToken;

/// What stands at a path of an event, as text.
fn at(event: &Json, path: &str) -> String {
    let found = path
        .split('/')
        .try_fold(event, |json, name| json.get(name))
        .unwrap_or_else(|| panic!("no {path} in {event}"));
    found.to_string()
}

/// Events of long ago in a pipe's log.
async fn write_old(hub: &Hub, pipe: &str, events: &[&str]) {
    let name = crate::execution_log::dataset_name(pipe);
    let log = hub.worker.shared.internal_dataset(name).await.unwrap();
    let key = *hub.worker.shared.store.hash_key();
    let prepared: Vec<PreparedEntity> = events
        .iter()
        .map(|event| {
            let entity = Entity::new(json(event).to_value(&Numbers::default())).unwrap();
            PreparedEntity::new(&entity, &key).unwrap()
        })
        .collect();
    log.append(&prepared, 1_000, &AppendOptions::default())
        .unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn old_events_go_from_the_logs_of_all_pipes_and_the_latest_of_each_kind_stays() {
    let hub = Hub::with(&[&people(2)]).await;
    let old = [
        r#"{"_id": "pump-started", "event_type": "pump-started", "n": 1}"#,
        r#"{"_id": "read-error:1", "event_type": "read-error"}"#,
        r#"{"_id": "write-error:a", "event_type": "write-error"}"#,
        r#"{"_id": "pump-failed", "event_type": "pump-failed", "n": 1}"#,
    ];
    for pipe in ["people", "gone"] {
        write_old(&hub, pipe, &old).await;
    }
    hub.run_all_of(&["people"]).await;
    let worker = &hub.worker;
    housekeeping::trim_logs(
        &worker.shared,
        &worker.deployment,
        &CancellationToken::new(),
    )
    .await;
    let kept = ["pump-failed", "pump-started", "pump-completed"];
    assert_eq!(hub.events("people").await, kept);
    assert_eq!(hub.events("gone").await, ["pump-started", "pump-failed"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_end_of_a_run_says_what_it_took_and_what_its_hops_found() {
    let cities = embedded(
        "cities",
        r#"[{"_id": "x", "of": "a"}, {"_id": "y", "of": "a"}, {"_id": "z", "of": "b"}]"#,
    );
    let join = r#"{"_id": "join", "type": "pipe", "pump": {"schedule_interval": 86400},
        "source": {"type": "embedded", "entities": [{"_id": "a"}, {"_id": "b"}, {"_id": "c"}]},
        "transform": {"type": "dtl", "rules": {"default": [["copy", "_id"], ["add", "n", ["count",
            ["hops", {"datasets": ["cities c"], "where": ["eq", "_S._id", "c.of"]}]]]]}}}"#;
    let hub = Hub::with(&[&cities, join]).await;
    hub.run_all_of(&["cities", "join"]).await;
    let event = hub.event("join", "pump-completed").await;
    for (path, expected) in [
        ("metrics/entities/entities_last_run", "3"),
        ("metrics/entities/changes_last_run", "3"),
        ("metrics/entities/read_errors_last_run", "0"),
        ("metrics/entities/write_errors_last_run", "0"),
        ("metrics/hops/max-cardinality", "2"),
        ("metrics/hops/max-cardinality-last-run", "2"),
        ("metrics/hops/total-rows-last-run", "3"),
        ("sync_type", "\"full\""),
        ("retry_entities_exist", "false"),
        ("entities_succeeded", "3"),
        ("entities_failed", "0"),
    ] {
        assert_eq!(at(&event, path), expected, "{path}");
    }
    for path in [
        "metrics/entities/source_time",
        "metrics/entities/transform_time",
        "metrics/entities/sink_time",
        "total_time",
    ] {
        let seconds: f64 = at(&event, path)
            .trim_matches('"')
            .trim_start_matches("~f")
            .parse()
            .unwrap();
        assert!((0.0..60.0).contains(&seconds), "{path} {seconds}");
    }
    let bytes = |path: &str| at(&event, path).parse::<u64>().unwrap();
    let largest = bytes("metrics/memory/batch-max-mem-size");
    assert!(largest > 0 && bytes("metrics/memory/total-peak") >= largest);
}

/// A source of one dataset, a sink that refuses until the gate opens.
fn output(pump: &str) -> String {
    format!(
        r#"{{"_id": "out", "type": "pipe", "batch_size": 1,
            "source": {{"type": "dataset", "dataset": "people", "supports_signalling": false}},
            "sink": {{"type": "json", "system": "away", "url": "push"}},
            "pump": {{"batch_retries": 0, {pump} "max_consecutive_write_errors": 5, "schedule_interval": 86400}}}}"#
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_entity_that_waits_in_the_queue_is_still_deleted_when_it_is_sent() {
    let open = Arc::new(AtomicBool::new(false));
    let gate = open.clone();
    let other = OtherSide::new(move |request| {
        let is_refused = request.body.contains("\"_id\"") && !gate.load(Ordering::SeqCst);
        (if is_refused { 500 } else { 200 }, "{}".into())
    })
    .await;
    let queue = output(r#""max_write_errors_in_retry_dataset": 10,"#);
    let gone = embedded("people", r#"[{"_id": "a", "_deleted": true, "n": 1}]"#);
    let hub = Hub::with(&[&other.system(), &gone, &queue]).await;
    hub.run_all_of(&["people", "out"]).await;
    let error = hub.event("out", "write-error:a").await;
    for (path, expected) in [
        ("entity/_id", "\"a\""),
        ("entity/n", "1"),
        ("entity/_deleted", "true"),
        ("retryable", "true"),
        ("resolved", "false"),
        ("dead", "false"),
        ("error_code", "0"),
    ] {
        assert_eq!(at(&error, path), expected, "{path}");
    }
    assert!(at(&error, "traceback").contains("500"));

    open.store(true, Ordering::SeqCst);
    hub.run_all_of(&["out"]).await;
    let sent = other.requests().into_iter().rev();
    let sent = sent.map(|request| request.body);
    let sent: Vec<String> = sent.filter(|body| body.contains("\"_id\"")).collect();
    let body = json(&sent[0]);
    let last = &body.as_array().unwrap()[0];
    assert_eq!(
        last.get("_deleted").and_then(Json::as_bool),
        Some(true),
        "{last}"
    );
    let resolved = hub.event("out", "write-error:a").await;
    assert_eq!(at(&resolved, "resolved"), "true");
    assert_eq!(at(&resolved, "entity/n"), "1");
    assert!(resolved.get("resolved_entity").is_none(), "it is the same");
    let completed = hub.event("out", "pump-completed").await;
    assert_eq!(
        at(&completed, "metrics/entities/retries_succeeded_last_run"),
        "1"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_newer_version_that_resolves_an_error_stands_beside_the_one_that_failed() {
    let other = OtherSide::new(|request| {
        let is_refused = request.body.contains("\"n\":1");
        (if is_refused { 500 } else { 200 }, "{}".into())
    })
    .await;
    let queue = output(r#""max_write_errors_in_retry_dataset": 10,"#);
    let version = |n: u32| embedded("people", &format!(r#"[{{"_id": "a", "n": {n}}}]"#));
    let mut hub = Hub::with(&[&other.system(), &version(1), &queue]).await;
    hub.run_all_of(&["people", "out"]).await;
    hub.configure(&[&other.system(), &version(2), &queue]).await;
    hub.run_all_of(&["people", "out"]).await;
    let resolved = hub.event("out", "write-error:a").await;
    assert_eq!(at(&resolved, "resolved"), "true");
    assert_eq!(at(&resolved, "entity/n"), "1");
    assert_eq!(at(&resolved, "resolved_entity/n"), "2");
    let completed = hub.event("out", "pump-completed").await;
    let failed = at(
        &completed,
        "metrics/entities/number_of_failed_retries_last_run",
    );
    assert_eq!(failed, "1", "it was tried again before the newer one came");
}

#[tokio::test(flavor = "multi_thread")]
async fn setting_the_offset_leaves_the_old_and_the_new_one_in_the_log() {
    let hub = Hub::with(&[
        &people(3),
        &super::configurations::dataset("copy", "people", r#"[["copy", "*"]]"#),
    ])
    .await;
    hub.run_all_of(&["people", "copy"]).await;
    for (given, before, after, is_reset) in [("1", "2", "1", "false"), ("", "1", "", "true")] {
        hub.operate(
            "copy",
            OperationKind::UpdateLastSeen,
            &[("last-seen", given)],
        )
        .await
        .unwrap();
        let event = hub.event("copy", "pump-offset-set").await;
        assert_eq!(at(&event, "original_pipe_offset"), format!("\"{before}\""));
        assert_eq!(at(&event, "pipe_offset"), format!("\"{after}\""));
        assert_eq!(at(&event, "is_reset"), is_reset);
        assert_eq!(at(&event, "user/user_id"), "\"tester\"");
    }
}
