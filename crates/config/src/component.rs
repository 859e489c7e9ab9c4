//! A component as it was posted: one pipe, one system, or the node metadata. Also the names of its file in an archive.

use crate::{Code, Diagnostic, Level, PathElement};
use sluice_entity::Json;
use std::sync::Arc;

/// Which of the three kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// `type: pipe`
    Pipe,
    /// `type: system:*`
    System,
    /// `type: metadata`
    Metadata,
}

/// The `_id` of the only metadata component.
pub const METADATA_ID: &str = "node";

/// The group of components that name none (CF2).
pub const DEFAULT_GROUP: &str = "default";

/// A posted component.
#[derive(Clone, Debug)]
pub struct Component {
    /// Pipe, system or metadata.
    pub kind: Kind,
    /// `_id`.
    pub id: String,
    /// As posted, exact.
    pub original: Arc<Json>,
}

impl Component {
    /// Reads kind and id. Everything else is [`load`](crate::load)'s business.
    ///
    /// # Errors
    /// No object, no usable `_id`, or a `type` that is none of the three.
    pub fn from_json(json: Json) -> Result<Component, Diagnostic> {
        let error = |code, message: String, key: Option<&str>| {
            let elements = key
                .map(|key| PathElement::Key(key.to_owned()))
                .into_iter()
                .collect();
            Err(Diagnostic::new(Level::Error, code, message, elements))
        };
        if json.as_object().is_none() {
            return error(
                Code::NotAnObject,
                "a component is a JSON object".to_owned(),
                None,
            );
        }
        let Some(type_name) = json.get("type").and_then(Json::as_str) else {
            let key = json.get("type").map(|_| "type");
            return error(
                Code::MissingType,
                "a component has a \"type\": pipe, system:... or metadata".to_owned(),
                key,
            );
        };
        let kind = match type_name {
            "pipe" => Kind::Pipe,
            "metadata" => Kind::Metadata,
            other if other.starts_with("system:") => Kind::System,
            other => {
                return error(
                    Code::UnknownType,
                    format!("no component is of type \"{other}\""),
                    Some("type"),
                );
            }
        };
        let id = match json.get("_id") {
            Some(Json::String(id)) if !id.is_empty() => id.clone(),
            None if kind == Kind::Metadata => METADATA_ID.to_owned(),
            given => {
                let key = given.map(|_| "_id");
                return error(
                    Code::InvalidId,
                    "a component has an \"_id\", a text that is not empty".to_owned(),
                    key,
                );
            }
        };
        if kind == Kind::Metadata && id != METADATA_ID {
            return error(
                Code::InvalidId,
                format!("the node metadata has the \"_id\" \"{METADATA_ID}\""),
                Some("_id"),
            );
        }
        Ok(Component {
            kind,
            id,
            original: Arc::new(json),
        })
    }

    /// `metadata.$config-group`, `default` without one (CF2).
    pub fn group(&self) -> &str {
        let named = self
            .original
            .get("metadata")
            .and_then(|metadata| metadata.get("$config-group"))
            .and_then(Json::as_str);
        named
            .filter(|group| !group.is_empty())
            .unwrap_or(DEFAULT_GROUP)
    }

    /// Name of its file in a configuration archive: `pipes/ID.conf.json`, `systems/ID.conf.json`, `node-metadata.conf.json`.
    pub fn file_name(&self) -> String {
        match self.kind {
            Kind::Pipe => format!("pipes/{}.conf.json", self.id),
            Kind::System => format!("systems/{}.conf.json", self.id),
            Kind::Metadata => "node-metadata.conf.json".to_owned(),
        }
    }
}

/// Whether an archive entry holds a component: `node-metadata.conf.json` at the root, `*.conf.json` at any depth below
/// `pipes/` and `systems/`. Other entries of an archive (variables, expected results) are none of the configuration.
pub fn is_component_file(name: &str) -> bool {
    name == "node-metadata.conf.json"
        || ((name.starts_with("pipes/") || name.starts_with("systems/"))
            && name.ends_with(".conf.json"))
}
