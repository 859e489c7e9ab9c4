//! The reader: JSON text straight into an encoded value, in one pass, without memory per value.

use super::error::Position;
use super::guess::{Guesses, Slot, TOP};
use super::lexer::{self, skip_space};
use super::{Fault, Limits, Numbers, ReadCode, ReadError, Segment, locate};
use crate::buffer::ValueBuf;
use crate::entity::Entity;
use crate::layout::{self, DICT, FALSE, LIST, NULL, STRING, STRING_QUOTED, TRUE};
use crate::moves::push_byte_and_range;
use crate::number::{self, Decimal, Number, Scanned};
use crate::scan::find_special;
use crate::shapes::{self, Entries, Repeated};
use crate::transit::push_transit;
use crate::value::Value;

/// Reads JSON. Reusable: buffers and what was learned about names stay. One per thread.
pub struct Reader {
    limits: Limits,
    numbers: Numbers,
    /// Numbers up to so many digits take the short way.
    short_digits: usize,
    transit: bool,
    out: Vec<u8>,
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
            out: Vec::new(),
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
            Ok(()) => Ok(Value::from_encoded(&self.out)),
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
        Value::from_encoded(&self.out)
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
            push_byte_and_range(&mut self.out, STRING, text, at, special);
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

    fn dict(&mut self, text: &[u8], at: usize, slot: Slot, depth: usize) -> Step {
        if depth >= self.limits.depth() {
            return Err(self.stop(ReadCode::TooDeep(self.limits.depth()), at));
        }
        let start = self.out.len();
        let base = self.ends.len();
        self.out.push(DICT);
        let opened = at;
        let mut at = skip_space(text, at + 1);
        if text.get(at) == Some(&b'}') {
            self.out.push(0);
            return Ok(at + 1);
        }
        // As long as all names were as guessed.
        let mut guessed = true;
        let generation = self.guesses.get(slot).map(|guess| guess.generation);
        let mut count = 0;
        loop {
            let name_in_out = self.out.len();
            let expected = if guessed {
                self.guesses
                    .get(slot)
                    .and_then(|guess| guess.fields.get(count))
            } else {
                None
            };
            let inner = match expected.and_then(|field| Some((field, field.matches(text, at)?))) {
                Some((field, next)) => {
                    field.push(&mut self.out);
                    at = next;
                    field.slot
                }
                None => {
                    guessed = false;
                    at = self.name(text, at)?;
                    self.slot_of_name(name_in_out)
                }
            };
            at = skip_space(text, at);
            match self.value(text, at, inner, depth + 1) {
                Ok(next) => at = skip_space(text, next),
                Err(stop) => {
                    self.push_name_to_path(name_in_out);
                    return Err(stop);
                }
            }
            self.ends.push((self.out.len() - start - 1) as u32);
            count += 1;
            // A dict inside may have been under the same name and changed the guess.
            if guessed && self.guesses.get(slot).map(|guess| guess.generation) != generation {
                guessed = false;
            }
            match text.get(at) {
                Some(b',') => at = skip_space(text, at + 1),
                Some(b'}') => break,
                _ => return Err(self.stop_with(lexer::unexpected(text, at, "`,` or `}`"))),
            }
        }
        if let Err(repeated) = self.close_dict(start, base, slot, guessed) {
            return Err(self.stop_at_repeated(text, opened, start, base, repeated));
        }
        self.ends.truncate(base);
        Ok(at + 1)
    }

    /// A name that was not guessed, with the colon behind it.
    fn name(&mut self, text: &[u8], at: usize) -> Step {
        if text.get(at) != Some(&b'"') {
            return Err(self.stop_with(lexer::unexpected(text, at, "a name in quotes")));
        }
        let special = find_special(text, at + 1);
        let next = if text.get(special) == Some(&b'"') {
            layout::push_name(&mut self.out, text.get(at + 1..special).unwrap_or_default());
            special + 1
        } else {
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            let result = lexer::unescape(text, at + 1, special, &mut scratch);
            layout::push_name(&mut self.out, &scratch);
            self.scratch = scratch;
            result.map_err(|fault| self.stop_with(fault))?
        };
        let next = skip_space(text, next);
        if text.get(next) != Some(&b':') {
            return Err(self.stop_with(lexer::unexpected(text, next, "`:`")));
        }
        Ok(next + 1)
    }

    fn slot_of_name(&self, name_in_out: usize) -> Slot {
        let entry = self.out.get(name_in_out..).and_then(layout::split_entry);
        entry.map_or(TOP, |entry| Guesses::slot(entry.name))
    }

    #[cold]
    fn push_name_to_path(&mut self, name_in_out: usize) {
        let entry = self.out.get(name_in_out..).and_then(layout::split_entry);
        let name = entry.map_or_else(String::new, |entry| {
            String::from_utf8_lossy(entry.name).into_owned()
        });
        self.path.push(Segment::Name(name));
    }

