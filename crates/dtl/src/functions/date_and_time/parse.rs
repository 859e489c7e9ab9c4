//! `datetime-parse`: reads a text along a format, directive by directive.

use sluice_entity::Datetime;

use super::instant;
use super::zone::Zone;

/// What has been read; what the format does not mention begins at 1900-01-01.
struct Fields {
    year: i32,
    month: u32,
    day: u32,
    hour: u32,
    /// `%I` counts to 12, and `%p` says which half of the day.
    twelve: Option<u32>,
    afternoon: Option<bool>,
    minute: u32,
    second: u32,
    nanos: u32,
    /// Seconds east of UTC, from `%z`.
    offset: Option<i64>,
}

/// `None` when the text does not match the format to its end, or is no date between the years 1 and 9999.
pub(super) fn parse(text: &str, zone: &Zone, format: &str) -> Option<Datetime> {
    let mut fields = Fields {
        year: 1900,
        month: 1,
        day: 1,
        hour: 0,
        twelve: None,
        afternoon: None,
        minute: 0,
        second: 0,
        nanos: 0,
        offset: None,
    };
    let mut rest = text;
    let mut pattern = format.chars();
    while let Some(character) = pattern.next() {
        rest = match character {
            '%' => fields.directive(pattern.next()?, rest)?,
            _ => rest.strip_prefix(character)?,
        };
    }
    if rest.is_empty() {
        fields.finish(zone)
    } else {
        None
    }
}

impl Fields {
    /// Reads what one directive stands for and gives what is left of the text.
    fn directive<'t>(&mut self, directive: char, text: &'t str) -> Option<&'t str> {
        let (value, rest) = match directive {
            'Y' => number(text, 4, 4)?,
            'd' | 'e' | 'H' | 'I' | 'm' | 'M' | 'S' => number(
                text.trim_start_matches(if directive == 'e' { ' ' } else { '\0' }),
                1,
                2,
            )?,
            'y' => number(text, 2, 2)?,
            'f' => {
                let (digits, rest) = digits(text, 1, 9)?;
                self.nanos = format!("{digits:0<9}").parse().ok()?;
                return Some(rest);
            }
            'p' => {
                let (mark, rest) = text.split_at_checked(2)?;
                self.afternoon = Some(match mark.to_ascii_lowercase().as_str() {
                    "am" => false,
                    "pm" => true,
                    _ => return None,
                });
                return Some(rest);
            }
            'z' => {
                let (offset, rest) = offset(text)?;
                self.offset = Some(offset);
                return Some(rest);
            }
            '%' => return text.strip_prefix('%'),
            _ => return None,
        };
        match directive {
            'Y' => self.year = i32::try_from(value).ok()?,
            'y' => {
                self.year = i32::try_from(if value < 69 {
                    2000 + value
                } else {
                    1900 + value
                })
                .ok()?
            }
            'm' => self.month = value,
            'd' | 'e' => self.day = value,
            'H' => self.hour = value,
            'I' => {
                self.twelve = Some(value)
                    .filter(|hour| (1..=12).contains(hour))
                    .map(Some)?
            }
            'M' => self.minute = value,
            _ => self.second = value,
        }
        Some(rest)
    }

    fn finish(self, zone: &Zone) -> Option<Datetime> {
        let hour = match self.twelve {
            None => self.hour,
            Some(hour) => hour % 12 + if self.afternoon == Some(true) { 12 } else { 0 },
        };
        if hour > 23 || self.minute > 59 || self.second > 59 {
            return None;
        }
        let date = Datetime::from_date(self.year, self.month, self.day)?;
        let clock = date.seconds() + i64::from(hour * 3600 + self.minute * 60 + self.second);
        let seconds = match self.offset {
            Some(offset) => clock - offset,
            None => zone.to_utc(clock)?,
        };
        if self.nanos == 0 {
            return Datetime::from_unix(seconds, 0);
        }
        instant(i128::from(seconds) * 1_000_000_000 + i128::from(self.nanos))
    }
}

fn digits(text: &str, least: usize, most: usize) -> Option<(&str, &str)> {
    let count = text
        .bytes()
        .take(most)
        .take_while(u8::is_ascii_digit)
        .count();
    if count < least {
        None
    } else {
        text.split_at_checked(count)
    }
}

/// Of up to nine digits.
fn number(text: &str, least: usize, most: usize) -> Option<(u32, &str)> {
    let (digits, rest) = digits(text, least, most)?;
    let value = digits.bytes();
    Some((
        value.fold(0, |value, digit| value * 10 + u32::from(digit - b'0')),
        rest,
    ))
}

/// `+HHMM`, `-HH:MM` or `Z`.
fn offset(text: &str) -> Option<(i64, &str)> {
    if let Some(rest) = text.strip_prefix('Z') {
        return Some((0, rest));
    }
    let (sign, rest) = match text.split_at_checked(1)? {
        ("+", rest) => (1, rest),
        ("-", rest) => (-1, rest),
        _ => return None,
    };
    let (hours, rest) = number(rest, 2, 2)?;
    let (minutes, rest) = number(rest.strip_prefix(':').unwrap_or(rest), 2, 2)?;
    if hours > 23 || minutes > 59 {
        return None;
    }
    Some((sign * i64::from(hours * 3600 + minutes * 60), rest))
}
