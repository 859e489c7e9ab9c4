//! What an upload makes of the components: which are added, replaced, removed, moved, refused. Pure.

use crate::contents::{ComponentKey, Contents, Kept, kind_name};
use sluice_config::DEFAULT_GROUP;
use sluice_entity::Json;
use sluice_protocol::{ComponentKind, Diagnostic, Level, PathElement, Scope};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A posted component and what is known of it before validation.
pub(crate) struct Posted {
    /// As posted.
    pub(crate) original: Arc<Json>,
    /// Kind and id; `None` when it has none that can be used, so that it cannot be kept even if forced.
    pub(crate) key: Option<ComponentKey>,
    /// Problems that show before validation.
    pub(crate) diagnostics: Vec<Diagnostic>,
}

/// An upload applied to what is kept.
pub(crate) struct Merged {
    pub(crate) contents: Contents,
    pub(crate) posted: Vec<Posted>,
}

/// Puts an upload of a whole scope in place of the scope (CF1): what it does not contain goes, other groups stay (R68).
pub(crate) fn replace_scope(before: &Contents, scope: &Scope, components: Vec<Json>) -> Merged {
    let mut contents = before.clone();
    contents
        .components
        .retain(|_, kept| !is_in(scope, &kept.group));
    merge(contents, components, |key, one| {
        group_in(scope, before, key, one)
    })
}

/// Adds or replaces single components. Each comes to the group it names, else the one it is in, else the default.
pub(crate) fn put(before: &Contents, components: Vec<Json>) -> Merged {
    merge(before.clone(), components, |key, one| {
        group_in(&Scope::All, before, key, one)
    })
}

fn merge(
    mut contents: Contents,
    components: Vec<Json>,
    mut group_of: impl FnMut(&ComponentKey, &mut Posted) -> String,
) -> Merged {
    let mut seen = BTreeSet::new();
    let mut posted = Vec::with_capacity(components.len());
    for json in components {
        let mut one = read(json);
        if let Some(key) = one.key.take_if(|key| !seen.insert(key.clone())) {
            let message = format!(
                "there is more than one {} \"{}\"; the first one counts",
                kind_name(key.0),
                key.1
            );
            one.diagnostics
                .push(error("duplicate-component", message, &["_id"]));
        }
        if let Some(key) = one.key.clone() {
            let group = group_of(&key, &mut one);
            contents.components.insert(
                key,
                Kept {
                    group,
                    original: Arc::clone(&one.original),
                },
            );
        }
        posted.push(one);
    }
    contents.settle();
    Merged { contents, posted }
}

fn read(json: Json) -> Posted {
    let original = Arc::new(json);
    match sluice_config::Component::from_json((*original).clone()) {
        Ok(component) => {
            let kind = crate::validation::kind_from(component.kind);
            Posted {
                original,
                key: Some((kind, component.id)),
                diagnostics: Vec::new(),
            }
        }
        Err(problem) => Posted {
            original,
            key: None,
            diagnostics: vec![crate::validation::diagnostic_from(problem)],
        },
    }
}

/// The group a component of this upload comes to, with a word about what contradicts it.
///
/// For one group the address of the upload decides, for all groups the component. A component that another group holds is not
/// taken from it unless forced.
fn group_in(scope: &Scope, before: &Contents, key: &ComponentKey, one: &mut Posted) -> String {
    let held = before.components.get(key).map(|kept| kept.group.as_str());
    let named = named_group(&one.original);
    let Scope::Group(group) = scope else {
        return named.or(held).unwrap_or(DEFAULT_GROUP).to_owned();
    };
    if let Some(other) = named.filter(|named| named != group) {
        let message = format!(
            "the component names the group \"{other}\", but comes with an upload of \"{group}\", which counts"
        );
        let place = ["metadata", "$config-group"].map(|key| PathElement::Key(key.to_owned()));
        let code = "other-config-group".to_owned();
        one.diagnostics.push(Diagnostic {
            level: Level::Warning,
            code,
            message,
            elements: place.to_vec(),
        });
    }
    if let Some(other) = held.filter(|held| held != group) {
        let message = format!(
            "{} \"{}\" belongs to the group \"{other}\"; remove it there first",
            kind_name(key.0),
            key.1
        );
        one.diagnostics
            .push(error("held-by-another-group", message, &["_id"]));
    }
    group.clone()
}

fn is_in(scope: &Scope, group: &str) -> bool {
    match scope {
        Scope::All => true,
        Scope::Group(name) => name == group,
    }
}

pub(crate) fn named_group(component: &Json) -> Option<&str> {
    let group = component.get("metadata")?.get("$config-group")?.as_str()?;
    Some(group).filter(|group| !group.is_empty())
}

fn error(code: &str, message: String, place: &[&str]) -> Diagnostic {
    let elements = place
        .iter()
        .map(|key| PathElement::Key((*key).to_owned()))
        .collect();
    Diagnostic {
        level: Level::Error,
        code: code.to_owned(),
        message,
        elements,
    }
}

/// The reason in errors about a component that is not there, and the word for it.
pub(crate) fn missing(kind: ComponentKind) -> (&'static str, &'static str) {
    match kind {
        ComponentKind::Pipe => ("unknown-pipe", "pipe"),
        ComponentKind::System => ("unknown-system", "system"),
        ComponentKind::Metadata => ("no-metadata", "metadata"),
    }
}
