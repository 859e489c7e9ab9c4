//! Entities as their stored bytes, which are checked when they arrive.

use super::bounds::LIMITS;
use super::damaged::{Damaged, Within, required};
use super::proto;
use bytes::Bytes;
use sluice_entity::{ContentHash, Entity, Generated, Value, ValueBuf};

impl From<&Generated> for proto::Generated {
    fn from(generated: &Generated) -> Self {
        let hash = u128::from_le_bytes(generated.hash.0);
        proto::Generated {
            updated: generated.updated,
            previous: generated.previous,
            ts: generated.ts,
            hash_low: hash as u64,
            hash_high: (hash >> 64) as u64,
            deleted: generated.deleted,
        }
    }
}

impl From<proto::Generated> for Generated {
    fn from(generated: proto::Generated) -> Self {
        let hash = u128::from(generated.hash_high) << 64 | u128::from(generated.hash_low);
        Generated {
            updated: generated.updated,
            previous: generated.previous,
            ts: generated.ts,
            hash: ContentHash(hash.to_le_bytes()),
            deleted: generated.deleted,
        }
    }
}

/// An entity going out.
pub(crate) fn entity(entity: &Entity) -> proto::Entity {
    proto::Entity {
        body: Bytes::copy_from_slice(entity.body_buf().encoded()),
        generated: entity.generated().map(proto::Generated::from),
    }
}

/// An entity as it arrives.
pub(crate) fn checked_entity(entity: proto::Entity) -> Result<Entity, Damaged> {
    check_body(&entity.body)?;
    let body = ValueBuf::from_encoded(&*entity.body);
    match entity.generated {
        Some(generated) => Ok(Entity::with_generated(body, generated.into())),
        None => required(Entity::new(body), "body"),
    }
}

/// Whether bytes are a body as this version writes them.
pub(super) fn check_body(body: &[u8]) -> Result<Value<'_>, Damaged> {
    let value = Value::from_encoded(body);
    value
        .check(&LIMITS)
        .map_err(|damage| Damaged::new("body", damage))?;
    if value.as_dict().is_none() {
        return Err(Damaged::new("body", "no dict"));
    }
    Ok(value)
}

/// A list of entities as it arrives.
pub(super) fn checked_entities(entities: Vec<proto::Entity>) -> Result<Vec<Entity>, Damaged> {
    let entities = entities.into_iter().map(checked_entity);
    entities.collect::<Result<_, _>>().within("entities")
}
