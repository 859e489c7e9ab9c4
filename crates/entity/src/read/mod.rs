//! JSON text to values: exact numbers, transit strings, limits, errors with their place. No I/O.

mod array;
mod error;
mod guess;
pub(crate) mod lexer;
mod reader;

#[cfg(test)]
mod tests;

pub use array::ArrayReader;
use error::locate;
pub(crate) use error::{Fault, Segment, locate_in_text, push_step};
pub use error::{ReadCode, ReadError};
pub use reader::Reader;
pub(crate) use reader::to_number;

/// What is refused while reading. Above a limit the error names the limit and the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Dicts and lists inside each other; more than 1,000 are never read.
    pub depth: usize,
    /// Bytes of JSON text of one entity (EM16); more than 1 GiB is never read.
    pub entity_bytes: usize,
    /// Digits of one number.
    pub digits: usize,
    /// Size of the exponent of a number, of either sign; more than 100,000 is never read.
    pub exponent: i32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            depth: 100,
            entity_bytes: 100_000_000,
            digits: 4096,
            exponent: 4096,
        }
    }
}

impl Limits {
    /// What a value can be at all. For those who look for damage: what is stored may have been made under other limits.
    pub const WIDEST: Limits = Limits {
        depth: crate::layout::MAX_DEPTH,
        entity_bytes: 1 << 30,
        digits: 1 << 30,
        exponent: i32::MAX,
    };

    pub(crate) fn depth(&self) -> usize {
        self.depth.min(crate::layout::MAX_DEPTH)
    }

    pub(crate) fn entity_bytes(&self) -> usize {
        // An encoded value takes at most three times its text, and its tables hold 32-bit numbers.
        self.entity_bytes.min(1 << 30)
    }

    pub(crate) fn exponent(&self) -> i32 {
        // The scanner holds larger ones at a million.
        self.exponent.clamp(0, 100_000)
    }
}

/// What untagged numbers with a point or an exponent become (EM15).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Numbers {
    /// Fractions are decimals with their digits; otherwise floats.
    pub float_as_decimal: bool,
    /// Whole numbers such as `1.0` are integers.
    pub float_as_int: bool,
}

impl Default for Numbers {
    fn default() -> Numbers {
        Numbers {
            float_as_decimal: true,
            float_as_int: true,
        }
    }
}
