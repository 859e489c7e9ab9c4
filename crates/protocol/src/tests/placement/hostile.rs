//! Placement that says what it should not: refused with the place, and nothing else happens.

use super::fake::FakePlacement;
use super::samples;
use crate::client::{RemoteAssignments, RemotePlacementControl};
use crate::tests::hostile::{Damage, FINE, answering, assert_damaged, assert_refused, framed};
use crate::tests::line::{Line, settings, soon, until};
use crate::wire::proto::assignments_client::AssignmentsClient;
use crate::wire::proto::placement_control_client::PlacementControlClient;
use crate::wire::{Damaged, Gather, GatheredAssigned, GatheredTopology};
use crate::wire::{assigned_parts, proto, to_report, topology_parts};
use crate::*;
use bytes::Bytes;
use prost::Message;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const PAGE: usize = 1 << 20;

fn topology() -> Vec<Bytes> {
    let parts = topology_parts(&samples::topology(3, 1, 0), PAGE);
    let parts = parts.iter().map(|part| framed(&part.encode_to_vec()));
    parts.collect()
}

/// A storage node that shows a topology, and answers everything else with these messages.
async fn assignments(answer: Vec<Bytes>) -> RemoteAssignments {
    let channel = answering(
        move |path| match path {
            "/sluice.v1.Assignments/WatchTopology" => topology(),
            _ => answer.clone(),
        },
        FINE,
    );
    soon(RemoteAssignments::connect(channel, settings())).await
}

#[tokio::test]
async fn a_damaged_session_is_refused_with_its_place() {
    let damage: [Damage<proto::Session>; 3] = [
        ("incarnation: 16777216 has more than 24 bits", |session| {
            session.incarnation = 1 << 24
        }),
        ("lease: missing", |session| session.lease = 0),
        ("renew_every: missing", |session| session.renew_every = 0),
    ];
    for (place, damage) in damage {
        let mut session = proto::Session::from(samples::session(1));
        damage(&mut session);
        let remote = assignments(vec![framed(&session.encode_to_vec())]).await;
        let refused = soon(remote.open_session(samples::open_session("w-1"))).await;
        assert_damaged(&refused.unwrap_err(), place);
    }
}

#[track_caller]
fn assert_place<T: std::fmt::Debug>(refused: Result<T, Damaged>, place: &str) {
    let text = refused.unwrap_err().to_string();
    assert!(text.starts_with(place), "{place:?} is not in {text:?}");
}

fn duty(duty: proto::duty::Duty) -> proto::Duty {
    proto::Duty {
        pipe: "in".to_owned(),
        duty: Some(duty),
    }
}

fn starts(start: Option<proto::start::Start>) -> proto::Duty {
    let start = proto::Start { start };
    duty(proto::duty::Duty::Own(proto::Own {
        epoch: 1,
        start: Some(start),
    }))
}

/// Duties with what is wrong about the last.
fn damaged_duties() -> Vec<(&'static str, Vec<proto::Duty>)> {
    use proto::duty::Duty;
    use proto::start::Start;
    let nothing = proto::Duty {
        pipe: "in".to_owned(),
        duty: None,
    };
    let nameless = proto::Duty {
        pipe: String::new(),
        ..starts(Some(Start::Fresh(proto::Fresh {})))
    };
    let own = || starts(Some(Start::Local(proto::Local {})));
    vec![
        ("duties.in.duty: missing", vec![nothing]),
        ("duties.pipe: missing", vec![nameless]),
        (
            "duties.in.own.start: missing",
            vec![duty(Duty::Own(proto::Own::default()))],
        ),
        ("duties.in.own.start: missing", vec![starts(None)]),
        (
            "duties.in.own.restore.checkpoint: missing",
            vec![starts(Some(Start::Restore(proto::Restore::default())))],
        ),
        (
            "duties.in.own.hand_over.from: missing",
            vec![starts(Some(Start::HandOver(proto::HandOver::default())))],
        ),
        (
            "duties.in.follow.from: missing",
            vec![duty(Duty::Follow(proto::Follow::default()))],
        ),
        (
            "duties.in.release.to: missing",
            vec![duty(Duty::Release(proto::Release::default()))],
        ),
        ("duties.in: there twice", vec![own(), own()]),
    ]
}

#[test]
fn damaged_duties_are_named() {
    for (place, duties) in damaged_duties() {
        let part = proto::AssignedPart {
            duties,
            last: true,
            ..Default::default()
        };
        assert_place(GatheredAssigned::default().take(part), place);
    }
    // Parts of two states.
    let mut gathered = GatheredAssigned::default();
    let mut part = assigned_parts(&samples::assigned(1), PAGE).remove(0);
    part.last = false;
    assert_eq!(gathered.take(part.clone()), Ok(None));
    part.duties.clear();
    part.revision += 1;
    assert_place(
        gathered.take(part),
        "revision, is_filling, format: not that of",
    );
}

