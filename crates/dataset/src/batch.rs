//! A page of versions in one buffer: what a read returns and a feed prints from.

use crate::{Offset, Version};
use sluice_entity::{Entity, Generated, Style, Value, ValueBuf};

/// Versions read together. Bodies lie back to back in one buffer; nothing is allocated per version.
#[derive(Clone, Debug, Default)]
pub struct VersionBatch {
    bodies: Vec<u8>,
    versions: Vec<Placed>,
    resume: Option<Offset>,
    at_end: bool,
}

#[derive(Clone, Debug)]
struct Placed {
    end: usize,
    generated: Generated,
}

impl VersionBatch {
    /// An empty page, to be filled by a dataset implementation.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty page with room for bodies of so many bytes and so many versions.
    pub fn with_capacity(bytes: usize, versions: usize) -> Self {
        VersionBatch {
            bodies: Vec::with_capacity(bytes),
            versions: Vec::with_capacity(versions),
            ..Self::default()
        }
    }

    /// Adds a version; `body` is the encoded value.
    pub fn push(&mut self, body: &[u8], generated: Generated) {
        self.bodies.extend_from_slice(body);
        self.versions.push(Placed {
            end: self.bodies.len(),
            generated,
        });
    }

    /// Says where the scan stopped and whether there was nothing more.
    pub fn finish(&mut self, resume: Option<Offset>, at_end: bool) {
        self.resume = resume;
        self.at_end = at_end;
    }

    /// Number of versions.
    pub fn len(&self) -> usize {
        self.versions.len()
    }

    /// True without versions. A page may be empty and not the last: its bytes went into versions that were left out.
    pub fn is_empty(&self) -> bool {
        self.versions.is_empty()
    }

    /// All bodies back to back, in the order of the versions.
    pub fn into_bodies(self) -> Vec<u8> {
        self.bodies
    }

    /// Bytes of all bodies.
    pub fn bytes(&self) -> usize {
        self.bodies.len()
    }

    /// `since` of the next page: the last offset looked at, shown or not. `None` if nothing was looked at.
    pub fn resume(&self) -> Option<Offset> {
        self.resume
    }

    /// True if the scan met the end of the log, not the limits of a page.
    pub fn at_end(&self) -> bool {
        self.at_end
    }

    /// The version at a position in the page.
    pub fn get(&self, position: usize) -> Option<VersionRef<'_>> {
        let placed = self.versions.get(position)?;
        let start = position
            .checked_sub(1)
            .map_or(0, |before| self.versions[before].end);
        let body = Value::from_encoded(&self.bodies[start..placed.end]);
        Some(VersionRef {
            body,
            generated: &placed.generated,
        })
    }

    /// All versions in the order they were read.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = VersionRef<'_>> {
        (0..self.len()).map(|position| self.get(position).expect("position below len"))
    }
}

/// A version inside a [`VersionBatch`].
#[derive(Clone, Copy)]
pub struct VersionRef<'a> {
    /// The stored body.
    pub body: Value<'a>,
    /// What the dataset generated.
    pub generated: &'a Generated,
}

impl VersionRef<'_> {
    /// Its `_id`; empty only where the stored bytes are damaged.
    pub fn id(&self) -> &str {
        self.body
            .get("_id")
            .and_then(Value::as_str)
            .unwrap_or_default()
    }

    /// An owned copy.
    pub fn to_version(&self) -> Version {
        Version {
            body: ValueBuf::from_encoded(self.body.encoded().to_vec()),
            generated: *self.generated,
        }
    }

    /// An owned entity.
    pub fn to_entity(&self) -> Entity {
        self.to_version().to_entity()
    }

    /// Prints the entity with its generated fields, as [`Entity::write_json`] does, straight from the page.
    pub fn write_json(&self, out: &mut Vec<u8>, style: &Style) {
        Entity::write_json_of(self.body, Some(self.generated), out, style);
    }
}
