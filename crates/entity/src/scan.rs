//! Finding the bytes of a JSON string that need attention, and writing strings with escapes.

use crate::output::Output;

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Looked at in one go once a text turns out to be long.
const BLOCK: usize = 32;

/// Position of the first byte at or after `at` that is a quote, a backslash or a control character; else the length.
#[inline(always)]
pub(crate) fn find_special(text: &[u8], at: usize) -> usize {
    match find_in_words(text, at, 2) {
        Ok(found) => found,
        Err(at) => find_in_long(text, at),
    }
}

/// Whole blocks without a special byte are passed over; the compiler makes vector instructions of the inner loop.
#[inline(never)]
fn find_in_long(text: &[u8], mut at: usize) -> usize {
    while let Some(block) = text.get(at..).and_then(|rest| rest.first_chunk::<BLOCK>()) {
        let found = block
            .iter()
            .fold(0, |found, byte| found | u8::from(is_special(*byte)));
        if found != 0 {
            break;
        }
        at += BLOCK;
    }
    match find_in_words(text, at, usize::MAX) {
        Ok(found) | Err(found) => found,
    }
}

/// Looks at up to `words` times eight bytes. The error is how far it came without finding one.
#[inline(always)]
fn find_in_words(text: &[u8], mut at: usize, words: usize) -> Result<usize, usize> {
    let mut left = words;
    while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let word = u64::from_le_bytes(*chunk);
        let quote = word ^ (LOW * 0x22);
        let slash = word ^ (LOW * 0x5c);
        let found = ((quote.wrapping_sub(LOW) & !quote)
            | (slash.wrapping_sub(LOW) & !slash)
            | (word.wrapping_sub(LOW * 0x20) & !word))
            & HIGH;
        if found != 0 {
            return Ok(at + (found.trailing_zeros() >> 3) as usize);
        }
        at += 8;
        left -= 1;
        if left == 0 {
            return Err(at);
        }
    }
    while let Some(byte) = text.get(at) {
        if is_special(*byte) {
            break;
        }
        at += 1;
    }
    Ok(at)
}

#[inline(always)]
fn is_special(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

/// The text may stand between quotes as it is.
#[inline(always)]
pub(crate) fn is_plain(text: &[u8]) -> bool {
    find_special(text, 0) == text.len()
}

/// Appends `text` with escapes, without quotes.
pub(crate) fn push_escaped(out: &mut Output, text: &[u8]) {
    let mut from = 0;
    loop {
        let to = find_special(text, from);
        out.range(text, from, to);
        let Some(byte) = text.get(to) else { return };
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            other => {
                out.extend_from_slice(b"\\u00");
                out.push(hex_digit(other >> 4));
                out.push(hex_digit(other & 15));
            }
        }
        from = to + 1;
    }
}

/// Appends `text` as a JSON string.
pub(crate) fn push_quoted(out: &mut Output, text: &[u8]) {
    out.push(b'"');
    push_escaped(out, text);
    out.push(b'"');
}

pub(crate) fn hex_digit(nibble: u8) -> u8 {
    match nibble & 15 {
        digit @ 0..=9 => b'0' + digit,
        letter => b'a' + letter - 10,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn special_bytes_are_found_at_every_position_and_alignment() {
        for length in 0..150 {
            for at in 0..length {
                for special in [b'"', b'\\', 0, 0x1f, b'\n'] {
                    let mut text = vec![0xc3; length];
                    text[at] = special;
                    assert_eq!(find_special(&text, 0), at, "{special} at {at} of {length}");
                }
            }
            assert!(is_plain(&vec![b' '; length]));
            assert!(is_plain(&vec![0xff; length]));
        }
    }
}
