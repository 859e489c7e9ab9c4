//! Lists and dicts where they lie: element access in constant time, lookup by name, iteration.

use std::iter::FusedIterator;
use std::ops::Range;

use crate::layout::{self, Container, Entry};
use crate::value::{Value, text};

/// Up to this many entries a scan in own order is quicker than a binary search.
const SCAN_LIMIT: usize = 24;

/// A borrowed list.
#[derive(Clone, Copy)]
pub struct List<'a> {
    container: Container<'a>,
}

impl<'a> List<'a> {
    pub(crate) fn new(container: Container<'a>) -> List<'a> {
        List { container }
    }

    /// Number of elements.
    pub fn len(self) -> usize {
        self.container.count
    }

    /// Has no elements.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Element `index`.
    #[inline]
    pub fn get(self, index: usize) -> Option<Value<'a>> {
        if index >= self.len() {
            return None;
        }
        self.container.entry(index).map(Value::from_encoded)
    }

    /// The elements in order; a damaged one is null.
    pub fn iter(self) -> Items<'a> {
        Items {
            list: self,
            range: 0..self.len(),
        }
    }
}

impl<'a> IntoIterator for List<'a> {
    type Item = Value<'a>;
    type IntoIter = Items<'a>;

    fn into_iter(self) -> Items<'a> {
        self.iter()
    }
}

/// Iterates over the elements of a list.
#[derive(Clone)]
pub struct Items<'a> {
    list: List<'a>,
    range: Range<usize>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        let index = self.range.next()?;
        Some(self.list.get(index).unwrap_or(Value::NULL))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl DoubleEndedIterator for Items<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let index = self.range.next_back()?;
        Some(self.list.get(index).unwrap_or(Value::NULL))
    }
}

impl ExactSizeIterator for Items<'_> {}
impl FusedIterator for Items<'_> {}

/// A borrowed dict.
#[derive(Clone, Copy)]
pub struct Dict<'a> {
    container: Container<'a>,
}

impl<'a> Dict<'a> {
    pub(crate) fn new(container: Container<'a>) -> Dict<'a> {
        Dict { container }
    }

    /// Number of fields.
    pub fn len(self) -> usize {
        self.container.count
    }

    /// Has no fields.
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The field of that name.
    #[inline]
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        self.find(name.as_bytes()).map(|(_, value)| value)
    }

    /// The field of that name, looked for where `hint` says first; `hint` learns where it was found.
    /// One hint per place in a program: entities of one shape then need no search at all.
    #[inline]
    pub fn get_hinted(self, name: &str, hint: &mut u32) -> Option<Value<'a>> {
        if let Some(value) = self.get_at(*hint, name) {
            return Some(value);
        }
        let (index, value) = self.find(name.as_bytes())?;
        *hint = index as u32;
        Some(value)
    }

    /// The field at this position, if it has this name; may miss a long name.
    #[inline(always)]
    pub fn get_at(self, position: u32, name: &str) -> Option<Value<'a>> {
        let value = self
            .container
            .value_named(position as usize, name.as_bytes())?;
        Some(Value::from_encoded(value))
    }

    /// The fields in own order; a damaged one is an empty name and null.
    pub fn iter(self) -> Fields<'a> {
        Fields {
            dict: self,
            range: 0..self.len(),
            sorted: false,
        }
    }

    /// The fields in the order of their names' bytes.
    pub fn iter_sorted(self) -> Fields<'a> {
        Fields {
            dict: self,
            range: 0..self.len(),
            sorted: true,
        }
    }

    #[inline(always)]
    pub(crate) fn entry(self, index: usize) -> Option<Entry<'a>> {
        layout::split_entry(self.container.entry(index)?)
    }

    /// The whole entry: name header, name and value.
    pub(crate) fn entry_bytes(self, index: usize) -> Option<&'a [u8]> {
        self.container.entry(index)
    }

    /// As `entry_bytes`, by position in sorted order.
    #[inline(always)]
    pub(crate) fn sorted_entry_bytes(self, position: usize) -> Option<&'a [u8]> {
        self.container.entry(self.container.sorted(position)?)
    }

    /// The name of field `index` begins with `_`. May say so of others too, if their names are long.
    #[inline(always)]
    pub(crate) fn has_reserved_name(self, index: usize) -> bool {
        let start = if index == 0 {
            Some(0)
        } else {
            self.container.end(index - 1)
        };
        let head = start.and_then(|start| self.container.body.get(start..start + 2));
        match head {
            Some([header, first]) => *first == b'_' || layout::short_name_len(*header).is_none(),
            _ => true,
        }
    }

    #[inline(always)]
    pub(crate) fn sorted_entry(self, position: usize) -> Option<Entry<'a>> {
        self.entry(self.container.sorted(position)?)
    }

    /// Compares the length in the header before the name itself.
    #[inline]
    fn scan(self, name: &[u8]) -> Option<(usize, Value<'a>)> {
        let mut start = 0;
        for index in 0..self.container.count {
            let end = self.container.end(index)?;
            let header = *self.container.body.get(start)?;
            let candidate =
                layout::short_name_len(header).is_none_or(|length| length == name.len());
            if candidate
                && let Some(entry) = layout::split_entry(self.container.body.get(start..end)?)
                && entry.name == name
            {
                return Some((index, Value::from_encoded(entry.value)));
            }
            start = end;
        }
        None
    }

    fn find(self, name: &[u8]) -> Option<(usize, Value<'a>)> {
        let count = self.container.count;
        if count <= SCAN_LIMIT {
            return self.scan(name);
        }
        let (mut low, mut high) = (0, count);
        while low < high {
            let middle = low + (high - low) / 2;
            let index = self.container.sorted(middle)?;
            let entry = self.entry(index)?;
            match entry.name.cmp(name) {
                std::cmp::Ordering::Equal => {
                    return Some((index, Value::from_encoded(entry.value)));
                }
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        None
    }
}

impl<'a> IntoIterator for Dict<'a> {
    type Item = (&'a str, Value<'a>);
    type IntoIter = Fields<'a>;

    fn into_iter(self) -> Fields<'a> {
        self.iter()
    }
}

/// Iterates over the fields of a dict.
#[derive(Clone)]
pub struct Fields<'a> {
    dict: Dict<'a>,
    range: Range<usize>,
    sorted: bool,
}

impl<'a> Fields<'a> {
    fn field(&self, position: usize) -> (&'a str, Value<'a>) {
        let entry = if self.sorted {
            self.dict.sorted_entry(position)
        } else {
            self.dict.entry(position)
        };
        match entry.and_then(|entry| Some((text(entry.name)?, Value::from_encoded(entry.value)))) {
            Some(field) => field,
            None => ("", Value::NULL),
        }
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (&'a str, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let position = self.range.next()?;
        Some(self.field(position))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.range.size_hint()
    }
}

impl DoubleEndedIterator for Fields<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        let position = self.range.next_back()?;
        Some(self.field(position))
    }
}

impl ExactSizeIterator for Fields<'_> {}
impl FusedIterator for Fields<'_> {}
