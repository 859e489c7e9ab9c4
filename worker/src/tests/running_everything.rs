//! The runner: dependency order, quiet, failures, limits (client contract 1.6).

use super::Hub;
use super::configurations::{dataset, embedded, people, receiver, signalled};
use sluice_protocol::{OperationKind, RunAll, RunnerOutcome, RunnerStatus, Worker};
use std::collections::BTreeMap;

const COPY: &str = r#"[["copy", "*"]]"#;

#[tokio::test(flavor = "multi_thread")]
async fn everything_runs_in_dependency_order_until_quiet() {
    let hub = Hub::with(&[
        &dataset("c", "b", COPY),
        &dataset("b", "a", COPY),
        &dataset("a", "people", COPY),
        &people(3),
    ])
    .await;
    let status = hub
        .worker
        .run_all(Hub::run_everything(), "tester")
        .await
        .unwrap();
    assert_eq!(status, RunnerStatus::Ended(RunnerOutcome::Success));
    assert_eq!(hub.log("c").await.len(), 3);
    let log = hub.worker.run_all_log(None, None).await.unwrap();
    let passes: Vec<&str> = log
        .iter()
        .filter_map(|line| {
            line.text
                .split(", ")
                .nth(1)
                .filter(|_| line.text.starts_with("pass"))
        })
        .collect();
    assert_eq!(passes, ["12 changes", "0 changes", "0 changes"]);
    let last = log.last().unwrap().timestamp;
    assert!(
        hub.worker
            .run_all_log(Some(last), None)
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_join_partner_is_a_reason_to_read_everything_again() {
    let join = dataset(
        "profile",
        "people",
        r#"[["copy", "_id"], ["add", "x", ["hops",
        {"datasets": ["extra e"], "where": [["eq", "_S.n", "e.n"]], "return": "e.text"}]]]"#,
    );
    let extra = |text: &str| {
        embedded(
            "extra",
            &format!(r#"[{{"_id": "x", "n": 1, "text": "{text}"}}]"#),
        )
    };
    let mut hub = Hub::with(&[&people(2), &extra("old"), &join]).await;
    hub.worker
        .run_all(Hub::run_everything(), "tester")
        .await
        .unwrap();
    assert!(
        hub.live("profile")
            .await
            .iter()
            .any(|entity| entity.contains("old"))
    );
    hub.configure(&[&people(2), &extra("new"), &join]).await;
    let status = hub
        .worker
        .run_all(Hub::run_everything(), "tester")
        .await
        .unwrap();
    assert_eq!(status, RunnerStatus::Ended(RunnerOutcome::Success));
    assert!(
        hub.live("profile")
            .await
            .iter()
            .any(|entity| entity.contains("new")),
        "{:?}",
        hub.live("profile").await
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_pipe_fails_the_whole_and_is_named() {
    let failing = dataset("bad", "people", r#"[["fail!", "no way"]]"#);
    let hub = Hub::with(&[&people(1), &failing]).await;
    let status = hub
        .worker
        .run_all(Hub::run_everything(), "tester")
        .await
        .unwrap();
    let RunnerStatus::Ended(RunnerOutcome::Failed(reason)) = status else {
        panic!("{status:?}")
    };
    assert!(
        reason.contains("bad") && reason.contains("no way"),
        "{reason}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_without_anything_to_read_do_not_matter() {
    let nowhere = dataset("nowhere", "no-such-dataset", COPY);
    let hub = Hub::with(&[&people(1), &nowhere, &receiver("in")]).await;
    hub.push("in", r#"[{"_id": "kept"}]"#).await.unwrap();
    let status = hub
        .worker
        .run_all(Hub::run_everything(), "tester")
        .await
        .unwrap();
    assert_eq!(status, RunnerStatus::Ended(RunnerOutcome::Success));
    assert_eq!(
        hub.live("in").await.len(),
        1,
        "what was posted survives the run"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_by_token_can_be_asked_about_and_stopped() {
    let hub = Hub::with(&[&people(1)]).await;
    assert_eq!(
        hub.worker.run_all_status("unknown").await.unwrap(),
        RunnerStatus::NotRunning
    );
    assert!(
        !hub.worker.stop_run_all(1).await.unwrap(),
        "nothing to stop is no error"
    );
    let token = hub
        .worker
        .start_run_all(Hub::run_everything(), "tester")
        .await
        .unwrap();
    hub.until(|| async {
        hub.worker.run_all_status(&token).await.unwrap() != RunnerStatus::Running
    })
    .await;
    assert_eq!(
        hub.worker.run_all_status(&token).await.unwrap(),
        RunnerStatus::Ended(RunnerOutcome::Success)
    );
    assert!(
        !hub.worker
            .run_all_log(None, Some(&token))
            .await
            .unwrap()
            .is_empty()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_are_emptied_first_as_far_as_is_asked() {
    let through = dataset("through", "in", COPY);
    let hub = Hub::with(&[
        &people(2),
        &dataset("copy", "people", COPY),
        &receiver("in"),
        &through,
    ])
    .await;
    // Which generations are new after a run, and how many entities reach the end of each chain.
    let cases = [
        (false, true, [].as_slice(), 1),
        (true, false, &["copy", "through"], 1),
        (true, true, &["people", "copy", "in", "through"], 0),
    ];
    hub.push("in", r#"[{"_id": "pushed"}]"#).await.unwrap();
    run_all(&hub, Hub::run_everything()).await;
    for (reset, inputs_too, expected, left) in cases {
        let before = generations(&hub).await;
        let asked = RunAll {
            reset_pipes_and_delete_sink_datasets: reset,
            delete_input_datasets: inputs_too,
            ..Hub::run_everything()
        };
        run_all(&hub, asked).await;
        let after = generations(&hub).await;
        let renewed: Vec<&str> = ["people", "copy", "in", "through"]
            .into_iter()
            .filter(|name| before[*name] != after[*name])
            .collect();
        assert_eq!(renewed, expected, "reset {reset}, inputs too {inputs_too}");
        assert_eq!(hub.log("copy").await.len(), 2);
        assert_eq!(hub.log("through").await.len(), left);
    }
}

async fn run_all(hub: &Hub, asked: RunAll) {
    assert_eq!(
        hub.worker.run_all(asked, "tester").await.unwrap(),
        RunnerStatus::Ended(RunnerOutcome::Success)
    );
}

async fn generations(hub: &Hub) -> BTreeMap<String, String> {
    let reports = hub.worker.datasets().await.unwrap();
    reports
        .into_iter()
        .map(|report| {
            let status = report.status;
            (status.name.to_string(), format!("{:?}", status.generation))
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_takes_everything_but_the_configuration() {
    let hub = Hub::with(&[&people(2), &receiver("in")]).await;
    hub.run_all_of(&["people"]).await;
    hub.push("in", r#"[{"_id": "1"}]"#).await.unwrap();
    hub.worker.reset().await.unwrap();
    let names: Vec<String> = hub
        .worker
        .datasets()
        .await
        .unwrap()
        .iter()
        .map(|report| report.status.name.to_string())
        .collect();
    assert_eq!(names, ["in"], "only what has to exist from the beginning");
    assert_eq!(hub.log("in").await.len(), 0);
    assert_eq!(hub.report("people").await.last_run, None);
    hub.run_all_of(&["people"]).await;
    assert_eq!(hub.log("people").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_lists_why_its_output_may_be_stale_and_resets_itself_where_it_is_told_to() {
    let automatic = dataset("auto", "people", COPY).replace(
        r#""type": "pipe","#,
        r#""type": "pipe", "reprocessing_policy": "automatic","#,
    );
    let hub = Hub::with(&[&people(3), &dataset("copy", "people", COPY), &automatic]).await;
    hub.run_all_of(&["people", "copy", "auto"]).await;
    assert!(hub.report("copy").await.reprocessing_reasons.is_empty());
    hub.worker.delete_dataset("people", "tester").await.unwrap();
    assert_eq!(
        hub.report("copy").await.reprocessing_reasons,
        ["input dataset people was deleted"]
    );
    hub.run_all_of(&["people"]).await;
    assert_eq!(
        hub.report("copy").await.reprocessing_reasons,
        ["input dataset people was deleted and made again"]
    );
    hub.run_all_of(&["copy", "auto"]).await;
    let read = |report: sluice_protocol::PipeReport| report.last_run.unwrap().message;
    assert_eq!(
        read(hub.report("copy").await),
        "3 read, 0 changed",
        "an offset of another generation says nothing"
    );
    assert!(read(hub.report("auto").await).starts_with("3 read"));
    assert!(hub.report("auto").await.reprocessing_reasons.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_lost_when_an_input_is_made_again_and_the_reason_stays_until_all_is_read_again()
{
    let union = r#"{"_id": "union", "type": "pipe", "pump": {"schedule_interval": 86400},
        "source": {"type": "union_datasets", "datasets": ["people", "in"], "supports_signalling": false}}"#;
    let mut pipes = vec![people(3), dataset("copy", "people", COPY), union.to_owned()];
    pipes.push(super::configurations::receiver("in"));
    let pipes: Vec<&str> = pipes.iter().map(String::as_str).collect();
    let mut hub = Hub::with(&pipes).await;
    hub.push("in", r#"[{"_id": "in"}]"#).await.unwrap();
    hub.run_all_of(&["people", "copy", "union"]).await;
    hub.worker.delete_dataset("people", "tester").await.unwrap();
    let other =
        super::configurations::embedded("people", r#"[{"_id": "1", "n": 1}, {"_id": "new"}]"#);
    let pipes: Vec<&str> = [other.as_str()]
        .into_iter()
        .chain(pipes[1..].iter().copied())
        .collect();
    hub.configure(&pipes).await;
    hub.run_all_of(&["people"]).await;
    assert_eq!(hub.report("copy").await.queues.source["people"], 2);

    let reason = ["input dataset people was deleted and made again"];
    let mut hub = hub.restart().await;
    for pipe in ["copy", "union"] {
        for read in ["2 read, 1 changed", "0 read, 0 changed"] {
            assert_eq!(hub.run(pipe).await, (true, read.to_owned()), "{pipe}");
            assert_eq!(hub.report(pipe).await.reprocessing_reasons, reason);
            hub = hub.restart().await;
        }
    }
    assert_eq!(hub.last_seen("copy").await, "1");
    assert_eq!(
        hub.live("copy").await.len(),
        4,
        "an incremental run deletes nothing"
    );
    hub.run_as("copy", OperationKind::StartRescan, &[]).await;
    assert_eq!(hub.live("copy").await.len(), 2);
    assert!(hub.report("copy").await.reprocessing_reasons.is_empty());
    hub.operate("union", OperationKind::UpdateLastSeen, &[("last-seen", "")])
        .await
        .unwrap();
    hub.run_all_of(&["union"]).await;
    assert!(hub.report("union").await.reprocessing_reasons.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_input_pipe_counts_only_if_asked_and_is_told_in_any_case() {
    let failing = people(1).replace(
        r#""pump""#,
        r#""transform": {"type": "dtl", "rules": {"default": [["fail!", "no way"]]}}, "pump""#,
    );
    let hub = Hub::with(&[&failing]).await;
    for (check_input_pipes, expected) in [(false, true), (true, false)] {
        let asked = RunAll {
            check_input_pipes,
            ..Hub::run_everything()
        };
        let status = hub.worker.run_all(asked, "tester").await.unwrap();
        let is_success = status == RunnerStatus::Ended(RunnerOutcome::Success);
        assert_eq!(is_success, expected, "{status:?}");
        let log = hub.worker.run_all_log(None, None).await.unwrap();
        let told = log.iter().any(|line| {
            line.level == "WARNING" && line.text.contains("people") && line.text.contains("no way")
        });
        assert_eq!(told, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pipes_in_a_circle_get_to_rest_although_signals_would_start_them_too() {
    let counting = r#"[["add", "n", ["min", ["list", 20, ["sum", ["list", "_S.n", 1]]]]]]"#;
    let hub = Hub::with(&[
        &embedded("first", r#"[{"_id": "1"}]"#),
        &signalled("next", "both", counting),
        r#"{"_id": "both", "type": "pipe",
            "source": {"type": "union_datasets", "datasets": ["first", "next"], "prefix_ids": false}}"#,
    ])
    .await;
    for _ in 0..3 {
        let run = hub.worker.run_all(Hub::run_everything(), "tester").await;
        assert_eq!(
            run.unwrap(),
            RunnerStatus::Ended(RunnerOutcome::Success),
            "{:#?}",
            hub.worker.run_all_log(None, None).await
        );
        assert_eq!(hub.live("next").await, [r#"{"_id":"1","n":20}"#]);
        hub.worker.delete_all_sink_datasets("tester").await.unwrap();
    }
}
