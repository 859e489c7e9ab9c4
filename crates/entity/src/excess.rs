//! Whether a value keeps the limits that reading imposes. What functions make has to keep them as well: otherwise it could be
//! stored and served, and nobody could read it again.

use crate::layout::{self, Container};
use crate::read::{Limits, ReadCode, Segment, push_step};
use crate::value::Value;

/// What is beyond a limit, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Excess {
    /// The limit that is broken.
    pub code: ReadCode,
    /// The way to the value, for example `address.zip[3]`; empty at the top.
    pub path: String,
}

impl Value<'_> {
    /// The first value inside that is nested too deep or is a number with too many digits. Sizes and exponents are not judged.
    /// Costs a step for each value that is long enough to hold such a thing, and for each beside it.
    pub fn excess(self, limits: &Limits) -> Option<Excess> {
        let found = find(self, limits.depth(), limits)?;
        let mut path = String::new();
        for segment in found.path.iter().rev() {
            push_step(&mut path, segment);
        }
        Some(Excess {
            code: found.code,
            path,
        })
    }
}

struct Found {
    code: ReadCode,
    /// Innermost first.
    path: Vec<Segment>,
}

fn find(value: Value<'_>, levels: usize, limits: &Limits) -> Option<Found> {
    let at = |code| {
        Some(Found {
            code,
            path: Vec::new(),
        })
    };
    let payload = value.payload();
    match value.tag() {
        tag if tag >= layout::LIST => {
            let Some(levels) = levels.checked_sub(1) else {
                return at(ReadCode::TooDeep(limits.depth()));
            };
            find_inside(value, layout::is_dict(tag), levels, limits)
        }
        layout::BIG_INT if has_too_many(payload, limits) => {
            at(ReadCode::TooManyDigits(limits.digits))
        }
        layout::BIG_DECIMAL => {
            let (_, mantissa) = layout::split_decimal(payload)?;
            has_too_many(mantissa, limits)
                .then(|| at(ReadCode::TooManyDigits(limits.digits)))
                .flatten()
        }
        _ => None,
    }
}

/// Whether so many bytes can hold more than `levels` containers inside one another, or a number that is too long. A container
/// around another takes three bytes at least, the innermost two, a digit one.
fn can_hold_excess(bytes: usize, levels: usize, limits: &Limits) -> bool {
    bytes > 3 * levels + 1 || bytes > limits.digits
}

fn find_inside(value: Value<'_>, is_dict: bool, levels: usize, limits: &Limits) -> Option<Found> {
    let container = Container::open(value.encoded())?;
    for index in 0..container.count {
        let entry = container.entry(index)?;
        if !can_hold_excess(entry.len(), levels, limits) {
            continue;
        }
        let (name, inner) = if is_dict {
            let entry = layout::split_entry(entry)?;
            (entry.name, entry.value)
        } else {
            (&[][..], entry)
        };
        if let Some(mut found) = find(Value::from_encoded(inner), levels, limits) {
            found.path.push(if is_dict {
                Segment::Name(String::from_utf8_lossy(name).into_owned())
            } else {
                Segment::Index(index as u64)
            });
            return Some(found);
        }
    }
    None
}

/// Decimal digits behind an optional sign.
fn has_too_many(digits: &[u8], limits: &Limits) -> bool {
    let sign = usize::from(digits.first() == Some(&b'-'));
    digits.len() - sign > limits.digits
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Numbers, Reader, ValueBuf};

    fn read(text: &str, limits: Limits) -> ValueBuf {
        let mut reader = Reader::new(limits, Numbers::default());
        reader.read_value(text.as_bytes()).unwrap()
    }

    fn wide() -> Limits {
        Limits {
            depth: 1000,
            digits: 10_000,
            ..Limits::default()
        }
    }

    #[test]
    fn what_can_be_read_keeps_the_limits() {
        let digits = "9".repeat(4096);
        for text in [
            r#"{"a":[1,{"b":"~f1.10","c":null}],"d":"x"}"#.to_owned(),
            format!("{}1{}", "[".repeat(100), "]".repeat(100)),
            format!("[{digits},-{digits},0.{},1e4096,1.5e-4096]", &digits[1..]),
        ] {
            let value = read(&text, Limits::default());
            assert_eq!(value.value().excess(&Limits::default()), None);
        }
    }

    #[test]
    fn the_first_value_beyond_a_limit_is_named() {
        let deep = format!(
            r#"{{"a":{{"b c":[0,{}1{}]}}}}"#,
            "[".repeat(98),
            "]".repeat(98)
        );
        let excess = read(&deep, wide()).value().excess(&Limits::default());
        let excess = excess.unwrap();
        assert_eq!(excess.code, ReadCode::TooDeep(100));
        assert!(
            excess.path.starts_with(r#"a["b c"][1][0]"#),
            "{}",
            excess.path
        );

        let long = format!(r#"{{"ok":1,"n":[1,{}]}}"#, "9".repeat(4097));
        let excess = read(&long, wide()).value().excess(&Limits::default());
        assert_eq!(
            excess,
            Some(Excess {
                code: ReadCode::TooManyDigits(4096),
                path: "n[1]".to_owned()
            })
        );
    }

    #[test]
    fn no_value_is_too_short_to_be_looked_at() {
        let limits = Limits {
            depth: 5,
            digits: 30,
            ..Limits::default()
        };
        for (open, close) in [("[", "]"), (r#"{"":"#, "}")] {
            for levels in 1..=8_usize {
                for inner in ["[]", "{}", "[1]"] {
                    let nested = format!("{}{inner}{}", open.repeat(levels), close.repeat(levels));
                    for text in [nested.clone(), format!("[1,{nested},{nested}]")] {
                        let depth = levels + 1 + usize::from(text != nested);
                        let value = read(&text, wide());
                        let excess = value.value().excess(&limits);
                        assert_eq!(excess.is_some(), depth > 5, "{text}");
                    }
                }
            }
        }
        for digits in 1..=40 {
            let text = format!(r#"{{"a":[{0},-{0},1.{0}]}}"#, "9".repeat(digits));
            let value = read(&text, wide());
            let excess = value.value().excess(&limits);
            // The decimal has one digit more.
            assert_eq!(excess.is_some(), digits > 29, "{text}");
        }
    }
}
