//! What was acknowledged, in the logs that go on.

use super::super::effects::{Effects, Entry};
use super::{Rule, Violation};
use std::collections::{BTreeMap, BTreeSet};

pub(super) fn check(effects: &Effects) -> Vec<Violation> {
    let mut newest: BTreeMap<&str, &[Entry]> = BTreeMap::new();
    for ((dataset, _), log) in &effects.logs {
        let known = newest.entry(dataset).or_default();
        if epoch(&log.entries) >= epoch(known) {
            *known = &log.entries;
        }
    }
    let ids =
        |log: &[Entry]| -> BTreeSet<String> { log.iter().map(|entry| entry.id.clone()).collect() };
    let there: BTreeMap<&str, BTreeSet<String>> = newest
        .into_iter()
        .map(|(dataset, log)| (dataset, ids(log)))
        .collect();
    let is_missing = |(dataset, id): &&(String, String)| {
        let ids = there.get(dataset.as_str());
        ids.is_none_or(|ids| !ids.contains(id))
    };
    let missing = effects.acknowledged.iter().filter(is_missing);
    let missing = missing.map(|(dataset, id)| format!("dataset {dataset}: {id}"));
    missing
        .map(|what| Violation::of(Rule::AcknowledgedIsThere, what))
        .collect()
}

fn epoch(log: &[Entry]) -> Option<u64> {
    log.last().map(|entry| entry.epoch)
}
