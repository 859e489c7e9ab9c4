//! Sessions, leases, incarnations.

use super::*;

#[test]
fn the_first_worker_of_a_new_hub_gets_everything_at_once() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(7, specs(&["a", "push"]), at(0));
    assert_eq!(core.unplaced("a", at(0)), Some(Unplaced::NoWorker));
    let session = core.come("w", at(0));
    let assigned = core.assigned(session.id).unwrap();
    assert_eq!(assigned.revision, 7);
    assert_eq!(core.owned(&session, "a").unwrap().1, Start::Fresh);
    assert_eq!(core.owned(&session, "push").unwrap().1, Start::Fresh);
    assert_eq!(session.lease, LEASE);
    assert_eq!(session.renew_every, Duration::from_secs(3));
}

#[test]
fn a_storage_node_that_restarts_waits_a_lease_but_not_for_the_same_disk() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["a", "b"]), at(0));
    let session = core.come("w", at(0));
    core.commit(&session, "a", at(1));
    let (before, _) = core.owned(&session, "a").unwrap();

    let mut again = core_at(core.kept(), at(100));
    again.configure(1, specs(&["a", "b"]), at(100));
    let other = again.come("other", at(100));
    again.tick(at(115));
    assert_eq!(again.duty(&other, "a"), None);
    assert_eq!(again.unplaced("a", at(115)), Some(Unplaced::OwnerMayWrite));
    let back = again.come("w", at(115));
    let (epoch, start) = again.owned(&back, "a").unwrap();
    assert_eq!(start, Start::Local);
    assert!(epoch > before);
    assert_eq!(again.owned(&back, "b").unwrap().1, Start::Fresh);
}

#[test]
fn a_longer_lease_of_before_is_waited_for() {
    let mut core = Core::new(
        nothing_kept(1),
        Timing::of_lease(Duration::from_secs(60)),
        at(0),
    );
    core.configure(1, specs(&["a"]), at(0));
    core.come("w", at(0));
    let mut again = core_at(core.kept(), at(10));
    again.configure(1, specs(&["a"]), at(10));
    let other = again.come("other", at(10));
    again.keep(&other, at(25));
    again.keep(&other, at(40));
    again.keep(&other, at(55));
    again.keep(&other, at(70));
    again.tick(at(70));
    assert_eq!(again.duty(&other, "a"), None);
    again.tick(at(71));
    assert!(again.owned(&other, "a").is_some());
}

#[test]
fn a_pipe_is_given_away_a_lease_and_a_second_after_the_last_answer() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["a"]), at(0));
    let first = core.come("w", at(0));
    core.commit(&first, "a", at(1));
    core.keep(&first, at(10));
    let other = core.come("other", at(20));
    core.tick(at(10) + FENCED - Duration::from_millis(1));
    assert_eq!(core.duty(&other, "a"), None);
    core.tick(at(10) + FENCED);
    assert_eq!(core.owned(&other, "a").unwrap().1, Start::StartOver);
    let renewal = Renewal {
        session: first.id,
        loads: Vec::new(),
    };
    let refused = core.renew(renewal, at(27)).unwrap_err();
    assert_eq!(refused.reason, "session-ended");
}

#[test]
fn the_next_change_is_the_moment_at_which_something_happens() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["a"]), at(0));
    core.come("w", at(30));
    // A renewal is late, then the lease is over.
    assert_eq!(core.next_change(at(30)), Some(at(36)));
    assert_eq!(core.next_change(at(36)), Some(at(46)));
    assert_eq!(core.next_change(at(46)), None);
}

#[test]
fn a_worker_that_has_seen_a_later_storage_node_stops_this_one() {
    let mut core = core_at(nothing_kept(3), at(0));
    let session = core.come("w", at(0));
    let seen = OpenSession {
        seen: Incarnation::new(4).unwrap(),
        ..opening("x", Vec::new())
    };
    assert_eq!(
        core.open_session(seen, at(1)).unwrap_err().reason,
        "superseded"
    );
    let renewal = Renewal {
        session: session.id,
        loads: Vec::new(),
    };
    assert_eq!(core.renew(renewal, at(1)).unwrap_err().reason, "superseded");
}

#[test]
fn an_epoch_of_a_lost_write_is_never_given_again() {
    let mut core = core_at(nothing_kept(2), at(0));
    core.configure(1, specs(&["a"]), at(0));
    let seen = Epoch::new(Incarnation::new(2).unwrap(), 5_000).unwrap();
    let held = HeldPipe {
        pipe: "a".into(),
        epoch: seen,
        offset: Some(3),
        checkpoint: None,
    };
    let session = core.open_session(opening("w", vec![held]), at(0)).unwrap();
    core.keep(&session, at(10));
    core.tick(at(16));
    let (epoch, start) = core.owned(&session, "a").unwrap();
    assert!(epoch > seen);
    assert_eq!(start, Start::Local);
}

#[test]
fn a_disk_belongs_to_one_worker_and_a_worker_is_in_one_place() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.come("w", at(0));
    let swapped = OpenSession {
        disk: DiskId("disk of w".into()),
        ..opening("x", Vec::new())
    };
    let refused = core.open_session(swapped, at(1)).unwrap_err();
    assert_eq!(refused.reason, "other-disk");
    let blank = || OpenSession {
        disk: DiskId("blank".into()),
        ..opening("w", Vec::new())
    };
    let refused = core.open_session(blank(), at(1)).unwrap_err();
    assert_eq!(refused.reason, "other-disk");
    core.open_session(blank(), at(16)).unwrap();
}

