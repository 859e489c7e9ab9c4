//! Decimals: mantissa × 10^exponent, of any size, with the scale that was written (`1.10` is not `1.1` here).

use std::cmp::Ordering;
use std::fmt;

use num_bigint::{BigInt, Sign};

use super::exact::Exact;
use super::{nearest_float, parse};
use crate::output::Output;

/// `mantissa × 10^exponent`. Equality and order are by value.
#[derive(Clone, Debug)]
pub struct Decimal {
    pub(super) mantissa: Mantissa,
    pub(super) exponent: i32,
}

/// `Big` only where 128 bits do not do.
#[derive(Clone, Debug)]
pub(super) enum Mantissa {
    Small(i128),
    Big(BigInt),
}

impl Mantissa {
    pub(super) fn from_big(number: BigInt) -> Mantissa {
        match i128::try_from(&number) {
            Ok(small) => Mantissa::Small(small),
            Err(_) => Mantissa::Big(number),
        }
    }

    pub(super) fn to_big(&self) -> BigInt {
        match self {
            Mantissa::Small(number) => BigInt::from(*number),
            Mantissa::Big(number) => number.clone(),
        }
    }

    /// `self × 10^places`.
    pub(super) fn shifted(&self, places: u32) -> Mantissa {
        if let Mantissa::Small(number) = self
            && let Some(factor) = 10i128.checked_pow(places)
            && let Some(product) = number.checked_mul(factor)
        {
            return Mantissa::Small(product);
        }
        Mantissa::from_big(self.to_big() * BigInt::from(10u8).pow(places))
    }

    pub(super) fn is_zero(&self) -> bool {
        matches!(self, Mantissa::Small(0))
    }

    fn text(&self) -> String {
        match self {
            Mantissa::Small(number) => number.to_string(),
            Mantissa::Big(number) => number.to_string(),
        }
    }
}

/// More zeros than this right behind the point, and the exponent is written instead.
const ZEROS_WRITTEN: i64 = 32;

impl Decimal {
    /// `mantissa × 10^exponent`.
    pub fn new(mantissa: BigInt, exponent: i32) -> Decimal {
        Decimal {
            mantissa: Mantissa::from_big(mantissa),
            exponent,
        }
    }

    pub(crate) fn from_parts(mantissa: i64, exponent: i32) -> Decimal {
        Decimal {
            mantissa: Mantissa::Small(mantissa.into()),
            exponent,
        }
    }

    /// Reads `-12.50` or `1.25E+30`; the digits are kept as written.
    pub fn parse(text: &str) -> Option<Decimal> {
        parse::parse_decimal(text.as_bytes())
    }

    /// The digits without a point.
    pub fn mantissa(&self) -> BigInt {
        self.mantissa.to_big()
    }

