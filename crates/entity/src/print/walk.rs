//! The walk over an encoded value that prints it. Short names and strings are moved as blocks of fixed length: what lies
//! behind them comes along and is overwritten. All places are relative to the outermost value, so that a block may reach
//! beyond the container it belongs to.

use super::{Style, digits, push_name, push_null, rare};
use crate::layout;
use crate::output::Output;
use crate::value::Value;

/// Names and strings up to this length are moved as one block.
const BLOCK: usize = 32;

/// A dict entry of such a name and such a string: header, name, tag, string.
const WINDOW: usize = 1 + BLOCK + 1 + BLOCK;

/// What stands before a value: a brace or a comma, the name in quotes, a colon.
const NAMED: usize = BLOCK + 4;

/// An encoded value and how to print it.
pub(super) struct Walk<'a> {
    pub(super) source: &'a [u8],
    pub(super) style: &'a Style,
}

/// Where the parts of a container lie.
#[derive(Clone, Copy)]
pub(super) struct Place {
    /// First entry.
    pub(super) first: usize,
    /// End of the entries, where the table of their ends begins.
    ends: usize,
    /// The table of the sorted order; where the count lies if there is none.
    order: usize,
    pub(super) count: usize,
    code: u8,
    is_ordered: bool,
}

impl Walk<'_> {
    #[inline(always)]
    fn chunk<const N: usize>(&self, at: usize) -> Option<&[u8; N]> {
        self.source.get(at..)?.first_chunk::<N>()
    }

    /// Number `index` of the table at `table`, which lies inside of the source.
    #[inline(always)]
    fn number(&self, table: usize, index: usize, code: u8) -> Option<usize> {
        let at = table + (index << code);
        match self.chunk::<4>(at) {
            Some(bytes) => {
                let mask = (1u64 << (8u32 << code)) - 1;
                Some((u64::from(u32::from_le_bytes(*bytes)) & mask) as usize)
            }
            None => layout::number_at(self.source, at, code),
        }
    }

    /// The container at `from..to`.
    #[inline(always)]
    pub(super) fn open(&self, from: usize, to: usize) -> Option<Place> {
        let tag = self.source.get(..to)?.get(from).copied()?;
        let code = tag & 3;
        if code == 3 {
            return None;
        }
        let room = to - from - 1;
        let width = 1usize << code;
        let count_at = room.checked_sub(width)?;
        let count = self.number(from + 1 + count_at, 0, code)?;
        let table = count << code;
        let is_ordered = tag >= layout::DICT_ORDERED;
        let order = if is_ordered {
            count_at.checked_sub(table)?
        } else {
            count_at
        };
        let ends = order.checked_sub(table)?;
        let first = from + 1;
        Some(Place {
            first,
            ends: first + ends,
            order: first + order,
            count,
            code,
            is_ordered,
        })
    }

    /// End of entry `index` in own order; it lies inside of the entries.
    #[inline(always)]
    pub(super) fn end(&self, place: &Place, index: usize) -> Option<usize> {
        let end = place.first + self.number(place.ends, index, place.code)?;
        (end <= place.ends).then_some(end)
    }

    /// Where the entry at `position` in sorted order begins and ends.
    pub(super) fn sorted(&self, place: &Place, position: usize) -> Option<(usize, usize)> {
        let index = if place.is_ordered {
            self.number(place.order, position, place.code)
                .filter(|index| *index < place.count)?
        } else {
            position
        };
        let start = match index.checked_sub(1) {
            Some(before) => self.end(place, before)?,
            None => place.first,
        };
        let end = self.end(place, index)?;
        (start <= end).then_some((start, end))
    }

    /// Prints what lies at `from..to`.
    pub(super) fn value(&self, from: usize, to: usize, out: &mut Output, depth: usize) {
        let tag = match self.source.get(from) {
            Some(tag) if from < to => *tag,
            _ => layout::NULL,
        };
        match tag {
            layout::STRING => self.plain(from + 1, to, out),
            layout::INT => self.int(from + 1, to, out),
            tag if tag >= layout::LIST => self.container(tag, from, to, out, depth),
            layout::NULL => push_null(out),
            layout::TRUE => out.extend_from_slice(b"true"),
            layout::FALSE => out.extend_from_slice(b"false"),
            _ => rare::write(
                Value::from_encoded(self.source.get(from..to).unwrap_or_default()),
                out,
                self.style,
            ),
        }
    }

    #[inline(always)]
    fn plain(&self, from: usize, to: usize, out: &mut Output) {
        let length = to - from;
        if length <= BLOCK
            && let Some(block) = self.chunk::<BLOCK>(from)
            && let Some(room) = out.room::<{ BLOCK + 2 }>()
        {
            room[0] = b'"';
            room[1..=BLOCK].copy_from_slice(block);
            room[length + 1] = b'"';
            out.advance(length + 2);
        } else {
            out.push(b'"');
            out.extend_from_slice(self.source.get(from..to).unwrap_or_default());
            out.push(b'"');
        }
    }

    #[inline(always)]
    fn int(&self, from: usize, to: usize, out: &mut Output) {
        let length = to - from;
        let number = match self.chunk::<8>(from) {
            Some(bytes) if (1..=8).contains(&length) => Some(shortened(*bytes, length)),
            _ => self.source.get(from..to).and_then(layout::read_int),
        };
        match number {
            Some(number) => digits::push_i64(out, number),
            None => push_null(out),
        }
    }

    fn container(&self, tag: u8, from: usize, to: usize, out: &mut Output, depth: usize) {
        let opened = if depth < layout::MAX_DEPTH {
            self.open(from, to)
        } else {
            None
        };
        match opened {
            Some(place) if layout::is_list(tag) => self.list(&place, out, depth),
            Some(place) if layout::is_dict(tag) => self.dict(&place, out, depth),
            _ => push_null(out),
        }
    }

    #[inline(always)]
    fn list(&self, place: &Place, out: &mut Output, depth: usize) {
        out.push(b'[');
        let mut from = place.first;
        for index in 0..place.count {
            let Some(to) = self.end(place, index) else {
                break;
            };
            if index > 0 {
                out.push(b',');
            }
            self.value(from, to, out, depth + 1);
            from = to;
        }
        out.push(b']');
    }

    fn dict(&self, place: &Place, out: &mut Output, depth: usize) {
        if self.style.sorted {
            return self.sorted_dict(place, out, depth);
        }
        match place.code {
            0 => self.own_dict::<1>(place, out, depth),
            1 => self.own_dict::<2>(place, out, depth),
            _ => self.own_dict::<4>(place, out, depth),
        }
    }

    /// A dict in its own order, with ends of so many bytes.
    #[inline(always)]
    fn own_dict<const WIDTH: usize>(&self, place: &Place, out: &mut Output, depth: usize) {
        let (mut lead, mut start) = (b'{', place.first);
        let table = self.source.get(place.ends..).unwrap_or_default();
        for bytes in table.chunks_exact(WIDTH).take(place.count) {
            let end = place.first + read_number::<WIDTH>(bytes);
            if end > place.ends || self.field(lead, start, end, out, depth).is_none() {
                return damaged_end(lead, out);
            }
            (lead, start) = (b',', end);
        }
        close_dict(lead, out);
    }

    #[cold]
    fn sorted_dict(&self, place: &Place, out: &mut Output, depth: usize) {
        let mut lead = b'{';
        for position in 0..place.count {
            let written = self
                .sorted(place, position)
                .and_then(|(from, to)| self.field(lead, from, to, out, depth));
            if written.is_none() {
                return damaged_end(lead, out);
            }
            lead = b',';
        }
        close_dict(lead, out);
    }

    /// Appends `lead`, which is a brace or a comma, then name, colon and value of the entry at `start..end`; `None` and
    /// nothing on damage. An end lies inside of the source.
    #[inline(always)]
    pub(super) fn field(
        &self,
        lead: u8,
        start: usize,
        end: usize,
        out: &mut Output,
        depth: usize,
    ) -> Option<()> {
        if let Some(window) = self.chunk::<WINDOW>(start) {
            let length = usize::from(window[0]);
            let value = start + 1 + length;
            if length <= BLOCK && value < end {
                let (tag, size) = (window[1 + length], end - value - 1);
                if tag == layout::STRING && size <= BLOCK {
                    let room = out.room::<{ NAMED + BLOCK + 2 }>()?;
                    let at = put_name(room, lead, window, length);
                    room[at] = b'"';
                    room[at + 1..][..BLOCK].copy_from_slice(&window[length + 2..][..BLOCK]);
                    room[at + 1 + size] = b'"';
                    out.advance(at + size + 2);
                    return Some(());
                }
                let named = put_name(out.room::<NAMED>()?, lead, window, length);
                out.advance(named);
                if tag == layout::INT && (1..=8).contains(&size) {
                    let mut bytes = [0; 8];
                    bytes.copy_from_slice(&window[length + 2..][..8]);
                    digits::push_i64(out, shortened(bytes, size));
                } else {
                    self.value(value, end, out, depth + 1);
                }
                return Some(());
            }
        }
        let value = self.seldom_name(lead, start, end, out)?;
        self.value(value, end, out, depth + 1);
        Some(())
    }

    /// As above without the value; where that begins.
    #[inline(never)]
    fn seldom_name(&self, lead: u8, start: usize, end: usize, out: &mut Output) -> Option<usize> {
        let entry = layout::split_entry(self.source.get(start..end)?)?;
        out.push(lead);
        push_name(out, entry.name, entry.plain);
        Some(end - entry.value.len())
    }
}

