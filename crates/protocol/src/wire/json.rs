//! JSON as exact text: numbers as they were written, names in their order.

use super::bounds::LIMITS;
use super::damaged::Damaged;
use sluice_entity::Json;

/// Reads a required JSON text.
pub(crate) fn json(text: &str, field: &str) -> Result<Json, Damaged> {
    Json::parse(text.as_bytes(), &LIMITS).map_err(|error| Damaged::new(field, error))
}

/// Reads a JSON text where there may be none.
pub(crate) fn optional_json(text: Option<&String>, field: &str) -> Result<Option<Json>, Damaged> {
    text.map(|text| json(text, field)).transpose()
}