    /// The power of ten that the mantissa is multiplied by; −2 for `1.10`.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    pub(super) fn mantissa_bits(&self) -> u64 {
        match &self.mantissa {
            Mantissa::Small(_) => 127,
            Mantissa::Big(number) => number.bits(),
        }
    }

    /// Equal to zero.
    pub fn is_zero(&self) -> bool {
        self.mantissa.is_zero()
    }

    /// Below zero.
    pub fn is_negative(&self) -> bool {
        match &self.mantissa {
            Mantissa::Small(number) => *number < 0,
            Mantissa::Big(number) => number.sign() == Sign::Minus,
        }
    }

    /// The nearest float; infinite when too large.
    pub fn to_f64(&self) -> f64 {
        if let Mantissa::Small(number) = &self.mantissa
            && number.unsigned_abs() < 1 << 53
            && (-22..=0).contains(&self.exponent)
        {
            // Both sides are exact floats here, and one division rounds correctly.
            return *number as f64 / 10f64.powi(-self.exponent);
        }
        nearest_float(&format!("{}e{}", self.mantissa.text(), self.exponent))
    }

    /// The integer; `None` when there is a fraction.
    pub fn to_integer(&self) -> Option<BigInt> {
        if self.exponent >= 0 {
            return Some(self.mantissa.shifted(self.exponent.unsigned_abs()).to_big());
        }
        let (quotient, rest) = self.split();
        (rest.sign() == Sign::NoSign).then_some(quotient)
    }

    /// The integer part, the fraction cut off.
    pub fn trunc(&self) -> BigInt {
        if self.exponent >= 0 {
            self.mantissa.shifted(self.exponent.unsigned_abs()).to_big()
        } else {
            self.split().0
        }
    }

    /// Quotient and rest of the mantissa by the power of ten of a negative exponent.
    fn split(&self) -> (BigInt, BigInt) {
        let mantissa = self.mantissa.to_big();
        let digits = i64::try_from(self.mantissa.text().len()).unwrap_or(i64::MAX);
        if i64::from(self.exponent) < -digits {
            return (BigInt::ZERO, mantissa);
        }
        let power = BigInt::from(10u8).pow(self.exponent.unsigned_abs());
        (&mantissa / &power, &mantissa % &power)
    }

    /// The same value with exactly `places` fraction digits, halves rounded to the even neighbour.
    pub fn round(&self, places: u32) -> Decimal {
        let wanted = -i64::from(places);
        let given = i64::from(self.exponent);
        let exponent = i32::try_from(wanted).unwrap_or(i32::MIN);
        if given >= wanted {
            let shift = u32::try_from(given - wanted).unwrap_or(u32::MAX);
            return Decimal {
                mantissa: self.mantissa.shifted(shift),
                exponent,
            };
        }
        let digits = self.mantissa.text().len() as i64;
        let drop = wanted - given;
        if drop > digits {
            return Decimal {
                mantissa: Mantissa::Small(0),
                exponent,
            };
        }
        let power = BigInt::from(10u8).pow(drop as u32);
        Decimal {
            mantissa: Mantissa::from_big(divide_half_even(&self.mantissa.to_big(), &power)),
            exponent,
        }
    }

    /// The same value without trailing zeros behind the point.
    pub fn normalized(&self) -> Decimal {
        if self.is_zero() {
            return Decimal::from_parts(0, 0);
        }
        let text = self.mantissa.text();
        let zeros = (text.len() - text.trim_end_matches('0').len()) as i64;
        let cut = zeros.min(i64::from(self.exponent).saturating_neg()).max(0) as u32;
        if cut == 0 {
            return self.clone();
        }
        let mantissa = self.mantissa.to_big() / BigInt::from(10u8).pow(cut);
        Decimal {
            mantissa: Mantissa::from_big(mantissa),
            exponent: self.exponent + cut as i32,
        }
    }

    /// The value of the float in full, up to 1,074 digits behind the point. `None` when it is not finite.
    pub(crate) fn from_float_exact(number: f64) -> Option<Decimal> {
        if !number.is_finite() {
            return None;
        }
        if number.fract() == 0.0 && number.abs() < 9e18 {
            return Some(Decimal::from_parts(number as i64, 0));
        }
        let bits = number.to_bits();
        let stored = (bits >> 52 & 0x7ff) as i32;
        let fraction = bits & ((1 << 52) - 1);
        let (mantissa, power) = if stored == 0 {
            (fraction, -1074)
        } else {
            (fraction | 1 << 52, stored - 1075)
        };
        let mantissa = if number.is_sign_negative() {
            -BigInt::from(mantissa)
        } else {
            BigInt::from(mantissa)
        };
        if power >= 0 {
            return Some(Decimal::new(mantissa << power.unsigned_abs(), 0));
        }
        // m × 2^-k = m × 5^k × 10^-k
        Some(Decimal::new(
            mantissa * BigInt::from(5u8).pow(power.unsigned_abs()),
            power,
        ))
    }

    /// The shortest decimal that reads back as this float. `None` when it is not finite.
    pub fn from_float_shortest(number: f64) -> Option<Decimal> {
        if !number.is_finite() {
            return None;
        }
        Some(parse::parse_decimal(format!("{number:e}").as_bytes())?.plain_integer())
    }

    /// Without a positive exponent where the integer is of a size one would write.
    fn plain_integer(self) -> Decimal {
        if (1..=ZEROS_WRITTEN as i32).contains(&self.exponent) {
            return Decimal {
                mantissa: self.mantissa.shifted(self.exponent.unsigned_abs()),
                exponent: 0,
            };
        }
        self
    }

    pub(crate) fn exact(&self) -> Exact {
        match &self.mantissa {
            Mantissa::Small(number) => match i64::try_from(*number) {
                Ok(small) => Exact::from_i64(small, self.exponent.into()),
                Err(_) => Exact::from_text(self.mantissa.text().as_bytes(), self.exponent.into()),
            },
            Mantissa::Big(number) => {
                Exact::from_text(number.to_string().as_bytes(), self.exponent.into())
            }
        }
    }

    /// Appends the digits as they were written.
    pub(crate) fn push(&self, out: &mut Output) {
        push_decimal_text(out, self.mantissa.text().as_bytes(), self.exponent);
    }
}