#[tokio::test]
async fn a_watch_that_begins_with_damage_or_with_half_a_state_has_not_begun() {
    let (place, duties) = damaged_duties().remove(0);
    let mut part = proto::AssignedPart {
        duties,
        last: true,
        ..Default::default()
    };
    let remote = assignments(vec![framed(&part.encode_to_vec())]).await;
    let refused = soon(remote.watch_assigned(SessionId(1))).await;
    assert_damaged(&refused.unwrap_err(), place);
    part.duties.clear();
    part.last = false;
    for answer in [vec![], vec![framed(&part.encode_to_vec())]] {
        let remote = assignments(answer).await;
        let refused = soon(remote.watch_assigned(SessionId(1))).await;
        assert_eq!(refused.unwrap_err().code, Code::Unavailable);
    }
}

#[tokio::test]
async fn a_damaged_state_is_not_shown_and_does_not_end_the_session() {
    let calls = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&calls);
    let answer = move |path: &str| {
        if path.ends_with("/WatchTopology") {
            return topology();
        }
        count.fetch_add(1, Ordering::Relaxed);
        let mut parts = assigned_parts(&samples::assigned(1), PAGE);
        parts.extend(assigned_parts(&samples::assigned(2), PAGE));
        parts[1].duties[0].duty = None;
        parts.extend(assigned_parts(&samples::assigned(3), PAGE));
        let parts = parts.iter().map(|part| framed(&part.encode_to_vec()));
        parts.collect()
    };
    let remote = RemoteAssignments::connect(answering(answer, FINE), settings());
    let remote = soon(remote).await;
    let assigned = soon(remote.watch_assigned(SessionId(1))).await.unwrap();
    until(|| calls.load(Ordering::Relaxed) > 3).await;
    assert!(assigned.has_changed().is_ok());
    assert_eq!(**assigned.borrow(), samples::assigned(1));
}

fn part() -> proto::TopologyPart {
    let mut parts = topology_parts(&samples::topology(3, 1, 0), PAGE);
    let workers = parts.remove(0).workers;
    proto::TopologyPart {
        workers,
        ..parts.remove(0)
    }
}

fn owned(part: &mut proto::TopologyPart) -> &mut proto::Owned {
    match &mut part.pipes[1].placement {
        Some(proto::placed_pipe::Placement::Owned(owned)) => owned,
        other => panic!("{other:?}"),
    }
}

#[test]
fn damaged_topologies_are_named() {
    let damage: [Damage<proto::TopologyPart>; 13] = [
        ("incarnation: 16777216 has more", |part| {
            part.incarnation = 1 << 24
        }),
        ("workers.worker: missing", |part| {
            part.workers[0].worker.clear()
        }),
        ("workers.w-1.disk: missing", |part| {
            part.workers[0].disk.clear()
        }),
        ("workers.w-1.liveness: unknown value 0", |part| {
            part.workers[0].liveness = 0
        }),
        ("workers.w-1.standing: unknown value 9", |part| {
            part.workers[0].standing = 9
        }),
        ("workers.w-1: there twice", |part| {
            part.workers.push(part.workers[0].clone())
        }),
        ("pipes.pipe: missing", |part| part.pipes[0].pipe.clear()),
        ("pipes.away.placement: missing", |part| {
            part.pipes[0].placement = None
        }),
        ("pipes.away.unplaced: unknown value 0", |part| {
            let none = proto::placed_pipe::Placement::Unplaced(0);
            part.pipes[0].placement = Some(none);
        }),
        ("pipes.away.unplaced: unknown value -1", |part| {
            let none = proto::placed_pipe::Placement::Unplaced(-1);
            part.pipes[0].placement = Some(none);
        }),
        ("pipes.here.owned.worker: missing", |part| {
            owned(part).worker.clear()
        }),
        ("pipes.here.owned.moves_to: missing", |part| {
            owned(part).moves_to = Some(String::new())
        }),
        ("pipes.away: there twice", |part| {
            part.pipes.push(part.pipes[0].clone())
        }),
    ];
    for (place, damage) in damage {
        let mut part = part();
        damage(&mut part);
        assert_place(GatheredTopology::default().take(part), place);
    }
    let mut gathered = GatheredTopology::default();
    let (mut first, mut second) = (part(), part());
    first.last = false;
    assert_eq!(gathered.take(first), Ok(None));
    second.incarnation += 1;
    assert_place(
        gathered.take(second),
        "incarnation, revision, format: not that of",
    );
}

