//! Decimal digits, two at a time.

use crate::output::Output;

const PAIRS: &[u8; 200] = b"0001020304050607080910111213141516171819202122232425262728293031323334353637383940414243444546474849\
5051525354555657585960616263646566676869707172737475767778798081828384858687888990919293949596979899";

/// As many digits as a `u64` has at most.
pub(super) const MOST: usize = 20;

/// The last two digits of a number.
#[inline(always)]
pub(crate) fn two_digits(number: u32) -> [u8; 2] {
    pair(number.into())
}

#[inline(always)]
fn pair(number: u64) -> [u8; 2] {
    let at = (number % 100) as usize * 2;
    [PAIRS[at], PAIRS[at + 1]]
}

/// Decimal digits of a number, from the right.
#[inline]
pub(crate) fn format_u64(mut number: u64, buffer: &mut [u8; MOST]) -> &[u8] {
    let mut at = buffer.len();
    while number >= 10 {
        at -= 2;
        buffer[at..at + 2].copy_from_slice(&pair(number));
        if number < 100 {
            return &buffer[at..];
        }
        number /= 100;
    }
    at -= 1;
    buffer[at] = b'0' + number as u8;
    &buffer[at..]
}

/// The digits of a number with room behind them, so that they can be moved in one piece of fixed length.
pub(super) struct Digits {
    text: [u8; 2 * MOST],
    first: usize,
}

impl Digits {
    #[inline(always)]
    pub(super) fn new(number: u64) -> Digits {
        let mut text = [b'0'; 2 * MOST];
        let count = match text.first_chunk_mut::<MOST>() {
            Some(digits) => format_u64(number, digits).len(),
            None => 0,
        };
        let first = MOST - count.min(MOST);
        Digits { text, first }
    }

    #[inline(always)]
    pub(super) fn count(&self) -> usize {
        MOST - self.first
    }

    pub(super) fn all(&self) -> &[u8] {
        &self.text[self.first..MOST]
    }

    /// The digits behind the first `skipped` ones, and something behind them.
    #[inline(always)]
    pub(super) fn behind(&self, skipped: usize) -> &[u8; MOST] {
        let at = (self.first + skipped).min(MOST);
        self.text[at..]
            .first_chunk()
            .expect("at most half of the text is in front")
    }
}

#[inline(always)]
pub(super) fn push_i64(out: &mut Output, number: i64) {
    if number < 0 {
        out.push(b'-');
    }
    push_u64(out, number.unsigned_abs());
}

#[inline(always)]
pub(super) fn push_u64(out: &mut Output, number: u64) {
    if number < 10 {
        out.push(b'0' + number as u8);
    } else if number < 100 {
        out.extend_from_slice(&pair(number));
    } else {
        let digits = Digits::new(number);
        out.block(digits.behind(0), digits.count());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_every_length_are_printed() {
        let mut power: u64 = 1;
        for _ in 0..MOST {
            for number in [power - 1, power, power + 1, power.wrapping_mul(7) / 3] {
                let mut out = Output::default();
                push_u64(&mut out, number);
                assert_eq!(out.written(), number.to_string().as_bytes());
            }
            power = power.saturating_mul(10).min(u64::MAX - 1);
        }
        for number in [i64::MIN, -1, 0, i64::MAX] {
            let mut out = Output::default();
            push_i64(&mut out, number);
            assert_eq!(out.written(), number.to_string().as_bytes());
        }
    }
}
