//! Entries of logs: their epochs, their times, and the same log on two disks.

use super::super::effects::{Effects, Entry, Log};
use super::{Rule, Violation};
use std::collections::BTreeMap;

pub(super) fn check(effects: &Effects) -> Vec<Violation> {
    let mut violations = Vec::new();
    let mut first: BTreeMap<(&str, &str), (&str, &Log)> = BTreeMap::new();
    for ((dataset, worker), log) in &effects.logs {
        let place = format!("dataset {dataset} on {worker}");
        rises(&place, &log.entries, &mut violations);
        if *worker == effects.disturbance.worker {
            ends_with_the_lease(&place, &log.entries, effects, &mut violations);
        }
        let one = (dataset.as_str(), log.generation.as_str());
        let (other, known) = *first.entry(one).or_insert((worker, log));
        let place = format!("dataset {dataset} on {other} and {worker}");
        agree(&place, &known.entries, &log.entries, &mut violations);
    }
    violations
}

fn rises(place: &str, log: &[Entry], violations: &mut Vec<Violation>) {
    let falls = log.windows(2).filter(|pair| pair[1].epoch < pair[0].epoch);
    violations.extend(falls.map(|pair| {
        let what = format!("{place}: {:?}, then {:?}", pair[0], pair[1]);
        Violation::of(Rule::EpochsRiseInLogs, what)
    }));
}

/// The worker is given nothing after its lease, so whatever it has under an epoch is of before.
fn ends_with_the_lease(
    place: &str,
    log: &[Entry],
    effects: &Effects,
    violations: &mut Vec<Violation>,
) {
    let ended = effects.disturbance.lease_ended;
    let late = log
        .iter()
        .filter(|entry| entry.epoch > 0 && entry.time > ended);
    violations.extend(late.map(|entry| {
        let what = format!("{place}: {entry:?}, and the lease ended at {ended}");
        Violation::of(Rule::NothingAfterTheLease, what)
    }));
}

/// An offset is given once, whoever owns the dataset, so it is the same entry wherever it lies. Datasets of no pipe (epoch 0) are
/// each worker's own.
fn agree(place: &str, one: &[Entry], other: &[Entry], violations: &mut Vec<Violation>) {
    let by_offset: BTreeMap<u64, &Entry> = one.iter().map(|entry| (entry.offset, entry)).collect();
    for entry in other.iter().filter(|entry| entry.epoch > 0) {
        let known = by_offset.get(&entry.offset);
        if let Some(known) = known.filter(|known| **known != entry) {
            let what = format!("{place}: {known:?} and {entry:?}");
            violations.push(Violation::of(Rule::LogsAgree, what));
        }
    }
}
