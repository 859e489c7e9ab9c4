//! Configuration tree to text: compact by `Display`, indented by `to_pretty`.

use std::fmt;

use super::Json;
use crate::output::Output;
use crate::scan::push_quoted;

impl Json {
    /// Two spaces a level, a space behind colons, empty containers on one line; no line break at the end.
    pub fn to_pretty(&self) -> String {
        let mut out = Output::default();
        self.push_pretty(&mut out, 0);
        to_text(out)
    }

    /// Appends compact JSON.
    pub fn write(&self, out: &mut Vec<u8>) {
        Output::append_to(out, 0, |out| self.push(out));
    }

    fn push(&self, out: &mut Output) {
        match self {
            Json::Array(items) => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    item.push(out);
                }
                out.push(b']');
            }
            Json::Object(fields) => {
                out.push(b'{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(b',');
                    }
                    push_quoted(out, name.as_bytes());
                    out.push(b':');
                    value.push(out);
                }
                out.push(b'}');
            }
            scalar => scalar.push_scalar(out),
        }
    }

    fn push_scalar(&self, out: &mut Output) {
        match self {
            Json::Bool(true) => out.extend_from_slice(b"true"),
            Json::Bool(false) => out.extend_from_slice(b"false"),
            Json::Number(text) => out.extend_from_slice(text.as_bytes()),
            Json::String(text) => push_quoted(out, text.as_bytes()),
            _ => out.extend_from_slice(b"null"),
        }
    }

    fn push_pretty(&self, out: &mut Output, depth: usize) {
        match self {
            Json::Array(items) if !items.is_empty() => {
                out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    begin_line(out, index, depth + 1);
                    item.push_pretty(out, depth + 1);
                }
                end_lines(out, depth, b']');
            }
            Json::Object(fields) if !fields.is_empty() => {
                out.push(b'{');
                for (index, (name, value)) in fields.iter().enumerate() {
                    begin_line(out, index, depth + 1);
                    push_quoted(out, name.as_bytes());
                    out.extend_from_slice(b": ");
                    value.push_pretty(out, depth + 1);
                }
                end_lines(out, depth, b'}');
            }
            other => other.push(out),
        }
    }
}

fn begin_line(out: &mut Output, index: usize, depth: usize) {
    if index > 0 {
        out.push(b',');
    }
    indent(out, depth);
}

fn end_lines(out: &mut Output, depth: usize, bracket: u8) {
    indent(out, depth);
    out.push(bracket);
}

fn indent(out: &mut Output, depth: usize) {
    out.push(b'\n');
    for _ in 0..depth {
        out.extend_from_slice(b"  ");
    }
}

fn to_text(out: Output) -> String {
    String::from_utf8(out.into_vec())
        .unwrap_or_else(|bytes| String::from_utf8_lossy(bytes.as_bytes()).into_owned())
}

/// Compact JSON.
impl fmt::Display for Json {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = Output::default();
        self.push(&mut out);
        f.write_str(&to_text(out))
    }
}
