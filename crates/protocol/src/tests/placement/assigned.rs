//! What is assigned, watched over the wire: it ends with its session and with nothing else.

use super::fake::FakePlacement;
use super::samples;
use crate::client::RemoteAssignments;
use crate::tests::line::{Line, settings, soon, until};
use crate::*;
use std::sync::Arc;
use tokio::sync::watch;

struct Watched {
    far: Arc<FakePlacement>,
    line: Line,
    remote: RemoteAssignments,
    session: SessionId,
    assigned: watch::Receiver<Arc<Assigned>>,
}

async fn watched() -> Watched {
    let far = Arc::new(FakePlacement::new());
    let line = Line::to_placement(far.clone());
    let remote = soon(RemoteAssignments::connect(line.channel.clone(), settings())).await;
    let open = samples::open_session("w-1");
    let session = soon(remote.open_session(open)).await.unwrap().id;
    let assigned = soon(remote.watch_assigned(session)).await.unwrap();
    Watched {
        far,
        line,
        remote,
        session,
        assigned,
    }
}

fn many(revision: u64, count: usize) -> Assigned {
    let own = |number: usize| Duty::Own {
        epoch: Epoch::from_number(number as u64),
        start: Start::Local,
    };
    Assigned {
        revision,
        is_filling: false,
        format: 1,
        pipes: (0..count)
            .map(|number| (format!("pipe-{number}"), own(number)))
            .collect(),
    }
}

impl Watched {
    async fn see(&mut self, assigned: &Assigned) {
        let seen = self.assigned.wait_for(|shown| **shown == *assigned);
        soon(seen).await.unwrap();
    }

    async fn ends(&mut self) {
        soon(async { while self.assigned.changed().await.is_ok() {} }).await;
    }
}

#[tokio::test]
async fn the_first_state_is_there_at_once_and_the_newest_follows() {
    let mut watched = watched().await;
    assert_eq!(**watched.assigned.borrow(), samples::assigned(1));
    for revision in 2..6 {
        watched.far.assign(watched.session, many(revision, 3000));
    }
    let newest = many(6, 3000);
    watched.far.assign(watched.session, newest.clone());
    watched.see(&newest).await;
    let none = many(7, 0);
    watched.far.assign(watched.session, none.clone());
    watched.see(&none).await;
}

#[tokio::test]
async fn a_broken_connection_does_not_end_it_and_the_newest_comes_after() {
    let mut watched = watched().await;
    for revision in [10, 20, 30] {
        watched.line.cut();
        until(|| watched.far.watchers_of(watched.session) == 0).await;
        watched.far.assign(watched.session, many(revision, 1));
        let newest = many(revision + 1, 2);
        watched.far.assign(watched.session, newest.clone());
        assert!(watched.assigned.has_changed().is_ok());
        watched.line.mend();
        watched.see(&newest).await;
    }
}

#[tokio::test]
async fn a_server_that_ends_does_not_end_the_session() {
    let mut watched = watched().await;
    soon(watched.line.drain()).await;
    assert!(watched.assigned.has_changed().is_ok());
    let next = Line::to_placement(watched.far.clone());
    watched.line.lead_to(&next);
    let newest = many(2, 2);
    watched.far.assign(watched.session, newest.clone());
    watched.see(&newest).await;
}

#[tokio::test]
async fn it_ends_when_the_session_does() {
    let mut first = watched().await;
    first.far.end(first.session);
    first.ends().await;
    let refused = soon(first.remote.watch_assigned(first.session)).await;
    assert_eq!(refused.unwrap_err().reason, "session-ended");

    let mut second = watched().await;
    soon(second.remote.close_session(second.session))
        .await
        .unwrap();
    second.ends().await;
}

#[tokio::test]
async fn it_ends_when_the_session_ended_during_an_interruption() {
    let mut watched = watched().await;
    watched.line.cut();
    watched.far.end(watched.session);
    assert!(watched.assigned.has_changed().is_ok());
    watched.line.mend();
    watched.ends().await;
    // The last state stays to be looked at.
    assert_eq!(**watched.assigned.borrow(), samples::assigned(1));
}

#[tokio::test]
async fn it_is_not_watched_for_longer_than_somebody_wants_it() {
    let watched = watched().await;
    assert_eq!(watched.far.watchers_of(watched.session), 1);
    drop(watched.assigned);
    until(|| watched.far.watchers_of(watched.session) == 0).await;
}
