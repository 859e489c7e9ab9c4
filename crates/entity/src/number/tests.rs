//! Numbers: text, exact order across kinds, arithmetic.

use std::cmp::Ordering;

use super::{Decimal, Number};

fn number(text: &str) -> Number {
    match text.strip_prefix("float ") {
        Some(float) => Number::Float(float.parse().unwrap()),
        None => Number::parse(text).unwrap(),
    }
}

#[test]
fn what_is_written_is_printed_again() {
    for text in [
        "0",
        "-1",
        "9223372036854775807",
        "-9223372036854775808",
        "9223372036854775808",
        "123456789012345678901234567890",
        "1.10",
        "-0.5",
        "0.00",
        "1E+400",
        "12.5E-50",
        "2500.00",
        "0.00000000000000000000000000000000000000012",
        "3.14159265358979323846264338327950288419716939937510582",
    ] {
        let parsed = number(text);
        assert_eq!(number(&parsed.to_string()), parsed, "{text}");
        let plain = text.len() < 30 && !text.contains('E');
        assert!(
            !plain || parsed.to_string() == text,
            "{text} became {parsed}"
        );
    }
    assert_eq!(number("1E+400").to_string(), "1E+400");
    assert_eq!(number("1e3").to_string(), "1E+3");
}

#[test]
fn text_that_is_no_number_or_beyond_the_limits_is_refused() {
    let digits = "1".repeat(4097);
    for text in [
        "",
        "-",
        "1.",
        ".5",
        "01",
        "+1",
        "1e",
        "1e5000",
        "NaN",
        "1 ",
        "0x1",
        "1_000",
        digits.as_str(),
    ] {
        assert!(Number::parse(text).is_none(), "{text}");
    }
}

#[test]
fn order_is_by_exact_value_across_kinds() {
    // Each line is one value written in several ways; lines rise.
    let lines: &[&[&str]] = &[
        &["float -inf"],
        &["-1E+400"],
        &["-9223372036854775809", "-9223372036854775809.0"],
        &["-9223372036854775808", "float -9223372036854775808"],
        &["-1.5", "float -1.5", "-1.50"],
        &["0", "0.000", "float 0", "float -0.0", "0E+10"],
        &["float 5e-324"],
        &["1E-300"],
        // The float nearest to 0.1 is a little above it, and stands for what it prints as.
        &["0.1", "0.10", "1E-1", "float 0.1"],
        &["1", "1.0", "float 1", "100E-2"],
        &["1.1", "1.10", "float 1.1"],
        &["9007199254740992", "float 9007199254740992"],
        // No float can tell this one from the one before.
        &["9007199254740993", "9007199254740993.00"],
        &["9223372036854775807"],
        &["9223372036854775808", "float 9223372036854775808"],
        &["1E+400"],
        &["float inf"],
        &["float NaN"],
    ];
    for (i, line) in lines.iter().enumerate() {
        for (j, other) in lines.iter().enumerate() {
            for a in *line {
                for b in *other {
                    assert_eq!(number(a).order(&number(b)), i.cmp(&j), "{a} and {b}");
                }
            }
        }
    }
}

