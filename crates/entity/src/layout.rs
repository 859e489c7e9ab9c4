//! The bytes of an encoded value: tags, widths, names, ends tables. The only file that knows the layout.
//! It must not interpret values beyond their shape; every read is bounds-checked and answers `None` on damage.
//!
//! A value is a tag byte and a payload; its length is known from the container that holds it.
//! A container is `[tag][entries][ends][order of the sorted names][count]`: the tables lie behind the
//! entries, so that a value is written in one pass. All tables have the width that the tag's lowest two bits name.
//! A dict entry is a name header, the name, the value.

use std::ops::Range;

use crate::output::Output;

pub(crate) const NULL: u8 = 0;
pub(crate) const FALSE: u8 = 1;
pub(crate) const TRUE: u8 = 2;
/// 0 to 8 bytes, little-endian two's complement, as short as possible.
pub(crate) const INT: u8 = 3;
/// Decimal digits with sign, no leading zeros, outside of `i64`.
pub(crate) const BIG_INT: u8 = 4;
/// `i32` exponent, mantissa like `INT`.
pub(crate) const DECIMAL: u8 = 5;
/// `i32` exponent, mantissa like `BIG_INT`.
pub(crate) const BIG_DECIMAL: u8 = 6;
/// 8 bytes, finite.
pub(crate) const FLOAT: u8 = 7;
/// A string that may be printed between quotes as it is.
pub(crate) const STRING: u8 = 8;
/// A string that needs escapes or begins with `~`.
pub(crate) const STRING_QUOTED: u8 = 9;
/// Namespaced identifier without its tag.
pub(crate) const NI: u8 = 10;
/// URI without its tag.
pub(crate) const URI: u8 = 11;
/// `i64` seconds, `u32` nanoseconds, `u8` precision (0 = date, else 1 + fraction digits).
pub(crate) const DATETIME: u8 = 12;
pub(crate) const UUID: u8 = 13;
pub(crate) const BYTES: u8 = 14;
/// Containers: plus the width code.
pub(crate) const LIST: u8 = 0x10;
/// A dict whose own order is the sorted order.
pub(crate) const DICT: u8 = 0x14;
/// A dict with a table of the sorted order.
pub(crate) const DICT_ORDERED: u8 = 0x18;
const LAST: u8 = 0x1b;

/// Deeper values count as damaged: printing, order, hash and check walk no further.
pub(crate) const MAX_DEPTH: usize = 1000;

/// Name header: up to this length in the header byte itself.
const NAME_SHORT: usize = 0xfd;
/// Name header: a `u64` length follows.
const NAME_LONG: u8 = 0xfe;
/// Name header: a `u64` length follows, and the name needs escapes when printed.
const NAME_QUOTED: u8 = 0xff;

pub(crate) fn is_list(tag: u8) -> bool {
    tag & !3 == LIST
}

pub(crate) fn is_dict(tag: u8) -> bool {
    (DICT..=LAST).contains(&tag)
}

/// Width code (the width is `1 << code`) of tables that hold numbers up to `total`.
pub(crate) fn width_code(total: usize) -> u8 {
    match total {
        0..=0xff => 0,
        0x100..=0xffff => 1,
        _ => 2,
    }
}

/// Number `index` of a table.
#[inline(always)]
pub(crate) fn table_entry(table: &[u8], index: usize, code: u8) -> Option<usize> {
    match code {
        0 => table.get(index).map(|byte| usize::from(*byte)),
        1 => {
            let at = index.checked_mul(2)?;
            let bytes = table.get(at..)?.first_chunk::<2>()?;
            Some(usize::from(u16::from_le_bytes(*bytes)))
        }
        2 => {
            let at = index.checked_mul(4)?;
            let bytes = table.get(at..)?.first_chunk::<4>()?;
            Some(u32::from_le_bytes(*bytes) as usize)
        }
        _ => None,
    }
}

/// Writes the tables behind the entries and sets the tag.
/// `start` is where the tag lies, `ends` are relative to the first entry, `order` is `None` for lists and sorted dicts.
#[inline]
pub(crate) fn close_container(
    out: &mut Output,
    start: usize,
    base_tag: u8,
    ends: &[u32],
    order: Option<&[u32]>,
) {
    let code = width_code(out.len() - start - 1);
    let order = order.unwrap_or_default();
    push_table(out, ends, code);
    push_table(out, order, code);
    push_table(out, &[ends.len() as u32], code);
    out.set(start, base_tag + code);
}

#[inline(always)]
fn push_table(out: &mut Output, numbers: &[u32], code: u8) {
    let table = out.take(numbers.len() << code);
    match code {
        0 => {
            for (place, number) in table.iter_mut().zip(numbers) {
                *place = *number as u8;
            }
        }
        1 => {
            for (place, number) in table.chunks_exact_mut(2).zip(numbers) {
                place.copy_from_slice(&(*number as u16).to_le_bytes());
            }
        }
        _ => {
            for (place, number) in table.chunks_exact_mut(4).zip(numbers) {
                place.copy_from_slice(&number.to_le_bytes());
            }
        }
    }
}

/// The parts of an encoded container.
#[derive(Clone, Copy)]
pub(crate) struct Container<'a> {
    /// Everything behind the tag: first the entries.
    pub(crate) body: &'a [u8],
    /// Bytes of all entries.
    pub(crate) entries: usize,
    pub(crate) ends: &'a [u8],
    /// Order of the sorted names; empty if it is the own order, and for lists.
    pub(crate) order: &'a [u8],
    pub(crate) count: usize,
    pub(crate) code: u8,
}

