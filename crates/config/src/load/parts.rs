//! A source, sink or transform against its family: which type it is, and its properties.

use super::fill::{Filler, Members, get_str, set};
use super::node::{Node, Tree};
use crate::Code;
use crate::tables::{TEMPLATES, Type, find};
use sluice_entity::Json;

/// The effective part and its row. A part that is broken or of no known type comes back as it is.
pub(super) fn load(
    filler: &mut Filler<'_>,
    node: &Node,
    family: &'static [Type],
    family_name: &str,
    without_type: Option<&'static str>,
) -> (Members, Option<&'static Type>) {
    let given = match &node.tree {
        Tree::Dict(given) => given,
        // What is no object was told by who expected one.
        _ => return (Vec::new(), None),
    };
    let as_it_is = || {
        given
            .iter()
            .map(|(key, value)| (key.clone(), value.to_json()))
            .collect::<Members>()
    };
    let kind = match (node.get("type"), without_type) {
        (Some(kind), _) => match kind.as_str() {
            Some(text) => text.to_owned(),
            None => {
                filler.wrong_kind(kind, "a text");
                return (as_it_is(), None);
            }
        },
        (None, Some(implied)) => implied.to_owned(),
        (None, None) => {
            filler.problems.error(
                &node.place,
                Code::MissingType,
                format!("a {family_name} has a \"type\""),
            );
            return (as_it_is(), None);
        }
    };
    let place = node.get("type").map_or(&node.place, |kind| &kind.place);
    let Some(found) = find(family, &kind) else {
        filler.problems.error(
            place,
            Code::UnknownType,
            format!("there is no {family_name} of type \"{kind}\""),
        );
        return (as_it_is(), None);
    };
    if found.name == "conditional" {
        // Choices in the configuration itself were made before.
        let message = "a condition cannot come out of a variable";
        filler
            .problems
            .error(&node.place, Code::ConditionalNotAllowed, message);
        return (as_it_is(), None);
    }
    if !found.runs {
        let message = format!(
            "this version cannot run a {family_name} of type \"{kind}\"; it is kept and never run"
        );
        filler
            .problems
            .warning(place, Code::NotInThisVersion, message);
    }
    let mut members: Members = Vec::new();
    if node.get("type").is_none() {
        members.push(("type".to_owned(), Json::from(kind.as_str())));
    }
    members.extend(filler.part(node, found));
    if kind == "template" {
        fill_template(filler, node, &mut members);
    }
    (members, Some(found))
}

/// `properties` of a built-in template have a table of their own.
fn fill_template(filler: &mut Filler<'_>, node: &Node, members: &mut Members) {
    let (Some(name), Some(properties)) = (get_str(members, "template"), node.get("properties"))
    else {
        return;
    };
    match find(TEMPLATES, name) {
        Some(template) if matches!(properties.tree, Tree::Dict(_)) => {
            let filled = filler.part(properties, template);
            set(
                members,
                "properties",
                Json::Object(
                    filled
                        .into_iter()
                        .filter(|(key, _)| key != "type")
                        .collect(),
                ),
            );
        }
        Some(_) => {}
        None => {
            let place = node
                .get("template")
                .map_or(&node.place, |template| &template.place)
                .clone();
            filler.problems.error(
                &place,
                Code::UnknownType,
                format!("there is no template \"{name}\""),
            );
        }
    }
}
