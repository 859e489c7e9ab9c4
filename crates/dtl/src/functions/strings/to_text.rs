//! `string`: values as text. Rich types lose their tag; containers become JSON with sorted keys and a space
//! after each comma and colon.

use std::fmt::Write;

use sluice_entity::{Decimals, Kind, Style, Value};

use crate::memory::Memory;

const BARE: Style = Style {
    decimals: Decimals::Plain,
    sorted: true,
    escape_tilde: false,
    transit: false,
};

/// `None` for bytes that are not UTF-8.
pub(super) fn to_text<'a>(memory: &Memory<'a>, value: Value<'a>) -> Option<Value<'a>> {
    if value.kind() == Kind::String {
        return Some(value);
    }
    if let (Kind::Int, Some(number)) = (value.kind(), value.as_i64()) {
        let mut text = memory.text();
        write!(text, "{number}").ok()?;
        return Some(memory.string(&text));
    }
    let mut out = Vec::new();
    match value.kind() {
        Kind::Ni => out.extend_from_slice(value.as_ni()?.as_bytes()),
        Kind::Uri => out.extend_from_slice(value.as_uri()?.as_bytes()),
        Kind::Datetime => out.extend_from_slice(value.as_datetime()?.to_string().as_bytes()),
        Kind::Bytes => out.extend_from_slice(value.as_bytes()?),
        Kind::Uuid => out.extend_from_slice(
            uuid::Uuid::from_bytes(value.as_uuid()?)
                .to_string()
                .as_bytes(),
        ),
        Kind::Dict | Kind::List => spaced(memory, value, &mut out)?,
        _ => value.write_json(&mut out, &BARE),
    }
    Some(memory.string(std::str::from_utf8(&out).ok()?))
}

/// The depth of the recursion is that of the value, which is bounded when it is read or built.
fn spaced(memory: &Memory<'_>, value: Value<'_>, out: &mut Vec<u8>) -> Option<()> {
    if !memory.has_room(out.len()) {
        return None;
    }
    if let Some(list) = value.as_list() {
        out.push(b'[');
        for (index, element) in list.iter().enumerate() {
            out.extend_from_slice(if index > 0 { b", " } else { b"" });
            spaced(memory, element, out)?;
        }
        out.push(b']');
    } else if let Some(dict) = value.as_dict() {
        out.push(b'{');
        for (index, (name, element)) in dict.iter_sorted().enumerate() {
            out.extend_from_slice(if index > 0 { b", " } else { b"" });
            memory.string(name).write_json(out, &BARE);
            out.extend_from_slice(b": ");
            spaced(memory, element, out)?;
        }
        out.push(b'}');
    } else {
        value.write_json(out, &BARE);
    }
    Some(())
}
