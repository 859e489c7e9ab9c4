//! The deadline is never later than what the storage node waits for.

use super::*;
use parking_lot::Mutex;
use proptest::prelude::*;
use sluice_protocol::BootClock;
use std::sync::Arc;

const LEASE: Duration = Duration::from_secs(15);

/// A clock that a test sets.
pub(crate) struct TestClock(Mutex<Moment>);

impl TestClock {
    pub(crate) fn at(seconds: u64) -> Arc<Self> {
        Arc::new(TestClock(Mutex::new(Duration::from_secs(seconds))))
    }

    pub(crate) fn set(&self, now: Moment) {
        *self.0.lock() = now;
    }
}

impl BootClock for TestClock {
    fn now(&self) -> Moment {
        *self.0.lock()
    }
}

/// A lease that holds as long as the test runs.
pub(crate) fn held_lease() -> Arc<crate::assignment::Lease> {
    crate::assignment::Lease::held(TestClock::at(1), Duration::from_secs(1_000_000))
}

fn session(id: u64, incarnation: u32) -> Session {
    Session {
        id: SessionId(id),
        incarnation: Incarnation::new(incarnation).unwrap(),
        lease: LEASE,
        renew_every: LEASE / 5,
    }
}

fn at(seconds: u64) -> Moment {
    Duration::from_secs(seconds)
}

#[test]
fn the_deadline_counts_from_the_sending_and_a_late_answer_moves_nothing_back() {
    let mut holder = Holder::new(Incarnation::NONE);
    assert_eq!(holder.next(at(100)), Next::Open);
    holder.opened(session(1, 1), at(100)).unwrap();
    assert_eq!(holder.deadline(), at(115));
    assert_eq!(holder.next(at(101)), Next::Wait(at(103)));
    assert_eq!(holder.next(at(103)), Next::Renew(SessionId(1)));
    holder.renewed(SessionId(1), at(106));
    holder.renewed(SessionId(1), at(103));
    assert_eq!(holder.deadline(), at(121));
    assert!(!holder.has_lapsed(at(120)) && holder.has_lapsed(at(121)));
}

#[test]
fn an_ended_session_is_opened_again_and_its_renewals_count_no_more() {
    let mut holder = Holder::new(Incarnation::NONE);
    holder.opened(session(1, 1), at(100)).unwrap();
    holder.refused();
    assert_eq!(holder.next(at(104)), Next::Open);
    holder.renewed(SessionId(1), at(104));
    assert_eq!(holder.deadline(), at(115), "the lease of before goes on");
    holder.failed(at(104));
    assert_eq!(holder.next(at(104)), Next::Wait(at(104) + PAUSE));
}

#[test]
fn an_older_storage_node_is_not_followed() {
    let mut holder = Holder::new(Incarnation::new(3).unwrap());
    let refused = holder.opened(session(1, 2), at(100)).unwrap_err();
    assert_eq!(
        refused.to_string(),
        "the storage node is incarnation 2, but 3 was seen before"
    );
    assert!(holder.session().is_none() && holder.has_lapsed(at(100)));
    holder.opened(session(2, 4), at(101)).unwrap();
    holder.refused();
    assert!(holder.opened(session(3, 3), at(102)).is_err());
    assert_eq!(holder.seen().number(), 4);
}

/// A request on its way: when it was sent, answered and heard, if ever.
#[derive(Clone, Debug)]
struct Exchange {
    pause: u64,
    there: u64,
    back: Option<u64>,
    is_opening: bool,
}

fn exchange() -> impl Strategy<Value = Exchange> {
    let back = prop::option::weighted(0.8, 0_u64..20_000);
    (0_u64..8_000, 0_u64..20_000, back, any::<bool>()).prop_map(
        |(pause, there, back, is_opening)| Exchange {
            pause,
            there,
            back,
            is_opening,
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is late or lost, and in whatever order answers come: at every moment at which the worker takes its lease for
    /// valid, the storage node has answered it less than a lease ago.
    #[test]
    fn a_valid_lease_was_answered_less_than_a_lease_ago(exchanges in prop::collection::vec(exchange(), 1..40)) {
        let (mut sent, mut heard, mut answered) = (at(1_000), Vec::new(), Vec::new());
        for (number, exchange) in exchanges.iter().enumerate() {
            sent += Duration::from_millis(exchange.pause);
            let there = sent + Duration::from_millis(exchange.there);
            answered.push(there);
            if let Some(back) = exchange.back {
                heard.push((there + Duration::from_millis(back), sent, number as u64, exchange.is_opening));
            }
        }
        heard.sort_unstable();
        let mut holder = Holder::new(Incarnation::NONE);
        for (now, sent, number, is_opening) in heard {
            match holder.session() {
                Some(session) if !is_opening => holder.renewed(session.id, sent),
                _ => holder.opened(session(number, 1), sent).unwrap(),
            }
            let last = answered.iter().filter(|moment| **moment <= now).max().unwrap();
            prop_assert!(holder.deadline() <= *last + LEASE);
            for later in [0, 3, 9, 14] {
                let then = now + at(later);
                let last = answered.iter().filter(|moment| **moment <= then).max().unwrap();
                prop_assert!(holder.has_lapsed(then) || then < *last + LEASE);
            }
        }
    }
}
