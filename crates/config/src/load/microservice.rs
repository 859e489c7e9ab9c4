//! What a table row cannot say of a microservice: its port, its environment's names, its hosts, its login.

use super::Filler;
use super::node::{Node, Tree};
use crate::Code;
use core::net::IpAddr;
use sluice_entity::Json;

/// Checks the `docker` of a microservice; of any other system nothing.
pub(super) fn check(node: &Node, filler: &mut Filler<'_>) {
    if node.get("type").and_then(Node::as_str) != Some("system:microservice") {
        return;
    }
    let Some(docker) = node.get("docker") else {
        return;
    };
    let mut wrong = |at: &Node, message: &str| {
        filler
            .problems
            .error(&at.place, Code::WrongKind, message.to_owned());
    };
    if let Some(image) = docker.get("image")
        && image.as_str().is_some_and(|text| !is_image(text))
    {
        wrong(image, "this has to be the name of an image, without spaces");
    }
    if let Some(port) = docker.get("port")
        && let Tree::Leaf(number) = &port.tree
        && crate::fields::integer(number).is_some_and(|number| number > i64::from(u16::MAX))
    {
        wrong(port, "this has to be a port, at most 65535");
    }
    for (name, value) in members(docker.get("environment")) {
        if !is_variable(name) {
            wrong(
                value,
                "the name of an environment variable has letters, digits, \"_\", \"-\" and \".\", and begins with no digit",
            );
        }
    }
    for (_, address) in members(docker.get("hosts")) {
        if address
            .as_str()
            .is_some_and(|text| text.parse::<IpAddr>().is_err())
        {
            wrong(address, "this has to be an IP address");
        }
    }
    let has = |name| {
        let given = docker.get(name);
        given.is_some_and(|given| !matches!(given.tree, Tree::Leaf(Json::Null)))
    };
    for (one, other) in [("username", "password"), ("password", "username")] {
        if has(one) && !has(other) {
            let message = format!("\"{one}\" needs \"{other}\"");
            filler
                .problems
                .error(&docker.place.key(one), Code::MissingProperty, message);
        }
    }
}

fn members(node: Option<&Node>) -> impl Iterator<Item = &(String, Node)> {
    let members = node.and_then(|node| match &node.tree {
        Tree::Dict(members) => Some(members),
        _ => None,
    });
    members.into_iter().flatten()
}

fn is_image(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_variable(name: &str) -> bool {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.');
    name.starts_with(|c: char| is_plain(c) && !c.is_ascii_digit()) && name.chars().all(is_plain)
}
