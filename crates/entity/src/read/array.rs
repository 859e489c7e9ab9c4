//! Arrays of entities of any length, pushed in pieces of any size, in memory bounded by the largest entity allowed.

use super::error::Position;
use super::lexer::skip_space;
use super::reader::Reader;
use super::{Fault, ReadCode, ReadError, locate};
use crate::entity::Entity;
use crate::scan::find_special;

/// A buffer that had to hold a large entity is given back when it is empty.
const KEPT_BYTES: usize = 1 << 20;

/// Reads an array of entities piece by piece: `push` a piece, take entities with `next` until it gives `None`,
/// and so on; `finish` when there are no more pieces. Holds the last piece and the beginning of one entity.
pub struct ArrayReader {
    reader: Reader,
    allow_single: bool,
    buffer: Vec<u8>,
    /// Everything before it was read.
    start: usize,
    /// Everything before it is UTF-8.
    valid: usize,
    /// The bytes at `valid` are no UTF-8, whatever follows.
    bad_utf8: bool,
    /// Of `start`, in the stream.
    position: Position,
    state: State,
    /// An entity that has not arrived in full: how far its end was looked for.
    pending: Option<Boundary>,
    index: u64,
    /// Where in the stream the latest entity begins.
    latest: u64,
    failed: Option<ReadError>,
}

#[derive(Clone, Copy, PartialEq)]
enum State {
    /// Before the bracket.
    Begin,
    /// Behind the bracket.
    First,
    /// Behind a comma.
    Element,
    /// Behind an entity of an array.
    Behind,
    /// Behind the last bracket, or the only entity.
    Done,
}

/// What was found for `next`.
enum Found {
    Entity(Entity),
    /// More bytes are needed, or all is read.
    Nothing,
}

impl ArrayReader {
    /// Reads with the limits and settings of `reader`.
    pub fn new(reader: Reader) -> ArrayReader {
        ArrayReader {
            reader,
            allow_single: false,
            buffer: Vec::new(),
            start: 0,
            valid: 0,
            bad_utf8: false,
            position: Position::START,
            state: State::Begin,
            pending: None,
            index: 0,
            latest: 0,
            failed: None,
        }
    }

    /// Whether one bare object is taken for an array of one.
    pub fn allow_single(mut self, allow: bool) -> ArrayReader {
        self.allow_single = allow;
        self
    }

    /// Entities read so far.
    pub fn count(&self) -> u64 {
        self.index
    }

    /// Where in the stream, in bytes, the entity begins that `next` gave last; 0 before the first.
    pub fn latest_offset(&self) -> u64 {
        self.latest
    }

    /// Bytes held for the stream.
    pub fn held(&self) -> usize {
        self.buffer.capacity()
    }

    /// Takes the next bytes of the stream.
    pub fn push(&mut self, chunk: &[u8]) {
        if self.failed.is_some() {
            return;
        }
        self.buffer.drain(..self.start);
        self.valid -= self.start;
        if let Some(boundary) = &mut self.pending {
            boundary.at -= self.start;
        }
        self.start = 0;
        if self.buffer.is_empty() && self.buffer.capacity() > KEPT_BYTES {
            self.buffer.shrink_to(KEPT_BYTES);
        }
        self.buffer.extend_from_slice(chunk);
        self.extend_valid();
    }

    fn extend_valid(&mut self) {
        if self.bad_utf8 {
            return;
        }
        let fresh = self.buffer.get(self.valid..).unwrap_or_default();
        match simdutf8::compat::from_utf8(fresh) {
            Ok(_) => self.valid = self.buffer.len(),
            Err(error) => {
                self.valid += error.valid_up_to();
                self.bad_utf8 = error.error_len().is_some();
            }
        }
    }

