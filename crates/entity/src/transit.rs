//! Transit strings (EM12): a tag behind `~` says what the text is. Unknown tags and texts that do not fit stay strings.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::builder::push_datetime;
use crate::datetime::Datetime;
use crate::layout::{self, BYTES, NI, URI, UUID};
use crate::number::{self, Number};
use crate::output::Output;

/// Appends the value of a JSON string that begins with `~`. `text` is UTF-8.
#[cold]
pub(crate) fn push_transit(out: &mut Output, text: &[u8]) {
    if push_tagged(out, text).is_none() {
        layout::push_string(out, text);
    }
}

/// `None`, and nothing written, when it stays a string.
fn push_tagged(out: &mut Output, text: &[u8]) -> Option<()> {
    let (tag, rest) = text.get(1..)?.split_first()?;
    match tag {
        // An escaped tilde (U11).
        b'~' => layout::push_string(out, text.get(1..)?),
        b':' => push(out, NI, rest),
        b'r' => push(out, URI, rest),
        b't' => push_datetime(out, Datetime::parse_bytes(rest)?),
        b'u' => push(out, UUID, &parse_uuid(rest)?),
        b'b' => push(out, BYTES, &STANDARD.decode(rest).ok()?),
        b'f' => number::push_number(out, &Number::Decimal(number::parse_decimal(rest)?)),
        _ => return None,
    }
    Some(())
}

fn push(out: &mut Output, tag: u8, payload: &[u8]) {
    out.push(tag);
    out.extend_from_slice(payload);
}

/// Hex digits in groups of 8, 4, 4, 4 and 12.
pub(crate) fn parse_uuid(text: &[u8]) -> Option<[u8; 16]> {
    if text.len() != 36 {
        return None;
    }
    let mut uuid = [0; 16];
    let mut nibbles = 0;
    for (at, byte) in text.iter().enumerate() {
        if matches!(at, 8 | 13 | 18 | 23) {
            if *byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = char::from(*byte).to_digit(16)? as u8;
        let place = uuid.get_mut(nibbles / 2)?;
        *place = *place << 4 | digit;
        nibbles += 1;
    }
    Some(uuid)
}
