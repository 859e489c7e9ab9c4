//! Names of indexes: the same expression has the same text, whatever its alias is called.

use sluice_entity::Json;

use crate::namespaces::Reference;
use crate::parse::{Shape, Tree};
use crate::path;

use super::Compiler;
use super::expression::Aliases;

impl Compiler<'_> {
    /// The text of an index expression with `_S` for its alias and every name resolved.
    pub(super) fn canonical(&self, tree: &Tree<'_>, aliases: &Aliases) -> String {
        let text = match self.canonical_json(tree, aliases) {
            Json::String(path) => match path.as_str() {
                "_S._id" => return "_id".to_owned(),
                "_S.$ids" => return "$ids".to_owned(),
                _ => path,
            },
            other => other.to_string(),
        };
        let mut depends_on_namespaces = false;
        tree.visit(&mut |node| {
            depends_on_namespaces |= matches!(node.call(), Some(("path" | "ni", _)))
        });
        if self.namespaces.enabled && depends_on_namespaces {
            return format!("{text} in {}", self.namespaces.property(":"));
        }
        text
    }

    fn canonical_json(&self, tree: &Tree<'_>, aliases: &Aliases) -> Json {
        match &tree.shape {
            Shape::Constant => tree.json.clone(),
            Shape::Text(text) => match path::split(text, &aliases.names) {
                Some(Ok((variable, elements))) => {
                    let variable = if variable == "_" { "_" } else { "_S" };
                    let elements = elements.iter().map(|name| self.canonical_element(name));
                    Json::String(
                        elements.fold(variable.to_owned(), |path, element| path + "." + &element),
                    )
                }
                _ => tree.json.clone(),
            },
            Shape::List(nodes) => Json::Array(
                nodes
                    .iter()
                    .map(|node| self.canonical_json(node, aliases))
                    .collect(),
            ),
            Shape::Dict(entries) => {
                let entry = |(name, node): &(&str, Tree<'_>)| {
                    ((*name).to_owned(), self.canonical_json(node, aliases))
                };
                Json::Object(entries.iter().map(entry).collect())
            }
            Shape::Call {
                name: "literal", ..
            } => tree.json.clone(),
            Shape::Call { name, arguments } => {
                let arguments = arguments
                    .iter()
                    .map(|node| self.canonical_json(node, aliases));
                Json::Array(
                    std::iter::once(Json::String((*name).to_owned()))
                        .chain(arguments)
                        .collect(),
                )
            }
        }
    }

    /// `a` is `*:a` where it means every namespace.
    fn canonical_element(&self, name: &str) -> String {
        let full = match self.namespaces.reference(name) {
            Reference::Exact(name) => name.into_string(),
            Reference::AnyNamespace(identifier) => format!("*:{identifier}"),
        };
        if full.contains(['.', '\'']) || full.is_empty() {
            return format!("'{}'", full.replace('\'', "''"));
        }
        full
    }
}