    #[inline]
    fn close_dict(
        &mut self,
        start: usize,
        base: usize,
        slot: Slot,
        guessed: bool,
    ) -> Result<(), Repeated> {
        let ends = self.ends.get(base..).unwrap_or_default();
        if guessed
            && let Some(guess) = self.guesses.get(slot)
            && guess.complete
            && guess.fields.len() == ends.len()
        {
            shapes::finish(&mut self.out, start, ends, guess.order.as_deref());
            self.guesses.hit(slot);
            return Ok(());
        }
        self.close_unknown_dict(start, base, slot)
    }

    /// Sorts the names and remembers them.
    #[cold]
    fn close_unknown_dict(
        &mut self,
        start: usize,
        base: usize,
        slot: Slot,
    ) -> Result<(), Repeated> {
        let ends = self.ends.get(base..).unwrap_or_default();
        let entries = Entries {
            bytes: self.out.get(start + 1..).unwrap_or_default(),
            ends,
        };
        let order = if entries.are_sorted() {
            None
        } else {
            entries.sort(&mut self.order)?;
            Some(self.order.as_slice())
        };
        self.guesses.learn(slot, entries, order);
        shapes::finish(&mut self.out, start, ends, order);
        Ok(())
    }

    /// The dict that opens at `opened` in the text has a name twice.
    #[cold]
    fn stop_at_repeated(
        &mut self,
        text: &[u8],
        opened: usize,
        start: usize,
        base: usize,
        repeated: Repeated,
    ) -> Stop {
        let entries = Entries {
            bytes: self.out.get(start + 1..).unwrap_or_default(),
            ends: self.ends.get(base..).unwrap_or_default(),
        };
        let name = String::from_utf8_lossy(entries.name(repeated.again as usize)).into_owned();
        let at = lexer::find_name(text, opened, repeated.again as usize);
        self.stop(ReadCode::DuplicateKey(name), at)
    }

    /// Short integers and short decimals without an exponent; all else is seldom.
    #[inline]
    fn number(&mut self, text: &[u8], at: usize) -> Step {
        let negative = text.get(at) == Some(&b'-');
        let first = at + usize::from(negative);
        let mut next = first;
        let mut mantissa: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = text.get(next) {
            mantissa = mantissa
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
            next += 1;
        }
        let whole = next - first;
        let leading_zero = whole > 1 && text.get(first) == Some(&b'0');
        if whole == 0 || whole > self.short_digits || leading_zero {
            return self.rare_number(text, at);
        }
        let sign = if negative { -1 } else { 1 };
        match text.get(next) {
            Some(b'.') => next += 1,
            Some(b'e' | b'E') => return self.rare_number(text, at),
            _ => {
                layout::push_int(&mut self.out, sign * mantissa as i64);
                return Ok(next);
            }
        }
        let point = next;
        let mut zeros = true;
        while let Some(digit @ b'0'..=b'9') = text.get(next) {
            mantissa = mantissa
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
            zeros &= *digit == b'0';
            next += 1;
        }
        let digits = next - point;
        let rare = zeros || whole + digits > self.short_digits || !self.numbers.float_as_decimal;
        if rare || matches!(text.get(next), Some(b'e' | b'E')) {
            return self.rare_number(text, at);
        }
        layout::push_decimal(&mut self.out, sign * mantissa as i64, -(digits as i32));
        Ok(next)
    }

    #[cold]
    fn rare_number(&mut self, text: &[u8], at: usize) -> Step {
        let rest = text.get(at..).unwrap_or_default();
        let scanned = match number::scan_number(rest) {
            Ok(scanned) => scanned,
            Err(place) => return Err(self.stop_with(lexer::number_fault(text, at + place))),
        };
        if scanned.digits() > self.limits.digits {
            return Err(self.stop(ReadCode::TooManyDigits(self.limits.digits), at));
        }
        if scanned.exponent.unwrap_or(0).abs() > self.limits.exponent() {
            return Err(self.stop(ReadCode::ExponentTooLarge(self.limits.exponent()), at));
        }
        let number = to_number(
            scanned,
            rest.get(..scanned.length).unwrap_or_default(),
            self.numbers,
        );
        number::push_number(&mut self.out, &number);
        Ok(at + scanned.length)
    }
}

/// EM15 for a number with a point or an exponent.
pub(crate) fn to_number(scanned: Scanned<'_>, text: &[u8], numbers: Numbers) -> Number {
    if scanned.fraction.is_none() && scanned.exponent.is_none() {
        return scanned.to_integer();
    }
    let decimal = scanned.to_decimal();
    if numbers.float_as_int
        && let Some(integer) = whole_number(scanned, &decimal)
    {
        return integer;
    }
    if !numbers.float_as_decimal
        && let Some(float) = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<f64>().ok())
        && float.is_finite()
    {
        return Number::Float(float);
    }
    // Also where a float would be infinite: nothing is lost.
    Number::Decimal(decimal)
}

/// A whole number becomes an integer unless that would write out an exponent beyond 64 bits (`1e400`).
fn whole_number(scanned: Scanned<'_>, decimal: &Decimal) -> Option<Number> {
    if let Some(small) = decimal.exact().to_i64() {
        return Some(Number::Int(small));
    }
    if scanned.exponent.is_some() {
        return None;
    }
    decimal.to_integer().map(Number::from_big)
}
