//! One run at a time, stopping, limits, quiet logs (PU7, PU15-PU19, R26, R30).

use super::Hub;
use super::configurations::{dataset, people, receiver};
use super::other_side::OtherSide;
use sluice_entity::Json;
use sluice_protocol::OperationKind;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

const COPY: &str = r#"[["copy", "*"]]"#;

fn input(id: &str) -> String {
    format!(
        r#"{{"_id": "{id}", "type": "pipe", "source": {{"type": "json", "system": "away", "url": "{id}"}},
            "pump": {{"schedule_interval": 86400}}}}"#
    )
}

/// Answers only when the gate is open.
fn waiting_for(
    gate: &Arc<AtomicBool>,
) -> impl Fn(&super::other_side::Request) -> (u16, String) + use<> {
    let gate = gate.clone();
    move |_| {
        while !gate.load(Ordering::SeqCst) {
            std::thread::sleep(Duration::from_millis(1));
        }
        (200, r#"[{"_id": "1"}]"#.into())
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_pipe_runs_once_at_a_time_and_can_be_stopped() {
    let gate = Arc::new(AtomicBool::new(false));
    let other = OtherSide::new(waiting_for(&gate)).await;
    let hub = Hub::with(&[&other.system(), &input("in")]).await;
    assert!(
        hub.operate("in", OperationKind::Start, &[])
            .await
            .unwrap()
            .running
    );
    let refused = hub
        .operate("in", OperationKind::Start, &[])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "already-running");
    let refused = hub
        .operate("in", OperationKind::UpdateLastSeen, &[("last-seen", "")])
        .await
        .unwrap_err();
    assert_eq!(refused.reason, "already-running");
    hub.until(|| async { !other.requests().is_empty() }).await;
    let stopped = hub.operate("in", OperationKind::Stop, &[]).await.unwrap();
    assert!(!stopped.running);
    let last = stopped.last_run.unwrap();
    assert!(
        !last.success && last.message.contains("stopped"),
        "{}",
        last.message
    );
    gate.store(true, Ordering::SeqCst);
    assert!(hub.run("in").await.0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 8)]
async fn a_system_bounds_the_pipes_that_use_it_at_the_same_time() {
    let (now, most) = (Arc::new(AtomicU32::new(0)), Arc::new(AtomicU32::new(0)));
    let counts = (now.clone(), most.clone());
    let other = OtherSide::new(move |_| {
        let here = counts.0.fetch_add(1, Ordering::SeqCst) + 1;
        counts.1.fetch_max(here, Ordering::SeqCst);
        std::thread::sleep(Duration::from_millis(30));
        counts.0.fetch_sub(1, Ordering::SeqCst);
        (200, "[]".into())
    })
    .await;
    let system = other.system().replace(
        r#""type": "system:url","#,
        r#""type": "system:url", "worker_threads": 2,"#,
    );
    let pipes: Vec<String> = (0..6).map(|n| input(&format!("in{n}"))).collect();
    let mut components = vec![system.as_str()];
    components.extend(pipes.iter().map(String::as_str));
    let hub = Hub::with(&components).await;
    for n in 0..6 {
        hub.operate(&format!("in{n}"), OperationKind::Start, &[])
            .await
            .unwrap();
    }
    for n in 0..6 {
        hub.until(|| async {
            hub.report(&format!("in{n}"))
                .await
                .last_run
                .is_some_and(|run| run.success)
        })
        .await;
    }
    assert_eq!(most.load(Ordering::SeqCst), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partial_rescan_reads_again_and_deletes_nothing() {
    let copy = dataset("copy", "in", COPY).replace(
        r#""pump": {"#,
        r#""pump": {"partial_rescan_run_count": 1, "partial_rescan_delta": 2, "log_events_noop_runs": true, "#,
    );
    let hub = Hub::with(&[&receiver("in"), &copy]).await;
    hub.push(
        "in",
        r#"[{"_id": "1"}, {"_id": "2"}, {"_id": "3"}, {"_id": "4"}]"#,
    )
    .await
    .unwrap();
    hub.run_all_of(&["copy", "copy"]).await;
    let completed = hub.event("copy", "pump-completed").await;
    assert_eq!(
        completed.get("sync_type").and_then(Json::as_str),
        Some("partial")
    );
    let read = completed
        .get("metrics")
        .and_then(|metrics| metrics.get("entities")?.get("entities_last_run")?.as_i64());
    assert_eq!(read, Some(2));
    assert_eq!(
        (
            hub.live("copy").await.len(),
            hub.last_seen("copy").await.as_str()
        ),
        (4, "3")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn editing_a_pipe_reprocesses_nothing() {
    let mut hub = Hub::with(&[&people(3), &dataset("copy", "people", COPY)]).await;
    hub.run_all_of(&["people", "copy"]).await;
    let edited = dataset("copy", "people", r#"[["copy", "*"], ["add", "new", true]]"#);
    hub.configure(&[&people(3), &edited]).await;
    hub.run_all_of(&["copy"]).await;
    assert_eq!(hub.log("copy").await.len(), 3);
    assert!(hub.report("copy").await.reprocessing_reasons.is_empty());
    let asking = edited.replace(
        r#""type": "pipe","#,
        r#""type": "pipe", "rescan_when_config_changes": true,"#,
    );
    hub.configure(&[&people(3), &asking]).await;
    assert_eq!(
        hub.report("copy").await.reprocessing_reasons,
        ["the configuration has changed"]
    );
    assert!(hub.run_as("copy", OperationKind::StartRescan, &[]).await.0);
    assert!(hub.report("copy").await.reprocessing_reasons.is_empty());
    assert_eq!(hub.log("copy").await.len(), 6);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_takes_too_long_per_entity_fails_the_run() {
    let slow = dataset("copy", "people", COPY).replace(
        r#""pump": {"#,
        r#""pump": {"max_seconds_per_entity": 0.000000001, "#,
    );
    let hub = Hub::with(&[&people(3), &slow]).await;
    hub.run_all_of(&["people"]).await;
    assert!(!hub.run("copy").await.0);
    let failed = hub.event("copy", "pump-failed").await;
    assert_eq!(
        failed.get("reason").and_then(Json::as_str),
        Some("too-slow")
    );
    let first = failed
        .get("exception_entity")
        .and_then(|entity| entity.get("_id"))
        .and_then(Json::as_str);
    assert_eq!(first, Some("0"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mass_delete_is_not_tried_again_by_itself() {
    let copy = super::configurations::signalled("copy", "in", COPY);
    let all: Vec<String> = (0..200).map(|n| format!(r#"{{"_id": "{n}"}}"#)).collect();
    let mut hub = Hub::with(&[&receiver("in"), &copy]).await;
    hub.push("in", &format!("[{}]", all.join(",")))
        .await
        .unwrap();
    hub.until(|| async { hub.live("copy").await.len() == 200 })
        .await;
    hub.until(|| async { !hub.report("copy").await.running })
        .await;
    let none = super::configurations::signalled("copy", "in", r#"[["discard", true]]"#)
        .replace("true", r#"["eq", "_S._id", "nobody"]"#);
    hub.configure(&[&receiver("in"), &none]).await;
    assert!(!hub.run_as("copy", OperationKind::StartRescan, &[]).await.0);
    let failures = hub
        .events("copy")
        .await
        .iter()
        .filter(|event| *event == "pump-failed")
        .count();
    let hub = hub.restart().await;
    hub.until(|| async { hub.report("copy").await.next_run.is_some() })
        .await;
    assert_eq!(
        hub.events("copy")
            .await
            .iter()
            .filter(|event| *event == "pump-failed")
            .count(),
        failures
    );
    assert_eq!(hub.live("copy").await.len(), 200);
    assert!(
        hub.run_as(
            "copy",
            OperationKind::Start,
            &[("allow-mass-delete", "true")]
        )
        .await
        .0
    );
    assert_eq!(hub.live("copy").await.len(), 0);
}
