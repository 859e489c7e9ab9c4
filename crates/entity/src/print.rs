//! JSON text straight from encoded values: plain strings and names are copied, only quoted ones are scanned.
//! Damage prints as null; nothing here allocates but the output. How a value is walked over is in `walk`, what comes first
//! in an entity in `entity`.

mod digits;
mod entity;
mod rare;
mod walk;

pub(crate) use digits::{format_u64, two_digits};
pub(crate) use entity::entity;

use crate::output::Output;
use crate::scan::push_escaped;
use crate::value::Value;
use walk::Walk;

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
        let source = self.encoded();
        Walk { source, style }.value(0, source.len(), out, 0);
    }

    /// The value as compact JSON in the default style.
    pub fn to_json_string(self) -> String {
        let mut out = Vec::with_capacity(self.encoded().len() + self.encoded().len() / 2);
        self.write_json(&mut out, &Style::default());
        String::from_utf8(out)
            .unwrap_or_else(|damaged| String::from_utf8_lossy(damaged.as_bytes()).into_owned())
    }
}

fn push_null(out: &mut Output) {
    out.extend_from_slice(b"null");
}

fn push_name(out: &mut Output, name: &[u8], plain: bool) {
    out.push(b'"');
    if plain {
        out.extend_from_slice(name);
    } else {
        push_escaped(out, name);
    }
    out.extend_from_slice(b"\":");
}

#[cfg(test)]
mod tests {
    use crate::Reader;

    #[test]
    fn names_and_strings_of_every_length_are_printed_wherever_they_lie() {
        for name in 0..40 {
            for length in 0..40 {
                let (name, text) = ("n".repeat(name), "s".repeat(length));
                for json in [
                    format!(r#"{{"{name}":"{text}"}}"#),
                    format!(r#"{{"{name}":-{length}}}"#),
                    format!(r#"[{{"a{name}":"{text}","b":[]}},"{text}",{{"{name}":{{}}}}]"#),
                ] {
                    let value = Reader::default().read_value(json.as_bytes()).unwrap();
                    let expected = json.replace(":-0}", ":0}");
                    assert_eq!(value.value().to_json_string(), expected);
                }
            }
        }
    }
}
