//! Objects of push logs, in the order of their numbers.

use super::super::effects::{Effects, PushObject};
use super::{Rule, Violation};

pub(super) fn check(effects: &Effects) -> Vec<Violation> {
    let mut violations = Vec::new();
    for (pipe, log) in &effects.pushes {
        for pair in log.windows(2) {
            if let Some(rule) = broken(effects, pipe, &pair[0], &pair[1]) {
                let what = format!("pipe {pipe}: {:?}, then {:?}", pair[0], pair[1]);
                violations.push(Violation::of(rule, what));
            }
        }
    }
    violations
}

fn broken(effects: &Effects, pipe: &str, before: &PushObject, object: &PushObject) -> Option<Rule> {
    if object.number == before.number {
        return Some(Rule::NumbersAreGivenOnce);
    }
    if object.epoch < before.epoch {
        return Some(Rule::EpochsRiseInPushLogs);
    }
    let owner = |epoch| effects.owners.get(&(pipe.to_owned(), epoch));
    // A worker whose lease lapsed for a moment gets its pipes again under another epoch, with all that it wrote.
    let goes_on = owner(before.epoch).is_some() && owner(before.epoch) == owner(object.epoch);
    let begins = object.epoch > before.epoch && !goes_on;
    (begins && !object.is_take_over).then_some(Rule::TakeOverIsFirst)
}
