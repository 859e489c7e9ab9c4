//! Reads a hops specification: which datasets, conditions and options, every problem reported in its place.

use sluice_entity::Json;

use crate::diagnostic::{Code, Diagnostics};
use crate::parse::{Shape, Tree};
use crate::path;

use super::Recursion;

/// A specification as written.
pub(crate) struct Spec<'t, 'j> {
    pub(crate) tree: &'t Tree<'j>,
    pub(crate) datasets: Vec<Dataset>,
    pub(crate) conditions: Vec<&'t Tree<'j>>,
    pub(crate) returns: Returns<'t, 'j>,
    pub(crate) recursion: Option<Recursion>,
    pub(crate) track_dependencies: bool,
    pub(crate) trace: Option<&'j str>,
    /// By alias number: an `eq` of an expression over `_S` and a constant.
    pub(crate) subsets: Vec<(u16, &'t Tree<'j>)>,
}

/// One element of `datasets`.
pub(crate) struct Dataset {
    pub(crate) id: String,
    pub(crate) alias: String,
}

pub(crate) enum Returns<'t, 'j> {
    Aliases(Vec<u16>),
    Template(&'t Tree<'j>),
}

/// Depth of a recursion without `max_depth` (R41).
const DEFAULT_DEPTH: u32 = 10;

/// `None` when nothing could be made of it; problems go to `out`. `last`: the last specification of the call.
pub(crate) fn read<'t, 'j>(
    tree: &'t Tree<'j>,
    last: bool,
    out: &mut Diagnostics,
) -> Option<Spec<'t, 'j>> {
    let Shape::Dict(entries) = &tree.shape else {
        out.report(
            tree.site,
            Code::InvalidHops,
            "expected a hops specification: an object with \"datasets\" and \"where\"",
        );
        return None;
    };
    let datasets = datasets(tree, out)?;
    let aliases: Vec<String> = datasets
        .iter()
        .map(|dataset| dataset.alias.clone())
        .collect();
    let last_alias = u16::try_from(datasets.len().checked_sub(1)?).ok()?;
    let mut spec = Spec {
        tree,
        datasets,
        conditions: Vec::new(),
        returns: Returns::Aliases(vec![last_alias]),
        recursion: None,
        track_dependencies: true,
        trace: None,
        subsets: Vec::new(),
    };
    let (mut recurse, mut has_return) = (false, false);
    let mut recursion = Recursion {
        exclude_root: false,
        max_depth: Some(DEFAULT_DEPTH),
    };
    for (key, value) in entries {
        match *key {
            "datasets" | "comment" => {}
            "where" => conditions(value, &mut spec.conditions),
            "recurse" => recurse = boolean(value, out, false),
            "exclude_root" => recursion.exclude_root = boolean(value, out, false),
            "max_depth" => recursion.max_depth = depth(value, out),
            "track-dependencies" | "track_dependencies" => {
                spec.track_dependencies = boolean(value, out, true)
            }
            "trace" => match value.text() {
                Some(text) => spec.trace = Some(text),
                None => out.report(value.site, Code::InvalidHops, "\"trace\" is a string"),
            },
            "subsets" | "prefilters" => subsets(value, &aliases, &mut spec.subsets, out),
            "return" => {
                has_return = true;
                spec.returns = returns(value, &aliases, out)?;
            }
            _ => out.report(
                value.site,
                Code::UnknownHopsProperty,
                format!("a hops specification has no \"{key}\""),
            ),
        }
    }
    if has_return && (recurse || !last) {
        let message = "\"return\" stands in the last specification only, and not with \"recurse\"";
        out.report(tree.site, Code::InvalidHops, message);
    }
    spec.recursion = recurse.then_some(recursion);
    Some(spec)
}

