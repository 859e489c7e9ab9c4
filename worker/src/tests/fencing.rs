//! A worker writes and answers only what is its own, and only as long as its lease lasts.

use super::Hub;
use super::assignments::own;
use super::configurations::receiver;
use futures::StreamExt;
use sluice_protocol::{
    Code, Duty, EntityStage, Epoch, ReadRequest, Report, Start, Worker, WorkerId,
};
use std::time::Duration;

/// Longer than a lease.
const TOO_LONG: Duration = Duration::from_secs(16);

/// The storage node falls silent, and the lease ends.
fn cut_off(hub: &Hub) {
    hub.assignments().set_silent(true);
    hub.clock.pass(TOO_LONG);
}

async fn until_open(hub: &Hub, pipe: &str) {
    hub.until(|| async { hub.worker.pipe(pipe).await.is_ok() })
        .await;
}

async fn until_closed(hub: &Hub, pipe: &str) {
    hub.until(|| async {
        let error = hub.worker.pipe(pipe).await.err();
        error.is_some_and(|error| error.reason == "not-here")
    })
    .await;
}

fn committed(hub: &Hub, pipe: &str) -> usize {
    let is_it =
        |report: &&Report| matches!(report, Report::Committed { pipe: name, .. } if name == pipe);
    hub.assignments().reports().iter().filter(is_it).count()
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_lease_nothing_is_written_or_answered_until_there_is_another() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    let read = || hub.worker.read_dataset("in", ReadRequest::default());
    let mut begun = read().await.unwrap();
    cut_off(&hub);

    let mut refused = vec![
        hub.push("in", r#"{"_id": "2"}"#).await.err(),
        read().await.err(),
        hub.worker.entity("in", "1", None).await.err(),
        hub.worker.pipe("in").await.err(),
        hub.worker.datasets().await.err(),
    ];
    let stage = hub
        .worker
        .read_pipe("in", EntityStage::Sink, ReadRequest::default());
    refused.push(stage.await.err());
    refused.push(begun.pages.next().await.unwrap().err());
    for error in refused {
        let error = error.expect("an answer without the lease");
        assert_eq!(
            (error.code, &*error.reason),
            (Code::Unavailable, "lease-ended")
        );
    }
    assert!(begun.pages.next().await.is_none(), "the feed has ended");

    hub.assignments().set_silent(false);
    until_open(&hub, "in").await;
    assert_eq!(hub.push("in", r#"{"_id": "3"}"#).await.unwrap().changed, 1);
    assert_eq!(hub.log("in").await, [r#"{"_id":"1"}"#, r#"{"_id":"3"}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lease_that_has_ended_closes_every_pipe_before_another_begins() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    cut_off(&hub);
    hub.until(|| async { hub.worker.deployment.pipes().is_empty() })
        .await;
    // Not given back: nobody said that it is another's.
    assert!(
        !hub.assignments()
            .reports()
            .iter()
            .any(|report| matches!(report, Report::Released { .. }))
    );
    hub.assignments().set_silent(false);
    until_open(&hub, "in").await;
    let held = hub.assignments().opened().last().unwrap().pipes.clone();
    assert_eq!(held.len(), 1);
    assert_eq!((held[0].pipe.as_str(), held[0].offset), ("in", Some(0)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_short_silence_of_the_storage_node_is_not_noticed() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    hub.assignments().set_silent(true);
    hub.clock.pass(Duration::from_secs(10));
    assert_eq!(hub.push("in", r#"{"_id": "2"}"#).await.unwrap().changed, 1);
    hub.assignments().set_silent(false);
    assert_eq!(hub.assignments().opened().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_commit_is_reported_before_it_and_only_once() {
    let hub = Hub::with(&[&receiver("in"), &receiver("idle")]).await;
    assert_eq!(committed(&hub, "in"), 0);
    hub.assignments().set_silent(true);
    let refused = hub.push("in", r#"{"_id": "1"}"#).await.unwrap_err();
    assert_eq!(refused.reason, "silent");
    assert_eq!(hub.log("in").await, [""; 0], "not before it is known");
    hub.assignments().set_silent(false);
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    hub.push("in", r#"{"_id": "2"}"#).await.unwrap();
    assert_eq!((committed(&hub, "in"), committed(&hub, "idle")), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_moves_away_is_given_back_and_comes_again_as_it_was() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    let Duty::Own { epoch, .. } = own(Start::Local) else {
        panic!("own gives duties to own");
    };
    hub.assignments().assign(
        "in",
        Some(Duty::Own {
            epoch,
            start: Start::Local,
        }),
    );
    let to = WorkerId("other".into());
    hub.assignments()
        .assign("in", Some(Duty::Release { epoch, to }));
    until_closed(&hub, "in").await;
    let released = Report::Released {
        pipe: "in".into(),
        epoch,
        offset: Some(0),
    };
    hub.until(|| async { hub.assignments().reports().contains(&released) })
        .await;
    let again = own(Start::Local);
    hub.assignments().assign("in", Some(again));
    until_open(&hub, "in").await;
    hub.push("in", r#"{"_id": "2"}"#).await.unwrap();
    assert_eq!(hub.log("in").await, [r#"{"_id":"1"}"#, r#"{"_id":"2"}"#]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_starts_over_has_nothing_of_what_was_here() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    let generation = hub.worker.dataset("in").await.unwrap().status.generation;
    hub.assignments().assign("in", Some(own(Start::StartOver)));
    hub.until(|| async {
        let report = hub.worker.dataset("in").await;
        report.is_ok_and(|report| report.status.generation != generation)
    })
    .await;
    until_open(&hub, "in").await;
    assert_eq!(hub.log("in").await, [""; 0]);
    hub.push("in", r#"{"_id": "2"}"#).await.unwrap();
    assert_eq!(hub.log("in").await, [r#"{"_id":"2"}"#]);
    assert_eq!(committed(&hub, "in"), 2, "once for each epoch");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_storage_node_is_not_followed_also_after_a_restart() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.assignments().set_incarnation(3);
    cut_off(&hub);
    hub.until(|| async { hub.worker.deployment.pipes().is_empty() })
        .await;
    hub.assignments().set_silent(false);
    until_open(&hub, "in").await;
    assert_eq!(hub.assignments().opened().last().unwrap().seen.number(), 1);

    cut_off(&hub);
    hub.until(|| async { hub.worker.deployment.pipes().is_empty() })
        .await;
    hub.assignments().set_incarnation(2);
    hub.assignments().set_silent(false);
    let sessions = hub.assignments().opened().len();
    hub.until(|| async { hub.assignments().opened().len() > sessions + 1 })
        .await;
    assert_eq!(hub.assignments().opened().last().unwrap().seen.number(), 3);
    let error = hub.push("in", r#"{"_id": "1"}"#).await.unwrap_err();
    assert_eq!(error.reason, "lease-ended");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dataset_names_the_epoch_of_its_owner_and_moves_leave_no_gap() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    let status = || async { hub.worker.dataset("in").await.unwrap().status };
    let first = status().await.epoch;
    assert!(first > 0);
    let Duty::Own { epoch, start } = own(Start::Local) else {
        panic!("own gives duties to own");
    };
    hub.assignments()
        .assign("in", Some(Duty::Own { epoch, start }));
    hub.until(|| async {
        hub.worker
            .deployment
            .get("in")
            .is_some_and(|pipe| pipe.epoch() == epoch)
    })
    .await;
    hub.push("in", r#"{"_id": "2"}"#).await.unwrap();
    let now = status().await;
    assert_eq!(Epoch::from_number(now.epoch), epoch);
    assert_eq!(now.max_offset, Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_moved_away_is_not_read_here_any_more() {
    let copies =
        r#"{"_id": "copies", "type": "pipe", "source": {"type": "dataset", "dataset": "in"}}"#;
    let hub = Hub::with(&[&receiver("in"), copies]).await;
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    hub.until(|| async { !hub.log("copies").await.is_empty() })
        .await;
    hub.assignments().assign("in", None);
    until_closed(&hub, "in").await;
    hub.until(|| async { hub.report("copies").await.waiting_for.is_some() })
        .await;
    let refused = [
        hub.worker
            .read_dataset("in", ReadRequest::default())
            .await
            .err(),
        hub.worker.entity("in", "1", None).await.err(),
        hub.worker.dataset("in").await.err(),
        hub.worker.delete_dataset("in", "ann").await.err(),
    ];
    for error in refused {
        let error = error.expect("an answer from an old copy");
        assert_eq!(
            (error.code, &*error.reason),
            (Code::Unavailable, "not-here")
        );
    }
    let waits = hub.report("copies").await.waiting_for;
    assert_eq!(
        waits.as_deref(),
        Some("waits for dataset in, which no worker has now")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_waited_while_its_pipe_was_given_back_writes_nothing() {
    let hub = Hub::with(&[&receiver("in")]).await;
    let pipe = hub.worker.deployment.get("in").unwrap();
    let turn = pipe.push_lock.clone().write_owned().await;
    let push = hub.push("in", r#"{"_id": "late"}"#);
    let giving_back = async {
        hub.assignments().assign("in", None);
        hub.until(|| async { pipe.is_removing() }).await;
        drop(turn);
    };
    let (pushed, ()) = tokio::join!(push, giving_back);
    let error = pushed.unwrap_err();
    assert_eq!(
        (error.code, &*error.reason),
        (Code::Unavailable, "not-here")
    );
    // A pipe is closed a moment before its dataset is not this worker's to answer for any more.
    hub.until(|| async { hub.worker.dataset("in").await.is_err() })
        .await;
    hub.assignments().assign("in", Some(own(Start::Local)));
    until_open(&hub, "in").await;
    assert_eq!(hub.log("in").await, [""; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipe_that_the_next_session_does_not_know_never_goes_on_under_its_lease() {
    let hub = Hub::with(&[&receiver("in"), &receiver("other")]).await;
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    let pipe = hub.worker.deployment.get("in").unwrap();
    // A run that does not end when it is asked to.
    let run = pipe.run_lock.clone().lock_owned().await;
    hub.assignments().forget("in");
    hub.until(|| async { hub.assignments().opened().len() == 2 })
        .await;
    hub.until(|| async { pipe.is_removing() }).await;
    let error = hub.push("other", r#"{"_id": "1"}"#).await.unwrap_err();
    assert_eq!(error.reason, "lease-ended", "not before the run has ended");
    drop(run);
    until_open(&hub, "other").await;
    assert_eq!(
        hub.push("other", r#"{"_id": "1"}"#).await.unwrap().changed,
        1
    );
    until_closed(&hub, "in").await;
}
