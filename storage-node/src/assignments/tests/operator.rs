//! What the operator asks for.

use super::*;
use sluice_protocol::{Act, Isolation, PermitRequest};

fn worker(name: &str) -> WorkerId {
    WorkerId(name.into())
}

fn retire(name: &str, operator_epoch: u64) -> PermitRequest {
    PermitRequest {
        operator_epoch,
        act: Act::RetireWorker(worker(name)),
    }
}

fn give_up(name: &str, even_if_lost: bool) -> PermitRequest {
    PermitRequest {
        operator_epoch: 1,
        act: Act::GiveUpDisk {
            disk: DiskId(format!("disk of {name}")),
            even_if_lost,
        },
    }
}

/// A worker that owns a pipe with pushed data and has committed it.
fn hub() -> (Core, Session) {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["push"]), at(0));
    let session = core.come("w1", at(0));
    core.commit(&session, "push", at(0));
    (core, session)
}

#[test]
fn an_operator_that_was_replaced_gets_no_permit() {
    let (mut core, _) = hub();
    core.come("w2", at(0));
    core.permit(retire("w2", 5), at(1)).unwrap();
    let refused = core.permit(retire("w2", 4), at(2)).unwrap_err();
    assert_eq!(refused.reason, "stale-operator");
    let mut again = core_at(core.kept(), at(50));
    let refused = again.permit(retire("w2", 4), at(51)).unwrap_err();
    assert_eq!(refused.reason, "stale-operator", "also after a restart");
}

#[test]
fn a_retired_worker_never_comes_back() {
    let (mut core, _) = hub();
    let second = core.come("w2", at(0));
    core.permit(retire("w2", 1), at(1)).unwrap();
    assert_eq!(core.assigned(second.id), None);
    let refused = core.open_session(opening("w2", Vec::new()), at(60));
    assert_eq!(refused.unwrap_err().reason, "retired-worker");
    let refused = core.set_standing(&worker("w2"), Standing::Active, at(60));
    assert_eq!(refused.unwrap_err().reason, "retired-worker");
}

#[test]
fn a_worker_that_may_write_is_not_retired_and_the_only_copy_is_not_given_up() {
    let (mut core, _) = hub();
    let refused = core.permit(retire("w1", 1), at(1)).unwrap_err();
    assert_eq!(refused.reason, "worker-in-use");
    let refused = core.permit(give_up("w1", true), at(1)).unwrap_err();
    assert_eq!(refused.reason, "worker-in-use");
    let refused = core.permit(give_up("w1", false), at(16)).unwrap_err();
    assert_eq!(refused.reason, "only-copy");
    assert_eq!(
        core.permit(give_up("x", false), at(16)).unwrap_err().reason,
        "unknown-disk"
    );
}

#[test]
fn lost_state_waits_for_a_word_and_then_starts_over() {
    let (mut core, _) = hub();
    let second = core.come("w2", at(10));
    assert_eq!(
        core.start_over("push", at(10)).unwrap_err().reason,
        "not-lost"
    );
    core.permit(give_up("w1", true), at(16)).unwrap();
    assert_eq!(core.unplaced("push", at(16)), Some(Unplaced::StateLost));
    core.keep(&second, at(20));
    core.tick(at(30));
    assert_eq!(core.unplaced("push", at(30)), Some(Unplaced::StateLost));
    core.start_over("push", at(31)).unwrap();
    assert_eq!(core.owned(&second, "push").unwrap().1, Start::StartOver);
    core.commit(&second, "push", at(32));
    // The word was for once.
    core.keep(&second, at(33));
    core.tick(at(60));
    assert_eq!(core.unplaced("push", at(60)), Some(Unplaced::DiskAway));
}

#[test]
fn a_cordoned_worker_gets_nothing_new_and_keeps_what_it_has() {
    let (mut core, first) = hub();
    core.set_standing(&worker("w1"), Standing::Cordoned, at(1))
        .unwrap();
    core.configure(2, specs(&["push", "new"]), at(2));
    assert!(core.owned(&first, "push").is_some());
    assert_eq!(core.unplaced("new", at(2)), Some(Unplaced::NoWorker));
    let back = core.come("w1", at(3));
    assert_eq!(core.owned(&back, "push").unwrap().1, Start::Local);
    core.set_standing(&worker("w1"), Standing::Active, at(4))
        .unwrap();
    assert!(core.owned(&back, "new").is_some());
}

#[test]
fn a_dedicated_pipe_moves_to_a_worker_of_its_own() {
    let mut core = core_at(nothing_kept(1), at(0));
    core.configure(1, specs(&["a", "b"]), at(0));
    let first = core.come("w1", at(0));
    core.commit(&first, "a", at(0));
    core.commit(&first, "b", at(0));
    core.set_isolation("a", Isolation::Dedicated, at(1))
        .unwrap();
    core.keep(&first, at(10));
    let second = core.come("w2", at(20));
    core.keep(&first, at(20));
    core.tick(at(20));
    let following =
        ["a", "b"].map(|pipe| matches!(core.duty(&second, pipe), Some(Duty::Follow { .. })));
    assert_eq!(following, [true, false]);
}
