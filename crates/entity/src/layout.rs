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

/// The number of a table that lies at `at`.
#[inline(always)]
pub(crate) fn number_at(bytes: &[u8], at: usize, code: u8) -> Option<usize> {
    match code {
        0 => bytes.get(at).map(|byte| usize::from(*byte)),
        1 => {
            let number = bytes.get(at..)?.first_chunk::<2>()?;
            Some(usize::from(u16::from_le_bytes(*number)))
        }
        2 => {
            let number = bytes.get(at..)?.first_chunk::<4>()?;
            Some(u32::from_le_bytes(*number) as usize)
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
    let count = ends.len() as u32;
    for table in [ends, order, &[count]] {
        push_table(out, table, code);
    }
    out.set(start, base_tag + code);
}

/// Tables are short as a rule, so numbers are pushed one by one.
#[inline(always)]
fn push_table(out: &mut Output, numbers: &[u32], code: u8) {
    match code {
        0 => numbers.iter().for_each(|number| out.push(*number as u8)),
        1 => numbers
            .iter()
            .for_each(|number| out.extend_from_slice(&(*number as u16).to_le_bytes())),
        _ => numbers
            .iter()
            .for_each(|number| out.extend_from_slice(&number.to_le_bytes())),
    }
}

/// The parts of an encoded container.
#[derive(Clone, Copy)]
pub(crate) struct Container<'a> {
    /// Everything behind the tag: first the entries, then the tables.
    pub(crate) body: &'a [u8],
    /// Bytes of all entries; the ends begin there.
    pub(crate) entries: usize,
    pub(crate) count: usize,
    pub(crate) code: u8,
    /// Behind the ends lies the order of the sorted names; without it that is the own order.
    ordered: bool,
}

impl<'a> Container<'a> {
    #[inline(always)]
    pub(crate) fn open(bytes: &'a [u8]) -> Option<Self> {
        let (tag, body) = bytes.split_first()?;
        if !(LIST..=LAST).contains(tag) {
            return None;
        }
        let code = tag & 3;
        let ordered = *tag >= DICT_ORDERED;
        let width = 1usize << code;
        let count_at = body.len().checked_sub(width)?;
        let count = number_at(body, count_at, code)?;
        let tables = count.checked_mul(width << u8::from(ordered))?;
        Some(Container {
            body,
            entries: count_at.checked_sub(tables)?,
            count,
            code,
            ordered,
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
        if index >= self.count {
            return None;
        }
        let (start, end) = match index {
            0 => (0, self.number(0)?),
            _ => self.numbers(index - 1)?,
        };
        (start <= end && end <= self.entries).then_some(start..end)
    }

    /// Where entry `index` ends in the body.
    #[inline(always)]
    pub(crate) fn end(&self, index: usize) -> Option<usize> {
        if index >= self.count {
            return None;
        }
        self.number(index).filter(|end| *end <= self.entries)
    }

    /// Index in own order of the entry at `position` in sorted order.
    #[inline(always)]
    pub(crate) fn sorted(&self, position: usize) -> Option<usize> {
        if !self.ordered {
            Some(position)
        } else if position < self.count {
            self.number(self.count + position)
        } else {
            None
        }
    }

    /// Number `index` of the tables.
    #[inline(always)]
    fn number(&self, index: usize) -> Option<usize> {
        number_at(self.body, self.entries + (index << self.code), self.code)
    }

    /// Numbers `index` and `index + 1` of the tables.
    #[inline(always)]
    fn numbers(&self, index: usize) -> Option<(usize, usize)> {
        let both = self.body.get(self.entries + (index << self.code)..)?;
        match self.code {
            0 => {
                let [a, b] = *both.first_chunk()?;
                Some((a.into(), b.into()))
            }
            1 => {
                let [a, b, c, d] = *both.first_chunk()?;
                Some((
                    u16::from_le_bytes([a, b]).into(),
                    u16::from_le_bytes([c, d]).into(),
                ))
            }
            _ => {
                let [a, b] = *both.as_chunks().0.first_chunk()?;
                Some((
                    u32::from_le_bytes(a) as usize,
                    u32::from_le_bytes(b) as usize,
                ))
            }
        }
    }

    /// The value of entry `index` if its name, which is not a long one, is this.
    #[inline(always)]
    pub(crate) fn value_named(&self, index: usize, name: &[u8]) -> Option<&'a [u8]> {
        let (header, rest) = self.entry(index)?.split_first()?;
        if short_name_len(*header)? != name.len() {
            return None;
        }
        let (own, value) = rest.split_at_checked(name.len())?;
        is_same(own, name).then_some(value)
    }
}

/// Comparison of short texts of the same length without a call.
#[inline(always)]
fn is_same(a: &[u8], b: &[u8]) -> bool {
    match (a.first_chunk::<8>(), b.first_chunk::<8>()) {
        (Some(first), Some(other)) if a.len() <= 16 => {
            first == other && a.last_chunk::<8>() == b.last_chunk::<8>()
        }
        (None, None) => match (a.first_chunk::<4>(), b.first_chunk::<4>()) {
            (Some(first), Some(other)) => {
                first == other && a.last_chunk::<4>() == b.last_chunk::<4>()
            }
            _ => a.iter().eq(b),
        },
        _ => a == b,
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

/// An integer and how many of the bytes it takes.
#[inline(always)]
pub(crate) fn int_block(number: i64) -> ([u8; 9], usize) {
    let mut bytes = [INT; 9];
    bytes[1..].copy_from_slice(&number.to_le_bytes());
    (bytes, 1 + int_len(number))
}

#[inline(always)]
pub(crate) fn push_int(out: &mut Output, number: i64) {
    let (bytes, length) = int_block(number);
    out.block(&bytes, length);
}

/// A decimal and how many of the bytes it takes.
#[inline(always)]
pub(crate) fn decimal_block(mantissa: i64, exponent: i32) -> ([u8; 13], usize) {
    let mut bytes = [DECIMAL; 13];
    bytes[1..5].copy_from_slice(&exponent.to_le_bytes());
    bytes[5..].copy_from_slice(&mantissa.to_le_bytes());
    (bytes, 5 + int_len(mantissa))
}

#[inline(always)]
pub(crate) fn push_decimal(out: &mut Output, mantissa: i64, exponent: i32) {
    let (bytes, length) = decimal_block(mantissa, exponent);
    out.block(&bytes, length);
}

/// A float that is finite.
#[inline(always)]
pub(crate) fn float_block(number: f64) -> [u8; 9] {
    let mut bytes = [FLOAT; 9];
    bytes[1..].copy_from_slice(&number.to_le_bytes());
    bytes
}

/// The tag that the content of a string asks for.
pub(crate) fn string_tag(text: &[u8]) -> u8 {
    let plain = text.first() != Some(&b'~') && crate::scan::is_plain(text);
    if plain { STRING } else { STRING_QUOTED }
}

/// Appends a string.
pub(crate) fn push_string(out: &mut Output, text: &[u8]) {
    out.push(string_tag(text));
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
