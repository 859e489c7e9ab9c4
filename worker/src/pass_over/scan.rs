//! Where an object ends and which `_id` it begins with, from its bytes alone, at a fraction of what reading costs.
//!
//! Nothing is checked here. What looks like an entity and is none has bytes that nobody ever read as one, so it is not passed
//! over, and reading it says what is wrong.

use std::ops::Range;

const LOW: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Looks for the end of one object, over pieces: braces outside of strings. Brackets do not matter for where it ends.
#[derive(Clone, Debug, Default)]
pub(super) struct ObjectScan {
    depth: u32,
    in_string: bool,
    /// The next byte belongs to a backslash before it.
    escaped: bool,
}

impl ObjectScan {
    /// Goes on at `at`, which at first is the opening brace; answers the position behind the closing one, `None` where that is
    /// not in `text`.
    pub(super) fn end(&mut self, text: &[u8], mut at: usize) -> Option<usize> {
        while let Some(chunk) = text.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
            let word = u64::from_le_bytes(*chunk);
            if self.escaped || equal(word, b'\\') != 0 {
                if let Some(end) = self.bytes(chunk) {
                    return Some(at + end);
                }
                at += chunk.len();
                continue;
            }
            // In the lowest bit of each byte: a string is open behind it.
            let open = equal(word, b'"').wrapping_mul(LOW) ^ if self.in_string { LOW } else { 0 };
            // Both braces, and two characters that are neither and stand only in strings.
            let mut braces = equal(word | (LOW * 0x06), 0x7f) & !open;
            while braces != 0 {
                let position = (braces.trailing_zeros() >> 3) as usize;
                if self.brace(chunk[position]) {
                    return Some(at + position + 1);
                }
                braces &= braces - 1;
            }
            self.in_string = (open >> 56) & 1 == 1;
            at += chunk.len();
        }
        let end = self.bytes(text.get(at..).unwrap_or_default())?;
        Some(at + end)
    }

    /// The same, byte by byte.
    fn bytes(&mut self, bytes: &[u8]) -> Option<usize> {
        for (position, byte) in bytes.iter().enumerate() {
            if self.escaped {
                self.escaped = false;
            } else if self.in_string {
                self.in_string = *byte != b'"';
                self.escaped = *byte == b'\\';
            } else if *byte == b'"' {
                self.in_string = true;
            } else if self.brace(*byte) {
                return Some(position + 1);
            }
        }
        None
    }

    /// True at the last brace.
    fn brace(&mut self, byte: u8) -> bool {
        match byte {
            b'{' => self.depth += 1,
            b'}' => {
                self.depth = self.depth.saturating_sub(1);
                return self.depth == 0;
            }
            _ => {}
        }
        false
    }
}

/// One in the lowest bit of each byte that is `byte`.
fn equal(word: u64, byte: u8) -> u64 {
    let different = word ^ (LOW * u64::from(byte));
    (!(((different & !HIGH) + !HIGH) | different) >> 7) & LOW
}

/// Position of the first byte at or after `at` that JSON does not take for space.
pub(super) fn skip_space(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let space = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
    at + rest.iter().take_while(|byte| space(byte)).count()
}

/// Where the `_id` of an object stands that has it first, and as a string that stands for itself.
pub(super) fn leading_id(object: &[u8]) -> Option<Range<usize>> {
    let mut at = 0;
    for expected in ["{", "\"_id\"", ":", "\""] {
        at = skip_space(object, at);
        let rest = object.get(at..)?.strip_prefix(expected.as_bytes())?;
        at = object.len() - rest.len();
    }
    let rest = &object[at..];
    let end = rest
        .iter()
        .position(|byte| *byte < b' ' || *byte == b'"' || *byte == b'\\')?;
    let is_plain = rest[end] == b'"' && rest[0] != b'~';
    let is_text = std::str::from_utf8(&rest[..end]).is_ok();
    (is_plain && is_text).then_some(at..at + end)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn slow_end(text: &[u8]) -> Option<usize> {
        ObjectScan::default().bytes(text)
    }

    proptest! {
        #[test]
        fn eight_bytes_at_a_time_find_what_single_bytes_find(
            text in "[{}\\[\\]\"\\\\a y\u{7f}|:,æ]{0,60}",
            cut in 0_usize..60,
        ) {
            let text = format!("{{{text}}}}}}}\"}}}}}}}}").into_bytes();
            let expected = slow_end(&text);
            prop_assert_eq!(ObjectScan::default().end(&text, 0), expected);
            // And in two pieces.
            let (first, second) = text.split_at(cut.min(text.len()));
            let mut scan = ObjectScan::default();
            let found = scan
                .end(first, 0)
                .or_else(|| scan.end(second, 0).map(|end| end + first.len()));
            prop_assert_eq!(found, expected);
        }
    }

    #[test]
    fn an_object_ends_at_its_brace_and_not_at_one_in_a_string() {
        for (text, rest) in [
            (r#"{"_id":"1"}, {"_id":"2"}"#, r#", {"_id":"2"}"#),
            (r#"{"a":{"b":[{}]},"c":"}"}x"#, "x"),
            (r#"{"a":"\"}\\"}]"#, "]"),
            (r#"{"a y":"y}"}}"#, "}"),
        ] {
            let end = ObjectScan::default().end(text.as_bytes(), 0);
            assert_eq!(end, Some(text.len() - rest.len()), "{text}");
        }
        assert_eq!(ObjectScan::default().end(br#"{"a":"}"#, 0), None);
    }

    #[test]
    fn only_a_plain_id_in_front_is_found() {
        for (text, id) in [
            (r#"{"_id":"a:1","n":1}"#, Some("a:1")),
            (r#"{ "_id" : "æ" }"#, Some("æ")),
            (r#"{"_id":"~:a:1"}"#, None),
            (r#"{"_id":"a\"b"}"#, None),
            (r#"{"_id":1}"#, None),
            (r#"{"n":1,"_id":"a"}"#, None),
            (r#"{"_id":"a"#, None),
            ("{}", None),
        ] {
            let found = leading_id(text.as_bytes()).map(|range| &text[range]);
            assert_eq!(found, id, "{text}");
        }
    }
}
