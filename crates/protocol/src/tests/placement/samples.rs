//! One of everything, for fakes to answer.

use crate::*;
use std::time::Duration;

fn epoch(counter: u64) -> Epoch {
    Epoch::new(Incarnation::new(3).unwrap(), counter).unwrap()
}

pub(crate) fn open_session(worker: &str) -> OpenSession {
    let formats = FormatRange {
        oldest: 1,
        newest: 2,
    };
    OpenSession {
        worker: WorkerId(worker.into()),
        disk: DiskId("disk-1".into()),
        boot: BootId("boot-1".into()),
        address: "w-1.svc:8443".into(),
        seen: Incarnation::FIRST,
        formats: Formats {
            checkpoints: Some(formats),
            change_streams: None,
            replicas: None,
            hub: None,
        },
        format: 0,
        pipes: vec![HeldPipe {
            pipe: "in".into(),
            epoch: epoch(5),
            offset: Some(0),
            checkpoint: Some(Checkpoint {
                number: 9,
                format: 1,
            }),
        }],
    }
}

pub(crate) fn session(id: u64) -> Session {
    Session {
        id: SessionId(id),
        incarnation: Incarnation::new(3).unwrap(),
        lease: Duration::from_secs(15),
        renew_every: Duration::from_secs(3),
    }
}

/// One duty of each kind.
pub(crate) fn assigned(revision: u64) -> Assigned {
    let own = |start| Duty::Own {
        epoch: epoch(7),
        start,
    };
    let checkpoint = Checkpoint {
        number: 9,
        format: 1,
    };
    let hand_over = Start::HandOver {
        from: WorkerId("w-2".into()),
        address: "w-2.svc:8443".into(),
        offset: Some(0),
    };
    let follow = Duty::Follow {
        from: WorkerId("w-2".into()),
        address: "w-2.svc:8443".into(),
    };
    let release = Duty::Release {
        epoch: epoch(6),
        to: WorkerId("w-2".into()),
    };
    let duties = [
        ("fresh", own(Start::Fresh)),
        ("local", own(Start::Local)),
        ("over", own(hand_over)),
        ("restored", own(Start::Restore { checkpoint })),
        ("again", own(Start::StartOver)),
        ("follows", follow),
        ("goes", release),
    ];
    Assigned {
        revision,
        is_filling: true,
        format: 0,
        pipes: duties.map(|(pipe, duty)| (pipe.to_owned(), duty)).into(),
    }
}

/// One place of each kind, and so many more pipes.
pub(crate) fn topology(incarnation: u32, revision: u64, more: usize) -> Topology {
    let owned = |moves_to: Option<&str>, restoring| Placement::Owned {
        worker: WorkerId("w-1".into()),
        epoch: epoch(7),
        address: "w-1.svc:8443".into(),
        moves_to: moves_to.map(|to| WorkerId(to.into())),
        restoring,
    };
    let placed = [
        ("here", owned(None, None)),
        ("moves", owned(Some("w-2"), Some((3, 4)))),
        ("none", Placement::Unplaced(Unplaced::NoWorker)),
        ("waits", Placement::Unplaced(Unplaced::OwnerMayWrite)),
        ("away", Placement::Unplaced(Unplaced::DiskAway)),
        ("lost", Placement::Unplaced(Unplaced::StateLost)),
    ];
    let more = (0..more).map(|number| (format!("pipe-{number}"), owned(None, None)));
    let workers = [
        ("w-1", Liveness::Live, Standing::Active),
        ("w-2", Liveness::Suspect, Standing::Cordoned),
        ("w-3", Liveness::Lost, Standing::Draining),
        ("w-4", Liveness::Lost, Standing::Retired),
    ];
    let facts = |(worker, liveness, standing): (&str, _, _)| {
        let facts = WorkerFacts {
            address: format!("{worker}.svc:8443"),
            disk: DiskId(format!("disk of {worker}")),
            liveness,
            standing,
        };
        (WorkerId(worker.to_owned()), facts)
    };
    Topology {
        incarnation: Incarnation::new(incarnation).unwrap(),
        revision,
        format: 0,
        pipes: placed
            .map(|(pipe, place)| (pipe.to_owned(), place))
            .into_iter()
            .chain(more)
            .collect(),
        workers: workers.map(facts).into(),
        flows: std::collections::BTreeMap::new(),
    }
}

/// One report of each kind, with a name for it.
pub(crate) fn reports() -> Vec<(&'static str, Report)> {
    let (pipe, epoch) = ("in".to_owned(), epoch(7));
    let checkpoint = Checkpoint {
        number: 0,
        format: 7,
    };
    let released = |offset| Report::Released {
        pipe: pipe.clone(),
        epoch,
        offset,
    };
    let committed = Report::Committed {
        pipe: pipe.clone(),
        epoch,
    };
    let restoring = Report::Restoring {
        pipe: pipe.clone(),
        epoch,
        fetched: 3,
        total: 4,
    };
    let cannot_start = Report::CannotStart {
        pipe: pipe.clone(),
        epoch,
        reason: "Ærø".into(),
    };
    let checkpointed = Report::Checkpointed {
        pipe: pipe.clone(),
        epoch,
        checkpoint,
    };
    let flow = Flow {
        configuration: "c".into(),
        is_failing: true,
        durable: Durable::NotSaid,
    };
    let flowing = Report::Flowing {
        flows: vec![PipeFlow {
            pipe: pipe.clone(),
            epoch,
            flow,
        }],
    };
    vec![
        ("committed", committed),
        ("released-empty", released(None)),
        ("released", released(Some(0))),
        ("level", Report::Level { pipe: pipe.clone() }),
        ("restoring", restoring),
        ("cannot-start", cannot_start),
        ("checkpointed", checkpointed),
        ("flowing", flowing),
    ]
}
