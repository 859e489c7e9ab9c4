//! A value where it lies: a borrowed range of bytes and typed access to it.
//! It owns nothing and never trusts the bytes: on damage accessors answer `None`.

use crate::buffer::ValueBuf;
use crate::containers::{Dict, List};
use crate::datetime::Datetime;
use crate::layout::{self, Container};
use crate::number::{self, Number};

/// A borrowed encoded value. `Copy`; as cheap as a slice.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    bytes: &'a [u8],
}

/// What a value is. Integers of any size are `Int`, decimals of any size `Decimal`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// `null`; also what damage looks like.
    Null,
    /// `true` and `false`.
    Bool,
    /// An integer of any size.
    Int,
    /// A decimal with its scale, `~f`.
    Decimal,
    /// A 64-bit float.
    Float,
    /// A date or a point in time, `~t`.
    Datetime,
    /// A UUID, `~u`.
    Uuid,
    /// A namespaced identifier, `~:`.
    Ni,
    /// A URI, `~r`.
    Uri,
    /// Text.
    String,
    /// Names and values in an order of their own.
    Dict,
    /// Values in order.
    List,
    /// Bytes, `~b`.
    Bytes,
}

impl Value<'static> {
    /// `null`.
    pub const NULL: Value<'static> = Value {
        bytes: &[layout::NULL],
    };
    /// `true`.
    pub const TRUE: Value<'static> = Value {
        bytes: &[layout::TRUE],
    };
    /// `false`.
    pub const FALSE: Value<'static> = Value {
        bytes: &[layout::FALSE],
    };

    /// `true` or `false`.
    pub fn bool(value: bool) -> Value<'static> {
        if value { Value::TRUE } else { Value::FALSE }
    }
}

impl<'a> Value<'a> {
    /// Bytes that this crate made (from the store, a builder, a feed). Accessors stay safe on any others;
    /// for bytes from outside see [`Value::check`].
    #[inline(always)]
    pub fn from_encoded(bytes: &'a [u8]) -> Value<'a> {
        Value { bytes }
    }

    /// The bytes of the value.
    #[inline(always)]
    pub fn encoded(self) -> &'a [u8] {
        self.bytes
    }

    #[inline(always)]
    pub(crate) fn tag(self) -> u8 {
        self.bytes.first().copied().unwrap_or(layout::NULL)
    }

    #[inline(always)]
    pub(crate) fn payload(self) -> &'a [u8] {
        self.bytes.get(1..).unwrap_or_default()
    }

    /// What the value is.
    #[inline]
    pub fn kind(self) -> Kind {
        match self.tag() {
            layout::FALSE | layout::TRUE => Kind::Bool,
            layout::INT | layout::BIG_INT => Kind::Int,
            layout::DECIMAL | layout::BIG_DECIMAL => Kind::Decimal,
            layout::FLOAT => Kind::Float,
            layout::STRING | layout::STRING_QUOTED => Kind::String,
            layout::NI => Kind::Ni,
            layout::URI => Kind::Uri,
            layout::DATETIME => Kind::Datetime,
            layout::UUID => Kind::Uuid,
            layout::BYTES => Kind::Bytes,
            tag if layout::is_list(tag) => Kind::List,
            tag if layout::is_dict(tag) => Kind::Dict,
            _ => Kind::Null,
        }
    }

    /// Is `null`.
    #[inline]
    pub fn is_null(self) -> bool {
        self.kind() == Kind::Null
    }

    /// `true` or `false`.
    #[inline]
    pub fn as_bool(self) -> Option<bool> {
        match self.tag() {
            layout::TRUE => Some(true),
            layout::FALSE => Some(false),
            _ => None,
        }
    }

    /// The text of a plain string; not of identifiers and URIs.
    #[inline]
    pub fn as_str(self) -> Option<&'a str> {
        match self.tag() {
            layout::STRING | layout::STRING_QUOTED => text(self.payload()),
            _ => None,
        }
    }

    /// The bytes of a plain string, which are UTF-8 unless they are damaged.
    #[inline]
    pub fn text_bytes(self) -> Option<&'a [u8]> {
        match self.tag() {
            layout::STRING | layout::STRING_QUOTED => Some(self.payload()),
            _ => None,
        }
    }

    /// A namespaced identifier without its tag.
    #[inline]
    pub fn as_ni(self) -> Option<&'a str> {
        if self.tag() == layout::NI {
            text(self.payload())
        } else {
            None
        }
    }

    /// A URI without its tag.
    #[inline]
    pub fn as_uri(self) -> Option<&'a str> {
        if self.tag() == layout::URI {
            text(self.payload())
        } else {
            None
        }
    }

    /// An integer that fits; not a decimal that happens to be whole (see [`Number::to_i64`]).
    #[inline]
    pub fn as_i64(self) -> Option<i64> {
        if self.tag() == layout::INT {
            layout::read_int(self.payload())
        } else {
            None
        }
    }

    /// Any number.
    #[inline]
    pub fn as_number(self) -> Option<Number> {
        number::decode(self.tag(), self.payload())
    }

    /// A date or point in time.
    pub fn as_datetime(self) -> Option<Datetime> {
        if self.tag() != layout::DATETIME {
            return None;
        }
        let (seconds, rest) = self.payload().split_first_chunk::<8>()?;
        let (nanos, rest) = rest.split_first_chunk::<4>()?;
        let [precision] = rest else { return None };
        Datetime::with_precision(
            i64::from_le_bytes(*seconds),
            u32::from_le_bytes(*nanos),
            *precision,
        )
    }

    /// The 16 bytes of a UUID.
    pub fn as_uuid(self) -> Option<[u8; 16]> {
        if self.tag() == layout::UUID {
            self.payload().try_into().ok()
        } else {
            None
        }
    }

    /// Bytes.
    pub fn as_bytes(self) -> Option<&'a [u8]> {
        (self.tag() == layout::BYTES).then(|| self.payload())
    }

    /// A list.
    #[inline]
    pub fn as_list(self) -> Option<List<'a>> {
        if layout::is_list(self.tag()) {
            Container::open(self.bytes).map(List::new)
        } else {
            None
        }
    }

    /// A dict.
    #[inline]
    pub fn as_dict(self) -> Option<Dict<'a>> {
        if layout::is_dict(self.tag()) {
            Container::open(self.bytes).map(Dict::new)
        } else {
            None
        }
    }

    /// A field of a dict; `None` for anything else.
    pub fn get(self, name: &str) -> Option<Value<'a>> {
        self.as_dict()?.get(name)
    }

    /// A copy that owns its bytes.
    pub fn to_owned(self) -> ValueBuf {
        ValueBuf::from_encoded(self.bytes)
    }
}

/// Checked here, where a `&str` is handed out, since bytes may be damaged.
#[inline]
pub(crate) fn text(bytes: &[u8]) -> Option<&str> {
    if bytes.len() < 64 {
        std::str::from_utf8(bytes).ok()
    } else {
        simdutf8::basic::from_utf8(bytes).ok()
    }
}

/// Values are equal when [`Value::equals`] says so: `1`, `1.0` and `~f1.00` are.
impl PartialEq for Value<'_> {
    fn eq(&self, other: &Value<'_>) -> bool {
        self.equals(*other)
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.to_json_string())
    }
}
