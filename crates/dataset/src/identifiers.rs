//! Small newtypes: the number, the generation and the offsets of a dataset.

use std::fmt;

/// Position of a version in its dataset's log; the first is 0. Offsets only grow and may have gaps.
pub type Offset = u64;

/// The number of a dataset: given once, unique in the hub, never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DatasetNumber(pub u64);

impl fmt::Display for DatasetNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// UUID given when a dataset is made; one made again under the same name has another (DS5).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Generation(pub [u8; 16]);

impl Generation {
    /// A new, random generation.
    pub fn new_random() -> Self {
        Self(uuid::Uuid::new_v4().into_bytes())
    }

    /// Reads the usual text form of a UUID.
    pub fn parse(text: &str) -> Option<Self> {
        uuid::Uuid::try_parse(text)
            .ok()
            .map(|uuid| Self(uuid.into_bytes()))
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes(self.0).hyphenated().fmt(f)
    }
}
