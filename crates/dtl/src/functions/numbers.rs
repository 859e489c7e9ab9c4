//! Conversions to numbers; the functions with a default expression are forms and use them.

use sluice_entity::{BigInt, Decimal, Number, Value};

/// An integer of any size from a number (its fraction cut off) or from text: digits, or two's complement
/// after `0x`.
pub(crate) fn to_integer(value: Value<'_>) -> Option<Number> {
    if let Some(number) = value.as_number() {
        return match number {
            Number::Int(_) | Number::BigInt(_) => Some(number),
            Number::Decimal(decimal) => Some(Number::from_big(decimal.trunc())),
            Number::Float(float) => Some(Number::from_big(
                Decimal::from_float_shortest(float.trunc())?.trunc(),
            )),
        };
    }
    let text = value.as_str()?.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return from_hex(digits);
    }
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits.is_empty()
        || digits.len() > MAX_DIGITS
        || !digits.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let number: BigInt = text.parse().ok()?;
    Some(Number::from_big(number))
}

/// Text with more digits is no number: what comes from outside is bounded in the same way.
const MAX_DIGITS: usize = 4096;

/// `0xff` is -1, `0x00ff` is 255.
fn from_hex(digits: &str) -> Option<Number> {
    if digits.is_empty()
        || digits.len() > MAX_DIGITS
        || !digits.bytes().all(|byte| byte.is_ascii_hexdigit())
    {
        return None;
    }
    let even = if digits.len().is_multiple_of(2) {
        digits.to_owned()
    } else {
        format!("0{digits}")
    };
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = even.as_bytes().chunks(2).map(byte).collect();
    Some(Number::from_big(BigInt::from_signed_bytes_be(&bytes?)))
}