#[test]
fn a_storage_node_without_its_disk_learns_from_the_workers_and_waits_for_all_of_them() {
    let mut core = core_at(nothing_kept(2), at(0));
    core.configure(1, specs(&["a", "push", "push-new"]), at(0));
    let held = |pipe: &str, epoch| HeldPipe {
        pipe: pipe.into(),
        epoch: Epoch::new(Incarnation::FIRST, epoch).unwrap(),
        offset: Some(1),
        checkpoint: None,
    };
    let stale = core
        .open_session(opening("stale", vec![held("push", 1)]), at(0))
        .unwrap();
    let owner = core
        .open_session(opening("owner", vec![held("push", 2)]), at(1))
        .unwrap();
    assert_eq!(
        core.duty(&owner, "push"),
        None,
        "somebody may have a later one"
    );
    core.filled();
    core.configure(2, specs(&["a", "push", "push-new", "push-later"]), at(2));
    let later = |core: &Core| {
        let owned = core.owned(&stale, "push-later");
        owned.or(core.owned(&owner, "push-later"))
    };
    assert_eq!(
        later(&core),
        None,
        "it may have been removed, and its owner not know"
    );
    core.keep(&stale, at(10));
    core.keep(&owner, at(10));
    core.tick(at(16));
    assert_eq!(core.owned(&owner, "push").unwrap().1, Start::Local);
    let (_, start) = core.owned(&stale, "a").or(core.owned(&owner, "a")).unwrap();
    assert_eq!(start, Start::StartOver, "it may have been somewhere");
    assert_eq!(core.unplaced("push-new", at(16)), Some(Unplaced::StateLost));
    let (_, start) = later(&core).unwrap();
    assert_eq!(
        start,
        Start::Fresh,
        "a pipe that comes after the filling is new"
    );
}

#[test]
fn a_pipe_whose_worker_is_gone_with_the_disk_begins_where_the_object_store_has_it() {
    let mut core = core_at(nothing_kept(2), at(0));
    core.seek_checkpoints();
    core.configure(1, specs(&["push", "push-none", "pulled"]), at(0));
    assert_eq!(core.take_sought(), ["pulled", "push", "push-none"]);
    assert!(core.take_sought().is_empty());
    // A start in between: nothing was found out yet.
    let mut core = core_at(core.kept(), at(0));
    core.seek_checkpoints();
    core.configure(1, specs(&["push", "push-none", "pulled"]), at(0));
    assert_eq!(core.take_sought().len(), 3);
    let worker = core.come("w", at(1));
    core.keep(&worker, at(14));
    core.tick(at(16));
    for pipe in ["push", "push-none", "pulled"] {
        let waits = core.unplaced(pipe, at(16));
        assert_eq!(waits, Some(Unplaced::OwnerMayWrite), "{pipe}");
    }
    let checkpoint = Checkpoint {
        number: 3,
        format: 1,
    };
    let found = vec![
        ("push".to_owned(), Some(checkpoint)),
        ("push-none".to_owned(), None),
        ("pulled".to_owned(), None),
    ];
    core.found(found, at(17));
    let (epoch, start) = core.owned(&worker, "push").unwrap();
    assert_eq!(start, Start::Restore { checkpoint });
    assert_eq!(epoch.incarnation().number(), 2);
    let lost = core.unplaced("push-none", at(17));
    assert_eq!(lost, Some(Unplaced::StateLost));
    assert_eq!(core.owned(&worker, "pulled").unwrap().1, Start::StartOver);
}

#[test]
fn a_worker_that_does_not_read_the_hub_gets_no_session_and_loses_the_one_it_has() {
    let two = FormatRange {
        oldest: 1,
        newest: 2,
    };
    let reading = |name: &str, reads| {
        let mut open = opening(name, Vec::new());
        open.formats.hub = Some(reads);
        open
    };
    let mut core = core_at(nothing_kept(1), at(0));
    core.know(two, 1);
    core.configure(1, specs(&["a", "b"]), at(0));
    let old = core
        .open_session(reading("old", FormatRange::FIRST), at(0))
        .unwrap();
    let new = core.open_session(reading("new", two), at(0)).unwrap();
    assert_eq!(core.assigned(new.id).unwrap().format, 1);
    let readers = core.readers();
    assert_eq!(
        readers[&WorkerId("old".into())].reads,
        Some(FormatRange::FIRST)
    );
    assert_eq!(readers[&WorkerId("new".into())].reads, Some(two));

    core.set_format(2, at(1));
    assert_eq!(core.assigned(old.id), None, "its session has ended");
    assert_eq!(core.assigned(new.id).unwrap().format, 2);
    assert_eq!(core.topology(at(1)).format, 2);
    let away = core.readers()[&WorkerId("old".into())];
    assert_eq!(
        (away.is_present, away.reads),
        (false, Some(FormatRange::FIRST))
    );
    for open in [
        opening("older", Vec::new()),
        reading("old", FormatRange::FIRST),
    ] {
        let refused = core.open_session(open, at(2)).unwrap_err();
        assert_eq!(refused.reason, "unreadable-format");
    }
    core.keep(&new, at(10));
    core.tick(at(20));
    for pipe in ["a", "b"] {
        assert!(
            core.owned(&new, pipe).is_some(),
            "{pipe} goes to who reads it"
        );
    }
}

#[test]
fn a_disk_that_is_further_than_the_storage_node_is_told_of_and_one_it_cannot_read_is_refused() {
    let mut core = core_at(nothing_kept(1), at(0));
    let two = FormatRange {
        oldest: 1,
        newest: 2,
    };
    let mut further = opening("w", Vec::new());
    (further.formats.hub, further.format) = (Some(two), 2);
    let refused = core.open_session(further.clone(), at(0)).unwrap_err();
    assert_eq!(refused.reason, "older-storage-node");
    core.know(two, 1);
    core.open_session(further, at(0)).unwrap();
    assert_eq!(core.readers()[&WorkerId("w".into())].disk, 2);
}
