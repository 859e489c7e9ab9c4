//! What the storage node hears of how pipes do.

use super::Hub;
use super::configurations::{embedded, receiver};
use sluice_protocol::{Flow, Report};

/// What was said of a pipe, in order.
fn flows(hub: &Hub, pipe: &str) -> Vec<Flow> {
    let reports = hub.assignments().reports().into_iter();
    let flows = reports.filter_map(|report| match report {
        Report::Flowing { flows } => Some(flows),
        _ => None,
    });
    let flows = flows.flatten().filter(|one| one.pipe == pipe);
    flows.map(|one| one.flow).collect()
}

async fn until_said(hub: &Hub, pipe: &str, count: usize) {
    hub.until(|| async { flows(hub, pipe).len() >= count })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_says_that_it_works_when_it_has_and_not_at_every_run() {
    let pipe = |entities: &str| embedded("in", entities);
    let mut hub = Hub::with(&[&pipe(r#"[{"_id": "a"}]"#), &receiver("push")]).await;
    // Others begin its work.
    until_said(&hub, "push", 1).await;
    assert!(flows(&hub, "in").is_empty(), "no run has ended yet");
    hub.run("in").await;
    until_said(&hub, "in", 1).await;
    hub.run("in").await;
    hub.configure(&[&pipe(r#"[{"_id": "b"}]"#), &receiver("push")])
        .await;
    hub.run("in").await;
    until_said(&hub, "in", 2).await;
    let said = flows(&hub, "in");
    assert!(said.iter().all(|flow| !flow.is_failing), "{said:?}");
    assert_ne!(said[0].configuration, said[1].configuration);
    assert_eq!(said.len(), 2, "the second run said nothing new");
    assert_eq!(flows(&hub, "push").len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_failed_is_said() {
    let system = r#"{"_id": "away", "type": "system:url", "url_pattern": "http://127.0.0.1:1/%s"}"#;
    let away = r#"{"_id": "in", "type": "pipe", "source": {"type": "json", "system": "away", "url": "x"}, "pump": {"schedule_interval": 86400}}"#;
    let hub = Hub::with(&[system, away]).await;
    hub.run("in").await;
    until_said(&hub, "in", 1).await;
    assert!(flows(&hub, "in")[0].is_failing);
}
