//! Reading an array of entities but for some of them.
//!
//! The entities to be passed over never get to the reader: for a run of them it sees `{}`. Everything else it sees as it is and
//! judges itself, and where it says that something is, is put back to where that is in what was received.

use super::scan::{ObjectScan, leading_id, skip_space};
use sluice_entity::{ArrayReader, Entity, ReadError};
use std::collections::VecDeque;
use std::ops::Range;

/// An entity as bytes of a piece.
pub(super) struct Element {
    /// Its braces and what is between them.
    pub(super) range: Range<usize>,
    /// Its `_id` as it is in the text, where that is first.
    pub(super) id: Option<Range<usize>>,
}

/// An entity that was read.
pub(crate) struct ReadEntity {
    /// It.
    pub(crate) entity: Entity,
    /// Where it begins in everything received, bytes.
    pub(crate) offset: u64,
    /// Its number, from 0.
    pub(crate) index: u64,
    /// Which element of the piece it is, unless it began in an earlier one.
    pub(super) element: Option<usize>,
}

/// A place in a text, as errors name it.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    line: u32,
    column: u32,
    /// Entities before it.
    index: u64,
}

const START: Place = Place {
    offset: 0,
    line: 1,
    column: 1,
    index: 0,
};

impl Place {
    fn behind(self, text: &[u8], entities: u64) -> Self {
        let (lines, column) = if text.contains(&b'\n') {
            let lines = text.iter().filter(|byte| **byte == b'\n').count();
            let last = text.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
            (lines, text.len() - last)
        } else {
            (0, self.column as usize + text.len())
        };
        Place {
            offset: self.offset + text.len() as u64,
            line: self.line.saturating_add(lines as u32),
            column: column.min(u32::MAX as usize) as u32,
            index: self.index + entities,
        }
    }
}

/// Behind a run that was passed over: the same place in what the reader got, and in what was received.
#[derive(Clone, Copy)]
struct Jump {
    given: Place,
    received: Place,
}

#[derive(Clone)]
enum Cutting {
    /// Before the bracket.
    Begin,
    /// Behind the bracket.
    First,
    /// Behind a comma.
    Element,
    /// In an entity that is not here to its end.
    Inside(ObjectScan),
    /// Behind an entity.
    Behind,
    /// Something else than entities and commas: from here on it is the reader's alone.
    Over,
}

/// Reads an array of entities piece by piece, like [`ArrayReader`].
pub(super) struct SparingReader {
    reader: ArrayReader,
    cutting: Cutting,
    given: Place,
    received: Place,
    /// The last one before the entity that was read last, and all behind it.
    jumps: Vec<Jump>,
    /// Where the reader gets `{}` that nobody sent, and where what it stands for is in everything received.
    placeholders: VecDeque<(u64, u64)>,
    /// Where the elements of the piece begin, in everything received, in order.
    begins: Vec<u64>,
    /// The piece brought the end of an entity that began in an earlier one.
    brought_end: bool,
}

impl SparingReader {
    pub(super) fn new(reader: ArrayReader) -> Self {
        SparingReader {
            reader,
            cutting: Cutting::Begin,
            given: START,
            received: START,
            jumps: Vec::new(),
            placeholders: VecDeque::new(),
            begins: Vec::new(),
            brought_end: false,
        }
    }

    /// The entities that lie in the piece as a whole, in order. Each piece is cut once and then given.
    pub(super) fn cut(&mut self, piece: &[u8]) -> Vec<Element> {
        let mut elements = Vec::new();
        let mut at = 0;
        self.brought_end = false;
        loop {
            if let Cutting::Inside(scan) = &mut self.cutting {
                let Some(end) = scan.end(piece, at) else {
                    return elements;
                };
                at = end;
                self.brought_end = true;
                self.cutting = Cutting::Behind;
            }
            at = skip_space(piece, at);
            let Some(byte) = piece.get(at) else {
                return elements;
            };
            self.cutting = match (&self.cutting, byte) {
                (Cutting::Begin, b'[') => Cutting::First,
                (Cutting::First | Cutting::Element, b'{') => {
                    let mut scan = ObjectScan::default();
                    match scan.end(piece, at) {
                        Some(end) => {
                            elements.push(element(piece, at..end));
                            at = end - 1;
                            Cutting::Behind
                        }
                        None => {
                            at = piece.len();
                            Cutting::Inside(scan)
                        }
                    }
                }
                (Cutting::Behind, b',') => Cutting::Element,
                _ => Cutting::Over,
            };
            if matches!(self.cutting, Cutting::Over) {
                return elements;
            }
            at += 1;
        }
    }

    /// Whether an entity that began in an earlier piece, so that it is none of the elements, ends in this one.
    pub(super) fn brought_end(&self) -> bool {
        self.brought_end
    }

