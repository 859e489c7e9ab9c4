//! Workers that are about to stop.

use super::*;

/// Two workers, of which the first owns both pipes and has committed them, some time after the start.
fn hub() -> (Core, Session, Session) {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["a", "push"]), at(0));
    let first = core.come("w1", at(0));
    for pipe in ["a", "push"] {
        core.commit(&first, pipe, at(0));
    }
    let second = core.come("w2", at(1));
    for session in [&first, &second] {
        core.keep(session, at(12));
    }
    (core, first, second)
}

fn leave(core: &mut Core, session: &Session, now: Moment) -> u64 {
    core.leave(session.id, now).unwrap().pipes
}

/// The second worker is level, the first one releases.
fn hand_over(core: &mut Core, first: &Session, second: &Session, pipe: &str, now: Moment) {
    let level = Report::Level { pipe: pipe.into() };
    core.report(second.id, level, now).unwrap();
    let Some(Duty::Release { epoch, .. }) = core.duty(first, pipe) else {
        panic!("{pipe}: {:?}", core.duty(first, pipe));
    };
    let released = Report::Released {
        pipe: pipe.into(),
        epoch,
        offset: Some(4),
    };
    core.report(first.id, released, now).unwrap();
}

#[test]
fn pipes_of_a_worker_that_leaves_are_handed_over_one_by_one_and_it_may_stop() {
    let (mut core, first, second) = hub();
    assert_eq!(leave(&mut core, &first, at(20)), 2);
    hand_over(&mut core, &first, &second, "a", at(21));
    assert_eq!(leave(&mut core, &first, at(21)), 1);
    hand_over(&mut core, &first, &second, "push", at(22));
    assert_eq!(leave(&mut core, &first, at(22)), 0);
    for pipe in ["a", "push"] {
        let (_, start) = core.owned(&second, pipe).unwrap();
        assert!(matches!(start, Start::HandOver { .. }), "{pipe}: {start:?}");
    }
}

#[test]
fn nobody_waits_where_nobody_could_take_anything() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["a", "push"]), at(0));
    let alone = core.come("w1", at(0));
    core.commit(&alone, "push", at(0));
    core.keep(&alone, at(12));
    assert_eq!(leave(&mut core, &alone, at(20)), 0, "it is alone");

    let (mut core, first, second) = hub();
    core.set_standing(&WorkerId("w2".into()), Standing::Cordoned, at(20))
        .unwrap();
    assert_eq!(
        leave(&mut core, &first, at(20)),
        0,
        "the other one is closed"
    );
    core.set_standing(&WorkerId("w2".into()), Standing::Active, at(20))
        .unwrap();
    assert_eq!(leave(&mut core, &second, at(20)), 0, "it has nothing");
    assert_eq!(leave(&mut core, &first, at(20)), 0, "both leave");
}

#[test]
fn without_an_object_store_pipes_stay_with_the_disk() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["push"]), at(0));
    let without = |name| OpenSession {
        formats: Formats {
            replicas: STREAMS.replicas,
            ..Formats::default()
        },
        ..opening(name, Vec::new())
    };
    let first = core.open_session(without("w1"), at(0)).unwrap();
    core.commit(&first, "push", at(0));
    let second = core.open_session(without("w2"), at(1)).unwrap();
    for session in [&first, &second] {
        core.keep(session, at(12));
    }
    assert_eq!(leave(&mut core, &first, at(20)), 0);
    assert!(core.owned(&first, "push").is_some());
}

#[test]
fn a_move_that_fails_is_not_waited_for() {
    let (mut core, first, second) = hub();
    leave(&mut core, &first, at(20));
    for pipe in ["a", "push"] {
        let report = Report::CannotStart {
            pipe: pipe.into(),
            epoch: Epoch::NONE,
            reason: "no room".into(),
        };
        core.report(second.id, report, at(21)).unwrap();
    }
    assert_eq!(leave(&mut core, &first, at(22)), 0);
    assert!(core.owned(&first, "a").is_some());
}

#[test]
fn a_worker_that_comes_back_with_its_disk_is_one_like_any_other() {
    let (mut core, first, second) = hub();
    leave(&mut core, &first, at(20));
    hand_over(&mut core, &first, &second, "a", at(21));
    core.commit(&second, "a", at(21));
    core.close_session(first.id, at(22)).unwrap();
    let again = core.come("w1", at(23));
    assert_eq!(core.owned(&again, "push").unwrap().1, Start::Local);
    assert_eq!(leave(&mut core, &second, at(24)), 1, "it takes pipes");
    assert!(matches!(core.duty(&again, "a"), Some(Duty::Follow { .. })));
}
