//! When a pipe is due by its own schedule (PU1-PU3, U6). Pure: times come in as arguments.

use crate::clock::{Micros, SECOND};
use croner::Cron;
use sluice_config::parse_cron;

/// Intervals longer than this survive downtime (PU3).
pub(crate) const PERSISTED_ABOVE: Micros = 3_600 * SECOND;

/// An interval of nothing would be a run without end.
const SHORTEST: f64 = SECOND as f64 / 10.0;

/// A longer interval is as good as never, and the sums below stay within their range.
const LONGEST: f64 = 100.0 * 365.0 * 86_400.0;

/// When a pipe runs by itself.
#[derive(Clone, Debug)]
pub(crate) enum Schedule {
    /// So long after the end of the last run, give or take the jitter.
    Interval {
        /// Between runs.
        every: Micros,
        /// At most so much earlier or later, so that a thousand pipes do not start together.
        jitter: Micros,
    },
    /// At the times of a cron expression, UTC (R37).
    Cron(Box<Cron>),
    /// Never: pipes without a pump, modes `manual` and `off`.
    Never,
}

impl Schedule {
    /// From seconds, as configured.
    pub(crate) fn interval(seconds: f64, jitter: f64) -> Self {
        let micros = |seconds: f64| (seconds.clamp(0.0, LONGEST) * SECOND as f64) as Micros;
        Schedule::Interval {
            every: micros(seconds),
            jitter: micros(jitter),
        }
    }

    /// From a cron expression of five fields, or six with a year.
    pub(crate) fn cron(expression: &str) -> Result<Self, croner::errors::CronError> {
        parse_cron(expression).map(|cron| Schedule::Cron(Box::new(cron)))
    }

    /// Whether a missed start is made up for.
    pub(crate) fn is_persisted(&self) -> bool {
        match self {
            Schedule::Interval { every, .. } => *every > PERSISTED_ABOVE,
            Schedule::Cron(_) => true,
            Schedule::Never => false,
        }
    }

    /// The next start after `now`, a number between 0 and 1 deciding the jitter.
    pub(crate) fn next(&self, now: Micros, chance: f64) -> Option<Micros> {
        match self {
            Schedule::Interval { every, jitter } => {
                let shift = *jitter as f64 * (2.0 * chance - 1.0);
                Some(now.saturating_add((*every as f64 + shift).max(SHORTEST) as Micros))
            }
            Schedule::Cron(cron) => next_occurrence(cron, now),
            Schedule::Never => None,
        }
    }
}

/// The first time after `now` that matches.
pub(crate) fn next_occurrence(cron: &Cron, now: Micros) -> Option<Micros> {
    let now = jiff::Timestamp::from_microsecond(i64::try_from(now).ok()?).ok()?;
    let next = cron
        .find_next_occurrence(&now.to_zoned(jiff::tz::TimeZone::UTC), false)
        .ok()?;
    u64::try_from(next.timestamp().as_microsecond()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::iso;

    fn moment(text: &str) -> Micros {
        u64::try_from(text.parse::<jiff::Timestamp>().unwrap().as_microsecond()).unwrap()
    }

    fn next(expression: &str, now: &str) -> Option<String> {
        Schedule::cron(expression)
            .unwrap()
            .next(moment(now), 0.5)
            .map(|next| iso(next).replace(".000000Z", "Z"))
    }

    #[test]
    fn cron_expressions_name_moments_in_utc() {
        for (expression, now, expected) in [
            ("0 0 * * *", "2026-03-01T10:00:00Z", "2026-03-02T00:00:00Z"),
            (
                "0/5 14,18 * * ?",
                "2026-03-01T14:57:00Z",
                "2026-03-01T18:00:00Z",
            ),
            (
                "*/15 * * * *",
                "2026-03-01T10:00:00Z",
                "2026-03-01T10:15:00Z",
            ),
            ("0 12 L * ?", "2026-02-01T00:00:00Z", "2026-02-28T12:00:00Z"),
            (
                "0 12 ? * 5#2",
                "2026-03-01T00:00:00Z",
                "2026-03-13T12:00:00Z",
            ),
            (
                "0 12 15W * ?",
                "2026-08-01T00:00:00Z",
                "2026-08-14T12:00:00Z",
            ),
            (
                "0 0 1 1 ? 2030",
                "2026-03-01T00:00:00Z",
                "2030-01-01T00:00:00Z",
            ),
        ] {
            assert_eq!(
                next(expression, now).as_deref(),
                Some(expected),
                "{expression}"
            );
        }
        assert_eq!(
            next("0 0 1 1 ? 2020", "2026-03-01T00:00:00Z"),
            None,
            "that year is over"
        );
        assert!(Schedule::cron("every day").is_err());
    }

    #[test]
    fn intervals_jitter_around_their_length() {
        let schedule = Schedule::interval(30.0, 1.5);
        assert_eq!(schedule.next(0, 0.0), Some(28_500_000));
        assert_eq!(schedule.next(0, 0.5), Some(30_000_000));
        assert_eq!(schedule.next(0, 1.0), Some(31_500_000));
    }

    #[test]
    fn no_interval_is_too_long_to_be_counted() {
        let century = 100 * 365 * 86_400 * SECOND;
        for (seconds, jitter) in [(1e14, 0.0), (1e300, 0.0), (f64::MAX, f64::MAX)] {
            let schedule = Schedule::interval(seconds, jitter);
            assert_eq!(schedule.next(7, 0.5), Some(7 + century));
            assert_eq!(schedule.next(Micros::MAX, 1.0), Some(Micros::MAX));
        }
    }

    #[test]
    fn only_cron_and_long_intervals_are_made_up_for() {
        assert!(Schedule::cron("0 * * * *").unwrap().is_persisted());
        assert!(!Schedule::interval(3_600.0, 0.0).is_persisted());
        assert!(Schedule::interval(3_601.0, 0.0).is_persisted());
        assert!(!Schedule::Never.is_persisted());
    }
}