/// A little-endian number without sign.
#[inline(always)]
fn read_number<const WIDTH: usize>(bytes: &[u8]) -> usize {
    let mut number = [0; 8];
    number[..WIDTH].copy_from_slice(&bytes[..WIDTH]);
    u64::from_le_bytes(number) as usize
}

/// The number in the first `length` bytes, which are one to eight.
#[inline(always)]
fn shortened(bytes: [u8; 8], length: usize) -> i64 {
    let shift = 64 - 8 * length;
    i64::from_le_bytes(bytes) << shift >> shift
}

/// Writes `lead`, the name behind the header in the window, and a colon; how much that is.
#[inline(always)]
fn put_name<const N: usize>(
    room: &mut [u8; N],
    lead: u8,
    window: &[u8; WINDOW],
    length: usize,
) -> usize {
    room[0] = lead;
    room[1] = b'"';
    room[2..BLOCK + 2].copy_from_slice(&window[1..=BLOCK]);
    room[length + 2..][..2].copy_from_slice(b"\":");
    length + 4
}

/// Nothing can be found behind damage.
#[cold]
#[inline(never)]
pub(super) fn damaged_end(lead: u8, out: &mut Output) {
    out.push(lead);
    out.extend_from_slice(b"\"\":null}");
}

/// `lead` is a brace as long as nothing was written.
#[inline(always)]
pub(super) fn close_dict(lead: u8, out: &mut Output) {
    if lead == b'{' {
        out.push(b'{');
    }
    out.push(b'}');
}