    /// To be called when the reader has taken what it can of a piece: where spared elements begin, in everything received, that it
    /// has not come to. To it an entity before them has no end; so it is none, that will be told, and nothing more is cut.
    pub(super) fn stuck_before(&mut self) -> Option<u64> {
        let stuck = self.placeholders.front().map(|(_, received)| *received);
        if stuck.is_some() {
            self.stop_cutting();
        }
        stuck
    }

    /// From here on it is the reader's alone.
    pub(super) fn stop_cutting(&mut self) {
        self.cutting = Cutting::Over;
    }

    /// Takes the piece but for the elements to be spared.
    pub(super) fn give(&mut self, piece: &[u8], elements: &[Element], spared: &[bool]) {
        self.forget_jumps();
        let begin = self.received.offset;
        self.begins.clear();
        let begins = elements
            .iter()
            .map(|element| begin + element.range.start as u64);
        self.begins.extend(begins);
        let mut at = 0;
        let mut position = 0;
        while position < elements.len() {
            let count = spared[position..]
                .iter()
                .take_while(|spared| **spared)
                .count();
            if count == 0 {
                position += 1;
                continue;
            }
            let first = elements[position].range.start;
            let end = elements[position + count - 1].range.end;
            self.give_text(&piece[at..first]);
            self.placeholders
                .push_back((self.given.offset, self.received.offset));
            self.reader.push(b"{}");
            self.given = self.given.behind(b"{}", 1);
            self.received = self.received.behind(&piece[first..end], count as u64);
            self.jumps.push(Jump {
                given: self.given,
                received: self.received,
            });
            at = end;
            position += count;
        }
        self.give_text(&piece[at..]);
    }

    /// Errors are found from the last entity on: a text that only looks like an entity may be given long before the reader says
    /// what is wrong with it.
    fn forget_jumps(&mut self) {
        let read = self.reader.latest_offset();
        let before = self.jumps.partition_point(|jump| jump.given.offset <= read);
        self.jumps.drain(..before.saturating_sub(1));
    }

    fn give_text(&mut self, text: &[u8]) {
        self.reader.push(text);
        self.given = self.given.behind(text, 0);
        self.received = self.received.behind(text, 0);
    }

    /// The next entity of what was given; `None` when more is needed.
    pub(super) fn next(&mut self) -> Result<Option<ReadEntity>, ReadError> {
        loop {
            let Some(entity) = self.reader.next().map_err(|error| self.put_back(error))? else {
                return Ok(None);
            };
            let given = self.reader.latest_offset();
            if self
                .placeholders
                .front()
                .is_some_and(|(at, _)| *at == given)
            {
                self.placeholders.pop_front();
                continue;
            }
            let (mut offset, mut index) = (given, self.reader.count() - 1);
            if let Some(jump) = self.jump_before(given) {
                offset = offset - jump.given.offset + jump.received.offset;
                index += jump.spared();
            }
            let element = self.begins.binary_search(&offset).ok();
            return Ok(Some(ReadEntity {
                entity,
                offset,
                index,
                element,
            }));
        }
    }

    /// There is no more: checks that the array was closed.
    pub(super) fn finish(&mut self) -> Result<(), ReadError> {
        self.reader.finish().map_err(|error| self.put_back(error))
    }

    /// The last jump at or before an offset of what the reader got.
    fn jump_before(&self, given: u64) -> Option<&Jump> {
        let behind = self
            .jumps
            .partition_point(|jump| jump.given.offset <= given);
        self.jumps.get(behind.checked_sub(1)?)
    }

    fn put_back(&self, mut error: ReadError) -> ReadError {
        let Some(jump) = self.jump_before(error.offset) else {
            return error;
        };
        if error.line == jump.given.line {
            let beyond = error.column.saturating_sub(jump.given.column);
            error.column = jump.received.column.saturating_add(beyond);
        }
        let beyond = error.line.saturating_sub(jump.given.line);
        error.line = jump.received.line.saturating_add(beyond);
        error.offset = error.offset - jump.given.offset + jump.received.offset;
        if let Some(index) = error.index {
            let (before, after) = (index, index + jump.spared());
            error.index = Some(after);
            if let Some(rest) = error.path.strip_prefix(&format!("[{before}]")) {
                error.path = format!("[{after}]{rest}");
            }
        }
        error
    }
}

impl Jump {
    /// Entities that the reader did not count.
    fn spared(&self) -> u64 {
        self.received.index - self.given.index
    }
}

fn element(piece: &[u8], range: Range<usize>) -> Element {
    let id = leading_id(&piece[range.clone()]);
    Element {
        id: id.map(|id| range.start + id.start..range.start + id.end),
        range,
    }
}
