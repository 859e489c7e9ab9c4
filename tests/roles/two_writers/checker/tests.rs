//! Made-up effects: those of one writer at a time pass, and each violation is found by its name.

use super::super::effects::{Disturbance, Effects, Entry, Log, PushObject, Request};
use super::{Rule, check};
use std::collections::BTreeSet;

const OLD: &str = "w1";
const NEW: &str = "w0";
/// Where offsets go on after a restore.
const GAP: u64 = 1 << 32;

fn entry(offset: u64, epoch: u64, time: u64) -> Entry {
    let id = format!("id {offset}");
    let hash = format!("hash of {id}");
    Entry {
        offset,
        id,
        hash,
        epoch,
        time,
    }
}

fn object(number: u64, epoch: u64, is_take_over: bool) -> PushObject {
    PushObject {
        number,
        epoch,
        is_take_over,
    }
}

fn request(caller: &str, began: u64, answered: Option<u64>) -> Request {
    Request {
        pipe: "out".into(),
        caller: Some(caller.into()),
        began,
        answered,
        ids: vec!["id 0".into()],
    }
}

/// Frozen at 100 with a request open, its lease over at 130, the pipe somebody else's at 150, thawed at 200.
fn sound() -> Effects {
    let log = |worker: &str, entries| {
        let log = Log {
            generation: "first".into(),
            entries,
        };
        (("in".to_owned(), worker.to_owned()), log)
    };
    let old = vec![entry(0, 5, 10), entry(1, 5, 20), entry(2, 5, 130)];
    let new = vec![
        entry(0, 5, 10),
        entry(1, 5, 20),
        entry(2 + GAP, 9, 150),
        entry(3 + GAP, 9, 160),
    ];
    let owner = |epoch, worker: &str| (("in".to_owned(), epoch), worker.to_owned());
    Effects {
        logs: [log(OLD, old), log(NEW, new)].into(),
        pushes: [(
            "in".to_owned(),
            vec![
                object(1, 5, false),
                object(2, 5, false),
                object(3, 9, true),
                object(4, 9, false),
            ],
        )]
        .into(),
        requests: vec![
            request(OLD, 50, Some(51)),
            request(OLD, 99, Some(210)),
            request(NEW, 150, Some(151)),
            request(NEW, 160, Some(161)),
        ],
        acknowledged: [("in".to_owned(), "id 1".to_owned())].into(),
        owners: [owner(5, OLD), owner(9, NEW)].into(),
        disturbance: Disturbance {
            worker: OLD.into(),
            at: 100,
            lease_ended: 130,
            froze: true,
        },
    }
}

fn log<'a>(effects: &'a mut Effects, worker: &str) -> &'a mut Vec<Entry> {
    let key = ("in".to_owned(), worker.to_owned());
    &mut effects.logs.get_mut(&key).unwrap().entries
}

fn pushes(effects: &mut Effects) -> &mut Vec<PushObject> {
    effects.pushes.get_mut("in").unwrap()
}

/// The rules that are broken after a change.
fn broken(change: impl FnOnce(&mut Effects)) -> BTreeSet<Rule> {
    let mut effects = sound();
    change(&mut effects);
    let violations = check(&effects).into_iter();
    violations.map(|violation| violation.rule).collect()
}

fn only(rule: Rule) -> BTreeSet<Rule> {
    BTreeSet::from([rule])
}

#[test]
fn one_writer_at_a_time_passes() {
    assert_eq!(broken(|_| {}), BTreeSet::new());
}

#[test]
fn an_entry_of_an_old_epoch_behind_one_of_a_new_one_is_found() {
    let found = broken(|effects| log(effects, NEW).push(entry(4 + GAP, 5, 170)));
    assert_eq!(found, only(Rule::EpochsRiseInLogs));
}

#[test]
fn an_entry_that_was_committed_after_the_lease_is_found() {
    let found = broken(|effects| log(effects, OLD).push(entry(3, 5, 131)));
    assert_eq!(found, only(Rule::NothingAfterTheLease));
    // Under a later epoch too: the worker was given none.
    let found = broken(|effects| log(effects, OLD).push(entry(5 + GAP, 9, 131)));
    assert_eq!(found, only(Rule::NothingAfterTheLease));
}

