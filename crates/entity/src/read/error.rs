//! What can be wrong with JSON text, and where.

use std::fmt;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadCode {
    /// The bytes are no UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// Something else was expected here.
    #[error("expected {0}")]
    Expected(&'static str),
    /// The text ends too early.
    #[error("unexpected end of text")]
    UnexpectedEnd,
    /// A control character inside a string.
    #[error("control character in a string")]
    ControlCharacter,
    /// A backslash with something unknown behind it.
    #[error("invalid escape in a string")]
    Escape,
    /// Half of a surrogate pair.
    #[error("lone surrogate in a string")]
    LoneSurrogate,
    /// No number of JSON.
    #[error("invalid number")]
    Number,
    /// Above [`Limits::digits`](crate::Limits::digits).
    #[error("number with more than {0} digits")]
    TooManyDigits(usize),
    /// Above [`Limits::exponent`](crate::Limits::exponent).
    #[error("number with an exponent beyond {0}")]
    ExponentTooLarge(i32),
    /// Above [`Limits::depth`](crate::Limits::depth).
    #[error("nested deeper than {0}")]
    TooDeep(usize),
    /// Above [`Limits::entity_bytes`](crate::Limits::entity_bytes).
    #[error("larger than {0} bytes")]
    TooLarge(usize),
    /// A name given twice in one dict.
    #[error("duplicate key {0:?}")]
    DuplicateKey(String),
    /// Something behind the end.
    #[error("unexpected text behind the end")]
    Trailing,
    /// An entity must be an object.
    #[error("expected an entity, which is an object")]
    NotObject,
    /// Entities come in an array.
    #[error("expected an array of entities")]
    NotArray,
}

/// Where reading stopped and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReadError {
    /// What is wrong.
    pub code: ReadCode,
    /// Bytes before the place, from the beginning of the text or stream.
    pub offset: u64,
    /// From 1.
    pub line: u32,
    /// From 1, in bytes.
    pub column: u32,
    /// The way to the value, for example `[3].address.zip`; empty at the top.
    pub path: String,
    /// Number of the entity in its array, from 0.
    pub index: Option<u64>,
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code)?;
        if !self.path.is_empty() {
            write!(f, " at {}", self.path)?;
        }
        write!(
            f,
            " (byte {}, line {}, column {})",
            self.offset, self.line, self.column
        )
    }
}

impl std::error::Error for ReadError {}

/// Where in the bytes at hand, before it is known where those lie.
#[derive(Clone, Debug)]
pub(crate) struct Fault {
    pub(crate) code: ReadCode,
    pub(crate) at: usize,
}

/// A step of a path.
#[derive(Clone, Debug)]
pub(crate) enum Segment {
    Name(String),
    Index(u64),
}

/// A position in a text or stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Position {
    pub(crate) offset: u64,
    pub(crate) line: u32,
    pub(crate) column: u32,
}

impl Position {
    pub(crate) const START: Position = Position {
        offset: 0,
        line: 1,
        column: 1,
    };

    /// The position behind `text`.
    pub(crate) fn behind(self, text: &[u8]) -> Position {
        let lines = memchr::memchr_iter(b'\n', text).count();
        let column = match memchr::memrchr(b'\n', text) {
            Some(last) => (text.len() - last) as u32,
            None => self.column.saturating_add(text.len() as u32),
        };
        Position {
            offset: self.offset + text.len() as u64,
            line: self.line.saturating_add(lines as u32),
            column,
        }
    }
}

/// The error of a fault in `text`, which lies at `start`. `path` is innermost first.
#[cold]
pub(crate) fn locate(
    fault: Fault,
    text: &[u8],
    start: Position,
    path: &[Segment],
    index: Option<u64>,
) -> ReadError {
    let place = start.behind(text.get(..fault.at).unwrap_or(text));
    let mut steps = String::new();
    if let Some(index) = index {
        push_step(&mut steps, &Segment::Index(index));
    }
    for segment in path.iter().rev() {
        push_step(&mut steps, segment);
    }
    ReadError {
        code: fault.code,
        offset: place.offset,
        line: place.line,
        column: place.column,
        path: steps,
        index,
    }
}

/// The error of a fault in a text that is all there is.
pub(crate) fn locate_in_text(fault: Fault, text: &[u8], path: &[Segment]) -> ReadError {
    locate(fault, text, Position::START, path, None)
}

pub(crate) fn push_step(path: &mut String, segment: &Segment) {
    match segment {
        Segment::Index(index) => path.push_str(&format!("[{index}]")),
        Segment::Name(name) => {
            let simple = !name.is_empty()
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '$' | ':'));
            if !simple {
                return path.push_str(&format!("[{name:?}]"));
            }
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(name);
        }
    }
}
