//! The reader: JSON text straight into an encoded value, in one pass, without memory per value.

mod dict;
mod numbers;

use super::error::Position;
use super::guess::{Guesses, Slot, TOP};
use super::lexer::{self, skip_space};
use super::{Fault, Limits, Numbers, ReadCode, ReadError, Segment, locate};
use crate::buffer::ValueBuf;
use crate::entity::Entity;
use crate::layout::{self, FALSE, LIST, NULL, STRING, STRING_QUOTED, TRUE};
use crate::output::Output;
use crate::scan::find_special;
use crate::transit::push_transit;
use crate::value::Value;

pub(crate) use numbers::to_number;

/// Reads JSON. Reusable: buffers and what was learned about names stay. One per thread.
pub struct Reader {
    limits: Limits,
    numbers: Numbers,
    /// Numbers up to so many digits take the short way.
    short_digits: usize,
    transit: bool,
    out: Output,
    /// Ends of the entries of all open containers.
    ends: Vec<u32>,
    guesses: Guesses,
    order: Vec<u32>,
    scratch: Vec<u8>,
    fault: Fault,
    /// Innermost first; filled while an error travels up.
    path: Vec<Segment>,
}

/// Reading stopped; `Reader::fault` says why. Small, so that results travel in registers.
#[derive(Debug)]
pub(super) struct Stop;

type Step = Result<usize, Stop>;

impl Default for Reader {
    fn default() -> Reader {
        Reader::new(Limits::default(), Numbers::default())
    }
}

impl Reader {
    /// A reader that decodes transit strings.
    pub fn new(limits: Limits, numbers: Numbers) -> Reader {
        Reader {
            limits,
            numbers,
            // That many nines are less than 2^63.
            short_digits: limits.digits.min(18),
            transit: true,
            out: Output::default(),
            ends: Vec::new(),
            guesses: Guesses::new(),
            order: Vec::new(),
            scratch: Vec::new(),
            fault: Fault {
                code: ReadCode::UnexpectedEnd,
                at: 0,
            },
            path: Vec::new(),
        }
    }

    /// Whether strings that begin with `~` are decoded (EM12) or stay as they are.
    pub fn with_transit(mut self, transit: bool) -> Reader {
        self.transit = transit;
        self
    }

    /// The limits it was made with.
    pub fn limits(&self) -> &Limits {
        &self.limits
    }

    /// Reads one value of any kind.
    pub fn read_value(&mut self, text: &[u8]) -> Result<ValueBuf, ReadError> {
        Ok(self.read_borrowed(text)?.to_owned())
    }

