//! Arithmetic with the parts of dates.

use sluice_entity::{BigInt, Datetime, Number};

/// An instant by nanoseconds since 1970, with as few fraction digits as it needs.
pub(crate) fn instant(nanos: i128) -> Option<Datetime> {
    let datetime = Datetime::from_unix_nanos(nanos)?;
    if datetime.nanos() == 0 {
        return Some(datetime);
    }
    let text = datetime.to_string();
    let digits = text.strip_suffix('Z')?.trim_end_matches('0');
    Datetime::parse(&format!("{digits}Z"))
}

/// What `datetime-diff` counts and `datetime-plus` adds.
#[derive(Clone, Copy)]
pub(super) enum Part {
    Months(i64),
    Nanoseconds(i128),
}

impl Part {
    pub(super) fn parse(name: &str) -> Option<Part> {
        Some(match name {
            "year" => Part::Months(12),
            "month" => Part::Months(1),
            "week" => Part::Nanoseconds(7 * 86_400_000_000_000),
            "day" => Part::Nanoseconds(86_400_000_000_000),
            "hour" => Part::Nanoseconds(3_600_000_000_000),
            "minute" => Part::Nanoseconds(60_000_000_000),
            "second" => Part::Nanoseconds(1_000_000_000),
            "millisecond" => Part::Nanoseconds(1_000_000),
            "microsecond" => Part::Nanoseconds(1_000),
            "nanosecond" => Part::Nanoseconds(1),
            _ => return None,
        })
    }

    /// How many whole parts `start` is after `end`.
    pub(super) fn between(self, start: Datetime, end: Datetime) -> Option<Number> {
        Some(match self {
            Part::Nanoseconds(length) => {
                let count = (start.unix_nanos() - end.unix_nanos()) / length;
                i64::try_from(count)
                    .map_or_else(|_| Number::from_big(BigInt::from(count)), Number::Int)
            }
            Part::Months(length) => {
                let (early, late) = if start < end {
                    (start, end)
                } else {
                    (end, start)
                };
                let months = whole_months(early, late) / length;
                Number::Int(if start < end { -months } else { months })
            }
        })
    }

    /// `None` outside of the years 1 to 9999.
    pub(super) fn add(self, datetime: Datetime, count: i64) -> Option<Datetime> {
        match self {
            Part::Nanoseconds(length) => instant(
                datetime
                    .unix_nanos()
                    .checked_add(length.checked_mul(i128::from(count))?)?,
            ),
            Part::Months(length) => {
                let (year, month, day) = datetime.civil();
                let months = i64::from(year) * 12 + i64::from(month) - 1;
                let months = months.checked_add(length.checked_mul(count)?)?;
                let year = i32::try_from(months.div_euclid(12)).ok()?;
                let month = u32::try_from(months.rem_euclid(12)).ok()? + 1;
                // The 31st of a shorter month is its last day.
                let date = (day.saturating_sub(3)..=day)
                    .rev()
                    .find_map(|day| Datetime::from_date(year, month, day))?;
                instant(date.unix_nanos() + time_of_day(datetime))
            }
        }
    }
}

fn whole_months(early: Datetime, late: Datetime) -> i64 {
    let ((year, month, day), (late_year, late_month, late_day)) = (early.civil(), late.civil());
    let months = i64::from(late_year - year) * 12 + i64::from(late_month) - i64::from(month);
    let incomplete = (late_day, time_of_day(late)) < (day, time_of_day(early));
    months - i64::from(incomplete)
}

fn time_of_day(datetime: Datetime) -> i128 {
    datetime.unix_nanos().rem_euclid(86_400_000_000_000)
}
