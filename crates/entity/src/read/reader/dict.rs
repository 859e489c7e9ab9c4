//! Dicts: names as they were guessed, or scanned; closing, and refusing a name given twice.

use super::{Reader, Step, Stop};
use crate::layout::{self, DICT};
use crate::read::guess::{Guesses, Slot, TOP};
use crate::read::lexer::{self, skip_space};
use crate::read::{ReadCode, Segment};
use crate::scan::find_special;
use crate::shapes::{self, Entries, Repeated};

impl Reader {
    pub(super) fn dict(&mut self, text: &[u8], at: usize, slot: Slot, depth: usize) -> Step {
        if depth >= self.limits.depth() {
            return Err(self.stop(ReadCode::TooDeep(self.limits.depth()), at));
        }
        let start = self.out.len();
        let base = self.ends.len();
        self.out.push(DICT);
        let opened = at;
        let mut at = skip_space(text, at + 1);
        if text.get(at) == Some(&b'}') {
            self.out.push(0);
            return Ok(at + 1);
        }
        // As long as all names were as guessed.
        let mut guessed = true;
        let generation = self.guesses.get(slot).map(|guess| guess.generation);
        let mut count = 0;
        loop {
            let name_in_out = self.out.len();
            let expected = if guessed {
                self.guesses
                    .get(slot)
                    .and_then(|guess| guess.fields.get(count))
            } else {
                None
            };
            let inner = match expected.and_then(|field| Some((field, field.matches(text, at)?))) {
                Some((field, next)) => {
                    field.push(&mut self.out);
                    at = next;
                    field.slot
                }
                None => {
                    guessed = false;
                    at = self.name(text, at)?;
                    self.slot_of_name(name_in_out)
                }
            };
            at = skip_space(text, at);
            match self.value(text, at, inner, depth + 1) {
                Ok(next) => at = skip_space(text, next),
                Err(stop) => {
                    self.push_name_to_path(name_in_out);
                    return Err(stop);
                }
            }
            self.ends.push((self.out.len() - start - 1) as u32);
            count += 1;
            // A dict inside may have been under the same name and changed the guess.
            if guessed && self.guesses.get(slot).map(|guess| guess.generation) != generation {
                guessed = false;
            }
            match text.get(at) {
                Some(b',') => at = skip_space(text, at + 1),
                Some(b'}') => break,
                _ => return Err(self.stop_with(lexer::unexpected(text, at, "`,` or `}`"))),
            }
        }
        if let Err(repeated) = self.close_dict(start, base, slot, guessed) {
            return Err(self.stop_at_repeated(text, opened, start, base, repeated));
        }
        self.ends.truncate(base);
        Ok(at + 1)
    }

    /// A name that was not guessed, with the colon behind it.
    fn name(&mut self, text: &[u8], at: usize) -> Step {
        if text.get(at) != Some(&b'"') {
            return Err(self.stop_with(lexer::unexpected(text, at, "a name in quotes")));
        }
        let special = find_special(text, at + 1);
        let next = if text.get(special) == Some(&b'"') {
            layout::push_name(&mut self.out, text.get(at + 1..special).unwrap_or_default());
            special + 1
        } else {
            let mut scratch = std::mem::take(&mut self.scratch);
            scratch.clear();
            let result = lexer::unescape(text, at + 1, special, &mut scratch);
            layout::push_name(&mut self.out, &scratch);
            self.scratch = scratch;
            result.map_err(|fault| self.stop_with(fault))?
        };
        let next = skip_space(text, next);
        if text.get(next) != Some(&b':') {
            return Err(self.stop_with(lexer::unexpected(text, next, "`:`")));
        }
        Ok(next + 1)
    }

    fn slot_of_name(&self, name_in_out: usize) -> Slot {
        let entry = layout::split_entry(self.out.written_from(name_in_out));
        entry.map_or(TOP, |entry| Guesses::slot(entry.name))
    }

    #[cold]
    fn push_name_to_path(&mut self, name_in_out: usize) {
        let entry = layout::split_entry(self.out.written_from(name_in_out));
        let name = entry.map_or_else(String::new, |entry| {
            String::from_utf8_lossy(entry.name).into_owned()
        });
        self.path.push(Segment::Name(name));
    }

    #[inline]
    fn close_dict(
        &mut self,
        start: usize,
        base: usize,
        slot: Slot,
        guessed: bool,
    ) -> Result<(), Repeated> {
        let ends = self.ends.get(base..).unwrap_or_default();
        if guessed
            && let Some(guess) = self.guesses.get(slot)
            && guess.complete
            && guess.fields.len() == ends.len()
        {
            shapes::finish(&mut self.out, start, ends, guess.order.as_deref());
            self.guesses.hit(slot);
            return Ok(());
        }
        self.close_unknown_dict(start, base, slot)
    }

    /// Sorts the names and remembers them.
    #[cold]
    fn close_unknown_dict(
        &mut self,
        start: usize,
        base: usize,
        slot: Slot,
    ) -> Result<(), Repeated> {
        let ends = self.ends.get(base..).unwrap_or_default();
        let entries = Entries {
            bytes: self.out.written_from(start + 1),
            ends,
        };
        let order = if entries.are_sorted() {
            None
        } else {
            entries.sort(&mut self.order)?;
            Some(self.order.as_slice())
        };
        self.guesses.learn(slot, entries, order);
        shapes::finish(&mut self.out, start, ends, order);
        Ok(())
    }

    /// The dict that opens at `opened` in the text has a name twice.
    #[cold]
    fn stop_at_repeated(
        &mut self,
        text: &[u8],
        opened: usize,
        start: usize,
        base: usize,
        repeated: Repeated,
    ) -> Stop {
        let entries = Entries {
            bytes: self.out.written_from(start + 1),
            ends: self.ends.get(base..).unwrap_or_default(),
        };
        let name = String::from_utf8_lossy(entries.name(repeated.again as usize)).into_owned();
        let at = lexer::find_name(text, opened, repeated.again as usize);
        self.stop(ReadCode::DuplicateKey(name), at)
    }
}
