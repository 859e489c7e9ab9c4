//! A copy of an entity that stands by itself: what a dataset keeps beside the body is in it.

use sluice_entity::{Arena, Builder, Entity, ValueBuf};

const GENERATED: [&str; 5] = ["_deleted", "_updated", "_previous", "_ts", "_hash"];

/// The body with the generated fields as members, so that a copy read again is still deleted. Shares the buffer where there is
/// nothing to add.
pub(crate) fn complete_copy(entity: &Entity) -> ValueBuf {
    let Some(dict) = entity
        .body()
        .as_dict()
        .filter(|_| entity.generated().is_some())
    else {
        return entity.body_buf().clone();
    };
    let arena = Arena::new();
    let mut builder = Builder::new();
    builder.begin_dict();
    for (name, value) in dict.iter() {
        builder.name(name);
        builder.value(value);
    }
    for name in GENERATED {
        let known = entity.get(name, &arena);
        if let Some(value) = known.filter(|value| dict.get(name).is_none() && !value.is_null()) {
            builder.name(name);
            builder.value(value);
        }
    }
    builder.end();
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sluice_entity::{ContentHash, Generated};

    #[test]
    fn a_copy_of_a_stored_entity_is_still_deleted_and_keeps_its_offset() {
        let mut builder = Builder::new();
        builder.begin_dict();
        builder.name("_id");
        builder.str("a");
        builder.end();
        let body = builder.finish();
        let outside = Entity::new(body.clone()).unwrap();
        assert_eq!(complete_copy(&outside).encoded(), body.encoded());
        let generated = Generated {
            updated: 7,
            previous: None,
            ts: 9,
            hash: ContentHash([1; 16]),
            deleted: true,
        };
        let stored = Entity::with_generated(body, generated);
        let copy = Entity::new(complete_copy(&stored)).unwrap();
        assert!(copy.is_deleted());
        let updated = copy.body().get("_updated").and_then(|value| value.as_i64());
        assert_eq!((copy.id(), updated), (Some("a"), Some(7)));
        assert!(copy.body().get("_previous").is_none());
    }
}
