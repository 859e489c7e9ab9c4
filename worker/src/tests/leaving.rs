//! Before a worker stops, others take its pipes, if there are any that can.

use super::assignments::own;
use super::configurations::receiver;
use super::hub::Hub;
use sluice_objects::Objects;
use sluice_protocol::{Duty, Epoch, Report, Start, WorkerId};
use std::time::Duration;
use tokio::time::timeout;

/// Much longer than anything here takes.
const LONG: Duration = Duration::from_secs(30);
/// Too short for a pipe that nobody takes.
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_until_others_have_what_they_can_take_and_works_on_until_then() {
    let objects = Objects::in_memory();
    let hub = Hub::with_objects(&[&receiver("in"), &receiver("stays")], &objects).await;
    hub.push("in", r#"{"_id": "1"}"#).await.unwrap();
    hub.assignments().set_to_leave(1);
    let moving = async {
        assert!(
            timeout(SHORT, hub.worker.leave(LONG)).await.is_err(),
            "nobody has taken it yet"
        );
        hub.push("in", r#"{"_id": "2"}"#).await.unwrap();
        let Duty::Own { epoch, start } = own(Start::Local) else {
            panic!("own gives duties to own");
        };
        let on = |duty| hub.assignments().assign("in", Some(duty));
        on(Duty::Own { epoch, start });
        let to = WorkerId("other".into());
        on(Duty::Release { epoch, to });
        let is_given_back = |report: &Report| matches!(report, Report::Released { pipe, epoch: Epoch { .. }, .. } if pipe == "in");
        hub.until(|| async { hub.assignments().reports().iter().any(is_given_back) })
            .await;
        hub.assignments().set_to_leave(0);
    };
    let leaving = timeout(LONG, hub.worker.leave(LONG));
    let (left, ()) = tokio::join!(leaving, moving);
    left.expect("it has left");
    // What nobody takes stays open until the end.
    hub.push("stays", r#"{"_id": "1"}"#).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn it_waits_for_nobody_longer_than_it_may() {
    let objects = Objects::in_memory();
    let hub = Hub::with_objects(&[&receiver("in")], &objects).await;
    timeout(LONG, hub.worker.leave(2 * LONG))
        .await
        .expect("nobody could take the pipe");
    hub.assignments().set_to_leave(1);
    timeout(LONG, hub.worker.leave(SHORT))
        .await
        .expect("its time is up");
    hub.assignments().set_silent(true);
    timeout(LONG, hub.worker.leave(2 * LONG))
        .await
        .expect("the storage node is silent");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_an_object_store_nobody_is_asked() {
    let hub = Hub::with(&[&receiver("in")]).await;
    hub.assignments().set_to_leave(1);
    timeout(LONG, hub.worker.leave(2 * LONG))
        .await
        .expect("it leaves at once");
}
