//! Entities on their way into a dataset.

use sluice_entity::{Builder, ContentHash, Entity, Generated, HashKey, ValueBuf};

/// An entity ready to be written: reserved names stripped (R5), hashed (R1). Made in a stage of its own, so that the writer,
/// who holds the dataset's lock, neither parses nor hashes.
#[derive(Clone, Debug)]
pub struct PreparedEntity {
    id: String,
    body: ValueBuf,
    hash: ContentHash,
    deleted: bool,
    filtered: bool,
    /// Keyed hash of the bytes the entity was read from, if the source sends the same bytes for the same content.
    pub raw_hash: Option<u128>,
}

impl PreparedEntity {
    /// Prepares an entity. `None` if it has no string `_id`.
    pub fn new(entity: &Entity, key: &HashKey) -> Option<Self> {
        let id = entity.id()?.to_owned();
        let filtered = entity.is_filtered();
        let deleted = filtered || entity.is_deleted();
        let body = entity.stored_body();
        let hash = hash_of(&body, deleted, key);
        Some(Self {
            id,
            body,
            hash,
            deleted,
            filtered,
            raw_hash: None,
        })
    }

    /// The same entity as a deleted version, which keeps its properties (R4). Used by deletion tracking.
    pub fn delete_of(id: &str, body: ValueBuf, key: &HashKey) -> Self {
        let hash = hash_of(&body, true, key);
        Self {
            id: id.to_owned(),
            body,
            hash,
            deleted: true,
            filtered: false,
            raw_hash: None,
        }
    }

    /// The same with the mark that tells an inferred delete from one that the source sent (DE3).
    pub fn marked_delete_of(id: &str, body: &ValueBuf, key: &HashKey) -> Self {
        Self::delete_of(id, marked(body), key)
    }

    /// A version to be appended once more (DS11); its hash is known.
    pub fn again(id: &str, body: ValueBuf, hash: ContentHash, deleted: bool) -> Self {
        Self {
            id: id.to_owned(),
            body,
            hash,
            deleted,
            filtered: false,
            raw_hash: None,
        }
    }

    /// `_id`
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What will be stored.
    pub fn body(&self) -> &ValueBuf {
        &self.body
    }

    /// R1.
    pub fn hash(&self) -> ContentHash {
        self.hash
    }

    /// True if the version will be a deleted one.
    pub fn is_deleted(&self) -> bool {
        self.deleted
    }

    /// True if a `filter` took it out (R8): appended as deleted where the id is live, otherwise not at all (R3).
    pub fn is_filtered(&self) -> bool {
        self.filtered
    }

    /// Rule R2 and R3 in one place: what writing this entity does to an id in the given state.
    pub fn change_against(&self, latest: Option<(ContentHash, bool)>) -> Change {
        match latest {
            None if self.filtered => Change::Unchanged,
            None => Change::New,
            Some((_, true)) if self.filtered => Change::Unchanged,
            Some((_, true)) if !self.deleted => Change::Undeleted,
            Some((_, false)) if self.deleted => Change::Deleted,
            Some((hash, _)) if hash == self.hash => Change::Unchanged,
            Some(_) => Change::Changed,
        }
    }
}

/// The property that marks a delete of deletion tracking.
const DELETION_TRACKED: &str = "$deletion_tracked";

fn marked(body: &ValueBuf) -> ValueBuf {
    let mut builder = Builder::new();
    builder.begin_dict();
    let members = body
        .value()
        .as_dict()
        .into_iter()
        .flat_map(|dict| dict.iter());
    for (name, value) in members.filter(|(name, _)| *name != DELETION_TRACKED) {
        builder.name(name);
        builder.value(value);
    }
    builder.name(DELETION_TRACKED);
    builder.bool(true);
    builder.end();
    builder.finish()
}

fn hash_of(body: &ValueBuf, deleted: bool, key: &HashKey) -> ContentHash {
    let generated = Generated {
        updated: 0,
        previous: None,
        ts: 0,
        hash: ContentHash([0; 16]),
        deleted,
    };
    Entity::with_generated(body.clone(), generated).content_hash(key)
}

/// What became of a written entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Change {
    /// The id was unknown.
    New,
    /// Other content.
    Changed,
    /// Was live, is deleted.
    Deleted,
    /// Was deleted, is live.
    Undeleted,
    /// Nothing appended.
    Unchanged,
}

impl Change {
    /// True if a version was appended.
    pub fn is_appended(self) -> bool {
        self != Change::Unchanged
    }
}

/// How to append.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AppendOptions {
    /// Append even what is unchanged (repost, DS11). Such a version counts as [`Change::Changed`].
    pub force: bool,
    /// The full run that produced these entities: [`FullRun::number`](crate::FullRun::number). Its deletion tracking spares them.
    pub run: Option<u64>,
}

/// An entity not parsed yet, of which only the id and a hash of its bytes are known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RawCandidate<'a> {
    /// Its `_id`.
    pub id: &'a str,
    /// Keyed hash of its bytes.
    pub raw_hash: u128,
}
