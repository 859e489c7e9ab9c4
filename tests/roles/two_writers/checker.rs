//! Whether effects can be those of one writer at a time. Pure: effects in, violations out, each with the name of its rule.

mod acknowledged;
mod logs;
mod pushes;
mod requests;
#[cfg(test)]
mod tests;

use super::effects::Effects;
pub(super) use requests::is_open_at;

/// What has to hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Rule {
    /// In a log epochs never fall from one offset to the next.
    EpochsRiseInLogs,
    /// The old owner has committed nothing after its lease ended.
    NothingAfterTheLease,
    /// What two logs have at one offset is the same, the epoch too.
    LogsAgree,
    /// In a push log epochs never fall from one number to the next: nothing of an old owner is behind a new one's.
    EpochsRiseInPushLogs,
    /// Another owner's first object is a take-over.
    TakeOverIsFirst,
    /// A number of a push log is given once.
    NumbersAreGivenOnce,
    /// Of every request it is known who sent it.
    CallersAreKnown,
    /// The old owner begins no request behind the first one of the new owner, but for one that was on its way.
    OneCaller,
    /// What was acknowledged is in the log that goes on.
    AcknowledgedIsThere,
}

/// A rule that does not hold.
#[derive(Clone, Debug)]
pub(super) struct Violation {
    pub(super) rule: Rule,
    /// Where, and what is there; for whoever reads a failed test.
    #[expect(dead_code, reason = "it is printed")]
    what: String,
}

impl Violation {
    fn of(rule: Rule, what: String) -> Self {
        Violation { rule, what }
    }
}

/// Everything that one writer at a time would not have done.
pub(super) fn check(effects: &Effects) -> Vec<Violation> {
    let logs = logs::check(effects).into_iter();
    let pushes = pushes::check(effects);
    let requests = requests::check(effects);
    let acknowledged = acknowledged::check(effects);
    logs.chain(pushes)
        .chain(requests)
        .chain(acknowledged)
        .collect()
}