    /// The next entity; `None` when more bytes are needed or the array is at its end.
    /// After an error it answers the same error.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<Entity>, ReadError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        match self.advance() {
            Ok(Found::Entity(entity)) => Ok(Some(entity)),
            Ok(Found::Nothing) if self.bad_utf8 => {
                self.read_pending()?;
                let at = self.valid - self.start;
                Err(self.fail(Fault {
                    code: ReadCode::Utf8,
                    at,
                }))
            }
            Ok(Found::Nothing) => Ok(None),
            Err(error) => Err(self.keep(error)),
        }
    }

    /// Answers this error from now on, and lets go of the bytes.
    fn keep(&mut self, error: ReadError) -> ReadError {
        self.failed = Some(error.clone());
        self.pending = None;
        self.buffer = Vec::new();
        (self.start, self.valid) = (0, 0);
        error
    }

    /// Nothing follows what has arrived of an entity. Something may be wrong in it, and would have been said
    /// earlier had it arrived in one piece.
    fn read_pending(&mut self) -> Result<(), ReadError> {
        if self.pending.take().is_none() {
            return Ok(());
        }
        match self.element() {
            Ok(_) => Ok(()),
            Err(error) => Err(self.keep(error)),
        }
    }

    /// There are no more bytes: checks that the array was closed. What `next` was not asked for is read and dropped.
    pub fn finish(&mut self) -> Result<(), ReadError> {
        while self.next()?.is_some() {}
        self.read_pending()?;
        let rest = self.buffer.len() - self.start;
        let complete = self.state == State::Done && rest == 0;
        if complete {
            Ok(())
        } else {
            Err(self.fail(Fault {
                code: ReadCode::UnexpectedEnd,
                at: rest,
            }))
        }
    }

    fn advance(&mut self) -> Result<Found, ReadError> {
        loop {
            let text = self.buffer.get(..self.valid).unwrap_or_default();
            let at = skip_space(text, self.start);
            let byte = text.get(at).copied();
            self.consume(at);
            let Some(byte) = byte else {
                return Ok(Found::Nothing);
            };
            match (self.state, byte) {
                (State::Begin, b'[') => self.step(State::First),
                (State::Begin, b'{') if self.allow_single => return self.element(),
                (State::Begin, _) => return Err(self.fail_here(ReadCode::NotArray)),
                (State::First, b']') | (State::Behind, b']') => self.step(State::Done),
                (State::First | State::Element, b'{') => return self.element(),
                (State::First | State::Element, _) => {
                    return Err(self.fail_here(ReadCode::NotObject));
                }
                (State::Behind, b',') => self.step(State::Element),
                (State::Behind, _) => return Err(self.fail_here(ReadCode::Expected("`,` or `]`"))),
                (State::Done, _) => return Err(self.fail_here(ReadCode::Trailing)),
            }
        }
    }

    /// Over one byte.
    fn step(&mut self, state: State) {
        self.state = state;
        self.consume(self.start + 1);
    }

    fn consume(&mut self, to: usize) {
        self.position = self
            .position
            .behind(self.buffer.get(self.start..to).unwrap_or_default());
        self.start = to;
    }

    /// The entity at `start`. Read at once if it has arrived in full; else its end is looked for first, so that
    /// an entity in many pieces is not read again for each.
    fn element(&mut self) -> Result<Found, ReadError> {
        let limit = self.reader.limits().entity_bytes();
        if let Some(boundary) = &mut self.pending {
            let text = self.buffer.get(..self.valid).unwrap_or_default();
            let more = boundary.advance(text, self.reader.limits().depth());
            if more && self.valid - self.start <= limit {
                return Ok(Found::Nothing);
            }
        }
        let end = self.valid.min(self.start.saturating_add(limit));
        let text = self.buffer.get(self.start..end).unwrap_or_default();
        match self.reader.value_at_top(text, 0) {
            Ok(length) => {
                let entity = Entity::new(self.reader.last_value().to_owned());
                let Some(entity) = entity else {
                    return Err(self.fail_here(ReadCode::NotObject));
                };
                self.pending = None;
                self.state = if self.state == State::Begin {
                    State::Done
                } else {
                    State::Behind
                };
                self.index += 1;
                self.latest = self.position.offset;
                self.consume(self.start + length);
                Ok(Found::Entity(entity))
            }
            Err(_) => {
                let (fault, path) = self.reader.stopped();
                if fault.code != ReadCode::UnexpectedEnd {
                    return Err(locate(
                        fault.clone(),
                        text,
                        self.position,
                        path,
                        self.index_in_array(),
                    ));
                }
                if end < self.valid {
                    return Err(self.fail(Fault {
                        code: ReadCode::TooLarge(limit),
                        at: limit,
                    }));
                }
                if self.pending.is_none() {
                    let mut boundary = Boundary::new(self.start);
                    boundary.advance(
                        self.buffer.get(..self.valid).unwrap_or_default(),
                        self.reader.limits().depth(),
                    );
                    self.pending = Some(boundary);
                }
                Ok(Found::Nothing)
            }
        }
    }

    fn index_in_array(&self) -> Option<u64> {
        let inside = matches!(self.state, State::First | State::Element);
        inside.then_some(self.index)
    }

    fn fail_here(&mut self, code: ReadCode) -> ReadError {
        self.fail(Fault { code, at: 0 })
    }

    /// `at` of the fault is relative to `start`.
    fn fail(&mut self, fault: Fault) -> ReadError {
        let text = self.buffer.get(self.start..).unwrap_or_default();
        let error = locate(fault, text, self.position, &[], self.index_in_array());
        self.keep(error)
    }
}

/// Looks for the end of an object, over pieces: brackets outside of strings.
struct Boundary {
    at: usize,
    depth: usize,
    in_string: bool,
}

impl Boundary {
    fn new(at: usize) -> Boundary {
        Boundary {
            at,
            depth: 0,
            in_string: false,
        }
    }

    /// Whether the end has not arrived; `false` also when it is nested too deep, which reading will find.
    fn advance(&mut self, text: &[u8], limit: usize) -> bool {
        loop {
            if self.in_string {
                let special = find_special(text, self.at);
                match text.get(special) {
                    Some(b'\\') if special + 1 >= text.len() => {
                        // The byte behind the backslash decides; look again when it is there.
                        self.at = special;
                        return true;
                    }
                    Some(b'\\') => self.at = special + 2,
                    Some(b'"') => {
                        self.in_string = false;
                        self.at = special + 1;
                    }
                    // A control character: reading will refuse it.
                    Some(_) => return false,
                    None => {
                        self.at = text.len();
                        return true;
                    }
                }
                continue;
            }
            let Some(byte) = text.get(self.at) else {
                return true;
            };
            self.at += 1;
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth > limit {
                        return false;
                    }
                }
                b'}' | b']' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return false;
                    }
                }
                _ => {}
            }
        }
    }
}
