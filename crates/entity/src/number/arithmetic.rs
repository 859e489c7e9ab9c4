//! Arithmetic. Mixed kinds take the most precise one: integer, then float, then decimal.
//! Integers grow instead of overflowing; decimals are exact, but for division, which keeps 28 digits.

use num_bigint::{BigInt, Sign};

use super::Number;
use super::decimal::{Decimal, Mantissa, divide_half_even};

/// Significant digits of a quotient that does not end.
const QUOTIENT_DIGITS: i64 = 28;

/// Decimals further apart than this are not brought to one scale: the sum would need that many digits.
const MAX_SHIFT: u32 = 16_384;

/// Two numbers brought to one kind.
enum Pair {
    Int(i64, i64),
    Big(BigInt, BigInt),
    Float(f64, f64),
    Decimal(Decimal, Decimal),
}

impl Number {
    #[inline]
    fn pair(&self, other: &Number) -> Pair {
        match (self, other) {
            (Number::Int(a), Number::Int(b)) => Pair::Int(*a, *b),
            (Number::Int(a), Number::Float(b)) => Pair::Float(*a as f64, *b),
            (Number::Float(a), Number::Int(b)) => Pair::Float(*a, *b as f64),
            (Number::Float(a), Number::Float(b)) => Pair::Float(*a, *b),
            (Number::Decimal(_), _) | (_, Number::Decimal(_)) => {
                match (self.to_decimal(), other.to_decimal()) {
                    (Some(a), Some(b)) => Pair::Decimal(a, b),
                    _ => Pair::Float(self.to_f64(), other.to_f64()),
                }
            }
            (Number::Float(_), _) | (_, Number::Float(_)) => {
                Pair::Float(self.to_f64(), other.to_f64())
            }
            _ => match (self.to_big_int(), other.to_big_int()) {
                (Some(a), Some(b)) => Pair::Big(a, b),
                _ => Pair::Float(self.to_f64(), other.to_f64()),
            },
        }
    }

    /// The sum.
    pub fn add(&self, other: &Number) -> Number {
        match self.pair(other) {
            Pair::Int(a, b) => a
                .checked_add(b)
                .map_or_else(|| Number::from_big(BigInt::from(a) + b), Number::Int),
            Pair::Big(a, b) => Number::from_big(a + b),
            Pair::Float(a, b) => Number::Float(a + b),
            Pair::Decimal(a, b) => match add_decimals(&a, &b) {
                Some(sum) => Number::Decimal(sum),
                None => Number::Float(a.to_f64() + b.to_f64()),
            },
        }
    }

    /// The difference.
    pub fn sub(&self, other: &Number) -> Number {
        self.add(&other.neg())
    }

    /// The product.
    pub fn mul(&self, other: &Number) -> Number {
        match self.pair(other) {
            Pair::Int(a, b) => a
                .checked_mul(b)
                .map_or_else(|| Number::from_big(BigInt::from(a) * b), Number::Int),
            Pair::Big(a, b) => Number::from_big(a * b),
            Pair::Float(a, b) => Number::Float(a * b),
            Pair::Decimal(a, b) => {
                let exponent = a.exponent.saturating_add(b.exponent);
                let mantissa = match (&a.mantissa, &b.mantissa) {
                    (Mantissa::Small(x), Mantissa::Small(y)) => {
                        x.checked_mul(*y).map(Mantissa::Small)
                    }
                    _ => None,
                };
                let mantissa = mantissa.unwrap_or_else(|| {
                    Mantissa::from_big(a.mantissa.to_big() * b.mantissa.to_big())
                });
                Number::Decimal(Decimal { mantissa, exponent })
            }
        }
    }

    /// The quotient; `None` when dividing by zero. Integers give an integer where it comes out even, else a decimal.
    pub fn div(&self, other: &Number) -> Option<Number> {
        if other.is_zero() {
            return None;
        }
        match self.pair(other) {
            Pair::Int(a, b) if a.checked_rem(b) == Some(0) => Some(Number::Int(a.checked_div(b)?)),
            Pair::Int(a, b) => Some(divide_integers(BigInt::from(a), BigInt::from(b))),
            Pair::Big(a, b) => Some(divide_integers(a, b)),
            Pair::Float(a, b) => Some(Number::Float(a / b)),
            Pair::Decimal(a, b) => Some(Number::Decimal(divide_decimals(&a, &b))),
        }
    }

