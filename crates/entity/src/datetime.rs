//! Dates and times of entities: years 1 to 9999, UTC, nanoseconds, and the precision that was written.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};

use crate::output::Output;
use crate::print::two_digits;

/// A point in time in UTC. Equality and order are by instant; the digits written matter for printing
/// and for the content hash only, so `~t2015-07-28` equals `~t2015-07-28T00:00:00Z`.
#[derive(Clone, Copy, Debug)]
pub struct Datetime {
    seconds: i64,
    nanos: u32,
    /// 0 = date only, else 1 + the number of fraction digits.
    precision: u8,
}

const DAY: i64 = 86_400;
const FIRST: i64 = days_from_civil(1, 1, 1) * DAY;
const LAST: i64 = days_from_civil(10_000, 1, 1) * DAY - 1;

impl Datetime {
    /// Seconds and nanoseconds since 1970; as many fraction digits as are needed (0, 3, 6 or 9).
    /// `None` outside of the years 1 to 9999 or when `nanos` is a second or more.
    pub fn from_unix(seconds: i64, nanos: u32) -> Option<Datetime> {
        let digits = match nanos {
            0 => 0,
            n if n % 1_000_000 == 0 => 3,
            n if n % 1_000 == 0 => 6,
            _ => 9,
        };
        Datetime::with_precision(seconds, nanos, 1 + digits)
    }

    /// Nanoseconds since 1970.
    pub fn from_unix_nanos(nanos: i128) -> Option<Datetime> {
        let seconds = i64::try_from(nanos.div_euclid(1_000_000_000)).ok()?;
        Datetime::from_unix(seconds, nanos.rem_euclid(1_000_000_000) as u32)
    }

    /// A date without a time.
    pub fn from_date(year: i32, month: u32, day: u32) -> Option<Datetime> {
        let valid = (1..=9999).contains(&year) && (1..=12).contains(&month) && day >= 1;
        if !valid || day > days_in_month(year.into(), month) {
            return None;
        }
        let days = days_from_civil(year.into(), month.into(), day.into());
        Datetime::with_precision(days * DAY, 0, 0)
    }

    /// `precision` is 0 for a date, else 1 + fraction digits (0 to 9). `None` when the parts do not go together.
    pub(crate) fn with_precision(seconds: i64, nanos: u32, precision: u8) -> Option<Datetime> {
        let fits = match precision {
            0 => nanos == 0 && seconds.rem_euclid(DAY) == 0,
            1..=10 => nanos.is_multiple_of(10u32.pow(10 - u32::from(precision))),
            _ => false,
        };
        let valid = fits && nanos < 1_000_000_000 && (FIRST..=LAST).contains(&seconds);
        valid.then_some(Datetime {
            seconds,
            nanos,
            precision,
        })
    }

    /// Seconds since 1970, rounded down.
    pub fn seconds(self) -> i64 {
        self.seconds
    }

    /// Nanoseconds within the second.
    pub fn nanos(self) -> u32 {
        self.nanos
    }

    /// Nanoseconds since 1970.
    pub fn unix_nanos(self) -> i128 {
        i128::from(self.seconds) * 1_000_000_000 + i128::from(self.nanos)
    }

    /// Written as a date, without a time.
    pub fn is_date(self) -> bool {
        self.precision == 0
    }

    /// Fraction digits written, 0 to 9.
    pub fn fraction_digits(self) -> u8 {
        self.precision.saturating_sub(1)
    }

    pub(crate) fn precision(self) -> u8 {
        self.precision
    }

    /// Year, month and day.
    pub fn civil(self) -> (i32, u32, u32) {
        civil_from_days(self.seconds.div_euclid(DAY))
    }

    /// `YYYY-MM-DD` or `YYYY-MM-DDTHH:MM:SS[.1 to 9 digits]Z`; nothing else.
    pub fn parse(text: &str) -> Option<Datetime> {
        Datetime::parse_bytes(text.as_bytes())
    }

    pub(crate) fn parse_bytes(text: &[u8]) -> Option<Datetime> {
        let (date, time) = text.split_at_checked(10)?;
        if date[4] != b'-' || date[7] != b'-' {
            return None;
        }
        let (year, month, day) = (
            digits(&date[..4])?,
            digits(&date[5..7])?,
            digits(&date[8..])?,
        );
        let midnight = Datetime::from_date(i32::try_from(year).ok()?, month, day)?;
        if time.is_empty() {
            return Some(midnight);
        }
        let (clock, fraction) = time.split_at_checked(9)?;
        if clock[0] != b'T' || clock[3] != b':' || clock[6] != b':' {
            return None;
        }
        let (hour, minute, second) = (
            digits(&clock[1..3])?,
            digits(&clock[4..6])?,
            digits(&clock[7..])?,
        );
        if hour > 23 || minute > 59 || second > 59 {
            return None;
        }
        let seconds = midnight.seconds + i64::from(hour * 3600 + minute * 60 + second);
        let (last, fraction) = fraction.split_last()?;
        if *last != b'Z' {
            return None;
        }
        if fraction.is_empty() {
            return Datetime::with_precision(seconds, 0, 1);
        }
        let (point, fraction) = fraction.split_first()?;
        if *point != b'.' || fraction.is_empty() || fraction.len() > 9 {
            return None;
        }
        let nanos = digits(fraction)? * 10u32.pow(9 - fraction.len() as u32);
        Datetime::with_precision(seconds, nanos, 1 + fraction.len() as u8)
    }