#[test]
fn two_entries_at_one_offset_are_found() {
    let found = broken(|effects| log(effects, NEW)[1].hash = "another".into());
    assert_eq!(found, only(Rule::LogsAgree));
    let found = broken(|effects| log(effects, NEW)[1].epoch = 9);
    assert_eq!(found, only(Rule::LogsAgree));
    let found = broken(|effects| {
        let entry = log(effects, NEW).get_mut(1).unwrap();
        entry.time += 1;
    });
    assert_eq!(found, only(Rule::LogsAgree));
    let made_again = broken(|effects| {
        log(effects, NEW)[1].hash = "another".into();
        let key = ("in".to_owned(), NEW.to_owned());
        effects.logs.get_mut(&key).unwrap().generation = "second".into();
    });
    assert_eq!(made_again, BTreeSet::new());
}

#[test]
fn a_push_of_the_old_owner_behind_the_take_over_is_found() {
    let found = broken(|effects| pushes(effects).push(object(5, 5, false)));
    assert_eq!(found, only(Rule::EpochsRiseInPushLogs));
    // Whatever the new owner does behind it.
    let found = broken(|effects| {
        pushes(effects).extend([object(5, 5, false), object(6, 9, true)]);
    });
    assert_eq!(found, only(Rule::EpochsRiseInPushLogs));
}

#[test]
fn an_owner_that_begins_without_a_take_over_is_found() {
    let found = broken(|effects| pushes(effects)[2].is_take_over = false);
    assert_eq!(found, only(Rule::TakeOverIsFirst));
    let goes_on = broken(|effects| {
        pushes(effects).push(object(5, 11, false));
        effects.owners.insert(("in".into(), 11), NEW.into());
    });
    assert_eq!(goes_on, BTreeSet::new(), "the same owner goes on");
    let nobody = broken(|effects| pushes(effects).push(object(5, 11, false)));
    assert_eq!(nobody, only(Rule::TakeOverIsFirst));
}

#[test]
fn a_number_that_was_given_twice_is_found() {
    let found = broken(|effects| pushes(effects).insert(2, object(2, 5, false)));
    assert_eq!(found, only(Rule::NumbersAreGivenOnce));
}

#[test]
fn a_request_of_nobody_is_found() {
    let found = broken(|effects| effects.requests[0].caller = None);
    assert_eq!(found, only(Rule::CallersAreKnown));
}

#[test]
fn a_request_of_the_old_owner_behind_one_of_the_new_owner_is_found() {
    let late = || request(OLD, 211, Some(212));
    let found = broken(|effects| effects.requests.push(late()));
    assert_eq!(
        found,
        only(Rule::OneCaller),
        "the one that was open is the one that may be on its way"
    );
    // Nothing was open: one may have been on its way, a second one not.
    let was_idle = |effects: &mut Effects| effects.requests[1].answered = Some(100);
    let found = broken(|effects| {
        was_idle(effects);
        effects.requests.push(late());
    });
    assert_eq!(found, BTreeSet::new());
    let found = broken(|effects| {
        was_idle(effects);
        effects.requests.extend([late(), late()]);
    });
    assert_eq!(found, only(Rule::OneCaller));
    // Who is not frozen has nothing on its way so long after its lease.
    let found = broken(|effects| {
        was_idle(effects);
        effects.disturbance.froze = false;
        effects.requests.push(late());
    });
    assert_eq!(found, only(Rule::OneCaller));
}

#[test]
fn an_acknowledged_entity_that_only_the_old_disk_has_is_found() {
    let found = broken(|effects| {
        effects.acknowledged.insert(("in".into(), "id 2".into()));
    });
    assert_eq!(found, only(Rule::AcknowledgedIsThere));
    let found = broken(|effects| {
        effects
            .acknowledged
            .insert(("elsewhere".into(), "id 1".into()));
    });
    assert_eq!(found, only(Rule::AcknowledgedIsThere));
}
