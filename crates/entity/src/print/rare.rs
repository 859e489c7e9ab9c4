//! The kinds of values that are not in every entity: strings with escapes, decimals, times and what else has a tag.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::digits::{Digits, MOST};
use super::{Decimals, Style, push_null};
use crate::layout;
use crate::number::{self, Number};
use crate::output::Output;
use crate::scan::{hex_digit, push_escaped};
use crate::value::{Kind, Value};

/// Prints a value of such a kind; null for any other.
pub(super) fn write(value: Value<'_>, out: &mut Output, style: &Style) {
    let payload = value.payload();
    match value.tag() {
        layout::STRING_QUOTED => {
            out.push(b'"');
            if style.escape_tilde && payload.first() == Some(&b'~') {
                out.push(b'~');
            }
            push_escaped(out, payload);
            out.push(b'"');
        }
        layout::DECIMAL | layout::BIG_DECIMAL => write_decimal(value, out, style),
        layout::BIG_INT | layout::FLOAT => match value.as_number() {
            Some(Number::Float(number)) if !number.is_finite() => push_null(out),
            Some(Number::Float(number)) if number::push_short_float(out, number) => {}
            Some(number) => out.extend_from_slice(number.to_string().as_bytes()),
            None => push_null(out),
        },
        layout::NI => push_tagged(out, style, b"~:", |out| push_escaped(out, payload)),
        layout::URI => push_tagged(out, style, b"~r", |out| push_escaped(out, payload)),
        _ => match value.kind() {
            Kind::Datetime => match value.as_datetime() {
                Some(datetime) => push_tagged(out, style, b"~t", |out| datetime.push(out)),
                None => push_null(out),
            },
            Kind::Uuid => match value.as_uuid() {
                Some(uuid) => push_tagged(out, style, b"~u", |out| push_uuid(out, uuid)),
                None => push_null(out),
            },
            Kind::Bytes => push_tagged(out, style, b"~b", |out| {
                out.extend_from_slice(STANDARD.encode(payload).as_bytes());
            }),
            _ => push_null(out),
        },
    }
}

fn push_tagged(out: &mut Output, style: &Style, tag: &[u8], text: impl FnOnce(&mut Output)) {
    out.push(b'"');
    if style.transit {
        out.extend_from_slice(tag);
    }
    text(out);
    out.push(b'"');
}

fn write_decimal(value: Value<'_>, out: &mut Output, style: &Style) {
    let tagged = style.transit && style.decimals == Decimals::Transit;
    let start = out.len();
    if tagged {
        out.extend_from_slice(b"\"~f");
    }
    let written = match value.tag() {
        layout::DECIMAL => write_small_decimal(value.payload(), out),
        _ => value
            .as_number()
            .map(|number| out.extend_from_slice(number.to_string().as_bytes())),
    };
    match written {
        Some(()) if tagged => out.push(b'"'),
        Some(()) => {}
        None => {
            out.truncate(start);
            push_null(out);
        }
    }
}

fn write_small_decimal(payload: &[u8], out: &mut Output) -> Option<()> {
    let (exponent, mantissa) = layout::split_decimal(payload)?;
    let mantissa = layout::read_int(mantissa)?;
    if mantissa < 0 {
        out.push(b'-');
    }
    let digits = Digits::new(mantissa.unsigned_abs());
    let whole = digits.count() as i64 + i64::from(exponent);
    match usize::try_from(whole) {
        // Digits on both sides of the point.
        Ok(whole) if (1..MOST).contains(&whole) && exponent < 0 => {
            let room = out.room::<{ 2 * MOST + 1 }>()?;
            room[..MOST].copy_from_slice(digits.behind(0));
            room[whole] = b'.';
            room[whole + 1..][..MOST].copy_from_slice(digits.behind(whole));
            out.advance(digits.count() + 1);
        }
        _ => number::push_decimal_text(out, digits.all(), exponent),
    }
    Some(())
}

/// Lower-case hex in groups of 8, 4, 4, 4 and 12.
fn push_uuid(out: &mut Output, uuid: [u8; 16]) {
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(hex_digit(byte >> 4));
        out.push(hex_digit(*byte));
    }
}