    /// The rest of a division rounded down: it has the sign of `other`. `None` when dividing by zero.
    pub fn rem(&self, other: &Number) -> Option<Number> {
        if other.is_zero() {
            return None;
        }
        match self.pair(other) {
            Pair::Int(a, b) => {
                let rest = a.checked_rem(b).unwrap_or(0);
                let apart = rest != 0 && (rest < 0) != (b < 0);
                Some(Number::Int(if apart { rest + b } else { rest }))
            }
            Pair::Big(a, b) => Some(Number::from_big(floored_rest(&a, &b))),
            Pair::Float(a, b) => {
                let rest = a % b;
                Some(Number::Float(if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
                    rest + b
                } else {
                    rest
                }))
            }
            Pair::Decimal(a, b) => {
                let exponent = a.exponent.min(b.exponent);
                let (x, y) = (
                    aligned(&a, exponent)?.to_big(),
                    aligned(&b, exponent)?.to_big(),
                );
                Some(Number::Decimal(Decimal::new(
                    floored_rest(&x, &y),
                    exponent,
                )))
            }
        }
    }

    /// The number with the other sign.
    pub fn neg(&self) -> Number {
        match self {
            Number::Int(number) => number
                .checked_neg()
                .map_or_else(|| Number::from_big(-BigInt::from(*number)), Number::Int),
            Number::BigInt(number) => Number::from_big(-number.clone()),
            Number::Float(number) => Number::Float(-number),
            Number::Decimal(number) => {
                let mantissa = match &number.mantissa {
                    Mantissa::Small(small) => small.checked_neg().map(Mantissa::Small),
                    Mantissa::Big(_) => None,
                };
                let mantissa =
                    mantissa.unwrap_or_else(|| Mantissa::from_big(-number.mantissa.to_big()));
                Number::Decimal(Decimal {
                    mantissa,
                    exponent: number.exponent,
                })
            }
        }
    }

    /// The number without its sign.
    pub fn abs(&self) -> Number {
        if self.is_negative() {
            self.neg()
        } else {
            self.clone()
        }
    }
}

/// The mantissa at a lower exponent; `None` when that takes too many digits.
fn aligned(number: &Decimal, exponent: i32) -> Option<Mantissa> {
    let shift = u32::try_from(i64::from(number.exponent) - i64::from(exponent)).ok()?;
    if number.is_zero() {
        return Some(Mantissa::Small(0));
    }
    (shift <= MAX_SHIFT).then(|| number.mantissa.shifted(shift))
}

fn add_decimals(a: &Decimal, b: &Decimal) -> Option<Decimal> {
    let exponent = a.exponent.min(b.exponent);
    let (x, y) = (aligned(a, exponent)?, aligned(b, exponent)?);
    let sum = match (&x, &y) {
        (Mantissa::Small(x), Mantissa::Small(y)) => x.checked_add(*y).map(Mantissa::Small),
        _ => None,
    };
    let mantissa = sum.unwrap_or_else(|| Mantissa::from_big(x.to_big() + y.to_big()));
    Some(Decimal { mantissa, exponent })
}

fn floored_rest(a: &BigInt, b: &BigInt) -> BigInt {
    let rest = a % b;
    let apart = rest.sign() != Sign::NoSign && rest.sign() != b.sign();
    if apart { rest + b } else { rest }
}

fn divide_integers(a: BigInt, b: BigInt) -> Number {
    if (&a % &b).sign() == Sign::NoSign {
        return Number::from_big(a / b);
    }
    Number::Decimal(divide_decimals(&Decimal::new(a, 0), &Decimal::new(b, 0)))
}

/// 28 significant digits, halves to even, without trailing zeros.
fn divide_decimals(a: &Decimal, b: &Decimal) -> Decimal {
    let (dividend, divisor) = (a.mantissa.to_big(), b.mantissa.to_big());
    let digits = |number: &BigInt| number.magnitude().to_string().len() as i64;
    let shift = (QUOTIENT_DIGITS + digits(&divisor) - digits(&dividend)).max(0) as u32;
    let shifted = dividend * BigInt::from(10u8).pow(shift);
    let (shifted, divisor) = if divisor.sign() == Sign::Minus {
        (-shifted, -divisor)
    } else {
        (shifted, divisor)
    };
    let mut quotient = divide_half_even(&shifted, &divisor);
    let mut exponent = a
        .exponent
        .saturating_sub(b.exponent)
        .saturating_sub(shift as i32);
    let surplus = digits(&quotient) - QUOTIENT_DIGITS;
    if surplus > 0 && (&shifted % &divisor).sign() != Sign::NoSign {
        let power = BigInt::from(10u8).pow(surplus as u32);
        quotient = divide_half_even(&quotient, &power);
        exponent = exponent.saturating_add(surplus as i32);
    }
    Decimal::new(quotient, exponent).normalized()
}
