//! Names that a program writes many times: encoded once, for a whole dict with the order of the sorted names.

use crate::layout;
use crate::output::Output;
use crate::shapes::Entries;

/// A name, and how it lies in front of its value.
#[derive(Clone, Debug)]
pub struct Name {
    text: Box<str>,
    /// Header and name, then zeros: a short one is written with one fixed move.
    head: Box<[u8]>,
    length: usize,
}

/// Zeros behind the encoded name.
const PADDING: usize = 32;

impl Name {
    /// Encodes the name.
    pub fn new(text: &str) -> Name {
        let mut out = Output::default();
        layout::push_name(&mut out, text.as_bytes());
        let length = out.len();
        out.extend_from_slice(&[0; PADDING]);
        Name {
            text: text.into(),
            head: out.into_vec().into(),
            length,
        }
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    #[inline(always)]
    pub(crate) fn push(&self, out: &mut Output) {
        out.range(&self.head, 0, self.length);
    }
}

/// The names of a dict that is made many times.
#[derive(Clone, Debug)]
pub struct Names {
    names: Box<[Name]>,
    /// As in the encoded dict: `None` when the names are sorted.
    order: Option<Box<[u32]>>,
}

impl Names {
    /// The names in the order of the dict; `None` when one is given twice.
    pub fn new<'n>(names: impl IntoIterator<Item = &'n str>) -> Option<Names> {
        let names: Box<[Name]> = names.into_iter().map(Name::new).collect();
        let (mut bytes, mut ends) = (Output::default(), Vec::new());
        for name in &names {
            name.push(&mut bytes);
            ends.push(bytes.len() as u32);
        }
        let entries = Entries {
            bytes: bytes.written(),
            ends: &ends,
        };
        let mut order = Vec::new();
        entries.sort(&mut order).ok()?;
        let sorted = order.is_sorted();
        Some(Names {
            names,
            order: (!sorted).then(|| order.into()),
        })
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.names.len()
    }

    /// There are none.
    pub fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    /// The names in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Name> {
        self.names.iter()
    }

    pub(crate) fn order(&self) -> Option<&[u32]> {
        self.order.as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Builder, Limits, Value};

    #[test]
    fn a_dict_of_known_names_is_the_one_built_name_by_name() {
        let long = "n".repeat(300);
        for texts in [
            &["b", "a", "\"quoted\"", ""][..],
            &["a", "b"],
            &[],
            &[&long, "x"],
        ] {
            let names = Names::new(texts.iter().copied()).expect("no name is repeated");
            let (mut known, mut plain) = (Builder::new(), Builder::new());
            plain.begin_dict();
            for (index, text) in texts.iter().enumerate() {
                plain.name(text);
                plain.int(index as i64);
            }
            let written = known.dict_of(&names, |out, index| {
                out.int(index as i64);
                Ok::<(), ()>(())
            });
            assert_eq!(written, Ok(()));
            assert_eq!(known.as_value().encoded(), plain.as_value().encoded());
        }
        assert!(Names::new(["a", "b", "a"]).is_none());
    }

    #[test]
    fn odd_values_of_known_names_leave_a_sound_dict() {
        let names = Names::new(["b", "a", "d", "c"]).unwrap();
        let mut builder = Builder::new();
        let written = builder.dict_of(&names, |out, index| {
            match index {
                0 => {}
                1 => {
                    out.int(1);
                    out.int(2);
                    out.name("other");
                    out.end();
                }
                2 => out.name("other"),
                _ => {
                    out.begin_list();
                    out.begin_dict();
                    out.name("x");
                }
            }
            Ok::<(), ()>(())
        });
        assert_eq!(written, Ok(()));
        let value: Value<'_> = builder.as_value();
        value.check(&Limits::default()).expect("a sound value");
        assert_eq!(
            value.to_json_string(),
            r#"{"b":null,"a":1,"d":null,"c":[{"x":null}]}"#
        );
    }

    #[test]
    fn a_dict_that_failed_can_still_be_closed() {
        let names = Names::new(["b", "a"]).unwrap();
        let mut builder = Builder::new();
        let written = builder.dict_of(&names, |_, index| if index == 1 { Err(()) } else { Ok(()) });
        assert_eq!(written, Err(()));
        assert_eq!(
            builder.as_value().to_json_string(),
            r#"{"b":null,"a":null}"#
        );
    }
}
