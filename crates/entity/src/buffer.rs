//! A value that owns its bytes; clones share them.

use std::fmt;
use std::sync::Arc;

use crate::value::Value;

/// An owned encoded value. Cloning costs a reference count.
#[derive(Clone)]
pub struct ValueBuf {
    bytes: Arc<[u8]>,
}

impl ValueBuf {
    /// Bytes that this crate made; see [`Value::from_encoded`].
    pub fn from_encoded(bytes: impl Into<Arc<[u8]>>) -> ValueBuf {
        ValueBuf {
            bytes: bytes.into(),
        }
    }

    /// The value.
    #[inline]
    pub fn value(&self) -> Value<'_> {
        Value::from_encoded(&self.bytes)
    }

    /// The bytes of the value.
    pub fn encoded(&self) -> &[u8] {
        &self.bytes
    }

    /// The bytes of the value, shared.
    pub fn shared(&self) -> Arc<[u8]> {
        Arc::clone(&self.bytes)
    }
}

impl fmt::Debug for ValueBuf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value().fmt(f)
    }
}

/// As [`Value::equals`].
impl PartialEq for ValueBuf {
    fn eq(&self, other: &ValueBuf) -> bool {
        self.value().equals(other.value())
    }
}
