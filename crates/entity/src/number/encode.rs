//! Numbers to and from their encoded form.

use num_bigint::BigInt;

use super::decimal::Mantissa;
use super::{Decimal, Number};
use crate::layout::{self, BIG_DECIMAL, BIG_INT, DECIMAL, FLOAT, INT, NULL};
use crate::output::Output;

/// Appends the number as an encoded value; floats that are not finite become null (EM14).
pub(crate) fn push_number(out: &mut Output, number: &Number) {
    match number {
        Number::Int(number) => layout::push_int(out, *number),
        Number::BigInt(number) => match i64::try_from(number) {
            Ok(small) => layout::push_int(out, small),
            Err(_) => {
                out.push(BIG_INT);
                out.extend_from_slice(number.to_string().as_bytes());
            }
        },
        Number::Decimal(number) => push_decimal(out, number),
        Number::Float(number) => push_float(out, *number),
    }
}

/// The parts of a decimal that takes the short form.
#[inline]
pub(crate) fn short_decimal(number: &Decimal) -> Option<(i64, i32)> {
    match &number.mantissa {
        Mantissa::Small(mantissa) => Some((i64::try_from(*mantissa).ok()?, number.exponent)),
        Mantissa::Big(_) => None,
    }
}

fn push_decimal(out: &mut Output, number: &Decimal) {
    if let Some((mantissa, exponent)) = short_decimal(number) {
        return layout::push_decimal(out, mantissa, exponent);
    }
    let text = match &number.mantissa {
        Mantissa::Small(mantissa) => mantissa.to_string(),
        Mantissa::Big(mantissa) => mantissa.to_string(),
    };
    out.push(BIG_DECIMAL);
    out.extend_from_slice(&number.exponent.to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

pub(crate) fn push_float(out: &mut Output, number: f64) {
    if number.is_finite() {
        out.block(&layout::float_block(number), 9);
    } else {
        out.push(NULL);
    }
}

/// The number in an encoded value; `None` for another kind and on damage.
pub(crate) fn decode(tag: u8, payload: &[u8]) -> Option<Number> {
    match tag {
        INT => layout::read_int(payload).map(Number::Int),
        DECIMAL => {
            let (exponent, mantissa) = layout::split_decimal(payload)?;
            Some(Number::Decimal(Decimal::from_parts(
                layout::read_int(mantissa)?,
                exponent,
            )))
        }
        BIG_INT => parse_big(payload).map(Number::from_big),
        BIG_DECIMAL => {
            let (exponent, mantissa) = layout::split_decimal(payload)?;
            Some(Number::Decimal(Decimal::new(
                parse_big(mantissa)?,
                exponent,
            )))
        }
        FLOAT => Some(f64::from_le_bytes(payload.try_into().ok()?))
            .filter(|float| float.is_finite())
            .map(Number::Float),
        _ => None,
    }
}

/// Only digits behind an optional minus: the library also takes `+` and `_`, which damage could bring.
fn parse_big(digits: &[u8]) -> Option<BigInt> {
    let bare = digits.strip_prefix(b"-").unwrap_or(digits);
    if bare.is_empty() || !bare.iter().all(u8::is_ascii_digit) {
        return None;
    }
    BigInt::parse_bytes(digits, 10)
}
