//! Canonical bytes of a value for joins: equal exactly when the values are equal, never a prefix of another's.
//! Not an order-preserving encoding.

use crate::layout::MAX_DEPTH;
use crate::order::rank;
use crate::value::{Kind, Value};

impl Value<'_> {
    /// Appends the join key of the value: equal to another's exactly when [`Value::equals`] holds.
    pub fn join_key(self, out: &mut Vec<u8>) {
        push(self, out, 0);
    }
}

/// The string a join key stands for; `None` where it is another kind of value's.
pub fn string_of_join_key(key: &[u8]) -> Option<&str> {
    let (&kind, mut rest) = key.split_first()?;
    if kind != rank(Kind::String) {
        return None;
    }
    let (mut length, mut shift) = (0_usize, 0);
    loop {
        let (&byte, behind) = rest.split_first()?;
        rest = behind;
        length |= usize::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            break;
        }
        shift += 7;
    }
    std::str::from_utf8(rest)
        .ok()
        .filter(|text| text.len() == length)
}

fn push(value: Value<'_>, out: &mut Vec<u8>, depth: usize) {
    let kind = value.kind();
    out.push(rank(kind));
    match kind {
        Kind::Null => {}
        Kind::Bool => out.push(value.tag()),
        Kind::Int | Kind::Decimal | Kind::Float => push_number(value, out),
        Kind::Datetime => match value.as_datetime() {
            Some(datetime) => {
                out.push(1);
                out.extend_from_slice(&datetime.seconds().to_le_bytes());
                out.extend_from_slice(&datetime.nanos().to_le_bytes());
            }
            None => out.push(0),
        },
        Kind::Uuid | Kind::Ni | Kind::Uri | Kind::String | Kind::Bytes => {
            push_text(out, value.payload())
        }
        Kind::Dict | Kind::List if depth >= MAX_DEPTH => {}
        Kind::Dict => match value.as_dict() {
            Some(dict) => {
                push_length(out, dict.len() + 1);
                for position in 0..dict.len() {
                    match dict.sorted_entry(position) {
                        Some(entry) => {
                            push_text(out, entry.name);
                            push(Value::from_encoded(entry.value), out, depth + 1);
                        }
                        None => break,
                    }
                }
            }
            None => push_length(out, 0),
        },
        Kind::List => match value.as_list() {
            Some(list) => {
                push_length(out, list.len() + 1);
                for item in list.iter() {
                    push(item, out, depth + 1);
                }
            }
            None => push_length(out, 0),
        },
    }
}

fn push_number(value: Value<'_>, out: &mut Vec<u8>) {
    if let Some(number) = value.as_i64() {
        // What `Exact::push_key` writes for a number that fits.
        out.push(0);
        out.extend_from_slice(&number.to_le_bytes());
        return;
    }
    match value.as_number().and_then(|number| number.exact()) {
        Some(exact) => exact.push_key(out),
        None => out.push(u8::MAX),
    }
}

fn push_text(out: &mut Vec<u8>, text: &[u8]) {
    push_length(out, text.len());
    out.extend_from_slice(text);
}

/// Seven bits a byte, the highest bit says that more follow.
fn push_length(out: &mut Vec<u8>, mut length: usize) {
    while length >= 0x80 {
        out.push(length as u8 | 0x80);
        length >>= 7;
    }
    out.push(length as u8);
}

#[cfg(test)]
mod string_tests {
    use super::*;
    use crate::Builder;

    #[test]
    fn the_key_of_a_string_and_only_that_gives_the_string_back() {
        for text in [
            "",
            "a",
            "blåbær",
            &"x".repeat(127),
            &"x".repeat(128),
            &"x".repeat(70_000),
        ] {
            let mut builder = Builder::new();
            builder.str(text);
            let mut key = Vec::new();
            builder.finish().value().join_key(&mut key);
            assert_eq!(string_of_join_key(&key), Some(text));
            key.push(b'x');
            assert_eq!(string_of_join_key(&key), None);
        }
        for other in [Value::NULL, Value::TRUE] {
            let mut key = Vec::new();
            other.join_key(&mut key);
            assert_eq!(string_of_join_key(&key), None);
        }
        assert_eq!(string_of_join_key(&[]), None);
    }
}
