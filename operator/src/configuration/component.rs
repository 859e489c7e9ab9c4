//! From what a resource says to the component that it is, or to why it is none. Pure.

use crate::crd::Written;
use sluice_entity::{Json, Limits};

/// Bytes of a component's text: what an object of the API server can hold beside everything else.
pub(crate) const MOST_BYTES: usize = 1 << 20;

/// Why a resource is no component at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unusable {
    /// One word, for the condition.
    pub(crate) reason: &'static str,
    /// For people.
    pub(crate) message: String,
}

impl Unusable {
    pub(crate) fn new(reason: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Unusable { reason, message }
    }
}

/// The JSON of a configuration as it was written, with its id, and with its type where that has only one value. Both may be left out
/// in a resource.
pub(crate) fn read(
    written: Option<Written<'_>>,
    id: &str,
    default_type: Option<&str>,
) -> Result<Json, Unusable> {
    let text = written.ok_or_else(|| {
        Unusable::new("NoConfiguration", "there is neither config nor configText")
    })?;
    let text = text.to_text();
    let json = Json::parse(text.as_bytes(), &limits())
        .map_err(|error| Unusable::new("NotJson", format!("configText: {error}")))?;
    let Json::Object(members) = json else {
        let message = "configText holds no JSON object";
        return Err(Unusable::new("NotJson", message));
    };
    let has = |name: &str| members.iter().any(|(member, _)| member == name);
    let mut added = Vec::new();
    if !has("_id") {
        added.push(("_id".to_owned(), Json::from(id)));
    }
    if let Some(kind) = default_type.filter(|_| !has("type")) {
        added.push(("type".to_owned(), Json::from(kind)));
    }
    let json = Json::Object(added.into_iter().chain(members).collect());
    match json.get("_id").and_then(Json::as_str) {
        Some(own) if own == id => Ok(json),
        own => {
            let own = own.unwrap_or("no text");
            let message = format!(
                "the configuration's _id is \"{own}\", the resource's id is \"{id}\": leave _id out, or name it in spec.id"
            );
            Err(Unusable::new("OtherId", message))
        }
    }
}

pub(crate) fn limits() -> Limits {
    Limits {
        entity_bytes: 16 << 20,
        ..Limits::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::Form;

    #[test]
    fn id_and_type_may_be_left_out_and_everything_else_stays_as_it_is() {
        let text = r#"{"n": 1.0, "z": 123456789012345678901234567890, "a": 1e2}"#;
        let json = read(Some(Written::Text(text)), "Ærø", Some("pipe")).unwrap();
        let expected =
            r#"{"_id":"Ærø","type":"pipe","n":1.0,"z":123456789012345678901234567890,"a":1e2}"#;
        assert_eq!(json.to_string(), expected);
        let form: Form = serde_json::from_str(r#"{"_id": "x", "type": "system:url"}"#).unwrap();
        let json = read(Some(Written::Object(&form)), "x", None).unwrap();
        assert_eq!(json.to_string(), r#"{"_id":"x","type":"system:url"}"#);
    }

    #[test]
    fn what_is_no_component_is_said() {
        let reason = |text: &str| {
            let read = read(Some(Written::Text(text)), "x", Some("pipe"));
            read.unwrap_err().reason
        };
        assert_eq!(reason("{"), "NotJson");
        assert_eq!(reason("[]"), "NotJson");
        assert_eq!(reason(r#"{"_id": "y"}"#), "OtherId");
        assert_eq!(reason(r#"{"_id": 1}"#), "OtherId");
        assert_eq!(read(None, "x", None).unwrap_err().reason, "NoConfiguration");
    }
}
