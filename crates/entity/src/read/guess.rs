//! Guessing the names of a dict: the sequence last seen under the same enclosing name.
//! A sequence that comes again is compared instead of scanned, and needs neither sorting nor a search for repetition.

use crate::output::Output;
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
    /// Whether `fields` are all of them: names that need escapes are not guessed, nor what comes behind them.
    pub(super) complete: bool,
    /// Order of the sorted names; `None` when they are sorted.
    pub(super) order: Option<Box<[u32]>>,
    /// Changes whenever the guess does.
    pub(super) generation: u32,
    misses: u32,
}

/// A name that is expected.
pub(super) struct Field {
    /// The first bytes of the name with its quotes and the colon, and which of them count.
    head: u128,
    mask: u128,
    /// Length of the name, the name, `":`, and as much as a fixed move takes along.
    bytes: Box<[u8]>,
    length: usize,
    /// The slot of a dict that is the value.
    pub(super) slot: Slot,
}

const HEAD: usize = 16;

impl Field {
    fn new(name: &[u8]) -> Field {
        let mut bytes = Vec::with_capacity(name.len() + 40);
        bytes.push(b'"');
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(b"\":");
        let mut head = [0; HEAD];
        let mut mask = [0; HEAD];
        for ((place, mark), byte) in head.iter_mut().zip(&mut mask).zip(&bytes) {
            *place = *byte;
            *mark = u8::MAX;
        }
        if let Some(first) = bytes.first_mut() {
            *first = name.len() as u8;
        }
        bytes.resize(bytes.len() + 32, 0);
        Field {
            head: u128::from_le_bytes(head),
            mask: u128::from_le_bytes(mask),
            bytes: bytes.into(),
            length: name.len(),
            slot: Guesses::slot(name),
        }
    }

    /// Appends name header and name, as they are encoded.
    #[inline(always)]
    pub(super) fn push(&self, out: &mut Output) {
        out.range(&self.bytes, 0, self.length + 1);
    }

    /// Behind the colon, if this name with its quotes and the colon stands at `at`.
    #[inline(always)]
    pub(super) fn matches(&self, text: &[u8], at: usize) -> Option<usize> {
        let length = self.length + 3;
        let rest = text.get(at..)?;
        let Some(found) = rest.first_chunk::<HEAD>() else {
            return self.matches_slowly(rest).then_some(at + length);
        };
        let same = (u128::from_le_bytes(*found) ^ self.head) & self.mask == 0;
        let same =
            same && (length <= HEAD || rest.get(HEAD..length) == self.bytes.get(HEAD..length));
        same.then_some(at + length)
    }

    #[cold]
    fn matches_slowly(&self, rest: &[u8]) -> bool {
        let length = self.length + 3;
        rest.first() == Some(&b'"') && rest.get(1..length) == self.bytes.get(1..length)
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
        guess.complete = false;
        if entries.ends.len() > MOST_FIELDS {
            return;
        }
        for index in 0..entries.ends.len() {
            let name = entries.name(index);
            if name.len() > LONGEST_NAME || !crate::scan::is_plain(name) {
                return;
            }
            guess.fields.push(Field::new(name));
        }
        guess.complete = true;
    }
}
