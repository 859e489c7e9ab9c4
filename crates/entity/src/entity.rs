//! Entities: a dict with what a dataset generated for it. Reserved names, deletion, content hash.

use crate::arena::Arena;
use crate::buffer::ValueBuf;
use crate::builder::Builder;
use crate::containers::Dict;
use crate::hash::{ContentHash, ContentHasher, HashKey};
use crate::layout::{self, Entry};
use crate::output::Output;
use crate::print::{self, Style};
use crate::value::Value;

/// A dict at the root, and the fields that a dataset generated where it comes from one.
#[derive(Clone, Debug)]
pub struct Entity {
    body: ValueBuf,
    generated: Option<Generated>,
}

/// The fields that a dataset generates for a version of an entity (EM4 to EM7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Generated {
    /// `_updated`: offset in the dataset.
    pub updated: u64,
    /// `_previous`: offset of the version before.
    pub previous: Option<u64>,
    /// `_ts`: microseconds since 1970.
    pub ts: u64,
    /// `_hash`
    pub hash: ContentHash,
    /// `_deleted`
    pub deleted: bool,
}

/// About what the generated fields take in JSON.
const GENERATED_BYTES: usize = 160;

/// Names at the root that a dataset does not store (EM2, R5).
fn is_dropped(name: &[u8]) -> bool {
    name.first() == Some(&b'_') && name != b"_id"
}

impl Entity {
    /// An entity that comes from outside of a dataset. `None` unless the value is a dict.
    pub fn new(body: ValueBuf) -> Option<Entity> {
        body.value().as_dict()?;
        Some(Entity {
            body,
            generated: None,
        })
    }

    /// An entity read from a dataset: `body` is a dict without reserved names at the root but `_id`.
    pub fn with_generated(body: ValueBuf, generated: Generated) -> Entity {
        Entity {
            body,
            generated: Some(generated),
        }
    }

    /// What the dataset generated, if it comes from one.
    pub fn generated(&self) -> Option<&Generated> {
        self.generated.as_ref()
    }

    /// The dict, without generated fields.
    #[inline]
    pub fn body(&self) -> Value<'_> {
        self.body.value()
    }

    /// The dict, to be shared.
    pub fn body_buf(&self) -> &ValueBuf {
        &self.body
    }

    /// The string `_id`; `None` when there is none or it is no string.
    pub fn id(&self) -> Option<&str> {
        self.body().get("_id")?.as_str()
    }

    /// `_deleted` is the literal `true` (R4).
    pub fn is_deleted(&self) -> bool {
        match &self.generated {
            Some(generated) => generated.deleted,
            None => self.has_true("_deleted"),
        }
    }

    /// `_filtered` is `true` (EM8).
    pub fn is_filtered(&self) -> bool {
        self.has_true("_filtered")
    }

    /// [`is_deleted`](Self::is_deleted) and [`is_filtered`](Self::is_filtered), in one look at the names.
    pub fn marks(&self) -> (bool, bool) {
        let generated = self.generated.as_ref();
        let mut deleted = generated.is_some_and(|generated| generated.deleted);
        let mut filtered = false;
        let Some(dict) = self.body().as_dict() else {
            return (deleted, filtered);
        };
        for index in (0..dict.len()).filter(|index| dict.has_reserved_name(*index)) {
            let entry = dict.entry(index);
            let is_true = || entry.is_some_and(|entry| entry.value == Value::TRUE.encoded());
            match entry.map(|entry| entry.name) {
                Some(b"_deleted") if generated.is_none() => deleted = is_true(),
                Some(b"_filtered") => filtered = is_true(),
                _ => {}
            }
        }
        (deleted, filtered)
    }

    fn has_true(&self, name: &str) -> bool {
        self.body().get(name).and_then(Value::as_bool) == Some(true)
    }

    /// A field of the body, else a generated one (`_updated`, `_previous`, `_ts`, `_hash`, `_deleted`).
    pub fn get<'a>(&'a self, name: &str, arena: &'a Arena) -> Option<Value<'a>> {
        if let Some(value) = self.body().get(name) {
            return Some(value);
        }
        let generated = self.generated.as_ref().filter(|_| name.starts_with('_'))?;
        match name {
            "_updated" => Some(arena.number(&unsigned(generated.updated))),
            "_previous" => Some(
                generated
                    .previous
                    .map_or(Value::NULL, |offset| arena.number(&unsigned(offset))),
            ),
            "_ts" => Some(arena.number(&unsigned(generated.ts))),
            "_hash" => Some(arena.str(&generated.hash.to_string())),
            "_deleted" => Some(Value::bool(generated.deleted)),
            _ => None,
        }
    }

    /// The body as a dataset stores it: of the reserved names at the root only `_id` stays (EM2, R5).
    /// Shares the buffer when there is nothing to drop.
    pub fn stored_body(&self) -> ValueBuf {
        let Some(dict) = self.body().as_dict() else {
            return self.body.clone();
        };
        if !entries(dict).any(|entry| is_dropped(entry.name)) {
            return self.body.clone();
        }
        let mut builder = Builder::new();
        builder.begin_dict();
        for index in 0..dict.len() {
            let kept = dict
                .entry(index)
                .is_some_and(|entry| !is_dropped(entry.name));
            if let Some(bytes) = dict.entry_bytes(index).filter(|_| kept) {
                builder.entry(bytes);
            }
        }
        builder.end();
        builder.finish()
    }

    /// The hash of the stored body and whether it is deleted (R1). Neither the order of dicts nor a reserved
    /// name at the root matters, nor whether `_deleted` is missing or `false`.
    pub fn content_hash(&self, key: &HashKey) -> ContentHash {
        let mut hasher = ContentHasher::new(key);
        hasher.text(&[u8::from(self.is_deleted())]);
        match self.body().as_dict() {
            None => hasher.value(self.body()),
            Some(dict) => {
                let dropped = entries(dict).filter(|entry| is_dropped(entry.name)).count();
                hasher.begin_dict(dict.len() - dropped);
                for position in 0..dict.len() {
                    let Some(bytes) = dict.sorted_entry_bytes(position) else {
                        break;
                    };
                    let reserved = dropped > 0
                        && layout::split_entry(bytes).is_some_and(|entry| is_dropped(entry.name));
                    if !reserved {
                        hasher.root_entry(bytes);
                    }
                }
            }
        }
        hasher.finish()
    }

    /// Appends the entity as JSON: `_id` and the generated fields first, then the others in their own order.
    pub fn write_json(&self, out: &mut Vec<u8>, style: &Style) {
        Entity::write_json_of(self.body(), self.generated.as_ref(), out, style);
    }

    /// [`write_json`](Self::write_json) of a body where it lies, in a page of a feed for instance.
    pub fn write_json_of(
        body: Value<'_>,
        generated: Option<&Generated>,
        out: &mut Vec<u8>,
        style: &Style,
    ) {
        let expected = body.encoded().len() * 3 / 2 + GENERATED_BYTES;
        Output::append_to(out, expected, |out| {
            print::entity(body, generated, out, style)
        });
    }

    /// Bytes that the entity takes in memory and in the store, about.
    pub fn encoded_len(&self) -> usize {
        self.body.encoded().len()
    }
}

fn unsigned(number: u64) -> crate::number::Number {
    crate::number::Number::from_big(number.into())
}

fn entries<'a>(dict: Dict<'a>) -> impl Iterator<Item = Entry<'a>> {
    (0..dict.len()).filter_map(move |index| dict.entry(index))
}

#[cfg(test)]
mod tests;
