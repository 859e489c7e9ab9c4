//! What a full run may delete after attempts that did not complete, by pump and by push (R27, DE2, JP5).

use super::Hub;
use super::configurations::receiver;
use sluice_protocol::{Code, Error, OperationKind, PushReply, PushRequest};

/// A list of entities: `count` ids with a prefix, from number `first` on.
fn ids(prefix: &str, first: usize, count: usize) -> String {
    let entities: Vec<String> = (first..first + count)
        .map(|n| format!(r#"{{"_id": "{prefix}{n}"}}"#))
        .collect();
    entities.join(",")
}

/// A pipe that reads all of this in every run, and fails where it comes to the id "cut".
fn source(entities: &[String]) -> String {
    let given: Vec<&str> = entities.iter().map(String::as_str).collect();
    format!(
        r#"{{"_id": "p", "type": "pipe", "batch_size": 10,
            "source": {{"type": "embedded", "entities": [{}]}},
            "transform": {{"type": "dtl", "rules": {{"default": [["copy", "*"], ["if", ["eq", "_S._id", "cut0"], ["fail!", "cut off"]]]}}}},
            "pump": {{"schedule_interval": 86400}}}}"#,
        given.join(",")
    )
}

const CUT: (&str, usize, usize) = ("cut", 0, 1);

async fn run(hub: &mut Hub, parts: &[(&str, usize, usize)]) -> (bool, String) {
    let entities: Vec<String> = parts
        .iter()
        .map(|(prefix, first, count)| ids(prefix, *first, *count))
        .collect();
    hub.configure(&[&source(&entities)]).await;
    hub.run("p").await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_failed_run_added_is_protected_in_the_next_one_too() {
    let mut hub = Hub::with(&[]).await;
    assert!(run(&mut hub, &[("a", 0, 50)]).await.0);
    let (success, message) = run(&mut hub, &[("b", 0, 500), CUT]).await;
    assert!(!success && message.contains("cut off"), "{message}");
    assert_eq!(hub.live("p").await.len(), 550);
    for attempt in ["at once", "after a restart"] {
        hub.configure(&[&source(&[])]).await;
        let (success, message) = hub.run("p").await;
        assert!(
            !success && message.contains("delete 550 of 550 "),
            "{attempt}: {message}"
        );
        hub = hub.restart().await;
    }
    assert_eq!(hub.live("p").await.len(), 550);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_plausible_delete_after_a_refused_one_goes_through() {
    let mut hub = Hub::with(&[]).await;
    assert!(run(&mut hub, &[("a", 0, 101)]).await.0);
    let (success, message) = run(&mut hub, &[("x", 0, 101)]).await;
    assert!(
        !success && message.contains("delete 101 of 101 "),
        "{message}"
    );
    let (success, message) = run(&mut hub, &[("a", 0, 101), ("x", 0, 41)]).await;
    assert!(success, "60 of 202 are no mass delete: {message}");
    assert_eq!(hub.live("p").await.len(), 142);
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_that_did_not_complete_do_not_make_the_loss_of_the_old_ids_look_small() {
    let mut hub = Hub::with(&[]).await;
    assert!(run(&mut hub, &[("a", 0, 101)]).await.0);
    assert!(!run(&mut hub, &[("x", 0, 300), CUT]).await.0);
    hub = hub.restart().await;
    let (success, message) = run(&mut hub, &[("x", 0, 300)]).await;
    assert!(
        !success && message.contains("delete 101 of 101 ") && message.contains("not counting"),
        "{message}"
    );
    let allowed = [("allow-mass-delete", "true")];
    assert!(hub.run_as("p", OperationKind::Start, &allowed).await.0);
    assert_eq!(hub.live("p").await.len(), 300);
    assert!(
        run(&mut hub, &[("x", 0, 200)]).await.0,
        "a completed run ends the matter"
    );
}

async fn push(hub: &Hub, sequence: &str, last: bool, parts: &[String]) -> Result<PushReply, Error> {
    let request = PushRequest {
        sequence_id: Some(sequence.into()),
        request_id: Some("1".into()),
        is_full: true,
        is_first: true,
        is_last: last,
        ..PushRequest::default()
    };
    let given: Vec<&str> = parts.iter().map(String::as_str).collect();
    hub.push_as("in", request, &format!("[{}]", given.join(",")))
        .await
}

#[tokio::test(flavor = "multi_thread")]
async fn full_pushes_are_measured_in_the_same_way() {
    let hub = Hub::with(&[&receiver("in")]).await;
    push(&hub, "1", true, &[ids("a", 0, 101)]).await.unwrap();
    let refused = |result: Result<PushReply, Error>| {
        let error = result.unwrap_err();
        assert_eq!(
            (error.code, &*error.reason),
            (Code::Conflict, "mass-delete")
        );
        error.message
    };
    push(&hub, "2", false, &[ids("x", 0, 101)]).await.unwrap();
    let message = refused(push(&hub, "3", true, &[ids("x", 0, 101)]).await);
    assert!(message.contains("delete 101 of 101 "), "{message}");
    refused(push(&hub, "4", true, &[ids("x", 0, 101)]).await);
    let message = refused(push(&hub, "5", true, &[]).await);
    assert!(message.contains("delete 202 of 202 "), "{message}");
    let plausible = [ids("a", 0, 101), ids("x", 0, 41)];
    let reply = push(&hub, "6", true, &plausible).await.unwrap();
    assert_eq!((reply.received, reply.changed), (142, 60));
}
