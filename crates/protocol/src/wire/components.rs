//! Components, their diagnostics, variables.

use super::damaged::{Damaged, Within, required};
use super::json::{json, optional_json};
use super::proto;
use crate::{Component, ComponentKind, Diagnostic, Level, PathElement};
use sluice_entity::Json;
use std::collections::BTreeMap;
use std::sync::Arc;

impl From<ComponentKind> for proto::ComponentKind {
    fn from(kind: ComponentKind) -> Self {
        match kind {
            ComponentKind::Pipe => proto::ComponentKind::Pipe,
            ComponentKind::System => proto::ComponentKind::System,
            ComponentKind::Metadata => proto::ComponentKind::Metadata,
        }
    }
}

/// A kind as it arrives.
pub(crate) fn component_kind(kind: i32) -> Result<ComponentKind, Damaged> {
    match proto::ComponentKind::try_from(kind) {
        Ok(proto::ComponentKind::Pipe) => Ok(ComponentKind::Pipe),
        Ok(proto::ComponentKind::System) => Ok(ComponentKind::System),
        Ok(proto::ComponentKind::Metadata) => Ok(ComponentKind::Metadata),
        _ => Err(Damaged::new("kind", format!("unknown value {kind}"))),
    }
}

impl From<&Diagnostic> for proto::Diagnostic {
    fn from(diagnostic: &Diagnostic) -> Self {
        let level = match diagnostic.level {
            Level::Warning => proto::Level::Warning,
            Level::Error => proto::Level::Error,
        };
        let elements = diagnostic.elements.iter().map(|element| {
            let element = match element {
                PathElement::Key(key) => proto::path_element::Element::Key(key.clone()),
                PathElement::Index(index) => proto::path_element::Element::Index(*index as u64),
            };
            proto::PathElement {
                element: Some(element),
            }
        });
        proto::Diagnostic {
            level: level.into(),
            code: diagnostic.code.clone(),
            message: diagnostic.message.clone(),
            elements: elements.collect(),
        }
    }
}

impl TryFrom<proto::Diagnostic> for Diagnostic {
    type Error = Damaged;

    fn try_from(diagnostic: proto::Diagnostic) -> Result<Self, Damaged> {
        let level = match proto::Level::try_from(diagnostic.level) {
            Ok(proto::Level::Warning) => Level::Warning,
            Ok(proto::Level::Error) => Level::Error,
            _ => {
                let what = format!("unknown value {}", diagnostic.level);
                return Err(Damaged::new("level", what));
            }
        };
        let elements = diagnostic.elements.into_iter().map(|element| {
            Ok(match required(element.element, "element")? {
                proto::path_element::Element::Key(key) => PathElement::Key(key),
                proto::path_element::Element::Index(index) => {
                    PathElement::Index(usize::try_from(index).unwrap_or(usize::MAX))
                }
            })
        });
        Ok(Diagnostic {
            level,
            elements: elements.collect::<Result<_, Damaged>>()?,
            code: diagnostic.code,
            message: diagnostic.message,
        })
    }
}

/// Diagnostics going out.
pub(super) fn to_diagnostics(diagnostics: &[Diagnostic]) -> Vec<proto::Diagnostic> {
    diagnostics.iter().map(proto::Diagnostic::from).collect()
}

/// Diagnostics as they arrive.
pub(super) fn diagnostics(diagnostics: Vec<proto::Diagnostic>) -> Result<Vec<Diagnostic>, Damaged> {
    let diagnostics = diagnostics.into_iter().map(Diagnostic::try_from);
    diagnostics.collect::<Result<_, _>>().within("diagnostics")
}

/// Texts of an original and, unless it is the same, an effective configuration.
pub(super) fn to_texts(original: &Arc<Json>, effective: &Arc<Json>) -> (String, Option<String>) {
    let text = original.to_string();
    if Arc::ptr_eq(original, effective) {
        return (text, None);
    }
    let effective = effective.to_string();
    let differs = effective != text;
    (text, differs.then_some(effective))
}

/// Original and effective configuration from their texts.
pub(super) fn texts(
    original: &str,
    effective: Option<&String>,
) -> Result<(Arc<Json>, Arc<Json>), Damaged> {
    let original = Arc::new(json(original, "original")?);
    let effective = match optional_json(effective, "effective")? {
        Some(effective) => Arc::new(effective),
        None => Arc::clone(&original),
    };
    Ok((original, effective))
}

impl From<&Component> for proto::Component {
    fn from(component: &Component) -> Self {
        let (original, effective) = to_texts(&component.original, &component.effective);
        proto::Component {
            kind: proto::ComponentKind::from(component.kind).into(),
            id: component.id.clone(),
            group: component.group.clone(),
            original,
            effective,
            diagnostics: to_diagnostics(&component.diagnostics),
        }
    }
}

impl TryFrom<proto::Component> for Component {
    type Error = Damaged;

    fn try_from(component: proto::Component) -> Result<Self, Damaged> {
        let (original, effective) = texts(&component.original, component.effective.as_ref())?;
        Ok(Component {
            kind: component_kind(component.kind)?,
            id: component.id,
            group: component.group,
            original,
            effective,
            diagnostics: diagnostics(component.diagnostics)?,
        })
    }
}

/// Variables going out.
pub(crate) fn to_variables(variables: &BTreeMap<String, Json>) -> BTreeMap<String, String> {
    let texts = variables
        .iter()
        .map(|(name, value)| (name.clone(), value.to_string()));
    texts.collect()
}

/// Variables as they arrive.
pub(crate) fn variables(
    texts: BTreeMap<String, String>,
) -> Result<BTreeMap<String, Json>, Damaged> {
    let variables = texts.into_iter().map(|(name, text)| {
        let value = json(&text, &name).within("variables")?;
        Ok((name, value))
    });
    variables.collect()
}

/// Components as they are posted.
pub(crate) fn posted(texts: &[String]) -> Result<Vec<Json>, Damaged> {
    let components = texts.iter().map(|text| json(text, "components"));
    components.collect()
}
