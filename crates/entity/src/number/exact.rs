//! The exact value of a number as sign, digits and power of ten: what order and join keys compare.

use std::cmp::Ordering;

use smallvec::SmallVec;

/// `±digits × 10^exponent` without leading and trailing zeros; no digits at all is zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Exact {
    negative: bool,
    digits: SmallVec<[u8; 40]>,
    exponent: i64,
}

impl Exact {
    pub(crate) fn from_i64(mantissa: i64, exponent: i64) -> Exact {
        let mut buffer = [0; 20];
        let digits = crate::print::format_u64(mantissa.unsigned_abs(), &mut buffer);
        Exact::from_digits(mantissa < 0, digits, exponent)
    }

    /// From digits that may begin with a sign.
    pub(crate) fn from_text(text: &[u8], exponent: i64) -> Exact {
        match text.split_first() {
            Some((b'-', digits)) => Exact::from_digits(true, digits, exponent),
            _ => Exact::from_digits(false, text, exponent),
        }
    }

    fn from_digits(negative: bool, digits: &[u8], exponent: i64) -> Exact {
        let leading = digits.iter().take_while(|digit| **digit == b'0').count();
        let digits = digits.get(leading..).unwrap_or_default();
        let trailing = digits
            .iter()
            .rev()
            .take_while(|digit| **digit == b'0')
            .count();
        let kept = digits.get(..digits.len() - trailing).unwrap_or_default();
        if kept.is_empty() {
            return Exact {
                negative: false,
                digits: SmallVec::new(),
                exponent: 0,
            };
        }
        Exact {
            negative,
            digits: SmallVec::from_slice(kept),
            exponent: exponent + trailing as i64,
        }
    }

    pub(crate) fn order(&self, other: &Exact) -> Ordering {
        match (self.sign(), other.sign()) {
            (1, 1) => self.order_magnitude(other),
            (-1, -1) => other.order_magnitude(self),
            (a, b) => a.cmp(&b),
        }
    }

    fn sign(&self) -> i8 {
        match (self.digits.is_empty(), self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn order_magnitude(&self, other: &Exact) -> Ordering {
        // The same number of places before the point: the digits decide from the left, and a prefix is smaller.
        self.places()
            .cmp(&other.places())
            .then_with(|| self.digits.cmp(&other.digits))
    }

    fn places(&self) -> i64 {
        self.digits.len() as i64 + self.exponent
    }

    /// `None` when there is a fraction or it does not fit.
    pub(crate) fn to_i64(&self) -> Option<i64> {
        if self.exponent < 0 || self.places() > 19 {
            return None;
        }
        let mut number: i128 = 0;
        for digit in &self.digits {
            number = number * 10 + i128::from(digit - b'0');
        }
        let number = number * 10i128.pow(u32::try_from(self.exponent).ok()?);
        i64::try_from(if self.negative { -number } else { number }).ok()
    }

    /// Appends bytes that are equal exactly when the values are, and never a prefix of another's.
    pub(crate) fn push_key(&self, out: &mut Vec<u8>) {
        if let Some(number) = self.to_i64() {
            out.push(0);
            out.extend_from_slice(&number.to_le_bytes());
            return;
        }
        out.push(if self.negative { 1 } else { 2 });
        out.extend_from_slice(&self.exponent.to_le_bytes());
        out.extend_from_slice(&(self.digits.len() as u64).to_le_bytes());
        out.extend_from_slice(&self.digits);
    }
}
