//! Conditions of a status, kept as a map by type: the time of a condition changes only when its status does.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use k8s_openapi::jiff::Timestamp;

/// The conditions of a status.
pub type Conditions = Vec<Condition>;

/// A condition as a reconcile finds it. `merge` gives it its time.
pub fn condition(
    kind: &str,
    status: Option<bool>,
    reason: &str,
    message: impl Into<String>,
) -> Condition {
    let status = match status {
        Some(true) => "True",
        Some(false) => "False",
        None => "Unknown",
    };
    Condition {
        type_: kind.to_owned(),
        status: status.to_owned(),
        reason: reason.to_owned(),
        message: message.into(),
        last_transition_time: Time(Timestamp::UNIX_EPOCH),
        observed_generation: None,
    }
}

/// The conditions `found` now, for `generation`. What has the same status as `before` keeps its time, so that nothing differs
/// where nothing changed.
pub fn merge(
    before: &[Condition],
    found: Conditions,
    generation: Option<i64>,
    now: Timestamp,
) -> Conditions {
    let mut merged: Conditions = found
        .into_iter()
        .map(|mut condition| {
            let known = before.iter().find(|known| known.type_ == condition.type_);
            condition.last_transition_time = match known {
                Some(known) if known.status == condition.status => {
                    known.last_transition_time.clone()
                }
                _ => Time(now),
            };
            condition.observed_generation = generation;
            condition
        })
        .collect();
    merged.sort_by(|one, other| one.type_.cmp(&other.type_));
    merged
}

/// Whether a condition is there and true.
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    conditions
        .iter()
        .any(|condition| condition.type_ == kind && condition.status == "True")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_changes_with_the_status_alone() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let ready = |status, reason| vec![condition("Ready", Some(status), reason, "")];
        let first = merge(&[], ready(false, "Starting"), Some(1), at(10));
        let same = merge(&first, ready(false, "Waiting"), Some(2), at(20));
        assert_eq!(same[0].last_transition_time, Time(at(10)));
        assert_eq!(
            (same[0].reason.as_str(), same[0].observed_generation),
            ("Waiting", Some(2))
        );
        let other = merge(&same, ready(true, "Ready"), Some(2), at(30));
        assert_eq!(other[0].last_transition_time, Time(at(30)));
        assert!(is_true(&other, "Ready") && !is_true(&same, "Ready"));
    }
}
