//! One system: resolved → effective → typed.

use super::Prepared;
use super::node::{Node, Tree};
use super::{microservice, parts};
use crate::fields::Fields;
use crate::tables::SYSTEMS;
use crate::{Authentication, Code, Component, Microservice, NotRunnable, System, UrlSystem};
use sluice_entity::Json;
use std::sync::Arc;

/// Checks and fills in a system.
pub(super) fn load(component: &Component, prepared: Prepared<'_>) -> System {
    let (effective, diagnostics, found) = match prepared {
        Err(problem) => (Arc::clone(&component.original), vec![problem], None),
        Ok((node, mut filler)) => {
            let (members, found) = parts::load(&mut filler, &node, SYSTEMS, "system", None);
            check_id(&component.id, &node, &mut filler);
            let effective = Json::Object(members);
            check_authentication(&effective, &node, &mut filler);
            microservice::check(&node, &mut filler);
            (Arc::new(effective), filler.problems.0, found)
        }
    };
    let kind = component
        .original
        .get("type")
        .and_then(Json::as_str)
        .unwrap_or_default()
        .to_owned();
    let valid = crate::is_valid(&diagnostics);
    let fields = Fields::of(Some(&effective));
    let is_microservice = kind == "system:microservice";
    let url =
        (valid && (is_microservice || kind == "system:url")).then(|| UrlSystem::read(&fields));
    let container = (valid && is_microservice).then(|| Microservice::read(&fields));
    let runnable = match (&url, found) {
        _ if !valid => Err(NotRunnable::Invalid),
        (_, Some(found)) if !found.runs => Err(NotRunnable::NotInThisVersion {
            part: "system",
            kind: kind.clone(),
        }),
        (
            Some(UrlSystem {
                authentication: Authentication::NotInThisVersion { kind },
                ..
            }),
            _,
        ) => Err(NotRunnable::NotInThisVersion {
            part: "authentication",
            kind: kind.clone(),
        }),
        _ => Ok(()),
    };
    System {
        id: component.id.clone(),
        kind,
        original: Arc::clone(&component.original),
        worker_threads: fields.optional_count("worker_threads").unwrap_or(10).max(1),
        config_group: component.group().to_owned(),
        diagnostics,
        valid,
        runnable,
        url,
        microservice: container,
        effective: Arc::clone(&effective),
    }
}

/// The id of a system stands in URLs.
fn check_id(id: &str, node: &Node, filler: &mut super::Filler<'_>) {
    if id.contains('/') || id.chars().any(char::is_control) {
        let message = "the \"_id\" of a system has no \"/\" and no control characters";
        filler
            .problems
            .error(&node.place.key("_id"), Code::InvalidId, message);
    }
}

/// What an authentication needs must be there; what this version does not speak is told.
fn check_authentication(effective: &Json, node: &Node, filler: &mut super::Filler<'_>) {
    let fields = Fields::of(Some(effective));
    let authentication = fields.text("authentication");
    let needed: &[&str] = match authentication.as_str() {
        "basic" | "digest" | "ntlm" => &["username", "password"],
        "jwt" => &["jwt_token"],
        "tripletex" => &["tripletex"],
        _ => &[],
    };
    let place = node
        .get("authentication")
        .map_or(&node.place, |authentication| &authentication.place)
        .clone();
    for name in needed {
        if fields.any(name).is_none() {
            let message = format!("authentication \"{authentication}\" needs \"{name}\"");
            filler
                .problems
                .error(&place, Code::MissingProperty, message);
        }
    }
    if !matches!(
        effective.get("type").and_then(Json::as_str),
        Some("system:url" | "system:microservice")
    ) {
        return;
    }
    if matches!(authentication.as_str(), "digest" | "ntlm" | "tripletex") {
        let message = format!("this version cannot authenticate by \"{authentication}\"");
        filler
            .problems
            .warning(&place, Code::NotInThisVersion, message);
    }
    if let Some(Node {
        place,
        tree: Tree::Dict(_) | Tree::Leaf(_) | Tree::List(_),
    }) = node.get("oauth2")
    {
        filler.problems.warning(
            place,
            Code::NotInThisVersion,
            "this version cannot authenticate by \"oauth2\"",
        );
    }
}
