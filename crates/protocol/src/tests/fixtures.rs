//! Messages of the first version, kept as bytes: later versions must still read them. A new kind of message adds a line.

use super::{control, placement, samples};
use crate::wire::{self, proto};
use crate::*;
use prost::Message;
use sluice_dataset::{DatasetNumber, Generation, SinceToken};
use std::fmt::Write as _;

/// Lines of `NAME HEX`.
const FIXTURES: &str = include_str!("fixtures.txt");

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn bytes(name: &str) -> Vec<u8> {
    let line = FIXTURES
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    let hex = line.unwrap_or_else(|| panic!("no fixture {name}"));
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

/// The fixture still means `message`, and `message` is still written so.
#[track_caller]
fn check<M: Message + Default + PartialEq + std::fmt::Debug>(name: &str, message: M) {
    let written = message.encode_to_vec();
    assert_eq!(M::decode(&*bytes(name)).unwrap(), message, "{name}");
    assert_eq!(hex(&bytes(name)), hex(&written), "{name} {}", hex(&written));
}

#[test]
fn messages_of_the_first_version_are_read_and_written() {
    let error = Error::not_found("unknown-pipe", "pipe", "Ærø");
    check("error", proto::Error::from(&error));
    let checkpoint = CheckpointReport {
        number: Some(3),
        made: Some(4),
        whole: Some(5),
        problem: Some("p".into()),
    };
    let kept = PipeReport {
        checkpoint: Some(checkpoint),
        ..samples::pipe_report("in")
    };
    check("pipe-checkpoint", proto::PipeReport::from(kept));
    check("pipe", proto::PipeReport::from(samples::pipe_report("in")));
    check(
        "dataset",
        proto::DatasetReport::from(samples::dataset_report("in")),
    );
    let snapshot = samples::snapshot(7, &["in"]);
    check(
        "snapshot",
        wire::snapshot_parts(&snapshot, None, 1 << 20).remove(0),
    );
    check(
        "page",
        wire::cut(samples::versions(3..5, 3), 1 << 20).remove(0),
    );
    let made = Page::Entities(vec![samples::entity(r#"{"_id": "a", "n": 1.10}"#)]);
    check("made", wire::cut(made, 1 << 20).remove(0));
    check("headers", proto::FeedHeaders::from(samples::headers()));
    let push = PushRequest {
        sequence_id: Some("s".into()),
        is_full: true,
        content_length: Some(9),
        user: "ann".into(),
        ..PushRequest::default()
    };
    check(
        "push",
        wire::to_open_push(wire::Target::Dataset("in".into()), push),
    );
    check("run-all", wire::to_run_all(samples::run_all(), "ann"));
    let difference = ConfigurationSnapshot {
        revision: 8,
        ..samples::snapshot(8, &["out"])
    };
    let mut difference = wire::snapshot_parts(&difference, Some(&snapshot), 1 << 20);
    check("snapshot-difference", difference.remove(0));
    check(
        "hand-over",
        proto::HandOverRequest::from(control::handed(5)),
    );
    let secrets = control::secrets(5);
    check(
        "hand-over-secrets",
        proto::HandOverSecretsRequest::from(secrets),
    );
    check(
        "writes",
        wire::writes_parts(&[control::intent("r")]).remove(0),
    );
    let answer = WriteAnswer::Refused(control::refusal());
    let request = RequestId("r".into());
    check("answer-write", wire::to_answer(5, &request, &answer));
    let read = ReadRequest {
        since_text: Some("4".into()),
        ..ReadRequest::default()
    };
    check("read", proto::ReadRequest::from(read));
}

#[test]
fn messages_between_workers_are_read_and_written() {
    let position = SinceToken {
        generation: Generation([9; 16]),
        epoch: 7,
        offset: 4,
    };
    let follow = proto::FollowDataset {
        name: "in".into(),
        position: Some(wire::to_position(position)),
    };
    check("follow", follow);
    let facts = OwnerFacts {
        number: DatasetNumber(3),
        generation: Generation([1; 16]),
        epoch: 7,
        populated: true,
    };
    for (name, followed) in [
        ("follow-absent", Followed::Absent),
        ("follow-facts", Followed::Facts(facts)),
        ("follow-rewind", Followed::Rewind(Some(4))),
        ("follow-level", Followed::Level(None)),
    ] {
        check(name, wire::to_note(followed).unwrap());
    }
    let together = RunTogether {
        run: "r".into(),
        workers: ["w0", "w1"].map(|id| WorkerId(id.into())).into(),
    };
    let run = RunAll {
        together: Some(together),
        ..samples::run_all()
    };
    check("run-all-together", wire::to_run_all(run, "ann"));
    let rest = RunRest {
        changes: 3,
        quiet: 1,
        ended: true,
    };
    check("run-rest", proto::RunRest::from(rest));
}

#[test]
fn messages_of_placement_are_read_and_written() {
    let open = placement::open_session("w-1");
    check("open-session", proto::OpenSessionRequest::from(open));
    check("session", proto::Session::from(placement::session(4)));
    let assigned = placement::assigned(7);
    check(
        "assigned",
        wire::assigned_parts(&assigned, 1 << 20).remove(0),
    );
    let topology = placement::topology(3, 7, 0);
    let parts = wire::topology_parts(&topology, 1 << 20);
    let [workers, pipes] = <[_; 2]>::try_from(parts).unwrap();
    check("workers", workers);
    check("places", pipes);
    let renewal = Renewal {
        session: SessionId(4),
        loads: vec![PipeLoad {
            pipe: "in".into(),
            weight: 2,
            bytes: 3,
        }],
    };
    check("renewal", proto::RenewRequest::from(renewal));
    check("leave", proto::LeaveRequest { session: 4 });
    let departure = Departure { pipes: 3 };
    check("departure", proto::Departure::from(departure));
    let flow = Flow {
        configuration: "c".into(),
        is_failing: false,
        durable: Durable::Checkpointed,
    };
    let pipe = PipeFlow {
        pipe: "in".into(),
        epoch: Epoch::from_number(5),
        flow,
    };
    let flowing = Report::Flowing { flows: vec![pipe] };
    check("flowing-durable", wire::to_report(SessionId(4), flowing));
    for (name, report) in placement::reports() {
        check(name, wire::to_report(SessionId(4), report));
    }
    let act = Act::GiveUpDisk {
        disk: DiskId("disk-1".into()),
        even_if_lost: true,
    };
    let request = PermitRequest {
        operator_epoch: 5,
        act,
    };
    check("permit", proto::PermitRequest::from(request));
}

#[test]
fn messages_of_formats_are_read_and_written() {
    let reads = FormatRange {
        oldest: 1,
        newest: 2,
    };
    let mut open = placement::open_session("w-1");
    (open.formats.hub, open.format) = (Some(reads), 2);
    check("open-session-format", proto::OpenSessionRequest::from(open));
    let assigned = Assigned {
        format: 2,
        ..Assigned::default()
    };
    let assigned = wire::assigned_parts(&assigned, 1 << 20).remove(0);
    check("assigned-format", assigned);
    let topology = Topology {
        format: 2,
        ..Topology::default()
    };
    let topology = wire::topology_parts(&topology, 1 << 20).remove(0);
    check("topology-format", topology);
    let report = samples::format_report(Some(9));
    check("format", proto::FormatReport::from(report));
}
