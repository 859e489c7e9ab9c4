//! Pipes from source to dataset: runs, offsets, deletion tracking, what ends a run.

use super::Hub;
use super::configurations::{dataset, embedded, people, receiver};
use sluice_entity::Json;
use sluice_protocol::{EntityStage, OperationKind, PushRequest};

#[tokio::test(flavor = "multi_thread")]
async fn embedded_entities_go_through_dtl_into_a_dataset_and_from_there_into_the_next() {
    let first = embedded(
        "people",
        r#"[{"_id": "1", "name": "Ann"}, {"_id": "2", "name": "Bo"}]"#,
    );
    let second = dataset(
        "upper",
        "people",
        r#"[["copy", "_id"], ["add", "NAME", ["upper", "_S.name"]]]"#,
    );
    let hub = Hub::with(&[&first, &second]).await;
    hub.run_all_of(&["people", "upper"]).await;
    assert_eq!(
        hub.log("people").await,
        [r#"{"_id":"1","name":"Ann"}"#, r#"{"_id":"2","name":"Bo"}"#]
    );
    assert_eq!(
        hub.log("upper").await,
        [r#"{"_id":"1","NAME":"ANN"}"#, r#"{"_id":"2","NAME":"BO"}"#]
    );
    assert_eq!(hub.last_seen("upper").await, "1");
    hub.run_all_of(&["people", "upper"]).await;
    assert_eq!(
        hub.log("upper").await.len(),
        2,
        "nothing changed, nothing is appended"
    );
    assert_eq!(
        hub.stage("upper", EntityStage::Source).await,
        hub.log("people").await
    );
    assert_eq!(
        hub.stage("upper", EntityStage::AfterTransform).await,
        hub.log("upper").await
    );
    assert_eq!(
        hub.stage("upper", EntityStage::Sink).await,
        hub.log("upper").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_run_deletes_what_it_did_not_produce_and_the_delete_goes_downstream() {
    let copy = dataset("copy", "people", r#"[["copy", "*"]]"#);
    let mut hub = Hub::with(&[&people(3), &copy]).await;
    hub.run_all_of(&["people", "copy"]).await;
    hub.configure(&[&people(2), &copy]).await;
    hub.run_all_of(&["people", "copy"]).await;
    assert_eq!(hub.live("copy").await.len(), 2);
    assert_eq!(
        hub.log("copy").await.last().unwrap(),
        r#"{"_id":"2","_deleted":true,"n":2}"#
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn deletes_of_runs_and_of_full_pushes_are_marked_where_the_sink_says_so() {
    const MARKS: &str = r#""sink": {"mark_deletion_tracked": true},"#;
    let marking = |pipe: &str| pipe.replacen('{', &format!("{{{MARKS}"), 1);
    let mut hub = Hub::with(&[&marking(&people(2)), &marking(&receiver("in"))]).await;
    hub.run_all_of(&["people"]).await;
    hub.configure(&[&marking(&people(1)), &marking(&receiver("in"))])
        .await;
    hub.run_all_of(&["people"]).await;
    let marked = r#"{"_id":"1","_deleted":true,"$deletion_tracked":true,"n":1}"#;
    assert_eq!(hub.log("people").await[2..], [marked]);

    let full = |sequence: &str| PushRequest {
        sequence_id: Some(sequence.to_owned()),
        is_full: true,
        is_first: true,
        is_last: true,
        request_id: Some("0".to_owned()),
        ..PushRequest::default()
    };
    for (sequence, body) in [("s", r#"[{"_id": "1", "n": 1}]"#), ("t", "[]")] {
        hub.push_as("in", full(sequence), body).await.unwrap();
    }
    assert_eq!(hub.log("in").await[1..], [marked]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_delete_stops_the_pipe_before_the_first_delete_until_a_person_lets_it_through() {
    let mut hub = Hub::with(&[&people(200)]).await;
    hub.run_all_of(&["people"]).await;
    hub.configure(&[&people(50)]).await;
    let (success, message) = hub.run("people").await;
    assert!(!success);
    assert!(message.contains("150 of 200"), "{message}");
    assert_eq!(hub.live("people").await.len(), 200);
    assert_eq!(
        hub.event("people", "pump-failed")
            .await
            .get("reason")
            .and_then(Json::as_str),
        Some("mass-delete")
    );
    let allowed = hub
        .run_as(
            "people",
            OperationKind::Start,
            &[("allow-mass-delete", "true")],
        )
        .await;
    assert!(allowed.0, "{}", allowed.1);
    assert_eq!(hub.live("people").await.len(), 50);
    hub.configure(&[&people(10)]).await;
    assert!(
        hub.run("people").await.0,
        "a small dataset may lose most of itself, and leave was for one run only"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn new_entities_do_not_hide_the_loss_of_all_the_old_ones() {
    let named = |prefix: &str| {
        let entities: Vec<String> = (0..150)
            .map(|n| format!(r#"{{"_id": "{prefix}{n}"}}"#))
            .collect();
        embedded("people", &format!("[{}]", entities.join(",")))
    };
    let mut hub = Hub::with(&[&named("old")]).await;
    hub.run_all_of(&["people"]).await;
    hub.configure(&[&named("new")]).await;
    let (success, message) = hub.run("people").await;
    assert!(!success && message.contains("150 of 150"), "{message}");
    assert_eq!(hub.live("people").await.len(), 300);
    assert!(
        !hub.run("people").await.0,
        "nor do they at the next attempt"
    );
    assert!(
        hub.run_as(
            "people",
            OperationKind::Start,
            &[("allow-mass-delete", "true")]
        )
        .await
        .0
    );
    assert_eq!(hub.live("people").await.len(), 150);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_keeps_the_data_and_reads_everything_again() {
    let copy = dataset("copy", "people", r#"[["copy", "*"]]"#);
    let hub = Hub::with(&[&people(5), &copy]).await;
    hub.run_all_of(&["people", "copy"]).await;
    assert_eq!(hub.last_seen("copy").await, "4");
    hub.operate("copy", OperationKind::UpdateLastSeen, &[("last-seen", "")])
        .await
        .unwrap();
    assert_eq!(hub.last_seen("copy").await, "null");
    assert_eq!(hub.log("copy").await.len(), 5);
    hub.run_all_of(&["copy"]).await;
    assert_eq!(
        (
            hub.log("copy").await.len(),
            hub.last_seen("copy").await.as_str()
        ),
        (5, "4")
    );
    let event = hub.event("copy", "pump-offset-set").await;
    assert_eq!(event.get("is_reset").and_then(Json::as_bool), Some(true));
    assert_eq!(
        event.get("original_pipe_offset").and_then(Json::as_str),
        Some("4")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_offset_can_be_set_and_moved_to_the_end() {
    let copy = dataset("copy", "people", r#"[["copy", "*"]]"#);
    let hub = Hub::with(&[&people(5), &copy]).await;
    hub.run_all_of(&["people"]).await;
    hub.operate("copy", OperationKind::UpdateLastSeen, &[("last-seen", "2")])
        .await
        .unwrap();
    hub.run_all_of(&["copy"]).await;
    assert_eq!(
        hub.log("copy").await,
        [r#"{"_id":"3","n":3}"#, r#"{"_id":"4","n":4}"#]
    );
    for bad in ["-1", "abc", "1.5", "[1]", "{\"other\":1}"] {
        let refused = hub
            .operate("copy", OperationKind::UpdateLastSeen, &[("last-seen", bad)])
            .await;
        assert_eq!(refused.unwrap_err().reason, "invalid-last-seen", "{bad}");
    }
    hub.operate("copy", OperationKind::UpdateLastSeen, &[("last-seen", "")])
        .await
        .unwrap();
    hub.operate("copy", OperationKind::SetLastSeenToEnd, &[])
        .await
        .unwrap();
    hub.run_all_of(&["copy"]).await;
    assert_eq!(
        (
            hub.log("copy").await.len(),
            hub.last_seen("copy").await.as_str()
        ),
        (2, "4")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn filter_deletes_and_discard_leaves_alone() {
    let rules =
        r#"[["filter", ["neq", "_S.n", 1]], ["discard", ["eq", "_S.n", 2]], ["copy", "*"]]"#;
    let keep_all = dataset("copy", "people", r#"[["copy", "*"]]"#);
    let mut hub = Hub::with(&[&people(4), &keep_all]).await;
    hub.run_all_of(&["people", "copy"]).await;
    hub.configure(&[&people(4), &dataset("copy", "people", rules)])
        .await;
    // A partial re-read: without a full run nothing but the filter deletes.
    hub.operate("copy", OperationKind::UpdateLastSeen, &[("last-seen", "0")])
        .await
        .unwrap();
    hub.run_all_of(&["copy"]).await;
    assert_eq!(
        hub.log("copy").await[4..],
        [r#"{"_id":"1","_deleted":true}"#],
        "the target as it was at the filter"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entity_that_fails_ends_the_run_and_what_came_before_is_kept() {
    let rules = r#"[["if", ["eq", "_S.n", 3], ["fail!", "three"]], ["copy", "*"]]"#;
    let copy = dataset("copy", "people", rules)
        .replace(r#""type": "pipe","#, r#""type": "pipe", "batch_size": 1,"#);
    let mut hub = Hub::with(&[&people(6), &copy]).await;
    hub.run_all_of(&["people"]).await;
    let (success, message) = hub.run("copy").await;
    assert!(!success && message.contains("three"), "{message}");
    assert_eq!(
        (
            hub.log("copy").await.len(),
            hub.last_seen("copy").await.as_str()
        ),
        (3, "2")
    );
    let failed = hub.event("copy", "pump-failed").await;
    let entity = failed
        .get("exception_entity")
        .and_then(|entity| entity.get("_id"))
        .and_then(Json::as_str);
    assert_eq!(entity, Some("3"));

    // The full run goes on where it stopped, also in another process, and ends as a full run.
    hub = hub.restart().await;
    let repaired = dataset("copy", "people", r#"[["copy", "*"]]"#);
    hub.configure(&[&people(6), &repaired]).await;
    hub.run_all_of(&["copy"]).await;
    let completed = hub.event("copy", "pump-completed").await;
    assert_eq!(
        completed.get("sync_type").and_then(Json::as_str),
        Some("full")
    );
    let read = completed
        .get("metrics")
        .and_then(|metrics| metrics.get("entities")?.get("entities_last_run")?.as_i64());
    assert_eq!(read, Some(3), "only what was left");
    assert_eq!(
        hub.live("copy").await.len(),
        6,
        "what the interrupted part produced was seen"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_tells_of_runs_that_changed_something_and_of_nothing_else() {
    let hub = Hub::with(&[&people(2)]).await;
    hub.run_all_of(&["people"]).await;
    assert_eq!(
        hub.events("people").await,
        ["pump-started", "pump-completed"]
    );
    hub.run_all_of(&["people", "people"]).await;
    assert_eq!(
        hub.events("people").await.len(),
        2,
        "runs that change nothing are not logged"
    );
    let started = hub.event("people", "pump-started").await;
    assert_eq!(
        started
            .get("user")
            .and_then(|user| user.get("user_id"))
            .and_then(Json::as_str),
        Some("tester")
    );
    let completed = hub.event("people", "pump-completed").await;
    assert_eq!(
        completed
            .get("pump_started_location")
            .and_then(Json::as_i64),
        Some(0)
    );
    assert_eq!(
        completed.get("entities_succeeded").and_then(Json::as_i64),
        Some(2)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn noop_runs_are_logged_where_the_pump_wants_them() {
    let every = people(1).replace(
        r#""schedule_interval""#,
        r#""log_events_noop_runs": true, "schedule_interval""#,
    );
    let hub = Hub::with(&[&every]).await;
    hub.run_all_of(&["people", "people"]).await;
    assert_eq!(
        hub.events("people").await,
        [
            "pump-started",
            "pump-completed",
            "pump-started",
            "pump-completed"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_source_that_must_not_be_empty_fails_before_anything_is_deleted() {
    let strict = |count| {
        people(count).replace(
            r#""type": "embedded","#,
            r#""type": "embedded", "if_source_empty": "fail","#,
        )
    };
    let mut hub = Hub::with(&[&strict(2)]).await;
    hub.run_all_of(&["people"]).await;
    hub.configure(&[&strict(0)]).await;
    assert!(!hub.run("people").await.0);
    assert_eq!(hub.live("people").await.len(), 2);
    hub.configure(&[&people(0)]).await;
    assert!(hub.run("people").await.0);
    assert_eq!(
        hub.live("people").await.len(),
        0,
        "by default an empty source is a full source"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_nth_run_reads_everything() {
    let copy = dataset("copy", "people", r#"[["copy", "*"]]"#).replace(
        r#""pump": {"#,
        r#""pump": {"rescan_run_count": 2, "log_events_noop_runs": true, "#,
    );
    let hub = Hub::with(&[&people(3), &copy]).await;
    hub.run_all_of(&["people", "copy", "copy", "copy", "copy"])
        .await;
    let log = hub.log("system:pump:copy").await;
    let kinds: Vec<String> = log
        .iter()
        .map(|event| super::hub::json(event))
        .filter(|event| event.get("event_type").and_then(Json::as_str) == Some("pump-completed"))
        .map(|event| {
            event
                .get("sync_type")
                .and_then(Json::as_str)
                .unwrap()
                .to_owned()
        })
        .collect();
    assert_eq!(kinds, ["full", "incremental", "full", "incremental"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn second_versions_are_refused_or_passed_over_where_the_sink_says_so() {
    let sink = |kind: &str| {
        people(2).replace(
            r#""pump": {"#,
            &format!(r#""sink": {{"type": "dataset", "dataset": "people", "prevent_multiple_versions": {kind}}}, "pump": {{"#),
        )
    };
    let changed = |kind: &str| sink(kind).replace(r#""n": 1"#, r#""n": 100"#);
    let mut hub = Hub::with(&[&sink("true")]).await;
    hub.run_all_of(&["people", "people"]).await;
    hub.configure(&[&changed("true")]).await;
    assert!(!hub.run("people").await.0);
    hub.configure(&[&changed("\"ignore\"")]).await;
    assert!(hub.run("people").await.0);
    assert_eq!(hub.log("people").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn reposted_entities_are_seen_again_downstream() {
    let copy = dataset(
        "copy",
        "people",
        r#"[["copy", "*"], ["add", "at", "_S._updated"]]"#,
    );
    let hub = Hub::with(&[&people(3), &copy]).await;
    hub.run_all_of(&["people", "copy"]).await;
    hub.operate(
        "people",
        OperationKind::Repost,
        &[("entity-ids", r#"["1", "unknown"]"#)],
    )
    .await
    .unwrap();
    assert_eq!(hub.log("people").await.len(), 4);
    hub.run_all_of(&["copy"]).await;
    assert_eq!(
        hub.log("copy").await.last().unwrap(),
        r#"{"_id":"1","at":3,"n":1}"#
    );
    assert_eq!(
        hub.event("people", "entities-reposted")
            .await
            .get("num_entities")
            .and_then(Json::as_i64),
        Some(1)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_removed_pipe_remembered_goes_with_it_and_its_dataset_stays() {
    let copy = dataset("copy", "people", r#"[["copy", "*"]]"#);
    let mut hub = Hub::with(&[&people(3), &copy]).await;
    hub.run_all_of(&["people", "copy"]).await;
    hub.configure(&[&people(3)]).await;
    assert_eq!(hub.worker_error("copy").await, "unknown-pipe");
    assert_eq!(hub.log("copy").await.len(), 3);
    hub.configure(&[&people(3), &copy]).await;
    assert_eq!(hub.last_seen("copy").await, "null");
}

#[tokio::test(flavor = "multi_thread")]
async fn offsets_and_state_survive_a_restart() {
    let copy = dataset("copy", "people", r#"[["copy", "*"]]"#);
    let hub = Hub::with(&[&people(3), &copy]).await;
    hub.run_all_of(&["people", "copy"]).await;
    hub.operate("copy", OperationKind::Disable, &[("comment", "holiday")])
        .await
        .unwrap();
    let before = hub.report("copy").await;
    let hub = hub.restart().await;
    let after = hub.report("copy").await;
    assert_eq!(
        after.last_seen.map(|since| since.to_string()).as_deref(),
        Some("2")
    );
    assert_eq!(after.last_run, before.last_run);
    assert!(after.disabled);
    assert_eq!(
        hub.event("copy", "pump-disabled")
            .await
            .get("comment")
            .and_then(Json::as_str),
        Some("holiday")
    );
    hub.run_all_of(&["copy"]).await;
    assert_eq!(
        hub.log("copy").await.len(),
        3,
        "a disabled pipe may be started by hand"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_would_give_other_data_keeps_the_pipe_from_running() {
    let subset = dataset("copy", "people", r#"[["copy", "*"]]"#).replace(
        r#""dataset": "people""#,
        r#""dataset": "people", "subset": ["eq", "_S.n", 1]"#,
    );
    let hub = Hub::with(&[&people(3), &subset]).await;
    hub.run_all_of(&["people"]).await;
    let waiting = hub.report("copy").await.waiting_for.unwrap();
    assert!(waiting.contains("subset"), "{waiting}");
    assert_eq!(
        hub.operate("copy", OperationKind::Start, &[])
            .await
            .unwrap_err()
            .reason,
        "pipe-waits"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn transforms_can_compare_with_the_version_before() {
    let rules = r#"[["copy", "_id"], ["add", "changed", ["is-changed", "_.n"]], ["add", "again", ["is-changed", "_._id"]]]"#;
    let copy = dataset("copy", "people", rules);
    let mut hub = Hub::with(&[&people(2), &copy]).await;
    hub.run_all_of(&["people", "copy"]).await;
    assert_eq!(
        hub.live("copy").await[0],
        r#"{"_id":"0","again":null,"changed":null}"#,
        "there is no version before"
    );
    hub.configure(&[&people(2).replace(r#""n": 1"#, r#""n": 7"#), &copy])
        .await;
    hub.run_all_of(&["people", "copy"]).await;
    assert_eq!(
        hub.log("copy").await.last().unwrap(),
        r#"{"_id":"1","again":false,"changed":true}"#
    );
}
