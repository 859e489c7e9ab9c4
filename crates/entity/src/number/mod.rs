//! Numbers of any size, exact: integers, decimals with the digits that were written, and 64-bit floats.
//! Order is by exact value across all of them; nothing is compared or computed through a rounded float.

mod arithmetic;
mod decimal;
mod encode;
mod exact;
mod float;
mod parse;

#[cfg(test)]
mod tests;

use std::cmp::Ordering;
use std::fmt;

use num_bigint::BigInt;

pub use decimal::Decimal;
pub(crate) use decimal::push_decimal_text;
pub(crate) use encode::{decode, push_float, push_number, short_decimal};
pub(crate) use exact::Exact;
pub(crate) use float::{exact_quotient, push_short_float};
pub(crate) use parse::{Scanned, parse_decimal, scan_number};

/// A number. `BigInt` only holds what does not fit `i64`; `Float` may be anything a float can be.
#[derive(Clone, Debug)]
pub enum Number {
    /// An integer of 64 bits.
    Int(i64),
    /// An integer beyond 64 bits.
    BigInt(BigInt),
    /// A decimal with its scale.
    Decimal(Decimal),
    /// A binary float.
    Float(f64),
}

impl Number {
    /// An integer of any size, in its smallest form.
    pub fn from_big(number: BigInt) -> Number {
        match i64::try_from(&number) {
            Ok(small) => Number::Int(small),
            Err(_) => Number::BigInt(number),
        }
    }

    /// Reads an integer (`12`) or a decimal (`1.10`, `1e3`), digits kept as written. Text of more than
    /// 4,096 digits or with an exponent beyond ±4,096 is no number here, nor is `NaN`.
    pub fn parse(text: &str) -> Option<Number> {
        parse::parse_number(text.as_bytes())
    }

    /// The nearest float; infinite when too large.
    pub fn to_f64(&self) -> f64 {
        match self {
            Number::Int(number) => *number as f64,
            Number::BigInt(number) => nearest_float(&number.to_string()),
            Number::Decimal(number) => number.to_f64(),
            Number::Float(number) => *number,
        }
    }

    /// The number as an integer of 64 bits; `None` when it has a fraction or is too large.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            Number::Int(number) => Some(*number),
            _ => self.exact()?.to_i64(),
        }
    }

    /// The number as an integer of any size; `None` when it has a fraction or is not finite.
    pub fn to_big_int(&self) -> Option<BigInt> {
        match self {
            Number::Int(number) => Some(BigInt::from(*number)),
            Number::BigInt(number) => Some(number.clone()),
            Number::Decimal(number) => number.to_integer(),
            Number::Float(number) if number.fract() == 0.0 => {
                Decimal::from_float_exact(*number)?.to_integer()
            }
            Number::Float(_) => None,
        }
    }

    /// The number as a decimal. A float becomes the shortest decimal that reads back as that float.
    /// `None` when it is not finite.
    pub fn to_decimal(&self) -> Option<Decimal> {
        match self {
            Number::Int(number) => Some(Decimal::from(*number)),
            Number::BigInt(number) => Some(Decimal::new(number.clone(), 0)),
            Number::Decimal(number) => Some(number.clone()),
            Number::Float(number) => Decimal::from_float_shortest(*number),
        }
    }

    /// Equal to zero, of either sign.
    pub fn is_zero(&self) -> bool {
        match self {
            Number::Int(number) => *number == 0,
            Number::BigInt(_) => false,
            Number::Decimal(number) => number.is_zero(),
            Number::Float(number) => *number == 0.0,
        }
    }

    /// A bound of the significant decimal digits, at most one too many.
    pub fn digits_at_most(&self) -> usize {
        match self {
            Number::Int(_) | Number::Float(_) => 20,
            Number::BigInt(number) => decimal_digits(number.bits()),
            Number::Decimal(number) => decimal_digits(number.mantissa_bits()),
        }
    }

    /// Below zero.
    pub fn is_negative(&self) -> bool {
        match self {
            Number::Int(number) => *number < 0,
            Number::BigInt(number) => number.sign() == num_bigint::Sign::Minus,
            Number::Decimal(number) => number.is_negative(),
            Number::Float(number) => *number < 0.0,
        }
    }

    /// A whole number, whatever its kind.
    pub fn is_integer(&self) -> bool {
        match self {
            Number::Int(_) | Number::BigInt(_) => true,
            Number::Decimal(number) => number.to_integer().is_some(),
            Number::Float(number) => number.is_finite() && number.fract() == 0.0,
        }
    }

    /// Order by exact value across all kinds; total (NaN is above everything, and equal to itself).
    pub fn order(&self, other: &Number) -> Ordering {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => a.cmp(b),
            (Number::Float(a), Number::Float(b)) if !a.is_nan() && !b.is_nan() => {
                a.partial_cmp(b).unwrap_or(Ordering::Equal)
            }
            _ => match (self.exact(), other.exact()) {
                (Some(a), Some(b)) => a.order(&b),
                _ => self.rank_non_finite().cmp(&other.rank_non_finite()),
            },
        }
    }

    /// −1 negative infinity, 0 finite, 1 infinity, 2 NaN.
    fn rank_non_finite(&self) -> i8 {
        match self {
            Number::Float(number) if number.is_nan() => 2,
            Number::Float(number) if number.is_infinite() => number.signum() as i8,
            _ => 0,
        }
    }

    /// The value that order, equality and join keys go by; `None` for floats that are not finite.
    ///
    /// A float with a fraction stands for the decimal it prints as: `1.1` written in a rule equals `1.1` in the data, though no
    /// float is exactly that. Neighbouring floats print differently and in their own order, so the order stays total.
    pub(crate) fn exact(&self) -> Option<Exact> {
        match self {
            Number::Int(number) => Some(Exact::from_i64(*number, 0)),
            Number::BigInt(number) => Some(Exact::from_text(number.to_string().as_bytes(), 0)),
            Number::Decimal(number) => Some(number.exact()),
            Number::Float(number) if number.fract() != 0.0 => {
                Some(Decimal::from_float_shortest(*number)?.exact())
            }
            Number::Float(number) => Some(Decimal::from_float_exact(*number)?.exact()),
        }
    }
}

/// Numbers are equal when their values are, whatever their kind.
impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.order(other) == Ordering::Equal
    }
}

/// Integers and decimals in full, floats in the shortest form that reads back as the same float.
impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Int(number) => write!(f, "{number}"),
            Number::BigInt(number) => write!(f, "{number}"),
            Number::Decimal(number) => write!(f, "{number}"),
            Number::Float(number) => write!(f, "{number:?}"),
        }
    }
}

impl From<i64> for Number {
    fn from(number: i64) -> Number {
        Number::Int(number)
    }
}

impl From<f64> for Number {
    fn from(number: f64) -> Number {
        Number::Float(number)
    }
}

impl From<Decimal> for Number {
    fn from(number: Decimal) -> Number {
        Number::Decimal(number)
    }
}

/// Decimal digits of the largest number of so many bits.
fn decimal_digits(bits: u64) -> usize {
    // log10(2), rounded up.
    usize::try_from(bits.saturating_mul(30_103) / 100_000 + 1).unwrap_or(usize::MAX)
}

/// The float nearest to a decimal text that this crate wrote.
fn nearest_float(text: &str) -> f64 {
    text.parse().unwrap_or(f64::NAN)
}
