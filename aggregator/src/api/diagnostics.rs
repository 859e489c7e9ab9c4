//! Problems of components as clients read them: `config-errors` and `validation_errors` (CF4).

use schemars::JsonSchema;
use serde::Serialize;
use sluice_entity::Json;
use sluice_protocol::{Diagnostic, Level, PathElement, RejectedComponent};
use std::fmt::Write;

/// A problem of a component.
#[derive(Serialize, JsonSchema)]
pub(crate) struct ConfigError {
    /// `error` or `warning`.
    pub(crate) level: &'static str,
    /// A sentence for people.
    pub(crate) msg: String,
    /// Where in the component as posted, e.g. `$['source']['type']`.
    pub(crate) elements: String,
    /// Stable name of the problem.
    pub(crate) code: String,
}

impl From<&Diagnostic> for ConfigError {
    fn from(diagnostic: &Diagnostic) -> Self {
        ConfigError {
            level: diagnostic.level.as_str(),
            msg: diagnostic.message.clone(),
            elements: json_path(&diagnostic.elements),
            code: diagnostic.code.clone(),
        }
    }
}

/// The problems of a component.
pub(crate) fn config_errors(diagnostics: &[Diagnostic]) -> Vec<ConfigError> {
    diagnostics.iter().map(ConfigError::from).collect()
}

/// A list of `{"posted-config", "config-errors", "is-valid-config"}`.
pub(crate) fn validation_errors(rejected: &[RejectedComponent]) -> Json {
    let entry = |component: &RejectedComponent| {
        let errors = component.diagnostics.iter().map(|diagnostic| {
            let error = ConfigError::from(diagnostic);
            object([
                ("level", Json::from(error.level)),
                ("msg", Json::from(error.msg)),
                ("elements", Json::from(error.elements)),
                ("code", Json::from(error.code)),
            ])
        });
        let valid = component
            .diagnostics
            .iter()
            .all(|diagnostic| diagnostic.level != Level::Error);
        object([
            ("posted-config", component.posted.clone()),
            ("config-errors", Json::Array(errors.collect())),
            ("is-valid-config", Json::Bool(valid)),
        ])
    };
    Json::Array(rejected.iter().map(entry).collect())
}

/// An object with these members.
pub(crate) fn object<const N: usize>(members: [(&str, Json); N]) -> Json {
    Json::Object(
        members
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect(),
    )
}

fn json_path(elements: &[PathElement]) -> String {
    let mut path = "$".to_owned();
    for element in elements {
        // Writing to a String cannot fail.
        let _ = match element {
            PathElement::Key(key) => write!(
                path,
                "['{}']",
                key.replace('\\', "\\\\").replace('\'', "\\'")
            ),
            PathElement::Index(index) => write!(path, "[{index}]"),
        };
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_names_keys_and_indices() {
        let elements = [
            PathElement::Key("transform".into()),
            PathElement::Index(2),
            PathElement::Key("it's".into()),
        ];
        assert_eq!(json_path(&elements), r"$['transform'][2]['it\'s']");
        assert_eq!(json_path(&[]), "$");
    }
}
