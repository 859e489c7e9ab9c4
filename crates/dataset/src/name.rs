//! The validated name of a dataset (DS7, DS9).

use std::fmt;
use std::sync::Arc;

/// Longest name in bytes; generous for ids of pipes with a prefix.
const MAX_BYTES: usize = 512;
const INTERNAL_PREFIX: &str = "system:";

/// Name of a dataset: not empty, at most 512 bytes, without `/` and control characters; `system:` only for the hub's own.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetName(Arc<str>);

/// Why a name is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// Nothing there.
    #[error("a dataset name may not be empty")]
    Empty,
    /// More than 512 bytes.
    #[error("a dataset name may not be longer than 512 bytes")]
    TooLong,
    /// `/` or a control character.
    #[error("a dataset name may not contain '/' or control characters")]
    Character,
    /// `system:` asked for by a user, or missing where the hub names its own.
    #[error("names that begin with 'system:' belong to the hub's own datasets, and only those")]
    Reserved,
}

impl DatasetName {
    /// A user's dataset.
    pub fn new(name: &str) -> Result<Self, NameError> {
        check(name)?;
        if name.starts_with(INTERNAL_PREFIX) {
            Err(NameError::Reserved)
        } else {
            Ok(Self(name.into()))
        }
    }

    /// One of the hub's own datasets, `system:` included in `name`.
    pub fn internal(name: &str) -> Result<Self, NameError> {
        check(name)?;
        if name.len() > INTERNAL_PREFIX.len() && name.starts_with(INTERNAL_PREFIX) {
            Ok(Self(name.into()))
        } else {
            Err(NameError::Reserved)
        }
    }

    /// Either kind, for names that come back from storage or from a reader's request.
    pub fn existing(name: &str) -> Result<Self, NameError> {
        if name.starts_with(INTERNAL_PREFIX) {
            Self::internal(name)
        } else {
            Self::new(name)
        }
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// True for the hub's own datasets (DS9).
    pub fn is_internal(&self) -> bool {
        self.0.starts_with(INTERNAL_PREFIX)
    }
}

fn check(name: &str) -> Result<(), NameError> {
    if name.is_empty() {
        Err(NameError::Empty)
    } else if name.len() > MAX_BYTES {
        Err(NameError::TooLong)
    } else if name.chars().any(|c| c == '/' || c.is_control()) {
        Err(NameError::Character)
    } else {
        Ok(())
    }
}

impl fmt::Display for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for DatasetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_the_rules() {
        let long = "x".repeat(513);
        let cases: [(&str, Option<NameError>); 8] = [
            ("person", None),
            ("blåbær:syltetøy %2f ..", None),
            ("", Some(NameError::Empty)),
            (&long, Some(NameError::TooLong)),
            ("a/b", Some(NameError::Character)),
            ("a\nb", Some(NameError::Character)),
            ("system:", Some(NameError::Reserved)),
            ("system:config", Some(NameError::Reserved)),
        ];
        for (name, expected) in cases {
            assert_eq!(DatasetName::new(name).err(), expected, "{name:?}");
        }
        assert_eq!(
            DatasetName::internal("person").err(),
            Some(NameError::Reserved)
        );
        assert_eq!(
            DatasetName::internal("system:").err(),
            Some(NameError::Reserved)
        );
        assert!(
            DatasetName::internal("system:config")
                .unwrap()
                .is_internal()
        );
        assert!(
            DatasetName::existing("system:config")
                .unwrap()
                .is_internal()
        );
        assert!(!DatasetName::existing("person").unwrap().is_internal());
    }
}
