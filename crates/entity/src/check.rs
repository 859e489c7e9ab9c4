//! The full structural check of encoded bytes that come from outside of the hub's trust.
//! What passes is what this crate would have written: canonical widths, shortest integers, right string tags.

use crate::layout::{self, Container};
use crate::number::{self, Number};
use crate::output::Output;
use crate::read::Limits;
use crate::scan::is_plain;
use crate::value::{Kind, Value, text};

/// Bytes that are no value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("damaged value at byte {offset}: {what}")]
pub struct Damage {
    /// Where in the bytes, counted from their beginning.
    pub offset: usize,
    /// What is wrong there.
    pub what: &'static str,
}

impl Value<'_> {
    /// Checks everything: structure, UTF-8, ranges, limits, and that each choice of form is the canonical one.
    pub fn check(self, limits: &Limits) -> Result<(), Damage> {
        if self.encoded().is_empty() {
            return Err(Damage {
                offset: 0,
                what: "no bytes",
            });
        }
        Check {
            whole: self.encoded(),
            limits,
        }
        .value(self, 0)
    }
}

struct Check<'a> {
    whole: &'a [u8],
    limits: &'a Limits,
}

impl Check<'_> {
    fn value(&self, value: Value<'_>, depth: usize) -> Result<(), Damage> {
        let payload = value.payload();
        let fine = |fine: bool, what| {
            if fine {
                Ok(())
            } else {
                Err(self.damage(value.encoded(), what))
            }
        };
        match value.tag() {
            layout::NULL | layout::FALSE | layout::TRUE => {
                fine(payload.is_empty(), "bytes behind a constant")
            }
            layout::INT => fine(is_shortest(payload), "integer not in its shortest form"),
            layout::FLOAT => fine(value.as_number().is_some(), "no finite float"),
            layout::BIG_INT | layout::BIG_DECIMAL | layout::DECIMAL => fine(
                self.is_canonical_number(value),
                "number not in its shortest form",
            ),
            layout::STRING | layout::STRING_QUOTED => {
                fine(text(payload).is_some(), "invalid UTF-8")?;
                let quoted = payload.first() == Some(&b'~') || !is_plain(payload);
                fine(
                    quoted == (value.tag() == layout::STRING_QUOTED),
                    "wrong kind of string",
                )
            }
            layout::NI | layout::URI => fine(text(payload).is_some(), "invalid UTF-8"),
            layout::DATETIME => fine(value.as_datetime().is_some(), "no datetime"),
            layout::UUID => fine(value.as_uuid().is_some(), "no UUID"),
            layout::BYTES => Ok(()),
            tag if matches!(value.kind(), Kind::List | Kind::Dict) => {
                fine(depth < self.limits.depth(), "nested too deep")?;
                match Container::open(value.encoded()) {
                    Some(container) => self.container(tag, container, value.encoded(), depth),
                    None => fine(false, "tables do not fit"),
                }
            }
            _ => fine(false, "unknown tag"),
        }
    }

    fn container(
        &self,
        tag: u8,
        container: Container<'_>,
        bytes: &[u8],
        depth: usize,
    ) -> Result<(), Damage> {
        let broken = |what| Err(self.damage(bytes, what));
        if container.code != layout::width_code(container.entries) {
            return broken("tables not in their shortest form");
        }
        let mut end = 0;
        for index in 0..container.count {
            let Some(entry) = container.entry(index).filter(|entry| !entry.is_empty()) else {
                return broken("ends out of order");
            };
            end += entry.len();
            let value = if layout::is_dict(tag) {
                self.name(entry)?
            } else {
                entry
            };
            if value.is_empty() {
                return broken("entry without a value");
            }
            self.value(Value::from_encoded(value), depth + 1)?;
        }
        if end != container.entries {
            return broken("bytes between entries and tables");
        }
        if layout::is_dict(tag) {
            self.order(tag, container, bytes)
        } else {
            Ok(())
        }
    }

    /// Checks the name of an entry and gives the value behind it.
    fn name<'b>(&self, entry: &'b [u8]) -> Result<&'b [u8], Damage> {
        let broken = |what| Err(self.damage(entry, what));
        let Some(parts) = layout::split_entry(entry) else {
            return broken("name does not fit");
        };
        if text(parts.name).is_none() {
            return broken("invalid UTF-8");
        }
        let mut expected = Output::default();
        layout::push_name(&mut expected, parts.name);
        if !entry.starts_with(expected.written()) {
            broken("name header not in its shortest form")
        } else {
            Ok(parts.value)
        }
    }

    /// The names must rise strictly in sorted order, and the order must be left out where it is the own order.
    fn order(&self, tag: u8, container: Container<'_>, bytes: &[u8]) -> Result<(), Damage> {
        let name_at = |position: usize| {
            let entry = container.entry(container.sorted(position)?)?;
            Some(layout::split_entry(entry)?.name)
        };
        let rises = |position: usize| {
            name_at(position - 1) < name_at(position) && name_at(position - 1).is_some()
        };
        if container.count > 0 && (name_at(0).is_none() || !(1..container.count).all(rises)) {
            return Err(self.damage(bytes, "names not in order"));
        }
        let ordered = tag >= layout::DICT_ORDERED;
        let moved =
            (0..container.count).any(|position| container.sorted(position) != Some(position));
        if ordered == moved {
            Ok(())
        } else {
            Err(self.damage(bytes, "order of the names not needed"))
        }
    }

    /// Writes the number again: there is one form for each.
    fn is_canonical_number(&self, value: Value<'_>) -> bool {
        let fits = match value.tag() {
            layout::BIG_INT => value.payload().len() <= self.limits.digits + 1,
            layout::BIG_DECIMAL => value.payload().len() <= self.limits.digits + 5,
            _ => true,
        };
        let number = if fits { value.as_number() } else { None };
        let Some(number) = number else { return false };
        // As written, digits behind the point count too.
        let most = self.limits.exponent().unsigned_abs() as usize + self.limits.digits;
        let exponent_fits = match &number {
            Number::Decimal(decimal) => decimal.exponent().unsigned_abs() as usize <= most,
            _ => true,
        };
        let mut again = Output::default();
        number::push_number(&mut again, &number);
        exponent_fits && again.written() == value.encoded()
    }

    #[cold]
    fn damage(&self, part: &[u8], what: &'static str) -> Damage {
        // Parts are ranges of the whole: the difference of their addresses is the offset.
        let offset = (part.as_ptr() as usize).wrapping_sub(self.whole.as_ptr() as usize);
        Damage {
            offset: if offset <= self.whole.len() {
                offset
            } else {
                0
            },
            what,
        }
    }
}

fn is_shortest(payload: &[u8]) -> bool {
    layout::read_int(payload).is_some_and(|number| layout::int_len(number) == payload.len())
}