fn datasets(tree: &Tree<'_>, out: &mut Diagnostics) -> Option<Vec<Dataset>> {
    let elements = match tree.json.get("datasets").and_then(Json::as_array) {
        Some(elements) if !elements.is_empty() => elements,
        _ => {
            out.report(
                tree.site,
                Code::InvalidHops,
                "\"datasets\" is a list of \"dataset alias\" with at least one element",
            );
            return None;
        }
    };
    let mut datasets: Vec<Dataset> = Vec::with_capacity(elements.len());
    for element in elements {
        let mut words = element.as_str().unwrap_or_default().split_whitespace();
        let (Some(id), Some(alias), None) = (words.next(), words.next(), words.next()) else {
            out.report(
                tree.site,
                Code::InvalidHops,
                format!("expected \"dataset alias\", found {element}"),
            );
            return None;
        };
        let taken = datasets.iter().any(|known| known.alias == alias);
        let built_in = matches!(alias, "_S" | "_T" | "_P" | "_R" | "_B" | "_");
        if taken || built_in || alias.contains(['.', '\'', ',']) {
            out.report(
                tree.site,
                Code::InvalidHops,
                format!("\"{alias}\" cannot be the alias of a dataset here"),
            );
            return None;
        }
        datasets.push(Dataset {
            id: id.to_owned(),
            alias: alias.to_owned(),
        });
    }
    Some(datasets)
}

/// A list of conditions is an `and`, and an `and` is a list of conditions.
fn conditions<'t, 'j>(tree: &'t Tree<'j>, into: &mut Vec<&'t Tree<'j>>) {
    match &tree.shape {
        Shape::List(nodes) => nodes.iter().for_each(|node| conditions(node, into)),
        Shape::Call {
            name: "and",
            arguments,
        } => arguments.iter().for_each(|node| conditions(node, into)),
        _ => into.push(tree),
    }
}

fn boolean(tree: &Tree<'_>, out: &mut Diagnostics, default: bool) -> bool {
    tree.json.as_bool().unwrap_or_else(|| {
        out.report(
            tree.site,
            Code::InvalidHops,
            format!("expected true or false, found {}", tree.json),
        );
        default
    })
}

fn depth(tree: &Tree<'_>, out: &mut Diagnostics) -> Option<u32> {
    if matches!(tree.json, Json::Null) {
        return None;
    }
    let depth = tree
        .json
        .as_i64()
        .and_then(|depth| u32::try_from(depth).ok());
    if depth.is_none() {
        out.report(
            tree.site,
            Code::InvalidHops,
            format!("\"max_depth\" is a number or null, found {}", tree.json),
        );
    }
    depth.or(Some(DEFAULT_DEPTH))
}

fn returns<'t, 'j>(
    tree: &'t Tree<'j>,
    aliases: &[String],
    out: &mut Diagnostics,
) -> Option<Returns<'t, 'j>> {
    let Some(text) = tree.text() else {
        return Some(Returns::Template(tree));
    };
    let named = |name: &str| aliases.iter().position(|alias| alias == name.trim());
    let numbers: Option<Vec<u16>> = text
        .split(',')
        .map(|name| u16::try_from(named(name)?).ok())
        .collect();
    match numbers {
        Some(numbers) => Some(Returns::Aliases(numbers)),
        None if path::split(text, aliases).is_some() => Some(Returns::Template(tree)),
        None => {
            let message = format!(
                "\"return\" names aliases, separated by commas, or is an expression; found \"{text}\""
            );
            out.report(tree.site, Code::InvalidHops, message);
            None
        }
    }
}

fn subsets<'t, 'j>(
    tree: &'t Tree<'j>,
    aliases: &[String],
    into: &mut Vec<(u16, &'t Tree<'j>)>,
    out: &mut Diagnostics,
) {
    let Shape::Dict(entries) = &tree.shape else {
        out.report(
            tree.site,
            Code::InvalidHops,
            "\"subsets\" is an object: alias to subset expression",
        );
        return;
    };
    for (alias, subset) in entries {
        let number = aliases
            .iter()
            .position(|known| known == alias)
            .and_then(|index| u16::try_from(index).ok());
        let Some(number) = number else {
            out.report(
                subset.site,
                Code::InvalidHops,
                format!("\"datasets\" has no alias \"{alias}\""),
            );
            continue;
        };
        match subset.call() {
            Some(("eq", [_, right])) if matches!(right.shape, Shape::Text(_) | Shape::Constant) => {
                into.push((number, subset));
            }
            _ => {
                let message = "a subset is [\"eq\", an expression over _S, a constant]";
                out.report(subset.site, Code::InvalidHops, message);
            }
        }
    }
}
