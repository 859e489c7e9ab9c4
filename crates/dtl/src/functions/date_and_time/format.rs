//! `datetime-format`: writes a datetime along a format, directive by directive.

use std::fmt::Write;

use sluice_entity::Datetime;

use crate::memory::Text;

use super::instant;
use super::zone::Zone;

/// `None` when the format has a directive that is not known, or the clock in the zone leaves the calendar.
pub(super) fn format(
    datetime: Datetime,
    zone: &Zone,
    format: &str,
    out: &mut Text<'_>,
) -> Option<()> {
    let offset = zone.offset_at(datetime.seconds());
    let clock = instant(datetime.unix_nanos() + i128::from(offset) * 1_000_000_000)?;
    let (year, month, day) = clock.civil();
    let seconds = clock.seconds().rem_euclid(86_400);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let twelve = if hour % 12 == 0 { 12 } else { hour % 12 };
    let mut pattern = format.chars();
    while let Some(character) = pattern.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        match pattern.next()? {
            'd' => write!(out, "{day:02}"),
            'e' => write!(out, "{day}"),
            'H' => write!(out, "{hour:02}"),
            'I' => write!(out, "{twelve:02}"),
            'm' => write!(out, "{month:02}"),
            'M' => write!(out, "{minute:02}"),
            'p' => out.write_str(if hour < 12 { "AM" } else { "PM" }),
            'S' => write!(out, "{second:02}"),
            'f' => write!(out, "{:06}", clock.nanos() / 1000),
            'y' => write!(out, "{:02}", year % 100),
            'Y' => write!(out, "{year:04}"),
            'z' => {
                let sign = if offset < 0 { '-' } else { '+' };
                let minutes = offset.abs() / 60;
                write!(out, "{sign}{:02}{:02}", minutes / 60, minutes % 60)
            }
            '%' => out.write_str("%"),
            _ => return None,
        }
        .ok()?;
    }
    Some(())
}