/// `dividend / divisor`, halves to the even neighbour; the divisor is positive.
pub(super) fn divide_half_even(dividend: &BigInt, divisor: &BigInt) -> BigInt {
    let quotient = dividend / divisor;
    let rest = dividend % divisor;
    let twice = BigInt::from(rest.magnitude().clone()) * 2u8;
    let odd = (&quotient % 2u8).sign() != Sign::NoSign;
    let up = match twice.cmp(divisor) {
        Ordering::Greater => true,
        Ordering::Equal => odd,
        Ordering::Less => false,
    };
    match (up, dividend.sign()) {
        (false, _) => quotient,
        (true, Sign::Minus) => quotient - 1,
        (true, _) => quotient + 1,
    }
}

/// Appends `digits × 10^exponent`, where `digits` may begin with a sign.
pub(crate) fn push_decimal_text(out: &mut Output, digits: &[u8], exponent: i32) {
    let (sign, digits) = match digits.split_first() {
        Some((b'-', rest)) => (&b"-"[..], rest),
        _ => (&b""[..], digits),
    };
    out.extend_from_slice(sign);
    let before_point = digits.len() as i64 + i64::from(exponent);
    if exponent > 0 || before_point < -ZEROS_WRITTEN {
        out.extend_from_slice(digits);
        out.push(b'E');
        if exponent > 0 {
            out.push(b'+');
        }
        out.extend_from_slice(exponent.to_string().as_bytes());
        return;
    }
    if exponent == 0 {
        out.extend_from_slice(digits);
        return;
    }
    match usize::try_from(before_point)
        .ok()
        .filter(|count| *count > 0)
        .and_then(|count| digits.split_at_checked(count))
    {
        Some((whole, fraction)) => {
            out.extend_from_slice(whole);
            out.push(b'.');
            out.extend_from_slice(fraction);
        }
        None => {
            out.extend_from_slice(b"0.");
            for _ in before_point..0 {
                out.push(b'0');
            }
            out.extend_from_slice(digits);
        }
    }
}

impl From<i64> for Decimal {
    fn from(number: i64) -> Decimal {
        Decimal::from_parts(number, 0)
    }
}

impl PartialEq for Decimal {
    fn eq(&self, other: &Decimal) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Decimal {}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Decimal) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Decimal) -> Ordering {
        if self.exponent == other.exponent
            && let (Mantissa::Small(a), Mantissa::Small(b)) = (&self.mantissa, &other.mantissa)
        {
            return a.cmp(b);
        }
        self.exact().order(&other.exact())
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Output::default();
        self.push(&mut text);
        f.write_str(&String::from_utf8_lossy(text.written()))
    }
}
