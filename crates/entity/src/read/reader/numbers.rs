//! Numbers, exact: what the text says decides what they become, within the limits (EM15).

use super::{Reader, Step};
use crate::layout;
use crate::number::{self, Decimal, Number, Scanned};
use crate::read::{Numbers, ReadCode, lexer};

impl Reader {
    /// Short integers and short decimals without an exponent; all else is seldom.
    #[inline]
    pub(super) fn number(&mut self, text: &[u8], at: usize) -> Step {
        let negative = text.get(at) == Some(&b'-');
        let first = at + usize::from(negative);
        let mut next = first;
        let mut mantissa: u64 = 0;
        while let Some(digit @ b'0'..=b'9') = text.get(next) {
            mantissa = mantissa
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
            next += 1;
        }
        let whole = next - first;
        let leading_zero = whole > 1 && text.get(first) == Some(&b'0');
        if whole == 0 || whole > self.short_digits || leading_zero {
            return self.rare_number(text, at);
        }
        let sign = if negative { -1 } else { 1 };
        match text.get(next) {
            Some(b'.') => next += 1,
            Some(b'e' | b'E') => return self.rare_number(text, at),
            _ => {
                layout::push_int(&mut self.out, sign * mantissa as i64);
                return Ok(next);
            }
        }
        let point = next;
        let mut zeros = true;
        while let Some(digit @ b'0'..=b'9') = text.get(next) {
            mantissa = mantissa
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'));
            zeros &= *digit == b'0';
            next += 1;
        }
        let digits = next - point;
        let rare = zeros || whole + digits > self.short_digits;
        if rare || matches!(text.get(next), Some(b'e' | b'E')) {
            return self.rare_number(text, at);
        }
        if !self.numbers.float_as_decimal {
            let Some(float) = number::exact_quotient(mantissa, digits) else {
                return self.rare_number(text, at);
            };
            number::push_float(&mut self.out, if negative { -float } else { float });
            return Ok(next);
        }
        layout::push_decimal(&mut self.out, sign * mantissa as i64, -(digits as i32));
        Ok(next)
    }

    #[cold]
    fn rare_number(&mut self, text: &[u8], at: usize) -> Step {
        let rest = text.get(at..).unwrap_or_default();
        let scanned = match number::scan_number(rest) {
            Ok(scanned) => scanned,
            Err(place) => return Err(self.stop_with(lexer::number_fault(text, at + place))),
        };
        if scanned.digits() > self.limits.digits {
            return Err(self.stop(ReadCode::TooManyDigits(self.limits.digits), at));
        }
        if scanned.exponent.unwrap_or(0).abs() > self.limits.exponent() {
            return Err(self.stop(ReadCode::ExponentTooLarge(self.limits.exponent()), at));
        }
        let number = to_number(
            scanned,
            rest.get(..scanned.length).unwrap_or_default(),
            self.numbers,
        );
        number::push_number(&mut self.out, &number);
        Ok(at + scanned.length)
    }
}

/// EM15 for a number with a point or an exponent.
pub(crate) fn to_number(scanned: Scanned<'_>, text: &[u8], numbers: Numbers) -> Number {
    if scanned.fraction.is_none() && scanned.exponent.is_none() {
        return scanned.to_integer();
    }
    let decimal = scanned.to_decimal();
    if numbers.float_as_int
        && let Some(integer) = whole_number(scanned, &decimal)
    {
        return integer;
    }
    if !numbers.float_as_decimal
        && let Some(float) = std::str::from_utf8(text)
            .ok()
            .and_then(|text| text.parse::<f64>().ok())
        && float.is_finite()
    {
        return Number::Float(float);
    }
    // Also where a float would be infinite: nothing is lost.
    Number::Decimal(decimal)
}

/// A whole number becomes an integer unless that would write out an exponent beyond 64 bits (`1e400`).
fn whole_number(scanned: Scanned<'_>, decimal: &Decimal) -> Option<Number> {
    if let Some(small) = decimal.exact().to_i64() {
        return Some(Number::Int(small));
    }
    if scanned.exponent.is_some() {
        return None;
    }
    decimal.to_integer().map(Number::from_big)
}
