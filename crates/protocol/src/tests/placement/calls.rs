//! The same script, called directly and over the wire: the same answers, and the far side was asked the same.

use super::fake::FakePlacement;
use super::samples;
use crate::client::{ClientSettings, RemoteAssignments, RemotePlacementControl};
use crate::tests::calls::shown;
use crate::tests::line::{Line, settings, soon};
use crate::*;
use std::sync::Arc;
use std::time::Duration;

async fn ask_assignments(assignments: &dyn Assignments) -> Vec<String> {
    let open = samples::open_session;
    let session = assignments.open_session(open("w-1")).await.unwrap();
    let renewal = |session| Renewal {
        session,
        loads: vec![PipeLoad {
            pipe: "in".into(),
            weight: 1,
            bytes: u64::MAX,
        }],
    };
    let assigned = assignments.watch_assigned(session.id).await.unwrap();
    let mut answers = vec![
        format!("{session:?} {:?}", assigned.borrow()),
        shown(assignments.open_session(open("retired")).await),
        shown(assignments.renew(renewal(session.id)).await),
        shown(assignments.renew(renewal(SessionId(99))).await),
    ];
    for (_, report) in samples::reports() {
        answers.push(shown(assignments.report(session.id, report).await));
    }
    answers.extend([
        shown(assignments.leave(session.id).await),
        shown(assignments.leave(SessionId(99)).await),
        shown(assignments.close_session(session.id).await),
        shown(assignments.close_session(session.id).await),
        shown(assignments.watch_assigned(session.id).await.map(|_| ())),
        format!("{:?}", assignments.watch_topology().borrow()),
    ]);
    answers
}

#[tokio::test]
async fn assignments_answer_the_same_over_the_wire() {
    let (near, far) = (FakePlacement::new(), Arc::new(FakePlacement::new()));
    let line = Line::to_placement(far.clone());
    let remote = soon(RemoteAssignments::connect(line.channel, settings())).await;
    let expected = soon(ask_assignments(&near)).await;
    let answers = soon(ask_assignments(&remote)).await;
    for (answer, expected) in answers.iter().zip(&expected) {
        assert_eq!(answer, expected);
    }
    assert_eq!(answers.len(), 18);
    for reason in ["retired-worker", "session-ended", "stale-epoch"] {
        assert!(answers.iter().any(|text| text.contains(reason)), "{reason}");
    }
    assert_eq!(*far.asked.lock(), *near.asked.lock());
}

async fn ask_control(control: &dyn PlacementControl) -> Vec<String> {
    let mut answers = Vec::new();
    for standing in [
        Standing::Active,
        Standing::Cordoned,
        Standing::Draining,
        Standing::Retired,
    ] {
        for worker in ["w-1", "unknown"] {
            let worker = WorkerId(worker.into());
            answers.push(shown(control.set_standing(&worker, standing).await));
        }
    }
    for isolation in [Isolation::Shared, Isolation::Dedicated] {
        answers.push(shown(control.set_isolation("in", isolation).await));
    }
    let acts = [
        Act::RetireWorker(WorkerId("w-1".into())),
        Act::GiveUpDisk {
            disk: DiskId("disk-1".into()),
            even_if_lost: true,
        },
    ];
    for act in acts {
        for operator_epoch in [0, 4] {
            let act = act.clone();
            let request = PermitRequest {
                operator_epoch,
                act,
            };
            answers.push(shown(control.permit(request).await));
        }
    }
    for pipe in ["in", "there"] {
        answers.push(shown(control.start_over(pipe).await));
    }
    answers.push(shown(control.filled().await));
    answers
}

#[tokio::test]
async fn placement_control_answers_the_same_over_the_wire() {
    let (near, far) = (FakePlacement::new(), Arc::new(FakePlacement::new()));
    let line = Line::to_placement(far.clone());
    let remote = RemotePlacementControl::new(line.channel, settings());
    let expected = soon(ask_control(&near)).await;
    assert_eq!(soon(ask_control(&remote)).await, expected);
    assert_eq!(expected.len(), 17);
    assert_eq!(*far.asked.lock(), *near.asked.lock());
}

#[tokio::test]
async fn a_call_is_sent_once_and_fails_at_its_deadline() {
    let far = Arc::new(FakePlacement::new());
    let line = Line::to_placement(far.clone());
    let settings = ClientSettings {
        deadlines: Deadlines {
            change: Duration::from_millis(50),
            ..Deadlines::default()
        },
        ..settings()
    };
    let remote = soon(RemoteAssignments::connect(line.channel.clone(), settings)).await;
    let slow = remote.open_session(samples::open_session("slow"));
    let error = soon(slow).await.unwrap_err();
    assert_eq!(error.code, Code::DeadlineExceeded, "{error:?}");
    line.cut();
    let late = remote.open_session(samples::open_session("w-1"));
    assert_eq!(soon(late).await.unwrap_err().code, Code::Unavailable);
    let renewal = Renewal {
        session: SessionId(1),
        loads: Vec::new(),
    };
    let late = soon(remote.renew(renewal)).await.unwrap_err();
    assert_eq!(late.code, Code::Unavailable);
    line.mend();
    // What failed does not arrive later: the next one is the second.
    let open = remote.open_session(samples::open_session("w-2"));
    let error = soon(open).await;
    assert!(error.is_ok(), "{error:?}");
    assert_eq!(far.asked.lock().len(), 2, "{:?}", far.asked.lock());
}