#[tokio::test]
async fn damaged_requests_of_workers_are_refused_and_nothing_is_called() {
    let far = Arc::new(FakePlacement::new());
    let mut client = AssignmentsClient::new(Line::to_placement(far.clone()).channel);
    let damage: [Damage<proto::OpenSessionRequest>; 9] = [
        ("worker: missing", |open| open.worker.clear()),
        ("disk: missing", |open| open.disk.clear()),
        ("boot: missing", |open| open.boot.clear()),
        ("seen: 16777216 has more", |open| open.seen = 1 << 24),
        ("formats: missing", |open| open.formats = None),
        ("formats.checkpoints: 3 to 2 is no range", |open| {
            open.formats.as_mut().unwrap().checkpoints = Some(proto::FormatRange {
                oldest: 3,
                newest: 2,
            });
        }),
        ("formats.change_streams: 1 to 0 is no range", |open| {
            open.formats.as_mut().unwrap().change_streams = Some(proto::FormatRange {
                oldest: 1,
                newest: 0,
            });
        }),
        ("formats.hub: 2 to 1 is no range", |open| {
            open.formats.as_mut().unwrap().hub = Some(proto::FormatRange {
                oldest: 2,
                newest: 1,
            });
        }),
        ("pipes.pipe: missing", |open| open.pipes[0].pipe.clear()),
    ];
    for (place, damage) in damage {
        let mut open = proto::OpenSessionRequest::from(samples::open_session("w-1"));
        damage(&mut open);
        let refused = soon(client.open_session(open)).await;
        assert_refused(refused.unwrap_err(), place);
    }
    let renewal = proto::RenewRequest {
        session: 1,
        loads: vec![proto::PipeLoad::default()],
    };
    let refused = soon(client.renew(renewal)).await;
    assert_refused(refused.unwrap_err(), "loads.pipe: missing");
    let said = proto::ReportRequest::default();
    let refused = soon(client.report(said)).await;
    assert_refused(refused.unwrap_err(), "report: missing");
    let said = proto::ReportRequest {
        session: 1,
        report: Some(proto::Report { report: None }),
    };
    let refused = soon(client.report(said)).await;
    assert_refused(refused.unwrap_err(), "report: missing");
    let nameless = Report::Level {
        pipe: String::new(),
    };
    let refused = soon(client.report(to_report(SessionId(1), nameless))).await;
    assert_refused(refused.unwrap_err(), "report.pipe: missing");
    let checkpointed = proto::Checkpointed {
        pipe: "in".to_owned(),
        ..Default::default()
    };
    let said = proto::ReportRequest {
        session: 1,
        report: Some(proto::Report {
            report: Some(proto::report::Report::Checkpointed(checkpointed)),
        }),
    };
    let refused = soon(client.report(said)).await;
    assert_refused(refused.unwrap_err(), "report.checkpoint: missing");
    assert!(far.asked.lock().is_empty(), "{:?}", far.asked.lock());
}

#[tokio::test]
async fn damaged_requests_of_the_operator_are_refused_and_nothing_is_called() {
    let far = Arc::new(FakePlacement::new());
    let mut client = PlacementControlClient::new(Line::to_placement(far.clone()).channel);
    for (worker, standing, place) in [
        ("w-1", 0, "standing: unknown value 0"),
        ("w-1", 5, "standing: unknown value 5"),
        ("", 1, "worker: missing"),
    ] {
        let worker = worker.to_owned();
        let set = proto::SetStandingRequest { worker, standing };
        let refused = soon(client.set_standing(set)).await;
        assert_refused(refused.unwrap_err(), place);
    }
    for (pipe, isolation, place) in [
        ("in", 0, "isolation: unknown value 0"),
        ("in", -7, "isolation: unknown value -7"),
        ("", 1, "pipe: missing"),
    ] {
        let pipe = pipe.to_owned();
        let set = proto::SetIsolationRequest { pipe, isolation };
        let refused = soon(client.set_isolation(set)).await;
        assert_refused(refused.unwrap_err(), place);
    }
    let refused = soon(client.start_over_pipe(proto::StartOverPipeRequest::default())).await;
    assert_refused(refused.unwrap_err(), "pipe: missing");
    for (act, place) in damaged_acts() {
        let request = proto::PermitRequest {
            operator_epoch: 1,
            act,
        };
        let refused = soon(client.permit(request)).await;
        assert_refused(refused.unwrap_err(), place);
    }
    assert!(far.asked.lock().is_empty(), "{:?}", far.asked.lock());
}

fn damaged_acts() -> [(Option<proto::Act>, &'static str); 4] {
    use proto::act::Act;
    let act = |act| Some(proto::Act { act });
    [
        (None, "act: missing"),
        (act(None), "act: missing"),
        (
            act(Some(Act::RetireWorker(String::new()))),
            "act.retire_worker: missing",
        ),
        (
            act(Some(Act::GiveUpDisk(proto::GiveUpDisk::default()))),
            "act.give_up_disk.disk: missing",
        ),
    ]
}

#[tokio::test]
async fn a_permit_without_an_act_is_none() {
    for (act, place) in damaged_acts() {
        let permit = proto::Permit {
            operator_epoch: 1,
            act,
        };
        let answer = vec![framed(&permit.encode_to_vec())];
        let channel = answering(move |_| answer.clone(), FINE);
        let remote = RemotePlacementControl::new(channel, settings());
        let request = PermitRequest {
            operator_epoch: 1,
            act: Act::RetireWorker(WorkerId("w-1".into())),
        };
        assert_damaged(&soon(remote.permit(request)).await.unwrap_err(), place);
    }
}
