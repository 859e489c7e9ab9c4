//! Who may ask what about placement: by certificates, over the network.

use super::*;
use crate::client::{RemoteAssignments, RemotePlacementControl};
use crate::server::{ServerSettings, add_assignments, add_placement_control};
use crate::tests::line::{bounds, settings, soon, until};
use crate::tests::placement::{FakePlacement, assigned, open_session, topology};
use crate::{
    Act, Assignments, Code, Isolation, OpenSession, PermitRequest, PlacementControl, Renewal,
    Report, Session, SessionId, Standing, WorkerId,
};

/// A storage node that every role may call.
struct Node {
    hub: Arc<Hub>,
    far: Arc<FakePlacement>,
    running: Running,
}

impl Node {
    async fn start() -> Node {
        let hub = Arc::new(Hub::day("hub"));
        let far = Arc::new(FakePlacement::new());
        let running = Node::serve(&hub, &far).await;
        Node { hub, far, running }
    }

    async fn serve(hub: &Hub, far: &Arc<FakePlacement>) -> Running {
        let role = hub.role(Role::StorageNode, "s");
        let admission = Admission::of([Role::Worker, Role::Aggregator, Role::Operator]);
        let port = Port::mutual(&role, admission, Limits::default()).unwrap();
        let settings = ServerSettings {
            bounds: bounds(),
            ..ServerSettings::default()
        };
        let mut routes = Routes::builder();
        add_assignments(&mut routes, far.clone(), settings.clone());
        add_placement_control(&mut routes, far.clone(), settings);
        Running::start(port, routes.routes()).await
    }

    async fn assignments(&self, role: Role, id: &str) -> RemoteAssignments {
        let channel = self.running.channel(&self.hub.role(role, id));
        soon(RemoteAssignments::connect(channel, settings())).await
    }

    fn control(&self, role: Role) -> RemotePlacementControl {
        let channel = self.running.channel(&self.hub.role(role, "x"));
        RemotePlacementControl::new(channel, settings())
    }
}

#[track_caller]
fn assert_denied<T: std::fmt::Debug>(answer: crate::Result<T>, reason: &str) {
    let error = answer.unwrap_err();
    let told = (error.code, &*error.reason);
    assert_eq!(told, (Code::PermissionDenied, reason), "{error}");
}

/// Everything that can be done with a session.
async fn use_session(caller: &RemoteAssignments, session: SessionId) -> Vec<crate::Result<()>> {
    let renewal = Renewal {
        session,
        loads: Vec::new(),
    };
    let report = Report::Committed {
        pipe: "in".to_owned(),
        epoch: crate::Epoch::NONE,
    };
    vec![
        caller.renew(renewal).await,
        caller.report(session, report).await,
        caller.watch_assigned(session).await.map(|_| ()),
        caller.leave(session).await.map(|_| ()),
        caller.close_session(session).await,
    ]
}

#[tokio::test]
async fn a_session_is_opened_by_the_worker_whose_certificate_it_is() {
    let node = Node::start().await;
    let worker = node.assignments(Role::Worker, "w-1").await;
    let foreign: OpenSession = open_session("w-2");
    assert_denied(soon(worker.open_session(foreign)).await, "foreign-worker");
    for role in [Role::Aggregator, Role::Operator] {
        // Under the worker's name, too.
        let other = node.assignments(role, "w-1").await;
        let refused = soon(other.open_session(open_session("w-1"))).await;
        assert_denied(refused, "foreign-worker");
    }
    assert!(node.far.asked.lock().is_empty());
    let session: Session = soon(worker.open_session(open_session("w-1")))
        .await
        .unwrap();
    for answer in soon(use_session(&worker, session.id)).await {
        answer.unwrap();
    }
    soon(node.running.stop()).await;
}

#[tokio::test]
async fn a_session_is_of_nobody_else() {
    let node = Node::start().await;
    let worker = node.assignments(Role::Worker, "w-1").await;
    let session = soon(worker.open_session(open_session("w-1")))
        .await
        .unwrap()
        .id;
    let asked = node.far.asked.lock().clone();
    for (role, id) in [
        (Role::Worker, "w-2"),
        (Role::Aggregator, "w-1"),
        (Role::Operator, "w-1"),
    ] {
        let other = node.assignments(role, id).await;
        for answer in soon(use_session(&other, session)).await {
            assert_denied(answer, "foreign-worker");
        }
    }
    // Not opened through this server: whoever asks may open another.
    for answer in soon(use_session(&worker, SessionId(99))).await {
        assert_eq!(answer.unwrap_err().reason, "session-ended");
    }
    assert_eq!(*node.far.asked.lock(), asked);
    // It goes on, and so does a later one of the same worker.
    for _ in 0..10 {
        let later = soon(worker.open_session(open_session("w-1"))).await;
        soon(worker.watch_assigned(later.unwrap().id))
            .await
            .unwrap();
    }
    soon(node.running.stop()).await;
}

#[tokio::test]
async fn only_the_operator_controls_placement() {
    let node = Node::start().await;
    let ask = async |control: RemotePlacementControl| {
        let worker = WorkerId("w-1".to_owned());
        let request = PermitRequest {
            operator_epoch: 1,
            act: Act::RetireWorker(worker.clone()),
        };
        vec![
            control.set_standing(&worker, Standing::Draining).await,
            control.set_isolation("in", Isolation::Dedicated).await,
            control.permit(request).await.map(|_| ()),
            control.start_over("in").await,
            control.filled().await,
        ]
    };
    for role in [Role::Worker, Role::Aggregator] {
        for answer in soon(ask(node.control(role))).await {
            assert_denied(answer, "operator-only");
        }
    }
    assert!(node.far.asked.lock().is_empty());
    for answer in soon(ask(node.control(Role::Operator))).await {
        answer.unwrap();
    }
    assert_eq!(node.far.asked.lock().len(), 5);
    soon(node.running.stop()).await;
}

#[tokio::test]
async fn watches_end_with_their_connection_and_a_session_does_not() {
    let node = Node::start().await;
    let worker = node.assignments(Role::Worker, "w-1").await;
    let session = soon(worker.open_session(open_session("w-1")))
        .await
        .unwrap()
        .id;
    let watched = soon(worker.watch_assigned(session)).await.unwrap();
    // Far sooner than the time that streams are given to end.
    soon(node.running.stop()).await;
    until(|| node.far.watchers() == 0).await;
    assert!(watched.has_changed().is_ok());
    assert_eq!(**watched.borrow(), assigned(1));
    assert_eq!(**worker.watch_topology().borrow(), topology(3, 1, 0));
}
