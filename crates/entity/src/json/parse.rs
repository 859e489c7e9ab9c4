//! Text to configuration tree, with the limits and errors of the entity reader.

use super::Json;
use crate::number;
use crate::read::lexer::{self, skip_space};
use crate::read::{Fault, Limits, ReadCode, ReadError, Segment};
use crate::scan::find_special;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

impl Json {
    /// Reads one value. A leading byte order mark is accepted, repeated names are not.
    pub fn parse(text: &[u8], limits: &Limits) -> Result<Json, ReadError> {
        let mut parser = Parser {
            text,
            limits,
            path: Vec::new(),
        };
        parser
            .whole()
            .map_err(|fault| crate::read::locate_in_text(fault, text, &parser.path))
    }
}

struct Parser<'a> {
    text: &'a [u8],
    limits: &'a Limits,
    /// Innermost first; filled while an error travels up.
    path: Vec<Segment>,
}

impl Parser<'_> {
    fn whole(&mut self) -> Result<Json, Fault> {
        let limit = self.limits.entity_bytes();
        if self.text.len() > limit {
            return Err(lexer::fault(ReadCode::TooLarge(limit), limit));
        }
        if let Err(error) = simdutf8::compat::from_utf8(self.text) {
            return Err(lexer::fault(ReadCode::Utf8, error.valid_up_to()));
        }
        let begin = if self.text.starts_with(BYTE_ORDER_MARK) {
            BYTE_ORDER_MARK.len()
        } else {
            0
        };
        let (json, next) = self.value(skip_space(self.text, begin), 0)?;
        let end = skip_space(self.text, next);
        if end < self.text.len() {
            Err(lexer::fault(ReadCode::Trailing, end))
        } else {
            Ok(json)
        }
    }

    fn value(&mut self, at: usize, depth: usize) -> Result<(Json, usize), Fault> {
        match self.text.get(at) {
            Some(b'"') => self
                .string(at)
                .map(|(text, next)| (Json::String(text), next)),
            Some(b'-' | b'0'..=b'9') => self.number(at),
            Some(b'{' | b'[') if depth >= self.limits.depth() => {
                Err(lexer::fault(ReadCode::TooDeep(self.limits.depth()), at))
            }
            Some(b'{') => self.object(at, depth),
            Some(b'[') => self.array(at, depth),
            Some(b't') => Ok((Json::Bool(true), lexer::literal(self.text, at, "true")?)),
            Some(b'f') => Ok((Json::Bool(false), lexer::literal(self.text, at, "false")?)),
            Some(b'n') => Ok((Json::Null, lexer::literal(self.text, at, "null")?)),
            _ => Err(lexer::unexpected(self.text, at, "a value")),
        }
    }

    fn string(&self, at: usize) -> Result<(String, usize), Fault> {
        if self.text.get(at) != Some(&b'"') {
            return Err(lexer::unexpected(self.text, at, "a name in quotes"));
        }
        let special = find_special(self.text, at + 1);
        let mut content = Vec::new();
        let next = lexer::unescape(self.text, at + 1, special, &mut content)?;
        match String::from_utf8(content) {
            Ok(content) => Ok((content, next)),
            Err(_) => Err(lexer::fault(ReadCode::Utf8, at)),
        }
    }

    fn number(&self, at: usize) -> Result<(Json, usize), Fault> {
        let rest = self.text.get(at..).unwrap_or_default();
        let scanned = number::scan_number(rest)
            .map_err(|place| lexer::number_fault(self.text, at + place))?;
        if scanned.digits() > self.limits.digits {
            return Err(lexer::fault(
                ReadCode::TooManyDigits(self.limits.digits),
                at,
            ));
        }
        if scanned.exponent.unwrap_or(0).abs() > self.limits.exponent() {
            return Err(lexer::fault(
                ReadCode::ExponentTooLarge(self.limits.exponent()),
                at,
            ));
        }
        let text = String::from_utf8_lossy(rest.get(..scanned.length).unwrap_or_default());
        Ok((Json::Number(text.into()), at + scanned.length))
    }

    fn array(&mut self, at: usize, depth: usize) -> Result<(Json, usize), Fault> {
        let mut items = Vec::new();
        let mut at = skip_space(self.text, at + 1);
        if self.text.get(at) == Some(&b']') {
            return Ok((Json::Array(items), at + 1));
        }
        loop {
            let (item, next) = match self.value(at, depth + 1) {
                Ok(found) => found,
                Err(fault) => {
                    self.path.push(Segment::Index(items.len() as u64));
                    return Err(fault);
                }
            };
            items.push(item);
            at = skip_space(self.text, next);
            match self.text.get(at) {
                Some(b',') => at = skip_space(self.text, at + 1),
                Some(b']') => return Ok((Json::Array(items), at + 1)),
                _ => return Err(lexer::unexpected(self.text, at, "`,` or `]`")),
            }
        }
    }

    fn object(&mut self, at: usize, depth: usize) -> Result<(Json, usize), Fault> {
        let mut fields: Vec<(String, Json)> = Vec::new();
        let mut places = Vec::new();
        let mut at = skip_space(self.text, at + 1);
        if self.text.get(at) == Some(&b'}') {
            return Ok((Json::Object(fields), at + 1));
        }
        loop {
            places.push(at);
            let (name, next) = self.string(at)?;
            at = skip_space(self.text, next);
            if self.text.get(at) != Some(&b':') {
                return Err(lexer::unexpected(self.text, at, "`:`"));
            }
            let (value, next) = match self.value(skip_space(self.text, at + 1), depth + 1) {
                Ok(found) => found,
                Err(fault) => {
                    self.path.push(Segment::Name(name));
                    return Err(fault);
                }
            };
            fields.push((name, value));
            at = skip_space(self.text, next);
            match self.text.get(at) {
                Some(b',') => at = skip_space(self.text, at + 1),
                Some(b'}') => break,
                _ => return Err(lexer::unexpected(self.text, at, "`,` or `}`")),
            }
        }
        match first_repeated(&fields) {
            Some((index, name)) => Err(lexer::fault(
                ReadCode::DuplicateKey(name),
                places.get(index).copied().unwrap_or(at),
            )),
            None => Ok((Json::Object(fields), at + 1)),
        }
    }
}

/// Index and name of the first field whose name was there before.
fn first_repeated(fields: &[(String, Json)]) -> Option<(usize, String)> {
    let mut order: Vec<(&str, usize)> = fields
        .iter()
        .enumerate()
        .map(|(index, (name, _))| (name.as_str(), index))
        .collect();
    order.sort_unstable();
    let mut repeated: Option<(usize, &str)> = None;
    for pair in order.windows(2) {
        if let [(a, _), (b, index)] = pair
            && a == b
            && repeated.is_none_or(|(known, _)| *index < known)
        {
            repeated = Some((*index, b));
        }
    }
    repeated.map(|(index, name)| (index, name.to_owned()))
}
