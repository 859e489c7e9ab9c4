//! Requests at the target: when each began, and whose process sent it.

use super::super::effects::{Effects, Micros, Request};
use super::{Rule, Violation};
use std::collections::BTreeMap;

pub(super) fn check(effects: &Effects) -> Vec<Violation> {
    let unknown = effects
        .requests
        .iter()
        .filter(|request| request.caller.is_none());
    let mut violations: Vec<Violation> = unknown
        .map(|request| Violation::of(Rule::CallersAreKnown, format!("{request:?}")))
        .collect();
    let mut by_pipe: BTreeMap<&str, Vec<&Request>> = BTreeMap::new();
    for request in &effects.requests {
        by_pipe.entry(&request.pipe).or_default().push(request);
    }
    for requests in by_pipe.values() {
        let late = late(effects, requests);
        if late.len() > may_be_late(effects, requests) {
            violations.push(Violation::of(Rule::OneCaller, format!("{late:#?}")));
        }
    }
    violations
}

/// What the old owner began behind the new one's first request.
fn late<'a>(effects: &Effects, requests: &[&'a Request]) -> Vec<&'a Request> {
    let disturbance = &effects.disturbance;
    let is_old = |request: &&&Request| request.caller.as_ref() == Some(&disturbance.worker);
    let new = requests
        .iter()
        .filter(|request| !is_old(request) && request.began > disturbance.at);
    let Some(taken) = new.map(|request| request.began).min() else {
        return Vec::new();
    };
    let late = requests
        .iter()
        .filter(|request| is_old(request) && request.began >= taken);
    late.copied().collect()
}

/// A pipe has one request at a time. So a frozen process can have one on its way that nobody has seen, where none that was seen
/// was without an answer.
fn may_be_late(effects: &Effects, requests: &[&Request]) -> usize {
    let disturbance = &effects.disturbance;
    let is_open = |request: &&&Request| is_open_at(request, disturbance.at);
    let mut old = requests
        .iter()
        .filter(|request| request.caller.as_ref() == Some(&disturbance.worker));
    usize::from(disturbance.froze && !old.any(|request| is_open(&request)))
}

/// It had begun, and its answer had not.
pub(in super::super) fn is_open_at(request: &Request, at: Micros) -> bool {
    request.began <= at && request.answered.is_none_or(|answered| answered > at)
}
