//! Exchange of certificates and of authorities while others go on with the old ones.

use super::*;

#[test]
fn exchanged_certificate_is_shown_from_then_on_by_all_clones() {
    let clock = Clock::new();
    let hub = Hub::new("hub", &clock);
    let (worker, node) = (
        hub.role(Role::Worker, "w"),
        hub.role(Role::StorageNode, "s"),
    );
    let settings = worker
        .client_settings(Expected::any(Role::StorageNode))
        .unwrap();
    let first = worker.credential();
    clock.advance(hours(12));
    let other_holder = worker.clone();
    other_holder
        .exchange(hub.credential(Role::Worker, "w"), hub.trust())
        .unwrap();
    assert_eq!(worker.changes(), 1);
    assert!(worker.credential().end() > first.end());
    clock.advance(hours(13));
    node.exchange(hub.credential(Role::StorageNode, "s"), hub.trust())
        .unwrap();
    // The first certificate has ended; settings made with it show the second.
    let admission = Admission::of([Role::Worker]);
    assert!(handshake(settings, node.server_settings(admission).unwrap()).is_ok());
}

#[test]
fn certificate_that_does_not_serve_is_not_taken() {
    let clock = Clock::new();
    let hub = Hub::new("hub", &clock);
    let worker = hub.role(Role::Worker, "w");
    let present = worker.credential().end();
    let old = hub.credential(Role::Worker, "w");
    let check = |outcome: crate::Result<()>, part: &str| {
        assert_refused(outcome, &[part]);
        assert_eq!(worker.credential().end(), present);
        assert_eq!((worker.changes(), worker.trust()), (0, hub.trust()));
    };
    check(
        worker.exchange(hub.credential(Role::Worker, "w-2"), hub.trust()),
        "it is for spiffe://hub/worker/w-2",
    );
    let other = Hub::new("hub", &clock);
    check(
        worker.exchange(other.credential(Role::Worker, "w"), hub.trust()),
        "UnknownIssuer",
    );
    check(
        worker.exchange(hub.credential(Role::Worker, "w"), other.trust()),
        "UnknownIssuer",
    );
    clock.advance(hours(25));
    check(worker.exchange(old, hub.trust()), "certificate expired");
}

#[test]
fn authority_is_replaced_while_both_are_trusted() {
    let clock = Clock::new();
    let (old, new) = (Hub::new("hub", &clock), Hub::new("hub", &clock));
    let both = old.trust().with(&new.trust()).unwrap();
    let worker = old.role(Role::Worker, "w");
    let node = old.role(Role::StorageNode, "s");
    // First everybody trusts both, in any order; nobody stops being understood.
    node.exchange_trust(both.clone()).unwrap();
    assert!(meet(&worker, &node).is_ok());
    worker.exchange_trust(both.clone()).unwrap();
    // Then certificates of the new one spread.
    node.exchange(new.credential(Role::StorageNode, "s"), both.clone())
        .unwrap();
    assert!(meet(&worker, &node).is_ok());
    worker
        .exchange(new.credential(Role::Worker, "w"), both)
        .unwrap();
    assert!(meet(&worker, &node).is_ok());
    // Last the old one goes.
    node.exchange_trust(new.trust()).unwrap();
    assert!(meet(&worker, &node).is_ok());
    worker.exchange_trust(new.trust()).unwrap();
    assert!(meet(&worker, &node).is_ok() && worker.is_valid());
    let left_behind = old.role(Role::Worker, "w-2");
    left_behind.exchange_trust(new.trust()).unwrap();
    assert!(!left_behind.is_valid());
    assert_refused(meet(&left_behind, &node), &["server:", "UnknownIssuer"]);
}
