//! How pipes change hands.

use super::*;

/// Two workers, and a pipe that the first owns and has committed.
fn two(pipe: &str) -> (Core, Session, Session) {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&[pipe]), at(0));
    let first = core.come("w1", at(0));
    core.commit(&first, pipe, at(0));
    let second = core.come("w2", at(0));
    (core, first, second)
}

fn keep_both(core: &mut Core, sessions: [&Session; 2], now: Moment) {
    for session in sessions {
        core.keep(session, now);
    }
}

#[test]
fn what_was_pushed_waits_for_its_disk() {
    let (mut core, _, second) = two("push");
    core.keep(&second, at(10));
    core.tick(at(16));
    assert_eq!(core.duty(&second, "push"), None);
    assert_eq!(core.unplaced("push", at(16)), Some(Unplaced::DiskAway));
    let back = core.come("w1", at(20));
    assert_eq!(core.owned(&back, "push").unwrap().1, Start::Local);
}

#[test]
fn a_pipe_with_a_checkpoint_is_restored_by_somebody_who_can_read_it() {
    let (mut core, first, second) = two("push");
    let (epoch, _) = core.owned(&first, "push").unwrap();
    let checkpoint = Checkpoint {
        number: 4,
        format: 1,
    };
    let report = Report::Checkpointed {
        pipe: "push".into(),
        epoch,
        checkpoint,
    };
    core.report(first.id, report, at(1)).unwrap();
    let cannot_read = OpenSession {
        formats: Formats::default(),
        ..opening("w0", Vec::new())
    };
    let other = core.open_session(cannot_read, at(2)).unwrap();
    core.keep(&second, at(10));
    core.keep(&other, at(10));
    core.tick(at(17));
    let (restored, start) = core.owned(&second, "push").unwrap();
    assert_eq!(start, Start::Restore { checkpoint });
    // Until it has committed, the state on the first disk is newer.
    core.report(
        second.id,
        Report::CannotStart {
            pipe: "push".into(),
            epoch: restored,
            reason: "no object store".into(),
        },
        at(18),
    )
    .unwrap();
    let back = core.come("w1", at(20));
    keep_both(&mut core, [&second, &back], at(25));
    core.tick(at(28));
    assert_eq!(core.owned(&back, "push").unwrap().1, Start::Local);
}

#[test]
fn a_stale_disk_is_never_local_again() {
    let (mut core, _, second) = two("a");
    core.keep(&second, at(10));
    core.tick(at(16));
    assert_eq!(core.owned(&second, "a").unwrap().1, Start::StartOver);
    core.commit(&second, "a", at(17));
    let held = HeldPipe {
        pipe: "a".into(),
        epoch: Epoch::new(Incarnation::FIRST, 2).unwrap(),
        offset: Some(9),
        checkpoint: None,
    };
    let back = core
        .open_session(opening("w1", vec![held]), at(18))
        .unwrap();
    assert_eq!(core.duty(&back, "a"), None);
    core.keep(&back, at(30));
    core.keep(&back, at(40));
    core.tick(at(44));
    let (_, start) = core.owned(&back, "a").unwrap();
    assert_eq!(
        start,
        Start::StartOver,
        "the newest state is on the other disk"
    );
}

#[test]
fn reports_of_an_earlier_epoch_are_refused() {
    let (mut core, first, second) = two("a");
    let (stale, _) = core.owned(&first, "a").unwrap();
    let back = core.come("w1", at(1));
    assert!(core.owned(&back, "a").unwrap().0 > stale);
    let pipe = || "a".to_owned();
    let checkpoint = Checkpoint {
        number: 1,
        format: 1,
    };
    let reports = [
        Report::Committed {
            pipe: pipe(),
            epoch: stale,
        },
        Report::Released {
            pipe: pipe(),
            epoch: stale,
            offset: None,
        },
        Report::Checkpointed {
            pipe: pipe(),
            epoch: stale,
            checkpoint,
        },
        Report::Level { pipe: pipe() },
    ];
    for report in reports {
        for session in [&back, &second] {
            let refused = core.report(session.id, report.clone(), at(2)).unwrap_err();
            assert_eq!(refused.reason, "stale-epoch");
        }
    }
}

