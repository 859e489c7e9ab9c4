//! What goes on in the background and across restarts: compaction, planned starts, facts.

use super::Hub;
use super::configurations::{dataset, people, receiver};
use crate::housekeeping;
use crate::scheduler::keep_control;
use sluice_dataset::Retention;
use sluice_entity::Json;
use sluice_protocol::Worker;
use tokio_util::sync::CancellationToken;

#[tokio::test(flavor = "multi_thread")]
async fn compaction_keeps_the_newest_versions_and_readers_go_on() {
    let hub = Hub::with(&[
        &receiver("in"),
        &dataset("copy", "in", r#"[["copy", "*"]]"#),
    ])
    .await;
    for n in 0..10 {
        hub.push("in", &format!(r#"[{{"_id": "a", "n": {n}}}]"#))
            .await
            .unwrap();
    }
    hub.run_all_of(&["copy"]).await;
    let stored = hub.worker.shared.existing("in").unwrap();
    housekeeping::compact(stored, Retention::default(), &CancellationToken::new()).await;
    assert_eq!(
        hub.log("in").await,
        [r#"{"_id":"a","n":8}"#, r#"{"_id":"a","n":9}"#]
    );
    hub.push("in", r#"[{"_id": "b"}]"#).await.unwrap();
    hub.run_all_of(&["copy"]).await;
    assert_eq!(hub.live("copy").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn compaction_leaves_alone_what_it_is_told_to() {
    let compaction = |id: &str, compaction: &str| {
        let with = format!(r#"{{"compaction": {{"keep_versions": 1, {compaction}}},"#);
        receiver(id).replacen('{', &with, 1)
    };
    let hub = Hub::with(&[
        &compaction("sink", r#""automatic": false"#),
        &compaction("pass", r#""sink": false"#),
        &compaction("never", r#""automatic": false, "sink": false"#),
    ])
    .await;
    for pipe in ["sink", "pass", "never"] {
        for n in 0..3 {
            hub.push(pipe, &format!(r#"[{{"_id": "a", "n": {n}}}]"#))
                .await
                .unwrap();
        }
    }
    let worker = &hub.worker;
    let stop = CancellationToken::new();
    housekeeping::compact_datasets(&worker.shared, &worker.deployment, &stop).await;
    let mut left = Vec::new();
    for pipe in ["sink", "pass", "never"] {
        left.push(hub.log(pipe).await.len());
    }
    assert_eq!(left, [1, 1, 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_that_was_missed_while_the_hub_was_down_is_made_up_for() {
    let cron = |id: &str| {
        people(2).replace("people", id).replace(
            r#""schedule_interval": 86400"#,
            r#""cron_expression": "0 0 1 1 *""#,
        )
    };
    let hub = Hub::with(&[&cron("missed"), &cron("ahead")]).await;
    hub.until(|| async {
        hub.report("missed").await.next_run.is_some()
            && hub.report("ahead").await.next_run.is_some()
    })
    .await;
    let pipe = hub.worker.deployment.get("missed").unwrap();
    pipe.control.lock().due = Some(1);
    keep_control(&hub.worker.shared, &pipe).await.unwrap();
    drop(pipe);
    let hub = hub.restart().await;
    hub.until(|| async { hub.log("missed").await.len() == 2 })
        .await;
    hub.until(|| async {
        hub.report("missed")
            .await
            .next_run
            .is_some_and(|next| next > 1)
    })
    .await;
    assert_eq!(hub.report("ahead").await.last_run, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rescan_that_is_due_reads_everything_again() {
    let copy = dataset("copy", "people", r#"[["copy", "*"]]"#).replace(
        r#""pump": {"#,
        r#""pump": {"rescan_cron_expression": "0 0 1 1 *", "#,
    );
    let hub = Hub::with(&[&people(2), &copy]).await;
    hub.run_all_of(&["people", "copy", "copy"]).await;
    let pipe = hub.worker.deployment.get("copy").unwrap();
    hub.until(|| async { pipe.control.lock().rescan_due.is_some() })
        .await;
    assert_eq!(pipe.progress.lock().runs_since_full, 1);
    pipe.control.lock().rescan_due = Some(1);
    keep_control(&hub.worker.shared, &pipe).await.unwrap();
    drop(pipe);
    let hub = hub.restart().await;
    let pipe = hub.worker.deployment.get("copy").unwrap();
    hub.until(|| async { pipe.progress.lock().runs_since_full == 0 })
        .await;
    hub.until(|| async { pipe.control.lock().rescan_due.is_some_and(|due| due > 1) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_pipe_whose_dataset_is_not_populated_runs_at_startup_where_that_is_asked_for() {
    let eager = |id: &str| {
        people(1).replace("people", id).replace(
            r#""pump": {"#,
            r#""pump": {"run_at_startup_if_not_populated": true, "#,
        )
    };
    // Asked for only afterwards: at this start nothing runs by itself beside the run that is waited for.
    let mut hub = Hub::with(&[&people(1).replace("people", "full")]).await;
    hub.run_all_of(&["full"]).await;
    hub.configure(&[&eager("full"), &eager("empty")]).await;
    let before = hub.report("full").await.last_started;
    let hub = hub.restart().await;
    hub.until(|| async { hub.live("empty").await.len() == 1 })
        .await;
    assert_eq!(hub.report("full").await.last_started, before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_scheduler_can_be_switched_off() {
    let off =
        r#"{"_id": "node", "type": "metadata", "task_manager": {"disable_pump_scheduler": true}}"#;
    let eager = people(1).replace(r#""pump": {"#, r#""pump": {"run_at_startup": true, "#);
    let hub = Hub::with(&[off, &eager]).await;
    let hub = hub.restart().await;
    assert_eq!(
        (
            hub.report("people").await.next_run,
            hub.report("people").await.last_run
        ),
        (None, None)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_worker_tells_facts_without_names() {
    let hub = Hub::with(&[&people(2)]).await;
    hub.run_all_of(&["people"]).await;
    let facts = hub.worker.facts().await.unwrap();
    let number = |name: &str| facts.get(name).and_then(Json::as_i64);
    assert_eq!(
        (number("pipes"), number("datasets"), number("running")),
        (Some(1), Some(2), Some(0))
    );
    assert_eq!(facts.get("healthy").and_then(Json::as_bool), Some(true));
}

#[tokio::test(flavor = "multi_thread")]
async fn emptying_all_pipes_leaves_none_behind_its_input() {
    let hub = Hub::with(&[
        &receiver("in"),
        &super::configurations::signalled("a", "in", r#"[["copy", "*"]]"#),
        &super::configurations::signalled("b", "a", r#"[["copy", "*"]]"#),
    ])
    .await;
    for round in 0..5 {
        let body: Vec<String> = (0..20)
            .map(|n| format!(r#"{{"_id": "{n}", "round": {round}}}"#))
            .collect();
        hub.push("in", &format!("[{}]", body.join(",")))
            .await
            .unwrap();
        hub.worker.delete_all_sink_datasets("tester").await.unwrap();
        hub.push("in", r#"[{"_id": "after"}]"#).await.unwrap();
        hub.until(|| async { hub.live("b").await == [r#"{"_id":"after"}"#] })
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_cannot_be_had_stops_no_other() {
    let odd = r#"{"_id": "odd", "type": "pipe", "source": {"type": "dataset", "dataset": "people"},
        "sink": {"type": "xml_endpoint"}}"#;
    let wrong = r#"{"_id": "wrong", "type": "pipe", "source": {"type": "no-such-source"}}"#;
    let hub = Hub::with(&[odd, wrong, &people(1)]).await;
    hub.run_all_of(&["people"]).await;
    assert!(
        hub.report("odd")
            .await
            .waiting_for
            .unwrap()
            .contains("xml_endpoint")
    );
    assert!(
        hub.report("wrong")
            .await
            .waiting_for
            .unwrap()
            .contains("errors")
    );
    assert!(!hub.report("wrong").await.valid);
}
