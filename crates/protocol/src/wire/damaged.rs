//! What is wrong with a message, and in which field.

use crate::{Code, Error};

/// A message that is not what the other side should have sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {what}")]
#[allow(
    unreachable_pub,
    reason = "named by conversions of generated types, which are `pub` in a private module"
)]
pub struct Damaged {
    /// Names of fields from the outermost, joined by `.`.
    field: String,
    what: String,
}

impl Damaged {
    pub(crate) fn new(field: &str, what: impl ToString) -> Self {
        Damaged {
            field: field.to_owned(),
            what: what.to_string(),
        }
    }

    /// The request of a caller is at fault.
    pub(crate) fn request(self) -> Error {
        Error::invalid("damaged-message", format!("the message is damaged: {self}")).caused_by(self)
    }

    /// The answer of another role is at fault.
    pub(crate) fn answer(self) -> Error {
        let message = format!("the answer of another role is damaged: {self}");
        Error::new(Code::Internal, "damaged-answer", message).caused_by(self)
    }
}

/// Names the field around a damaged one.
pub(crate) trait Within<T> {
    fn within(self, field: &str) -> Result<T, Damaged>;
}

impl<T> Within<T> for Result<T, Damaged> {
    fn within(self, field: &str) -> Result<T, Damaged> {
        self.map_err(|inner| Damaged {
            field: format!("{field}.{}", inner.field),
            what: inner.what,
        })
    }
}

/// A field that must be there.
pub(crate) fn required<T>(value: Option<T>, field: &str) -> Result<T, Damaged> {
    value.ok_or_else(|| Damaged::new(field, "missing"))
}

/// A name that must not be empty.
pub(crate) fn name(text: String, field: &str) -> Result<String, Damaged> {
    match text.is_empty() {
        true => Err(Damaged::new(field, "missing")),
        false => Ok(text),
    }
}