#[test]
fn a_planned_move_follows_stops_and_hands_over() {
    let (mut core, first, second) = two("a");
    keep_both(&mut core, [&first, &second], at(10));
    core.set_standing(&WorkerId("w1".into()), Standing::Draining, at(20))
        .unwrap();
    keep_both(&mut core, [&first, &second], at(20));
    core.tick(at(20));
    let Some(Duty::Follow { from, .. }) = core.duty(&second, "a") else {
        panic!("{:?}", core.duty(&second, "a"));
    };
    assert_eq!(from.0, "w1");
    let (epoch, _) = core.owned(&first, "a").unwrap();
    let level = Report::Level { pipe: "a".into() };
    core.report(second.id, level, at(21)).unwrap();
    let to = WorkerId("w2".into());
    assert_eq!(core.duty(&first, "a"), Some(Duty::Release { epoch, to }));
    let released = Report::Released {
        pipe: "a".into(),
        epoch,
        offset: Some(41),
    };
    core.report(first.id, released, at(22)).unwrap();
    let (next, start) = core.owned(&second, "a").unwrap();
    assert!(next > epoch);
    assert!(matches!(
        start,
        Start::HandOver {
            offset: Some(41),
            ..
        }
    ));
    assert_eq!(core.duty(&first, "a"), None);
    core.commit(&second, "a", at(23));
    let back = core.come("w2", at(24));
    assert_eq!(core.owned(&back, "a").unwrap().1, Start::Local);
}

#[test]
fn a_move_ends_with_its_target_and_a_released_pipe_goes_back() {
    let (mut core, first, second) = two("a");
    keep_both(&mut core, [&first, &second], at(10));
    core.set_standing(&WorkerId("w1".into()), Standing::Draining, at(20))
        .unwrap();
    core.report(second.id, Report::Level { pipe: "a".into() }, at(20))
        .unwrap();
    let Some(Duty::Release { epoch, .. }) = core.duty(&first, "a") else {
        panic!("{:?}", core.duty(&first, "a"));
    };
    core.close_session(second.id, at(21)).unwrap();
    let released = Report::Released {
        pipe: "a".into(),
        epoch,
        offset: Some(41),
    };
    core.report(first.id, released, at(22)).unwrap();
    let (again, start) = core.owned(&first, "a").unwrap();
    assert!(again > epoch);
    assert_eq!(start, Start::Local);
}

#[test]
fn a_removed_pipe_goes_back_to_its_disk() {
    let (mut core, first, second) = two("a");
    let (epoch, _) = core.owned(&first, "a").unwrap();
    core.configure(2, specs(&[]), at(1));
    assert_eq!(core.duty(&first, "a"), None);
    let released = Report::Released {
        pipe: "a".into(),
        epoch,
        offset: Some(1),
    };
    core.report(first.id, released, at(2)).unwrap();
    core.configure(3, specs(&["a"]), at(3));
    assert_eq!(core.duty(&second, "a"), None);
    let (again, start) = core.owned(&first, "a").unwrap();
    assert!(again > epoch);
    assert_eq!(start, Start::Local);
}

#[test]
fn a_removed_pipe_that_never_committed_leaves_nothing_behind() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["a"]), at(0));
    let session = core.come("w", at(0));
    let (epoch, _) = core.owned(&session, "a").unwrap();
    core.configure(2, specs(&[]), at(1));
    let released = Report::Released {
        pipe: "a".into(),
        epoch,
        offset: None,
    };
    core.report(session.id, released, at(2)).unwrap();
    assert!(core.kept().pipes.is_empty());
    let unwritten = core.take_unwritten();
    assert_eq!(unwritten.pipes.get("a"), Some(&None));
}

#[test]
fn what_could_not_be_written_is_written_next_time() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["a"]), at(0));
    core.come("w", at(0));
    let unwritten = core.take_unwritten();
    assert!(unwritten.pipes.contains_key("a") && unwritten.counters.is_some());
    assert!(core.take_unwritten().is_empty());
    core.put_back(unwritten.clone());
    assert_eq!(core.take_unwritten(), unwritten);
}
