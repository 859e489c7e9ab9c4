//! Text → bytes of a character set. What the set does not have is replaced as the configuration says.

use encoding_rs::{EncoderResult, Encoding};
use sluice_config::TextEncoding;

/// Appends `text`; `strategy` is `encode_error_strategy` of the sink.
pub(super) fn encode(encoding: TextEncoding, strategy: &str, text: &str, out: &mut Vec<u8>) {
    match encoding {
        TextEncoding::Utf8 { .. } => out.extend_from_slice(text.as_bytes()),
        TextEncoding::Utf16 { big_endian, .. } => {
            let units = text.encode_utf16();
            out.extend(units.flat_map(|unit| {
                if big_endian {
                    unit.to_be_bytes()
                } else {
                    unit.to_le_bytes()
                }
            }));
        }
        TextEncoding::Latin1 => single_bytes(0xff, strategy, text, out),
        TextEncoding::Ascii => single_bytes(0x7f, strategy, text, out),
        TextEncoding::Legacy(encoding) => legacy(encoding, strategy, text, out),
    }
}

/// A set in which each byte is the character of that number, up to `last`.
fn single_bytes(last: u8, strategy: &str, text: &str, out: &mut Vec<u8>) {
    for character in text.chars() {
        match u8::try_from(u32::from(character)) {
            Ok(byte) if byte <= last => out.push(byte),
            _ => out.extend_from_slice(replacement(strategy, character).as_bytes()),
        }
    }
}

fn legacy(encoding: &'static Encoding, strategy: &str, text: &str, out: &mut Vec<u8>) {
    let mut encoder = encoding.new_encoder();
    let mut rest = text;
    let mut buffer = [0; 1024];
    loop {
        let (result, read, written) =
            encoder.encode_from_utf8_without_replacement(rest, &mut buffer, true);
        out.extend_from_slice(&buffer[..written]);
        rest = &rest[read..];
        match result {
            EncoderResult::InputEmpty => return,
            EncoderResult::OutputFull => {}
            EncoderResult::Unmappable(character) => {
                out.extend_from_slice(replacement(strategy, character).as_bytes());
            }
        }
    }
}

/// What stands for a character that the set does not have.
fn replacement(strategy: &str, character: char) -> String {
    let code = u32::from(character);
    match strategy {
        "ignore" => String::new(),
        "replace" => "?".to_owned(),
        "xmlcharrefreplace" => format!("&#{code};"),
        _ if code < 0x100 => format!("\\x{code:02x}"),
        _ if code < 0x1_0000 => format!("\\u{code:04x}"),
        _ => format!("\\U{code:08x}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(name: &str, text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        let encoding = TextEncoding::named(name).unwrap();
        encode(encoding, "backslashreplace", text, &mut out);
        out
    }

    #[test]
    fn each_set_has_its_bytes() {
        assert_eq!(encoded("utf-8", "aæ"), b"a\xc3\xa6");
        assert_eq!(encoded("utf-16-le", "aæ"), b"a\0\xe6\0");
        assert_eq!(encoded("utf-16-be", "a😀"), b"\0a\xd8\x3d\xde\x00");
        assert_eq!(encoded("latin-1", "æ\u{80}ę"), b"\xe6\x80\\u0119");
        assert_eq!(encoded("ascii", "aæ"), b"a\\xe6");
        assert_eq!(encoded("cp1252", "€😀"), b"\x80\\U0001f600");
        assert_eq!(encoded("iso8859-15", "€"), b"\xa4");
    }
}
