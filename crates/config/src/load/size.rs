//! How large and how deep a component is.

use sluice_entity::Json;

/// Roughly the bytes of a value as text.
pub(super) fn size_of_json(json: &Json) -> usize {
    match json {
        Json::Null | Json::Bool(_) => 5,
        Json::Number(text) => text.len() + 1,
        Json::String(text) => text.len() + 3,
        Json::Array(list) => 2 + list.iter().map(size_of_json).sum::<usize>(),
        Json::Object(members) => {
            2 + members
                .iter()
                .map(|(key, value)| key.len() + 4 + size_of_json(value))
                .sum::<usize>()
        }
    }
}

/// Whether the nesting stays within a bound; looks no deeper than that.
pub(super) fn is_shallow(json: &Json, depth: usize) -> bool {
    match json {
        Json::Array(list) => depth > 0 && list.iter().all(|item| is_shallow(item, depth - 1)),
        Json::Object(members) => {
            depth > 0
                && members
                    .iter()
                    .all(|(_, value)| is_shallow(value, depth - 1))
        }
        _ => true,
    }
}
