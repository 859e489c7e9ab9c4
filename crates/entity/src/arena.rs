//! Values that live as long as one evaluation: made one after the other, freed all at once.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;

use bumpalo::Bump;

use crate::buffer::ValueBuf;
use crate::builder::{Builder, push_datetime};
use crate::datetime::Datetime;
use crate::layout::{self, BYTES, NI, URI, UUID};
use crate::number::{self, Number};
use crate::output::Output;
use crate::value::Value;

/// Memory for the values of one evaluation.
#[derive(Default)]
pub struct Arena {
    bump: Bump,
    /// Taken while in use, so that the iterators of `list` and `dict` may make values here themselves.
    scratch: Cell<Output>,
    /// Not in use; as many as were in use at once, since what one writes may itself be built here.
    builders: RefCell<Vec<Builder>>,
}

impl Arena {
    /// An empty arena; memory comes with the first value.
    pub fn new() -> Arena {
        Arena::default()
    }

    /// Frees all values; the memory is used again.
    pub fn reset(&mut self) {
        self.bump.reset();
    }

    /// Bytes held.
    pub fn allocated(&self) -> usize {
        self.bump.allocated_bytes()
    }

    fn write<'a>(&'a self, write: impl FnOnce(&mut Output)) -> Value<'a> {
        let mut scratch = self.scratch.take();
        scratch.clear();
        write(&mut scratch);
        let value = Value::from_encoded(self.bump.alloc_slice_copy(scratch.written()));
        self.scratch.set(scratch);
        value
    }

    fn tagged<'a>(&'a self, tag: u8, payload: &[u8]) -> Value<'a> {
        let bytes = self.bump.alloc_slice_fill_copy(payload.len() + 1, tag);
        if let Some(place) = bytes.get_mut(1..) {
            place.copy_from_slice(payload);
        }
        Value::from_encoded(bytes)
    }

    /// The first bytes of a block.
    #[inline]
    fn block<'a, const N: usize>(&'a self, (block, length): ([u8; N], usize)) -> Value<'a> {
        let bytes: &'a [u8; N] = self.bump.alloc(block);
        Value::from_encoded(bytes.get(..length).unwrap_or_default())
    }

    /// An integer.
    pub fn int<'a>(&'a self, number: i64) -> Value<'a> {
        self.block(layout::int_block(number))
    }

    /// Any number; NaN and infinities become null (EM14).
    pub fn number<'a>(&'a self, number: &Number) -> Value<'a> {
        match number {
            Number::Int(number) => return self.int(*number),
            Number::Float(number) => return self.float(*number),
            Number::Decimal(number) => {
                if let Some((mantissa, exponent)) = number::short_decimal(number) {
                    return self.block(layout::decimal_block(mantissa, exponent));
                }
            }
            Number::BigInt(_) => {}
        }
        self.write(|out| number::push_number(out, number))
    }

    /// A float; NaN and infinities become null (EM14).
    pub fn float<'a>(&'a self, number: f64) -> Value<'a> {
        if number.is_finite() {
            self.block((layout::float_block(number), 9))
        } else {
            Value::NULL
        }
    }

    /// A plain string.
    pub fn str<'a>(&'a self, text: &str) -> Value<'a> {
        self.tagged(layout::string_tag(text.as_bytes()), text.as_bytes())
    }

    /// A plain string of `length` bytes, put together from parts that are UTF-8 each.
    pub fn joined<'a, 't>(
        &'a self,
        length: usize,
        parts: impl Iterator<Item = &'t [u8]>,
    ) -> Value<'a> {
        let bytes = self.bump.alloc_slice_fill_copy(length + 1, layout::STRING);
        let mut end = 1;
        for part in parts {
            let start = end;
            end += part.len();
            if let Some(place) = bytes.get_mut(start..end) {
                place.copy_from_slice(part);
            }
        }
        if let Some((tag, text)) = bytes.split_first_mut() {
            *tag = layout::string_tag(text);
        }
        Value::from_encoded(bytes)
    }

    /// A plain string of ASCII in upper case; `None` for any other value.
    pub fn ascii_upper<'a>(&'a self, text: Value<'_>) -> Option<Value<'a>> {
        self.cased(text, <[u8]>::make_ascii_uppercase)
    }

    /// A plain string of ASCII in lower case; `None` for any other value.
    pub fn ascii_lower<'a>(&'a self, text: Value<'_>) -> Option<Value<'a>> {
        self.cased(text, <[u8]>::make_ascii_lowercase)
    }

    /// Letters do not decide about the tag, so that stays.
    fn cased<'a>(&'a self, text: Value<'_>, change: fn(&mut [u8])) -> Option<Value<'a>> {
        text.text_bytes().filter(|text| text.is_ascii())?;
        let bytes = self.bump.alloc_slice_copy(text.encoded());
        change(bytes.get_mut(1..)?);
        Some(Value::from_encoded(bytes))
    }

    /// A namespaced identifier, without its tag.
    pub fn ni<'a>(&'a self, text: &str) -> Value<'a> {
        self.tagged(NI, text.as_bytes())
    }

    /// A URI, without its tag.
    pub fn uri<'a>(&'a self, text: &str) -> Value<'a> {
        self.tagged(URI, text.as_bytes())
    }

    /// A date or point in time.
    pub fn datetime<'a>(&'a self, datetime: Datetime) -> Value<'a> {
        self.write(|out| push_datetime(out, datetime))
    }

    /// A UUID.
    pub fn uuid<'a>(&'a self, uuid: [u8; 16]) -> Value<'a> {
        self.tagged(UUID, &uuid)
    }

    /// Bytes.
    pub fn bytes<'a>(&'a self, bytes: &[u8]) -> Value<'a> {
        self.tagged(BYTES, bytes)
    }

    /// A copy of any value.
    pub fn copy<'a>(&'a self, value: Value<'_>) -> Value<'a> {
        Value::from_encoded(self.bump.alloc_slice_copy(value.encoded()))
    }

    /// A copy of an owned value.
    pub fn from_buf<'a>(&'a self, value: &ValueBuf) -> Value<'a> {
        self.copy(value.value())
    }

    /// A list of copies.
    pub fn list<'a, 'v>(&'a self, values: impl IntoIterator<Item = Value<'v>>) -> Value<'a> {
        self.build(|builder| {
            builder.begin_list();
            for value in values {
                builder.value(value);
            }
            builder.end();
        })
    }

    /// A dict of copies; of a name given twice the first position and the last value count.
    pub fn dict<'a, 'v>(
        &'a self,
        fields: impl IntoIterator<Item = (&'v str, Value<'v>)>,
    ) -> Value<'a> {
        self.build(|builder| {
            builder.begin_dict();
            for (name, value) in fields {
                builder.name(name);
                builder.value(value);
            }
            builder.end();
        })
    }

    /// What `write` builds. `write` may make other values here.
    pub fn build<'a>(&'a self, write: impl FnOnce(&mut Builder)) -> Value<'a> {
        let built = self.try_build(|builder| {
            write(builder);
            Ok::<(), Infallible>(())
        });
        match built {
            Ok(value) => value,
        }
    }

    /// As [`Arena::build`], unless `write` fails.
    pub fn try_build<'a, E>(
        &'a self,
        write: impl FnOnce(&mut Builder) -> Result<(), E>,
    ) -> Result<Value<'a>, E> {
        let mut builder = self.builders.borrow_mut().pop().unwrap_or_default();
        builder.clear();
        let written = write(&mut builder);
        let value = written.map(|()| self.copy(builder.as_value()));
        self.builders.borrow_mut().push(builder);
        value
    }

    /// A copy of a text.
    pub fn str_slice<'a>(&'a self, text: &str) -> &'a str {
        self.bump.alloc_str(text)
    }
}
