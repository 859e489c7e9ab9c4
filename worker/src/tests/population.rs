//! When datasets become populated, and what waits for it (DS4, SK2, R35, R56, R57, SR21).

use super::Hub;
use super::configurations::{dataset, people, receiver};
use sluice_protocol::{PushRequest, Worker};

const COPY: &str = r#"[["copy", "*"]]"#;

async fn is_populated(hub: &Hub, dataset: &str) -> bool {
    hub.worker
        .dataset(dataset)
        .await
        .is_ok_and(|report| report.status.populated)
}

fn with_offset(when: &str) -> String {
    let sink = format!(
        r#""sink": {{"type": "dataset", "dataset": "people", "set_initial_offset": "{when}"}}, "pump": {{"#
    );
    people(2).replace(r#""pump": {"#, &sink)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_is_populated_when_the_configuration_says_so() {
    for (when, at_load, after_failure, after_run) in [
        ("if-source-populated", false, false, true),
        ("never", false, false, false),
        ("always", false, false, true),
        ("initially", false, true, true),
        ("onload", true, true, true),
    ] {
        let failing = with_offset(when).replace(
            r#""sink""#,
            r#""transform": {"type": "dtl", "rules": {"default": [["fail!", "x"]]}}, "sink""#,
        );
        let mut hub = Hub::with(&[&failing]).await;
        assert_eq!(
            is_populated(&hub, "people").await,
            at_load,
            "{when} at load"
        );
        assert!(!hub.run("people").await.0);
        assert_eq!(
            is_populated(&hub, "people").await,
            after_failure,
            "{when} after a failed run"
        );
        hub.configure(&[&with_offset(when)]).await;
        hub.run_all_of(&["people"]).await;
        assert_eq!(
            is_populated(&hub, "people").await,
            after_run,
            "{when} after a run"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_is_populated_only_after_its_inputs_are() {
    let hub = Hub::with(&[&people(2), &dataset("copy", "people", COPY)]).await;
    hub.run_all_of(&["copy"]).await;
    assert!(
        !is_populated(&hub, "copy").await,
        "its input does not even exist"
    );
    hub.run_all_of(&["people"]).await;
    assert!(is_populated(&hub, "people").await && !is_populated(&hub, "copy").await);
    hub.run_all_of(&["copy"]).await;
    assert!(is_populated(&hub, "copy").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_can_be_made_to_wait_for_its_input() {
    let waiting = dataset("copy", "people", COPY).replace(
        r#""dataset": "people","#,
        r#""dataset": "people", "require_populated_input": true,"#,
    );
    let hub = Hub::with(&[&people(2), &waiting]).await;
    assert_eq!(
        hub.report("copy").await.waiting_for.as_deref(),
        Some("waits for dataset people to be populated")
    );
    hub.run_all_of(&["people", "copy"]).await;
    assert_eq!(hub.live("copy").await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_may_leave_being_populated_to_its_first_full_push() {
    let pipe = receiver("in").replace(
        r#""type": "http_endpoint""#,
        r#""type": "http_endpoint", "auto_populate_dataset": false"#,
    );
    let hub = Hub::with(&[&pipe]).await;
    hub.push("in", r#"[{"_id": "1"}]"#).await.unwrap();
    assert!(!is_populated(&hub, "in").await);
    let full = PushRequest {
        sequence_id: Some("s".into()),
        is_full: true,
        is_first: true,
        is_last: true,
        ..PushRequest::default()
    };
    hub.push_as("in", full, r#"[{"_id": "1"}, {"_id": "2"}]"#)
        .await
        .unwrap();
    assert!(is_populated(&hub, "in").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_exist_and_are_populated_from_the_beginning() {
    let pipe = people(1).replace(
        r#""pump": {"#,
        r#""pump": {"dead_letter_dataset": "dead", "max_write_errors_in_retry_dataset": 1, "#,
    );
    let hub = Hub::with(&[&pipe]).await;
    assert!(is_populated(&hub, "dead").await);
}
