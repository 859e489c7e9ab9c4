//! What pipes and systems have in common: the hub they belong to, and their own configuration in one of two forms.

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The hub that a resource belongs to, in its own namespace.
#[derive(
    Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize, Serialize, JsonSchema,
)]
pub struct HubRef {
    /// Name of the DataHub.
    #[schemars(length(min = 1, max = 63))]
    pub name: String,
}

/// A component's own JSON as an object: the API server keeps it, but turns 1.0 into 1 and sorts keys.
pub type Form = Map<String, Value>;

/// A configuration as it was written: as an object or as the exact text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Written<'a> {
    /// `config`.
    Object(&'a Form),
    /// `configText`.
    Text(&'a str),
}

impl<'a> Written<'a> {
    /// The form that is there. Admission lets exactly one through, so that `None` is a resource without either.
    pub fn of(object: Option<&'a Form>, text: Option<&'a str>) -> Option<Self> {
        text.map(Written::Text).or(object.map(Written::Object))
    }

    /// As JSON text.
    pub fn to_text(self) -> String {
        match self {
            Written::Object(object) => Value::Object(object.clone()).to_string(),
            Written::Text(text) => text.to_owned(),
        }
    }
}

/// Any object, kept whole.
pub(crate) fn any_object(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": true,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_taken_to_the_byte_and_an_object_as_json() {
        let object = serde_json::from_str::<Form>(r#"{"_id": "a", "n": [1]}"#).unwrap();
        let written = |object, text| Written::of(object, text).map(Written::to_text);
        assert_eq!(
            written(None, Some("{ \"n\": 1.0 }")).unwrap(),
            "{ \"n\": 1.0 }"
        );
        assert_eq!(
            written(Some(&object), None).unwrap(),
            r#"{"_id":"a","n":[1]}"#
        );
        assert_eq!(written(None, None), None);
    }
}