    pub(crate) fn push(self, out: &mut Output) {
        let (year, month, day) = self.civil();
        let year = year.unsigned_abs();
        let clock = self.seconds.rem_euclid(DAY) as u32;
        let count = usize::from(self.fraction_digits());
        let mut text = *b"....-..-..T..:..:..             ";
        let mut put = |at: usize, number: u32| {
            text[at..at + 2].copy_from_slice(&two_digits(number));
        };
        put(0, year / 100);
        put(2, year);
        put(5, month);
        put(8, day);
        put(11, clock / 3600);
        put(14, clock / 60 % 60);
        put(17, clock % 60);
        let length = if self.is_date() {
            10
        } else if count == 0 {
            text[19] = b'Z';
            20
        } else {
            text[19] = b'.';
            let mut rest = self.nanos / 10u32.pow(9 - count as u32);
            for place in text[20..20 + count].iter_mut().rev() {
                *place = b'0' + (rest % 10) as u8;
                rest /= 10;
            }
            text[20 + count] = b'Z';
            21 + count
        };
        out.block(&text, length);
    }
}

impl fmt::Display for Datetime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Output::default();
        self.push(&mut text);
        f.write_str(&String::from_utf8_lossy(text.written()))
    }
}

impl PartialEq for Datetime {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Datetime {}

impl PartialOrd for Datetime {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Datetime {
    fn cmp(&self, other: &Self) -> Ordering {
        (self.seconds, self.nanos).cmp(&(other.seconds, other.nanos))
    }
}

impl Hash for Datetime {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.seconds, self.nanos).hash(state);
    }
}

/// An unsigned number of at most nine digits; `None` for anything that is not a digit.
fn digits(text: &[u8]) -> Option<u32> {
    let mut number = 0;
    for byte in text {
        if !byte.is_ascii_digit() {
            return None;
        }
        number = number * 10 + u32::from(byte - b'0');
    }
    Some(number)
}

fn days_in_month(year: i64, month: u32) -> u32 {
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days since 1970 of a date of the proleptic Gregorian calendar; years begin in March here, so that the
/// leap day is the last one.
const fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

fn civil_from_days(days: i64) -> (i32, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year as i32, month as u32, day as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_printed_again() {
        for text in [
            "2015-07-28",
            "2015-07-28T09:46:00Z",
            "2015-07-28T09:46:00.1Z",
            "2015-07-28T09:46:00.000Z",
            "2015-07-28T09:46:00.123456789Z",
            "0001-01-01T00:00:00Z",
            "9999-12-31T23:59:59.999999999Z",
            "2000-02-29",
            "1969-12-31T23:59:59.5Z",
        ] {
            assert_eq!(
                Datetime::parse(text).map(|d| d.to_string()).as_deref(),
                Some(text)
            );
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "2015",
            "2015-13-01",
            "2015-02-29",
            "1900-02-29",
            "0000-01-01",
            "2015-07-28T24:00:00Z",
            "2015-07-28T09:46:00",
            "2015-07-28T09:46:00.Z",
            "2015-07-28T09:46:00.1234567890Z",
            "2015-07-28T09:46:00+02:00",
            "2015-07-28 09:46:00Z",
            "2015-07-28T09:46:60Z",
            "201é-07-28",
        ] {
            assert_eq!(Datetime::parse(text), None, "{text}");
        }
    }

    #[test]
    fn order_is_by_instant_and_ignores_the_digits_written() {
        let parse = |text| Datetime::parse(text).expect("a date");
        assert_eq!(parse("2015-07-28"), parse("2015-07-28T00:00:00.000Z"));
        assert!(parse("2015-07-28") < parse("2015-07-28T00:00:00.000000001Z"));
        assert_eq!(parse("1970-01-02").seconds(), 86_400);
        assert_eq!(parse("1969-12-31T23:59:59.5Z").unix_nanos(), -500_000_000);
    }

    #[test]
    fn every_day_of_the_calendar_comes_back() {
        for day in (FIRST / DAY..=LAST / DAY).step_by(7) {
            let (year, month, date) = civil_from_days(day);
            assert_eq!(days_from_civil(year.into(), month.into(), date.into()), day);
        }
    }
}
