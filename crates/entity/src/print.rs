//! JSON text straight from encoded values: plain strings and names are copied, only quoted ones are scanned.
//! Damage prints as null; nothing here allocates but the output.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::layout::{self, Container};
use crate::number::{self, Number};
use crate::output::Output;
use crate::scan::{hex_digit, push_escaped};
use crate::value::{Kind, Value};

/// How decimals are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decimals {
    /// `"~f1.10"`
    #[default]
    Transit,
    /// `1.10`
    Plain,
}

/// How values become JSON text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Decimals as transit strings or bare.
    pub decimals: Decimals,
    /// Names of dicts in sorted order instead of their own.
    pub sorted: bool,
    /// Strings that begin with `~` get another `~` in front, so that reading gives the string again (U11).
    pub escape_tilde: bool,
    /// Rich types with their tag; otherwise as bare text, decimals as numbers.
    pub transit: bool,
}

impl Default for Style {
    fn default() -> Style {
        Style {
            decimals: Decimals::Transit,
            sorted: false,
            escape_tilde: false,
            transit: true,
        }
    }
}

impl<'a> Value<'a> {
    /// Appends the value as compact JSON.
    pub fn write_json(self, out: &mut Vec<u8>, style: &Style) {
        let length = self.encoded().len();
        Output::append_to(out, length * 3 / 2, |out| self.print(out, style));
    }

    pub(crate) fn print(self, out: &mut Output, style: &Style) {
        write(self.encoded(), 0, self.encoded().len(), out, style, 0);
    }

    /// The value as compact JSON in the default style.
    pub fn to_json_string(self) -> String {
        let mut out = Vec::with_capacity(self.encoded().len() + self.encoded().len() / 2);
        self.write_json(&mut out, &Style::default());
        String::from_utf8(out)
            .unwrap_or_else(|damaged| String::from_utf8_lossy(damaged.as_bytes()).into_owned())
    }
}

/// Prints `source[from..to]`. What lies behind is not part of the value, but may be moved along.
fn write(source: &[u8], from: usize, to: usize, out: &mut Output, style: &Style, depth: usize) {
    let tag = if from < to {
        source.get(from).copied().unwrap_or(layout::NULL)
    } else {
        layout::NULL
    };
    match tag {
        layout::STRING => {
            out.push(b'"');
            out.range(source, from + 1, to);
            out.push(b'"');
        }
        layout::INT => match source.get(from + 1..to).and_then(layout::read_int) {
            Some(number) => push_i64(out, number),
            None => push_null(out),
        },
        tag if tag >= layout::LIST && depth < layout::MAX_DEPTH => {
            match source.get(from..to).and_then(Container::open) {
                Some(list) if layout::is_list(tag) => write_list(list, out, style, depth),
                Some(dict) => write_dict(dict, out, style, depth),
                None => push_null(out),
            }
        }
        layout::NULL => push_null(out),
        layout::TRUE => out.extend_from_slice(b"true"),
        layout::FALSE => out.extend_from_slice(b"false"),
        _ => write_rare(
            Value::from_encoded(source.get(from..to).unwrap_or_default()),
            out,
            style,
        ),
    }
}

fn push_null(out: &mut Output) {
    out.extend_from_slice(b"null");
}

fn write_list(list: Container<'_>, out: &mut Output, style: &Style, depth: usize) {
    out.push(b'[');
    let mut from = 0;
    for index in 0..list.count {
        let Some(to) = list.end(index) else { break };
        if index > 0 {
            out.push(b',');
        }
        write(list.body, from, to, out, style, depth + 1);
        from = to;
    }
    out.push(b']');
}

fn write_dict(dict: Container<'_>, out: &mut Output, style: &Style, depth: usize) {
    out.push(b'{');
    for position in 0..dict.count {
        let index = if style.sorted {
            dict.sorted(position)
        } else {
            Some(position)
        };
        let Some(index) = index else { break };
        if position > 0 {
            out.push(b',');
        }
        if write_field(dict, index, out, style, depth).is_none() {
            // Nothing can be found behind damage.
            out.extend_from_slice(b"\"\":null");
            break;
        }
    }
    out.push(b'}');
}

/// Appends name, colon and value of a field; `None` and nothing on damage.
#[inline]
pub(crate) fn write_field(
    dict: Container<'_>,
    index: usize,
    out: &mut Output,
    style: &Style,
    depth: usize,
) -> Option<()> {
    let range = dict.range(index)?;
    let header = *dict
        .body
        .get(range.start)
        .filter(|_| range.start < range.end)?;
    let value = match layout::short_name_len(header) {
        Some(length) => {
            let name = range.start + 1;
            let value = name + length;
            if value > range.end {
                return None;
            }
            out.push(b'"');
            out.range(dict.body, name, value);
            out.extend_from_slice(b"\":");
            value
        }
        None => {
            let entry = layout::split_entry(dict.body.get(range.clone())?)?;
            push_name(out, entry.name, entry.plain);
            range.end - entry.value.len()
        }
    };
    write(dict.body, value, range.end, out, style, depth + 1);
    Some(())
}

pub(crate) fn push_name(out: &mut Output, name: &[u8], plain: bool) {
    out.push(b'"');
    if plain {
        out.extend_from_slice(name);
    } else {
        push_escaped(out, name);
    }
    out.extend_from_slice(b"\":");
}

/// Everything that is seldom.
fn write_rare(value: Value<'_>, out: &mut Output, style: &Style) {
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
    let mut buffer = [0; 20];
    number::push_decimal_text(
        out,
        format_u64(mantissa.unsigned_abs(), &mut buffer),
        exponent,
    );
    Some(())
}

/// Lower-case hex in groups of 8, 4, 4, 4 and 12.
pub(crate) fn push_uuid(out: &mut Output, uuid: [u8; 16]) {
    for (index, byte) in uuid.iter().enumerate() {
        if matches!(index, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        out.push(hex_digit(byte >> 4));
        out.push(hex_digit(*byte));
    }
}

pub(crate) fn push_i64(out: &mut Output, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    let mut buffer = [0; 20];
    out.extend_from_slice(format_u64(number.unsigned_abs(), &mut buffer));
}

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// Decimal digits of a number, two at a time from the right.
#[inline]
pub(crate) fn format_u64(mut number: u64, buffer: &mut [u8; 20]) -> &[u8] {
    let mut at = buffer.len();
    while number >= 10 {
        let pair = (number % 100) as usize * 2;
        at -= 2;
        if number < 100 {
            buffer[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
            return &buffer[at..];
        }
        buffer[at..at + 2].copy_from_slice(&PAIRS[pair..pair + 2]);
        number /= 100;
    }
    at -= 1;
    buffer[at] = b'0' + number as u8;
    &buffer[at..]
}
