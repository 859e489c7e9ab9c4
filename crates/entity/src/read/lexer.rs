//! The tokens of JSON: white space, literals, strings. Shared by the entity reader and the configuration tree.

use super::{Fault, ReadCode};
use crate::scan::find_special;

#[inline(always)]
pub(crate) fn skip_space(text: &[u8], mut at: usize) -> usize {
    if text.get(at).is_some_and(|byte| *byte > b' ') {
        return at;
    }
    while let Some(b' ' | b'\n' | b'\r' | b'\t') = text.get(at) {
        at += 1;
    }
    at
}

#[cold]
pub(crate) fn fault(code: ReadCode, at: usize) -> Fault {
    Fault { code, at }
}

/// Something else than what was expected: at the end of the text, that is what is wrong.
#[cold]
pub(crate) fn unexpected(text: &[u8], at: usize, expected: &'static str) -> Fault {
    if at >= text.len() {
        fault(ReadCode::UnexpectedEnd, text.len())
    } else {
        fault(ReadCode::Expected(expected), at)
    }
}

/// Behind the literal at `at`.
pub(crate) fn literal(text: &[u8], at: usize, word: &'static str) -> Result<usize, Fault> {
    let rest = text.get(at..).unwrap_or_default();
    if rest.starts_with(word.as_bytes()) {
        return Ok(at + word.len());
    }
    if word.as_bytes().starts_with(rest) {
        return Err(fault(ReadCode::UnexpectedEnd, text.len()));
    }
    Err(fault(ReadCode::Expected("a value"), at))
}

/// The error of a number that does not scan; `at` is where it does not.
#[cold]
pub(crate) fn number_fault(text: &[u8], at: usize) -> Fault {
    fault(
        if at >= text.len() {
            ReadCode::UnexpectedEnd
        } else {
            ReadCode::Number
        },
        at.min(text.len()),
    )
}

/// A string with escapes: `at` is behind the opening quote, `special` at the first special byte. Appends the
/// content to `out` and gives the position behind the closing quote. `text` is UTF-8.
#[cold]
pub(crate) fn unescape(
    text: &[u8],
    at: usize,
    mut special: usize,
    out: &mut Vec<u8>,
) -> Result<usize, Fault> {
    let mut from = at;
    loop {
        out.extend_from_slice(text.get(from..special).unwrap_or_default());
        match text.get(special) {
            Some(b'"') => return Ok(special + 1),
            Some(b'\\') => from = escape(text, special + 1, out)?,
            Some(_) => return Err(fault(ReadCode::ControlCharacter, special)),
            None => return Err(fault(ReadCode::UnexpectedEnd, text.len())),
        }
        special = find_special(text, from);
    }
}

/// One escape, `at` behind its backslash.
fn escape(text: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let plain = match text.get(at) {
        Some(byte @ (b'"' | b'\\' | b'/')) => *byte,
        Some(b'b') => 0x08,
        Some(b'f') => 0x0c,
        Some(b'n') => b'\n',
        Some(b'r') => b'\r',
        Some(b't') => b'\t',
        Some(b'u') => return unicode_escape(text, at + 1, out),
        Some(_) => return Err(fault(ReadCode::Escape, at - 1)),
        None => return Err(fault(ReadCode::UnexpectedEnd, text.len())),
    };
    out.push(plain);
    Ok(at + 1)
}

fn unicode_escape(text: &[u8], at: usize, out: &mut Vec<u8>) -> Result<usize, Fault> {
    let lone = || fault(ReadCode::LoneSurrogate, at - 2);
    let unit = hex4(text, at)?;
    let (code, next) = match unit {
        0xd800..=0xdbff => {
            for (place, wanted) in [(at + 4, b'\\'), (at + 5, b'u')] {
                match text.get(place) {
                    Some(byte) if *byte == wanted => {}
                    Some(_) => return Err(lone()),
                    None => return Err(fault(ReadCode::UnexpectedEnd, text.len())),
                }
            }
            let low = hex4(text, at + 6)?;
            if !(0xdc00..=0xdfff).contains(&low) {
                return Err(lone());
            }
            (0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00), at + 10)
        }
        _ => (unit, at + 4),
    };
    let character = char::from_u32(code).ok_or_else(lone)?;
    out.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
    Ok(next)
}

fn hex4(text: &[u8], at: usize) -> Result<u32, Fault> {
    let mut unit = 0;
    for place in at..at + 4 {
        let byte = *text
            .get(place)
            .ok_or_else(|| fault(ReadCode::UnexpectedEnd, text.len()))?;
        let digit = char::from(byte)
            .to_digit(16)
            .ok_or_else(|| fault(ReadCode::Escape, place))?;
        unit = unit * 16 + digit;
    }
    Ok(unit)
}

/// Where name number `index` stands in the object that opens at `opened` and has been read already.
#[cold]
pub(crate) fn find_name(text: &[u8], opened: usize, index: usize) -> usize {
    let (mut at, mut depth, mut names, mut expected) = (opened, 0usize, 0, false);
    while let Some(byte) = text.get(at) {
        match byte {
            b'"' => {
                if depth == 1 && std::mem::take(&mut expected) {
                    if names == index {
                        return at;
                    }
                    names += 1;
                }
                at = find_special(text, at + 1);
                while text.get(at) == Some(&b'\\') {
                    at = find_special(text, at + 2);
                }
            }
            b'{' | b'[' => {
                depth += 1;
                expected = depth == 1;
            }
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 1 => expected = true,
            _ => {}
        }
        at += 1;
    }
    opened
}