#[test]
fn mixed_arithmetic_takes_the_most_precise_kind() {
    let cases = [
        ("1", '+', "2", "3"),
        ("9223372036854775807", '+', "1", "9223372036854775808"),
        ("9223372036854775808", '-', "1", "9223372036854775807"),
        ("0.1", '+', "0.2", "0.3"),
        ("1.10", '+', "1", "2.10"),
        ("float 0.1", '+', "0.2", "0.3"),
        ("3", '*', "19.99", "59.97"),
        ("-4000000000", '*', "4000000000", "-16000000000000000000"),
        ("6", '/', "3", "2"),
        ("10", '/', "20", "0.5"),
        ("-3", '/', "2", "-1.5"),
        ("1", '/', "3", "0.3333333333333333333333333333"),
        ("2", '/', "3", "0.6666666666666666666666666667"),
        ("1.00", '/', "4", "0.25"),
        ("7", '%', "3", "1"),
        ("-7", '%', "3", "2"),
        ("7", '%', "-3", "-2"),
        ("7.5", '%', "2", "1.5"),
        ("-9223372036854775808", '%', "-1", "0"),
    ];
    for (a, operator, b, expected) in cases {
        let (x, y) = (number(a), number(b));
        let result = match operator {
            '+' => x.add(&y),
            '-' => x.sub(&y),
            '*' => x.mul(&y),
            '/' => x.div(&y).unwrap(),
            _ => x.rem(&y).unwrap(),
        };
        assert_eq!(result.to_string(), expected, "{a} {operator} {b}");
    }
    assert!(matches!(number("float 0.5").add(&number("1")), Number::Float(sum) if sum == 1.5));
    assert!(number("1").div(&number("0.0")).is_none());
    assert!(number("1").rem(&number("0")).is_none());
    assert_eq!(
        Number::Int(i64::MIN).neg().to_string(),
        "9223372036854775808"
    );
    assert_eq!(
        Number::Int(i64::MIN)
            .div(&Number::Int(-1))
            .unwrap()
            .to_string(),
        "9223372036854775808"
    );
}

#[test]
fn decimals_round_half_to_even_and_truncate_towards_zero() {
    for (text, places, expected) in [
        ("2.5", 0, "2"),
        ("3.5", 0, "4"),
        ("-2.5", 0, "-2"),
        ("-3.5", 0, "-4"),
        ("2.675", 2, "2.68"),
        ("1", 2, "1.00"),
        ("1E+3", 1, "1000.0"),
        ("0.0000001", 2, "0.00"),
        ("0.5", 0, "0"),
        ("0.51", 0, "1"),
    ] {
        assert_eq!(
            Decimal::parse(text).unwrap().round(places).to_string(),
            expected,
            "{text}"
        );
    }
    assert_eq!(Decimal::parse("-2.9").unwrap().trunc().to_string(), "-2");
    assert_eq!(Decimal::parse("1E-4000").unwrap().trunc().to_string(), "0");
    assert_eq!(
        Decimal::parse("1.2500").unwrap().normalized().to_string(),
        "1.25"
    );
}

#[test]
fn integers_and_floats_come_out_of_any_kind() {
    assert_eq!(number("5.00").to_i64(), Some(5));
    assert_eq!(number("5.01").to_i64(), None);
    assert_eq!(number("float 5").to_i64(), Some(5));
    assert_eq!(number("1E+18").to_i64(), Some(1_000_000_000_000_000_000));
    assert_eq!(number("9223372036854775808").to_i64(), None);
    assert_eq!(
        number("1E+30").to_big_int().unwrap().to_string(),
        format!("1{}", "0".repeat(30))
    );
    assert_eq!(number("0.1").to_f64(), 0.1);
    assert_eq!(number("1E+400").to_f64(), f64::INFINITY);
    assert_eq!(
        number("179769313486231570000.5").to_f64(),
        179769313486231570000.5
    );
    assert_eq!(number("float 0.1").to_decimal().unwrap().to_string(), "0.1");
}

#[test]
fn a_float_equals_the_decimal_it_prints_as() {
    for text in ["1.1", "0.1", "-2.5", "1e-7", "123456.789"] {
        let (float, decimal) = (number(&format!("float {text}")), number(text));
        assert_eq!(float.order(&decimal), Ordering::Equal, "{text}");
        let above = Number::Float(text.parse::<f64>().unwrap().next_up());
        assert_eq!(above.order(&decimal), Ordering::Greater, "{text}");
        let below = Number::Float(text.parse::<f64>().unwrap().next_down());
        assert_eq!(below.order(&decimal), Ordering::Less, "{text}");
    }
    let whole = Number::Float(2f64.powi(70));
    assert_eq!(
        whole.order(&number("1180591620717411303424")),
        Ordering::Equal
    );
}
