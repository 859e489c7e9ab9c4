//! Number text to exact numbers, within limits; the grammar is JSON's.

use num_bigint::BigInt;

use super::{Decimal, Number};

/// Digits and exponents that are taken where no other limit is named.
pub(crate) const MAX_DIGITS: usize = 4096;
const MAX_EXPONENT: i32 = 4096;

/// A number text, scanned but not yet a number.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scanned<'a> {
    pub(crate) negative: bool,
    /// Digits before the point.
    pub(crate) whole: &'a [u8],
    /// Digits behind the point; `None` without a point.
    pub(crate) fraction: Option<&'a [u8]>,
    /// The exponent as written, held at ±1,000,000; `None` without one.
    pub(crate) exponent: Option<i32>,
    /// Length of the text.
    pub(crate) length: usize,
}

/// Scans the number at the beginning of `text`. The error is the position of the byte that does not fit.
pub(crate) fn scan_number(text: &[u8]) -> Result<Scanned<'_>, usize> {
    let negative = text.first() == Some(&b'-');
    let mut at = usize::from(negative);
    let whole = digits_at(text, at);
    if whole.is_empty() {
        return Err(at);
    }
    if whole.len() > 1 && whole.first() == Some(&b'0') {
        return Err(at + 1);
    }
    at += whole.len();
    let mut fraction = None;
    if text.get(at) == Some(&b'.') {
        let digits = digits_at(text, at + 1);
        at += 1 + digits.len();
        if digits.is_empty() {
            return Err(at);
        }
        fraction = Some(digits);
    }
    let mut exponent = None;
    if matches!(text.get(at), Some(b'e' | b'E')) {
        at += 1;
        let minus = text.get(at) == Some(&b'-');
        if minus || text.get(at) == Some(&b'+') {
            at += 1;
        }
        let digits = digits_at(text, at);
        if digits.is_empty() {
            return Err(at);
        }
        at += digits.len();
        let mut power = 0i32;
        for digit in digits {
            power = (power * 10 + i32::from(digit - b'0')).min(1_000_000);
        }
        exponent = Some(if minus { -power } else { power });
    }
    Ok(Scanned {
        negative,
        whole,
        fraction,
        exponent,
        length: at,
    })
}

fn digits_at(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    rest.get(..length).unwrap_or_default()
}

impl Scanned<'_> {
    pub(crate) fn digits(&self) -> usize {
        self.whole.len() + self.fraction.map_or(0, <[u8]>::len)
    }

    /// Digits and exponent as they were written.
    pub(crate) fn to_decimal(self) -> Decimal {
        let fraction = self.fraction.unwrap_or_default();
        let exponent = self
            .exponent
            .unwrap_or(0)
            .saturating_sub(i32::try_from(fraction.len()).unwrap_or(i32::MAX));
        if self.digits() <= 18 {
            let mut mantissa = 0i64;
            for digit in self.whole.iter().chain(fraction) {
                mantissa = mantissa * 10 + i64::from(digit - b'0');
            }
            return Decimal::from_parts(if self.negative { -mantissa } else { mantissa }, exponent);
        }
        let mut text = Vec::with_capacity(self.digits());
        text.extend_from_slice(self.whole);
        text.extend_from_slice(fraction);
        Decimal::new(self.big(&text), exponent)
    }

    /// Without regard to fraction and exponent.
    pub(crate) fn to_integer(self) -> Number {
        Number::from_big(self.big(self.whole))
    }

    fn big(&self, digits: &[u8]) -> BigInt {
        let magnitude = BigInt::parse_bytes(digits, 10).unwrap_or_default();
        if self.negative { -magnitude } else { magnitude }
    }
}

pub(super) fn parse_number(text: &[u8]) -> Option<Number> {
    let scanned = scan_within_limits(text)?;
    match (scanned.fraction, scanned.exponent) {
        (None, None) => Some(scanned.to_integer()),
        _ => Some(Number::Decimal(scanned.to_decimal())),
    }
}

pub(crate) fn parse_decimal(text: &[u8]) -> Option<Decimal> {
    Some(scan_within_limits(text)?.to_decimal())
}

fn scan_within_limits(text: &[u8]) -> Option<Scanned<'_>> {
    let scanned = scan_number(text).ok()?;
    let fits = scanned.length == text.len()
        && scanned.digits() <= MAX_DIGITS
        && scanned.exponent.unwrap_or(0).abs() <= MAX_EXPONENT;
    fits.then_some(scanned)
}
