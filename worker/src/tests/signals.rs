//! Signals, schedules and modes: what starts by itself and what does not.

use super::Hub;
use super::configurations::{dataset, people, receiver, signalled};
use sluice_protocol::{OperationKind, Worker};

const COPY: &str = r#"[["copy", "*"]]"#;

#[tokio::test(flavor = "multi_thread")]
async fn a_push_flows_through_a_chain_of_pipes_by_signals_alone() {
    let hub = Hub::with(&[
        &receiver("in"),
        &signalled("a", "in", COPY),
        &signalled("b", "a", COPY),
        &signalled("c", "b", COPY),
    ])
    .await;
    for round in 0..20 {
        hub.push("in", &format!(r#"[{{"_id": "{round}", "n": {round}}}]"#))
            .await
            .unwrap();
    }
    hub.until(|| async { hub.log("c").await.len() == 20 }).await;
    assert_eq!(hub.log("c").await, hub.log("in").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_is_not_lost_with_the_process() {
    let hub = Hub::with(&[&receiver("in"), &dataset("a", "in", COPY)]).await;
    hub.push("in", r#"[{"_id": "1"}]"#).await.unwrap();
    hub.run_all_of(&["a"]).await;
    hub.push("in", r#"[{"_id": "2"}]"#).await.unwrap();
    let mut hub = hub.restart().await;
    assert_eq!(hub.log("a").await.len(), 1);
    hub.configure(&[&receiver("in"), &signalled("a", "in", COPY)])
        .await;
    hub.until(|| async { hub.log("a").await.len() == 2 }).await;
    let hub = hub.restart().await;
    hub.push("in", r#"[{"_id": "3"}]"#).await.unwrap();
    hub.until(|| async { hub.log("a").await.len() == 3 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn population_flows_downstream_even_where_no_entity_does() {
    let hub = Hub::with(&[
        &people(0),
        &signalled("a", "people", COPY),
        &signalled("b", "a", COPY),
    ])
    .await;
    hub.run_all_of(&["people"]).await;
    hub.until(|| async {
        hub.worker
            .dataset("b")
            .await
            .is_ok_and(|report| report.status.populated)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disabled_pipe_takes_no_signals_until_it_is_enabled() {
    let hub = Hub::with(&[
        &receiver("in"),
        &signalled("a", "in", COPY),
        &signalled("b", "in", COPY),
    ])
    .await;
    // Both become populated first, which is a run of its own.
    let has_run = async |pipe: &str| {
        hub.report(pipe).await.last_run.is_some() && !hub.report(pipe).await.running
    };
    hub.until(|| async { has_run("a").await && has_run("b").await })
        .await;
    hub.operate("a", OperationKind::Disable, &[]).await.unwrap();
    hub.push("in", r#"[{"_id": "1"}]"#).await.unwrap();
    hub.until(|| async { hub.log("b").await.len() == 1 }).await;
    assert_eq!(hub.log("a").await.len(), 0);
    assert_eq!(hub.report("a").await.queues.source["in"], 1);
    hub.operate("a", OperationKind::Enable, &[]).await.unwrap();
    hub.until(|| async { hub.log("a").await.len() == 1 }).await;
    hub.until(|| async { hub.report("a").await.queues.source["in"] == 0 })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn manual_pipes_only_start_by_hand_and_pipes_that_are_off_not_even_so() {
    let mode = |id: &str, mode: &str| {
        signalled(id, "in", COPY)
            .replace(r#""pump": {"#, &format!(r#""pump": {{"mode": "{mode}", "#))
    };
    let hub = Hub::with(&[
        &receiver("in"),
        &mode("m", "manual"),
        &mode("o", "off"),
        &signalled("s", "in", COPY),
    ])
    .await;
    hub.push("in", r#"[{"_id": "1"}]"#).await.unwrap();
    hub.until(|| async { hub.log("s").await.len() == 1 }).await;
    assert_eq!(hub.log("m").await.len(), 0);
    hub.run_all_of(&["m"]).await;
    assert_eq!(hub.log("m").await.len(), 1);
    let refused = hub
        .operate("o", OperationKind::Start, &[])
        .await
        .unwrap_err();
    assert!(
        refused.message.contains("doesn't support the operation"),
        "{refused}"
    );
    assert!(
        hub.report("in").await.supported_operations.is_empty(),
        "a receiver has no pump"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_node_can_switch_all_automatic_starts_off() {
    let off =
        r#"{"_id": "node", "type": "metadata", "task_manager": {"disable_user_pipes": true}}"#;
    let mut hub = Hub::with(&[off, &receiver("in"), &signalled("a", "in", COPY)]).await;
    hub.push("in", r#"[{"_id": "1"}]"#).await.unwrap();
    hub.run_all_of(&["a"]).await;
    hub.push("in", r#"[{"_id": "2"}]"#).await.unwrap();
    assert_eq!(hub.report("a").await.next_run, None);
    hub.configure(&[&receiver("in"), &signalled("a", "in", COPY)])
        .await;
    hub.until(|| async { hub.log("a").await.len() == 2 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_may_run_at_startup() {
    let eager = people(2).replace(r#""pump": {"#, r#""pump": {"run_at_startup": true, "#);
    let hub = Hub::with(&[&eager]).await;
    hub.until(|| async { hub.log("people").await.len() == 2 })
        .await;
    let hub = hub.restart().await;
    hub.until(|| async {
        hub.report("people")
            .await
            .last_run
            .is_some_and(|run| run.message.starts_with("2 read, 0"))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_interval_survives_a_restart_and_a_short_one_begins_anew() {
    let short = people(1).replace("people", "short").replace("86400", "600");
    let hub = Hub::with(&[&people(1), &short]).await;
    hub.until(|| async { hub.report("short").await.next_run.is_some() })
        .await;
    let before = (
        hub.report("people").await.next_run.unwrap(),
        hub.report("short").await.next_run.unwrap(),
    );
    let hub = hub.restart().await;
    hub.until(|| async { hub.report("short").await.next_run.is_some() })
        .await;
    assert_eq!(hub.report("people").await.next_run, Some(before.0));
    assert!(hub.report("short").await.next_run.unwrap() > before.1);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_pushers_a_fan_of_pipes_and_restarts_end_in_the_same_data_everywhere() {
    let components = [
        receiver("in"),
        signalled("a", "in", COPY),
        signalled("b", "a", r#"[["copy", "_id"], ["add", "m", "_S.n"]]"#),
        signalled(
            "c",
            "in",
            r#"[["filter", ["neq", "_S.n", 0]], ["copy", "*"]]"#,
        ),
    ];
    let mut hub = Hub::with(&components.each_ref().map(String::as_str)).await;
    for round in 0..4_u32 {
        let pushes = (0..8_u32).map(|pusher| {
            let hub = &hub;
            async move {
                for n in 0..10_u32 {
                    let body = format!(
                        r#"[{{"_id": "{}", "n": {}}}]"#,
                        (pusher * 7 + n) % 23,
                        (n + round) % 3
                    );
                    hub.push("in", &body).await.unwrap();
                }
            }
        });
        futures::future::join_all(pushes).await;
        hub = hub.restart().await;
    }
    let expected: Vec<String> = hub.live("in").await;
    let renamed = |entity: &String| entity.replace("\"n\"", "\"m\"");
    let sorted = |mut entities: Vec<String>| {
        entities.sort();
        entities
    };
    let expected_b = sorted(expected.iter().map(renamed).collect());
    let expected_c = sorted(
        expected
            .iter()
            .filter(|entity| !entity.contains("\"n\":0"))
            .cloned()
            .collect(),
    );
    let expected = sorted(expected);
    hub.until(|| async { sorted(hub.live("a").await) == expected })
        .await;
    hub.until(|| async { sorted(hub.live("b").await) == expected_b })
        .await;
    hub.until(|| async { sorted(hub.live("c").await) == expected_c })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_cannot_be_planned_holds_up_no_other() {
    let rare = people(2).replace("86400", "1e14");
    let broken = dataset("broken", "people", r#"[["copy", "*"]]"#);
    let hub = Hub::with(&[
        &rare,
        &broken,
        &signalled("copy", "people", r#"[["copy", "*"]]"#),
    ])
    .await;
    for pipe in ["people", "broken", "copy"] {
        hub.until(|| async { hub.report(pipe).await.next_run.is_some() })
            .await;
    }
    let pipe = hub.worker.deployment.get("broken").unwrap();
    crate::scheduler::guarded(&pipe, async { panic!("a defect") }).await;
    let report = hub.report("broken").await;
    assert_eq!(report.next_run, None);
    assert_eq!(
        report.waiting_for.as_deref(),
        Some("waits: its next start cannot be planned")
    );
    assert!(hub.report("people").await.next_run.is_some());
    hub.run_all_of(&["people"]).await;
    hub.until(|| async { hub.live("copy").await.len() == 2 })
        .await;
    assert_eq!(hub.worker.problem(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_signalled_while_the_schedule_is_held_runs_when_it_goes_on() {
    let hub = Hub::with(&[&receiver("in"), &signalled("a", "in", COPY)]).await;
    hub.until(|| async {
        let report = hub.report("a").await;
        report.last_run.is_some() && !report.running
    })
    .await;
    let runs = async || {
        let events = hub.events("a").await;
        let is_end = |event: &&String| event.contains("pump-completed");
        events.iter().filter(is_end).count()
    };
    let before = runs().await;
    let held = hub.worker.runs.hold_schedule();
    for round in 0..20 {
        hub.push("in", &format!(r#"[{{"_id": "{round}"}}]"#))
            .await
            .unwrap();
    }
    drop(held);
    hub.until(|| async { hub.log("a").await.len() == 20 }).await;
    hub.until(|| async { !hub.report("a").await.running }).await;
    assert_eq!(runs().await - before, 1, "one run for all of them");
}