impl<'a> Container<'a> {
    #[inline]
    pub(crate) fn open(bytes: &'a [u8]) -> Option<Self> {
        let (tag, body) = bytes.split_first()?;
        if !(LIST..=LAST).contains(tag) {
            return None;
        }
        let code = tag & 3;
        let width = 1usize << code;
        let count_at = body.len().checked_sub(width)?;
        let count = table_entry(body.get(count_at..)?, 0, code)?;
        let table = count.checked_mul(width)?;
        let ordered = *tag >= DICT_ORDERED;
        let order_at = if ordered {
            count_at.checked_sub(table)?
        } else {
            count_at
        };
        let ends_at = order_at.checked_sub(table)?;
        Some(Container {
            body,
            entries: ends_at,
            ends: body.get(ends_at..order_at)?,
            order: body.get(order_at..count_at)?,
            count,
            code,
        })
    }

    /// The bytes of entry `index` in own order.
    #[inline(always)]
    pub(crate) fn entry(&self, index: usize) -> Option<&'a [u8]> {
        self.body.get(self.range(index)?)
    }

    /// Where entry `index` lies in the body.
    #[inline(always)]
    pub(crate) fn range(&self, index: usize) -> Option<Range<usize>> {
        let end = self.end(index)?;
        let start = match index {
            0 => 0,
            _ => self.end(index - 1)?,
        };
        (start <= end).then_some(start..end)
    }

    /// Where entry `index` ends in the body.
    #[inline(always)]
    pub(crate) fn end(&self, index: usize) -> Option<usize> {
        table_entry(self.ends, index, self.code).filter(|end| *end <= self.entries)
    }

    /// Index in own order of the entry at `position` in sorted order.
    #[inline(always)]
    pub(crate) fn sorted(&self, position: usize) -> Option<usize> {
        if self.order.is_empty() {
            Some(position)
        } else {
            table_entry(self.order, position, self.code)
        }
    }
}

/// A dict entry taken apart.
#[derive(Clone, Copy)]
pub(crate) struct Entry<'a> {
    pub(crate) name: &'a [u8],
    /// The name may be printed between quotes as it is.
    pub(crate) plain: bool,
    pub(crate) value: &'a [u8],
}

#[inline(always)]
pub(crate) fn split_entry(entry: &[u8]) -> Option<Entry<'_>> {
    let (header, rest) = entry.split_first()?;
    if usize::from(*header) <= NAME_SHORT {
        let (name, value) = rest.split_at_checked(usize::from(*header))?;
        return Some(Entry {
            name,
            plain: true,
            value,
        });
    }
    split_long_entry(*header, rest)
}

#[cold]
fn split_long_entry(header: u8, rest: &[u8]) -> Option<Entry<'_>> {
    let (length, rest) = rest.split_first_chunk::<8>()?;
    let (name, value) =
        rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)?;
    Some(Entry {
        name,
        plain: header == NAME_LONG,
        value,
    })
}

/// Appends header and name of a dict entry.
#[inline]
pub(crate) fn push_name(out: &mut Output, name: &[u8]) {
    let plain = crate::scan::is_plain(name);
    if plain && name.len() <= NAME_SHORT {
        out.push(name.len() as u8);
        out.extend_from_slice(name);
        return;
    }
    out.push(if plain { NAME_LONG } else { NAME_QUOTED });
    out.extend_from_slice(&(name.len() as u64).to_le_bytes());
    out.extend_from_slice(name);
}

/// The length of a name that stands in the header itself; `None` for long and quoted names.
#[inline(always)]
pub(crate) fn short_name_len(header: u8) -> Option<usize> {
    let length = usize::from(header);
    (length <= NAME_SHORT).then_some(length)
}

/// Bytes that the payload of an integer takes.
#[inline(always)]
pub(crate) fn int_len(number: i64) -> usize {
    let bits = 64 - (number ^ (number >> 63)).leading_zeros() as usize;
    // One more bit for the sign; zero takes no byte at all.
    if number == 0 { 0 } else { bits / 8 + 1 }
}

#[inline(always)]
pub(crate) fn push_int(out: &mut Output, number: i64) {
    let mut bytes = [INT; 9];
    bytes[1..].copy_from_slice(&number.to_le_bytes());
    out.block(&bytes, 1 + int_len(number));
}

#[inline(always)]
pub(crate) fn push_decimal(out: &mut Output, mantissa: i64, exponent: i32) {
    let mut bytes = [DECIMAL; 13];
    bytes[1..5].copy_from_slice(&exponent.to_le_bytes());
    bytes[5..].copy_from_slice(&mantissa.to_le_bytes());
    out.block(&bytes, 5 + int_len(mantissa));
}

/// Appends a string with the tag that its content asks for.
pub(crate) fn push_string(out: &mut Output, text: &[u8]) {
    let plain = text.first() != Some(&b'~') && crate::scan::is_plain(text);
    out.push(if plain { STRING } else { STRING_QUOTED });
    out.extend_from_slice(text);
}

/// Reads the payload of an integer.
#[inline(always)]
pub(crate) fn read_int(payload: &[u8]) -> Option<i64> {
    match payload {
        [] => Some(0),
        [a] => Some(i64::from(*a as i8)),
        [a, b] => Some(i64::from(i16::from_le_bytes([*a, *b]))),
        _ if payload.len() <= 8 => {
            let mut bytes = [0; 8];
            bytes.get_mut(..payload.len())?.copy_from_slice(payload);
            let shift = 64 - 8 * payload.len();
            Some(i64::from_le_bytes(bytes) << shift >> shift)
        }
        _ => None,
    }
}

/// Splits the payload of a decimal into exponent and mantissa.
#[inline(always)]
pub(crate) fn split_decimal(payload: &[u8]) -> Option<(i32, &[u8])> {
    let (exponent, mantissa) = payload.split_first_chunk::<4>()?;
    Some((i32::from_le_bytes(*exponent), mantissa))
}
