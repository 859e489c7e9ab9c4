//! Says what is being done and how long it took; nothing here decides anything.

use std::fmt;
use std::time::{Duration, Instant};

use anyhow::Result;

/// Runs `work`, printing `what` before it and the time it took after it.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
    println!("==> {what}");
    let started = Instant::now();
    let outcome = work();
    let verdict = if outcome.is_ok() {
        "done in"
    } else {
        "FAILED after"
    };
    println!("    {what}: {verdict} {}", Took(started.elapsed()));
    outcome
}

/// A duration as a person reads it: `0.4 s`, `12.0 s`, `8 min 3 s`.
pub(crate) struct Took(pub(crate) Duration);

impl fmt::Display for Took {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        if seconds < 60 {
            write!(out, "{:.1} s", self.0.as_secs_f64())
        } else {
            write!(out, "{} min {} s", seconds / 60, seconds % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_printed_for_people() {
        assert_eq!(Took(Duration::from_millis(430)).to_string(), "0.4 s");
        assert_eq!(Took(Duration::from_secs(483)).to_string(), "8 min 3 s");
    }
}
