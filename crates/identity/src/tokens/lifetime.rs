//! How long a token is valid, as people write it.

use crate::Error;
use jiff::{SignedDuration, Span, SpanRelativeTo};
use std::str::FromStr;

/// A positive length of time: `30d`, `12h`, `90 minutes`, `1y`. A day has 24 hours, a year 365 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifetime(SignedDuration);

impl Lifetime {
    /// What a token gets when nobody says.
    pub const DEFAULT: Lifetime = Lifetime(SignedDuration::from_hours(90 * 24));

    /// Whole seconds, at least one.
    pub fn seconds(self) -> i64 {
        self.0.as_secs()
    }
}

impl FromStr for Lifetime {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let unusable = |problem: String| Error::Unusable {
            what: "the lifetime",
            value: text.to_owned(),
            problem,
        };
        let span: Span = text.parse().map_err(|error: jiff::Error| {
            unusable(format!("{error}; write for example 30d, 12h"))
        })?;
        let days = i64::from(span.get_years()) * 365
            + i64::from(span.get_months()) * 30
            + i64::from(span.get_weeks()) * 7;
        let rest = span.years(0).months(0).weeks(0);
        let duration = rest
            .to_duration(SpanRelativeTo::days_are_24_hours())
            .map_err(|error| unusable(error.to_string()))?
            .checked_add(SignedDuration::from_hours(days * 24))
            .filter(|length| *length <= SignedDuration::from_hours(100 * 365 * 24))
            .ok_or_else(|| unusable("it is longer than a hundred years".into()))?;
        if duration.as_secs() < 1 {
            return Err(unusable("it is shorter than a second".into()));
        }
        Ok(Lifetime(duration))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lifetimes_are_read_as_people_write_them() {
        for (text, seconds) in [
            ("30d", 2_592_000),
            ("12h", 43_200),
            ("90 minutes", 5_400),
            ("1y", 31_536_000),
            ("2w", 1_209_600),
        ] {
            assert_eq!(
                text.parse::<Lifetime>().unwrap().seconds(),
                seconds,
                "{text}"
            );
        }
        for text in ["", "30", "-1d", "0s", "500y", "soon", "10ms"] {
            assert!(text.parse::<Lifetime>().is_err(), "{text}");
        }
    }
}
