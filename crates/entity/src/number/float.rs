//! The short way between floats and text, for the numbers of everyday: up to 15 digits, few of them behind the point.
//! What does not fit goes the long way; both give the same.

use super::push_decimal_text;
use crate::output::Output;

/// Powers of ten that a float holds exactly, as many as short numbers need.
const POWERS: [f64; 19] = [
    1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16,
    1e17, 1e18,
];
/// Up to here every integer is a float.
const MAX_EXACT: u64 = 1 << 53;
/// Below this a float written with up to [`DIGITS_TRIED`] digits behind the point has at most 15 digits.
const SHORT: f64 = 1e10;
/// Digits behind the point that are tried when printing.
const DIGITS_TRIED: usize = 4;

/// The float nearest to `mantissa / 10^digits`; `None` where one division does not give it.
pub(crate) fn exact_quotient(mantissa: u64, digits: usize) -> Option<f64> {
    let power = POWERS.get(digits)?;
    // Both sides are exact, so the division rounds once, as reading does.
    (mantissa <= MAX_EXACT).then(|| mantissa as f64 / power)
}

/// Appends a float that has a fraction of a few digits; false, and nothing, for any other.
///
/// Two decimals of up to 15 digits are never the same float: the first that reads back as this one is the shortest.
pub(crate) fn push_short_float(out: &mut Output, number: f64) -> bool {
    let size = number.abs();
    if size.is_nan() || size >= SHORT || size.fract() == 0.0 {
        return false;
    }
    let found = POWERS
        .iter()
        .enumerate()
        .skip(1)
        .take(DIGITS_TRIED)
        .find_map(|(digits, power)| {
            let mantissa = (size * power).round();
            (mantissa / power == size).then_some((mantissa as u64, digits))
        });
    let Some((mantissa, digits)) = found else {
        return false;
    };
    if number < 0.0 {
        out.push(b'-');
    }
    // Ten digits before the point and four behind it, filled from the end.
    let (mut text, mut rest) = ([b'0'; 16], mantissa);
    let mut first = text.len();
    while let Some(place) = first.checked_sub(1).filter(|_| rest > 0) {
        first = place;
        if let Some(digit) = text.get_mut(place) {
            *digit = b'0' + (rest % 10) as u8;
        }
        rest /= 10;
    }
    push_decimal_text(out, text.get(first..).unwrap_or_default(), -(digits as i32));
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    fn short(number: f64) -> Option<String> {
        let mut out = Output::default();
        push_short_float(&mut out, number)
            .then(|| String::from_utf8(out.written().to_vec()).unwrap())
    }

    #[test]
    fn the_short_way_prints_what_the_long_way_prints() {
        let mut state = 88_172_645_463_325_252_u64;
        let mut taken = 0;
        for round in 0..200_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let number = match round % 4 {
                0 => (state % 10_000_000) as f64 / 100.0,
                1 => (state % 100_000) as f64 / 10_000.0,
                2 => (state % 9) as f64 * ((state >> 20) % 100_000) as f64 / 100.0,
                _ => f64::from_bits(state),
            };
            for number in [number, -number] {
                if let Some(text) = short(number) {
                    assert_eq!(text, format!("{number:?}"));
                    taken += 1;
                }
            }
        }
        assert!(taken > 100_000, "only {taken} went the short way");
    }

    #[test]
    fn the_short_way_reads_what_the_long_way_reads() {
        let mut state = 88_172_645_463_325_252_u64;
        for _ in 0..200_000 {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            let (mantissa, digits) = (state >> (state % 64), (state % 19) as usize);
            if let Some(float) = exact_quotient(mantissa, digits) {
                let text = format!("{mantissa}e-{digits}");
                assert_eq!(float, text.parse::<f64>().unwrap(), "{text}");
            }
        }
    }

    #[test]
    fn whole_large_and_strange_floats_go_the_long_way() {
        for number in [
            0.0,
            -0.0,
            1.0,
            1e16,
            0.00001,
            f64::NAN,
            f64::INFINITY,
            1.0 / 3.0,
        ] {
            assert_eq!(short(number), None, "{number}");
        }
    }
}
