//! Closing dicts: the order of their sorted names, worked out once per sequence of names and remembered.
//! It must not change entries; only names given twice (last value, first position) make it rewrite them.

use crate::layout::{self, DICT, DICT_ORDERED};
use crate::output::Output;

/// Remembered sequences; each is found by a hash of its first and last name and the count.
const REMEMBERED: usize = 64;

/// Longer dicts are sorted each time.
const LONGEST: usize = 256;

#[derive(Default)]
pub(crate) struct Shapes {
    seen: Vec<Shape>,
    /// Indices while sorting.
    order: Vec<u32>,
}

/// A sequence of names without repetition, and the order of the sorted names.
#[derive(Default, Clone)]
struct Shape {
    /// Name headers and names back to back.
    names: Vec<u8>,
    /// End of each in `names`.
    ends: Vec<u32>,
    order: Box<[u32]>,
}

impl Shapes {
    /// Closes the dict whose tag lies at `start`. On `Repeated` nothing is written.
    pub(crate) fn close_dict(
        &mut self,
        out: &mut Output,
        start: usize,
        ends: &[u32],
    ) -> Result<(), Repeated> {
        let entries = Entries {
            bytes: out.written_from(start + 1),
            ends,
        };
        if ends.len() < 2 || entries.are_sorted() {
            finish(out, start, ends, None);
            return Ok(());
        }
        let slot = (ends.len() <= LONGEST).then(|| entries.slot());
        if let Some(shape) = slot.and_then(|slot| self.seen.get(slot))
            && entries.have_names_of(shape)
        {
            finish(out, start, ends, Some(&shape.order));
            return Ok(());
        }
        entries.sort(&mut self.order)?;
        if let Some(slot) = slot {
            if self.seen.len() < REMEMBERED {
                self.seen.resize(REMEMBERED, Shape::default());
            }
            if let Some(place) = self.seen.get_mut(slot) {
                *place = entries.shape(&self.order);
            }
        }
        finish(out, start, ends, Some(&self.order));
        Ok(())
    }

    /// As `close_dict`; a name given twice keeps its first position and its last value.
    pub(crate) fn close_dict_last_wins(
        &mut self,
        out: &mut Output,
        start: usize,
        ends: &mut Vec<u32>,
        base: usize,
    ) {
        let entries = ends.get(base..).unwrap_or_default();
        if self.close_dict(out, start, entries).is_err() {
            self.drop_repeated(out, start, ends, base);
            // No name is repeated any more.
            let _ = self.close_dict(out, start, ends.get(base..).unwrap_or_default());
        }
    }

    /// Rewrites the entries: each name once, at its first position, with its last value. `self.order` is sorted.
    #[cold]
    fn drop_repeated(&mut self, out: &mut Output, start: usize, ends: &mut Vec<u32>, base: usize) {
        let bytes = out.written_from(start + 1).to_vec();
        let old_ends = ends.get(base..).unwrap_or_default().to_vec();
        let entries = Entries {
            bytes: &bytes,
            ends: &old_ends,
        };
        // For each first position the position of the value to take; itself where there is no other.
        let mut takes: Vec<Option<u32>> = vec![None; old_ends.len()];
        let mut first = None;
        for index in &self.order {
            let name = entries.name(*index as usize);
            match first {
                Some((known, position)) if known == name => {
                    if let Some(take) = takes.get_mut(position as usize) {
                        *take = Some(*index);
                    }
                }
                _ => {
                    first = Some((name, *index));
                    if let Some(take) = takes.get_mut(*index as usize) {
                        *take = Some(*index);
                    }
                }
            }
        }
        out.truncate(start + 1);
        ends.truncate(base);
        for take in takes.into_iter().flatten() {
            out.extend_from_slice(entries.entry(take as usize));
            ends.push((out.len() - start - 1) as u32);
        }
    }
}

/// A name was given twice; `again` is the entry that repeats it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Repeated {
    pub(crate) again: u32,
}

pub(crate) fn finish(out: &mut Output, start: usize, ends: &[u32], order: Option<&[u32]>) {
    let tag = if order.is_some() { DICT_ORDERED } else { DICT };
    layout::close_container(out, start, tag, ends, order);
}

/// The entries of a dict that is not closed yet.
#[derive(Clone, Copy)]
pub(crate) struct Entries<'a> {
    pub(crate) bytes: &'a [u8],
    pub(crate) ends: &'a [u32],
}

impl<'a> Entries<'a> {
    #[inline(always)]
    fn entry(self, index: usize) -> &'a [u8] {
        let start = if index == 0 {
            0
        } else {
            self.ends.get(index - 1).copied().unwrap_or(0) as usize
        };
        let end = self.ends.get(index).copied().unwrap_or(0) as usize;
        self.bytes.get(start..end).unwrap_or_default()
    }

    #[inline(always)]
    pub(crate) fn name(self, index: usize) -> &'a [u8] {
        layout::split_entry(self.entry(index)).map_or(&[], |entry| entry.name)
    }

    /// Strictly rising: sorted and without repetition.
    pub(crate) fn are_sorted(self) -> bool {
        let mut previous = self.name(0);
        for index in 1..self.ends.len() {
            let name = self.name(index);
            if name <= previous {
                return false;
            }
            previous = name;
        }
        true
    }

    /// Writes the order of the sorted names to `order`, also when a name is repeated.
    pub(crate) fn sort(self, order: &mut Vec<u32>) -> Result<(), Repeated> {
        order.clear();
        order.extend(0..self.ends.len() as u32);
        // Stable, so that of equal names the first comes first.
        order.sort_by(|a, b| self.name(*a as usize).cmp(self.name(*b as usize)));
        let mut repeated: Option<u32> = None;
        for pair in order.windows(2) {
            if let [a, b] = pair
                && self.name(*a as usize) == self.name(*b as usize)
            {
                repeated = Some(repeated.map_or(*b, |known| known.min(*b)));
            }
        }
        match repeated {
            Some(again) => Err(Repeated { again }),
            None => Ok(()),
        }
    }

    fn slot(self) -> usize {
        let mark = |name: &[u8]| {
            name.iter().fold(name.len(), |sum, byte| {
                sum.wrapping_mul(31) + usize::from(*byte)
            })
        };
        let last = self.ends.len() - 1;
        (mark(self.name(0)) ^ mark(self.name(last)).rotate_left(3) ^ last.wrapping_mul(7))
            % REMEMBERED
    }

    fn have_names_of(self, shape: &Shape) -> bool {
        if shape.ends.len() != self.ends.len() {
            return false;
        }
        let mut start = 0;
        for (index, end) in shape.ends.iter().enumerate() {
            let name = shape
                .names
                .get(start as usize..*end as usize)
                .unwrap_or_default();
            if !self.entry(index).starts_with(name) {
                return false;
            }
            start = *end;
        }
        true
    }

    fn shape(self, order: &[u32]) -> Shape {
        let mut shape = Shape {
            order: order.into(),
            ..Shape::default()
        };
        for index in 0..self.ends.len() {
            let bytes = self.entry(index);
            let value = layout::split_entry(bytes).map_or(0, |entry| entry.value.len());
            let head = bytes.get(..bytes.len() - value).unwrap_or_default();
            shape.names.extend_from_slice(head);
            shape.ends.push(shape.names.len() as u32);
        }
        shape
    }
}