    /// As `read_value`, without a copy: the value lives in the reader until it reads again.
    pub fn read_borrowed(&mut self, text: &[u8]) -> Result<Value<'_>, ReadError> {
        match self.read_whole(text) {
            Ok(()) => Ok(Value::from_encoded(self.out.written())),
            Err(Stop) => Err(locate(
                self.fault.clone(),
                text,
                Position::START,
                &self.path,
                None,
            )),
        }
    }

    /// Reads one entity: an object.
    pub fn read_entity(&mut self, text: &[u8]) -> Result<Entity, ReadError> {
        let at = skip_space(text, 0);
        if !matches!(text.get(at), Some(b'{') | None) {
            let fault = Fault {
                code: ReadCode::NotObject,
                at,
            };
            return Err(locate(fault, text, Position::START, &[], None));
        }
        let value = self.read_value(text)?;
        Entity::new(value).ok_or_else(|| {
            locate(
                Fault {
                    code: ReadCode::NotObject,
                    at,
                },
                text,
                Position::START,
                &[],
                None,
            )
        })
    }

    fn read_whole(&mut self, text: &[u8]) -> Result<(), Stop> {
        self.path.clear();
        let limit = self.limits.entity_bytes();
        if text.len() > limit {
            return Err(self.stop(ReadCode::TooLarge(limit), limit));
        }
        if simdutf8::basic::from_utf8(text).is_err() {
            return Err(self.stop_at_bad_utf8(text));
        }
        let start = skip_space(text, 0);
        let end = self.value_at_top(text, start)?;
        let end = skip_space(text, end);
        if end < text.len() {
            Err(self.stop(ReadCode::Trailing, end))
        } else {
            Ok(())
        }
    }

    /// What is wrong before the bad bytes comes first, as it would when they had not arrived yet.
    #[cold]
    fn stop_at_bad_utf8(&mut self, text: &[u8]) -> Stop {
        let valid = match simdutf8::compat::from_utf8(text) {
            Ok(_) => text.len(),
            Err(error) => error.valid_up_to(),
        };
        let before = text.get(..valid).unwrap_or_default();
        let start = skip_space(before, 0);
        let result = self.value_at_top(before, start);
        match result {
            Err(stop) if self.fault.code != ReadCode::UnexpectedEnd => return stop,
            Ok(end) if skip_space(before, end) < valid => {
                return self.stop(ReadCode::Trailing, skip_space(before, end));
            }
            _ => {}
        }
        self.path.clear();
        self.stop(ReadCode::Utf8, valid)
    }

    /// Reads the value at `at` into the emptied buffer; gives the position behind it. `text` is UTF-8.
    pub(super) fn value_at_top(&mut self, text: &[u8], at: usize) -> Step {
        self.out.clear();
        self.ends.clear();
        self.path.clear();
        self.value(text, at, TOP, 0)
    }

    /// The value that was read last.
    pub(super) fn last_value(&self) -> Value<'_> {
        Value::from_encoded(self.out.written())
    }

    /// Why it stopped, and the path, innermost first.
    pub(super) fn stopped(&self) -> (&Fault, &[Segment]) {
        (&self.fault, &self.path)
    }

    #[cold]
    fn stop(&mut self, code: ReadCode, at: usize) -> Stop {
        self.fault = Fault { code, at };
        Stop
    }

    #[cold]
    fn stop_with(&mut self, fault: Fault) -> Stop {
        self.fault = fault;
        Stop
    }

    #[inline]
    fn value(&mut self, text: &[u8], at: usize, slot: Slot, depth: usize) -> Step {
        match text.get(at) {
            Some(b'"') => self.string(text, at + 1),
            Some(b'-' | b'0'..=b'9') => self.number(text, at),
            Some(b'{') => self.dict(text, at, slot, depth),
            Some(b'[') => self.list(text, at, slot, depth),
            Some(b't') => self.literal(text, at, "true", TRUE),
            Some(b'f') => self.literal(text, at, "false", FALSE),
            Some(b'n') => self.literal(text, at, "null", NULL),
            _ => Err(self.stop_with(lexer::unexpected(text, at, "a value"))),
        }
    }

    fn literal(&mut self, text: &[u8], at: usize, word: &'static str, tag: u8) -> Step {
        match lexer::literal(text, at, word) {
            Ok(next) => {
                self.out.push(tag);
                Ok(next)
            }
            Err(fault) => Err(self.stop_with(fault)),
        }
    }

    #[inline]
    fn string(&mut self, text: &[u8], at: usize) -> Step {
        let special = find_special(text, at);
        if text.get(special) != Some(&b'"') {
            return self.string_with_escapes(text, at, special);
        }
        if text.get(at) == Some(&b'~') {
            self.push_tilde(text.get(at..special).unwrap_or_default());
        } else {
            self.out.push(STRING);
            self.out.range(text, at, special);
        }
        Ok(special + 1)
    }

    #[cold]
    fn push_tilde(&mut self, content: &[u8]) {
        if self.transit {
            push_transit(&mut self.out, content);
        } else {
            self.out.push(STRING_QUOTED);
            self.out.extend_from_slice(content);
        }
    }

    #[cold]
    fn string_with_escapes(&mut self, text: &[u8], at: usize, special: usize) -> Step {
        let mut scratch = std::mem::take(&mut self.scratch);
        scratch.clear();
        let result = lexer::unescape(text, at, special, &mut scratch);
        if result.is_ok() {
            if self.transit && scratch.first() == Some(&b'~') {
                push_transit(&mut self.out, &scratch);
            } else {
                layout::push_string(&mut self.out, &scratch);
            }
        }
        self.scratch = scratch;
        result.map_err(|fault| self.stop_with(fault))
    }

    fn list(&mut self, text: &[u8], at: usize, slot: Slot, depth: usize) -> Step {
        if depth >= self.limits.depth() {
            return Err(self.stop(ReadCode::TooDeep(self.limits.depth()), at));
        }
        let start = self.out.len();
        let base = self.ends.len();
        self.out.push(LIST);
        let mut at = skip_space(text, at + 1);
        if text.get(at) == Some(&b']') {
            self.out.push(0);
            return Ok(at + 1);
        }
        loop {
            match self.value(text, at, slot, depth + 1) {
                Ok(next) => at = skip_space(text, next),
                Err(stop) => {
                    let index = self.ends.len().saturating_sub(base);
                    self.path.push(Segment::Index(index as u64));
                    return Err(stop);
                }
            }
            self.ends.push((self.out.len() - start - 1) as u32);
            match text.get(at) {
                Some(b',') => at = skip_space(text, at + 1),
                Some(b']') => break,
                _ => return Err(self.stop_with(lexer::unexpected(text, at, "`,` or `]`"))),
            }
        }
        let ends = self.ends.get(base..).unwrap_or_default();
        layout::close_container(&mut self.out, start, LIST, ends, None);
        self.ends.truncate(base);
        Ok(at + 1)
    }
}
