//! Guessing the names of a dict: the sequence last seen under the same enclosing name.
//! A sequence that comes again is compared instead of scanned, and needs neither sorting nor a search for repetition.

use crate::shapes::Entries;

/// Guesses are kept by a hash of the enclosing name; the first is for the top.
const GUESSES: usize = 256;

/// Longer sequences and longer names are not remembered.
const MOST_FIELDS: usize = 256;
const LONGEST_NAME: usize = 0x7f;

/// After so many misses on end a guess is renewed only now and then: the names under it keep changing.
const PATIENCE: u32 = 16;

/// Where a guess lies.
pub(super) type Slot = u16;

/// The slot of the value at the top.
pub(super) const TOP: Slot = 0;

pub(super) struct Guesses {
    list: Vec<Guess>,
}

#[derive(Default)]
pub(super) struct Guess {
    pub(super) fields: Vec<Field>,
    /// Order of the sorted names; `None` when they are sorted.
    pub(super) order: Option<Box<[u32]>>,
    /// Changes whenever the guess does.
    pub(super) generation: u32,
    misses: u32,
}

/// A name that is expected.
pub(super) struct Field {
    /// Length of the name, the name, and `":`.
    bytes: Box<[u8]>,
    /// The slot of a dict that is the value.
    pub(super) slot: Slot,
}

impl Field {
    /// Name header and name, as they are encoded.
    #[inline(always)]
    pub(super) fn encoded(&self) -> &[u8] {
        self.bytes.get(..self.bytes.len() - 2).unwrap_or_default()
    }

    /// Behind the colon, if this name with its quotes and the colon stands at `at`.
    #[inline(always)]
    pub(super) fn matches(&self, text: &[u8], at: usize) -> Option<usize> {
        let end = at + 1 + (self.bytes.len() - 1);
        let found = text.get(at + 1..end)?;
        (text.get(at) == Some(&b'"') && Some(found) == self.bytes.get(1..)).then_some(end)
    }
}

impl Guesses {
    pub(super) fn new() -> Guesses {
        Guesses {
            list: std::iter::repeat_with(Guess::default)
                .take(GUESSES)
                .collect(),
        }
    }

    #[inline(always)]
    pub(super) fn get(&self, slot: Slot) -> Option<&Guess> {
        self.list.get(usize::from(slot))
    }

    /// The slot under a name.
    #[inline]
    pub(super) fn slot(name: &[u8]) -> Slot {
        let hash = name.iter().fold(name.len() as u32, |hash, byte| {
            (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193)
        });
        1 + (hash ^ hash >> 15) as u16 % (GUESSES as u16 - 1)
    }

    /// The guess was right.
    #[inline(always)]
    pub(super) fn hit(&mut self, slot: Slot) {
        if let Some(guess) = self.list.get_mut(usize::from(slot)) {
            guess.misses = 0;
        }
    }

    /// The guess was wrong: these are the names, none twice. `order` is `None` when they are sorted.
    pub(super) fn learn(&mut self, slot: Slot, entries: Entries<'_>, order: Option<&[u32]>) {
        let Some(guess) = self.list.get_mut(usize::from(slot)) else {
            return;
        };
        guess.misses = guess.misses.wrapping_add(1);
        if guess.misses > PATIENCE && guess.misses % PATIENCE != 0 {
            return;
        }
        guess.generation = guess.generation.wrapping_add(1);
        guess.fields.clear();
        guess.order = order.map(Box::from);
        if entries.ends.len() > MOST_FIELDS {
            return;
        }
        for index in 0..entries.ends.len() {
            let name = entries.name(index);
            if name.len() > LONGEST_NAME || !crate::scan::is_plain(name) {
                // What comes behind it is not guessed either.
                break;
            }
            let mut bytes = Vec::with_capacity(name.len() + 3);
            bytes.push(name.len() as u8);
            bytes.extend_from_slice(name);
            bytes.extend_from_slice(b"\":");
            guess.fields.push(Field {
                bytes: bytes.into(),
                slot: Guesses::slot(name),
            });
        }
    }
}
