//! Names, argument counts, argument kinds, rules and aliases: everything that can be wrong with a tree is
//! reported here, so that the compiler proper has nothing left to refuse.

use std::collections::{HashMap, HashSet};

use sluice_entity::Json;

use crate::compile::NUMBERS;
use crate::diagnostic::{Code, Diagnostics, Site};
use crate::hops::{plan, spec};
use crate::parse::{Shape, Tree};
use crate::path;
use crate::reference;
use crate::registry;
use crate::signature::Kind;

/// What the checks of all rules have in common.
pub(crate) struct Check<'c> {
    pub(crate) out: &'c mut Diagnostics,
    /// Every rule, and whether it contains hops.
    pub(crate) rules: &'c HashMap<&'c str, bool>,
    /// The rules that something applies.
    pub(crate) applied: HashSet<String>,
}

/// What a place in a tree can refer to.
#[derive(Clone, Copy)]
struct Surroundings<'s> {
    aliases: &'s [String],
    /// `_` is bound.
    current: bool,
}

const NOTHING: Surroundings<'static> = Surroundings {
    aliases: &[],
    current: false,
};

/// Whether the tree contains hops of its own; those in rules that it applies do not count.
pub(crate) fn has_hops(tree: &Tree<'_>) -> bool {
    let mut found = false;
    tree.visit(&mut |node| found |= matches!(node.call(), Some(("hops" | "apply-hops", _))));
    found
}

impl Check<'_> {
    /// A rule, or the argument of a transform that holds transforms.
    pub(crate) fn steps(&mut self, tree: &Tree<'_>, code: Code) {
        self.steps_in(tree, code, NOTHING);
    }

    /// An expression that stands by itself.
    pub(crate) fn expression(&mut self, tree: &Tree<'_>) {
        self.expression_in(tree, NOTHING);
    }

    fn steps_in(&mut self, tree: &Tree<'_>, code: Code, around: Surroundings<'_>) {
        let Some(steps) = tree.steps() else {
            self.out.report(
                tree.site,
                code,
                "expected a transform function or a list of them",
            );
            return;
        };
        for step in steps {
            match step.call() {
                Some((name, arguments)) => self.step(step, name, arguments, around),
                None => self.out.report(
                    step.site,
                    code,
                    "expected a transform function: an array that begins with its name",
                ),
            }
        }
    }

    fn step(
        &mut self,
        tree: &Tree<'_>,
        name: &str,
        arguments: &[Tree<'_>],
        around: Surroundings<'_>,
    ) {
        if name == "comment" {
            return;
        }
        let Some(definition) = registry::transform(name) else {
            let message = match registry::expression(name) {
                Some(_) => format!(
                    "\"{name}\" returns a value; here stands a transform function, such as \"add\""
                ),
                None => unknown(name),
            };
            let code = if registry::expression(name).is_some() {
                Code::WrongWorld
            } else {
                unknown_code(name)
            };
            self.out.report(tree.site, code, message);
            return;
        };
        match definition.signature.assign(arguments.len()) {
            Some(kinds) => {
                let around = Surroundings {
                    current: around.current || name == "add-if",
                    ..around
                };
                self.arguments(arguments, &kinds, around);
            }
            None => self.wrong_count(tree.site, name, definition.text, arguments.len()),
        }
    }

    fn expression_in(&mut self, tree: &Tree<'_>, around: Surroundings<'_>) {
        match &tree.shape {
            Shape::Constant => {}
            Shape::Text(text) => self.text(tree.site, text, around),
            Shape::List(nodes) => nodes
                .iter()
                .for_each(|node| self.expression_in(node, around)),
            Shape::Dict(entries) => entries
                .iter()
                .for_each(|(_, node)| self.expression_in(node, around)),
            Shape::Call { name, arguments } => {
                let Some(definition) = registry::expression(name) else {
                    let (code, message) = match registry::transform(name) {
                        Some(_) => (
                            Code::WrongWorld,
                            format!("\"{name}\" is a transform function and has no value"),
                        ),
                        None => (unknown_code(name), unknown(name)),
                    };
                    self.out.report(tree.site, code, message);
                    return;
                };
                match definition.signature.assign(arguments.len()) {
                    Some(kinds) => {
                        self.arguments(arguments, &kinds, around);
                        self.applied_rule(name, arguments);
                    }
                    None => self.wrong_count(tree.site, name, definition.text, arguments.len()),
                }
            }
        }
    }

    fn text(&mut self, site: Site, text: &str, around: Surroundings<'_>) {
        match path::split(text, around.aliases) {
            None => {}
            Some(Err(())) => {
                self.out.report(
                    site,
                    Code::InvalidPath,
                    format!("a quoted element is not closed in \"{text}\""),
                );
            }
            Some(Ok((variable, _))) if variable == "_" && !around.current => {
                let message =
                    format!("\"{text}\" is null here: no function binds the current value \"_\"");
                self.out.report(site, Code::UnboundCurrentValue, message);
            }
            Some(Ok(_)) => {}
        }
    }

    fn arguments(&mut self, arguments: &[Tree<'_>], kinds: &[Kind], around: Surroundings<'_>) {
        let hops: Vec<&Tree<'_>> = arguments
            .iter()
            .zip(kinds)
            .filter(|(_, kind)| **kind == Kind::Hops)
            .map(|(tree, _)| tree)
            .collect();
        if !hops.is_empty() {
            self.hops(&hops);
        }
        for (tree, kind) in arguments.iter().zip(kinds) {
            match kind {
                Kind::Raw | Kind::Hops => {}
                Kind::Transforms => self.steps_in(tree, Code::WrongArgumentKind, around),
                Kind::Function | Kind::DefaultValue => {
                    self.expression_in(
                        tree,
                        Surroundings {
                            current: true,
                            ..around
                        },
                    );
                }
                Kind::Rule => self.constant_string(tree, "the id of a rule"),
                Kind::Dataset => self.constant_string(tree, "the id of a dataset"),
                Kind::Patterns
                    if tree
                        .strings()
                        .is_some_and(|strings| is_pattern_list(&strings)) => {}
                Kind::Value | Kind::Boolean => self.expression_in(tree, around),
                Kind::Integer | Kind::Numeric => {
                    self.kind(tree, "a number", around, is_number);
                }
                Kind::String | Kind::Property | Kind::Patterns => {
                    self.kind(tree, "a string", around, |json| {
                        matches!(json, Json::String(_))
                    });
                }
            }
        }
    }

    /// Only constants can be judged: what an expression gives is known when it runs.
    fn kind(
        &mut self,
        tree: &Tree<'_>,
        wanted: &str,
        around: Surroundings<'_>,
        fits: impl Fn(&Json) -> bool,
    ) {
        let constant = match tree.shape {
            Shape::Constant => true,
            Shape::Text(text) => path::split(text, around.aliases).is_none(),
            _ => false,
        };
        if constant && !fits(tree.json) {
            self.out.report(
                tree.site,
                Code::WrongArgumentKind,
                format!("expected {wanted}, found {}", tree.json),
            );
        } else {
            self.expression_in(tree, around);
        }
    }

    fn constant_string(&mut self, tree: &Tree<'_>, wanted: &str) {
        if tree.text().is_none() {
            let message = format!(
                "expected {wanted} as a constant string, found {}",
                tree.json
            );
            self.out.report(tree.site, Code::WrongArgumentKind, message);
        }
    }

    /// `apply` and `apply-hops` name a rule.
    fn applied_rule(&mut self, name: &str, arguments: &[Tree<'_>]) {
        if !matches!(name, "apply" | "apply-hops") {
            return;
        }
        let Some((site, rule)) = arguments
            .first()
            .and_then(|tree| Some((tree.site, tree.text()?)))
        else {
            return;
        };
        match self.rules.get(rule) {
            None => self.out.report(
                site,
                Code::UnknownRule,
                format!("there is no rule \"{rule}\""),
            ),
            Some(true) if name == "apply" => {
                let message = format!(
                    "rule \"{rule}\" contains hops, so it must be applied with \"apply-hops\""
                );
                self.out.report(site, Code::ApplyNeedsApplyHops, message);
            }
            Some(_) => {
                self.applied.insert(rule.to_owned());
            }
        }
    }

    fn hops(&mut self, specs: &[&Tree<'_>]) {
        for (index, tree) in specs.iter().enumerate() {
            let last = index + 1 == specs.len();
            let Some(spec) = spec::read(tree, last, self.out) else {
                continue;
            };
            let aliases: Vec<String> = spec
                .datasets
                .iter()
                .map(|dataset| dataset.alias.clone())
                .collect();
            let around = Surroundings {
                aliases: &aliases,
                current: false,
            };
            for condition in &spec.conditions {
                self.expression_in(condition, around);
            }
            if let spec::Returns::Template(template) = &spec.returns {
                self.expression_in(template, around);
            }
            for (_, subset) in &spec.subsets {
                self.expression_in(subset, NOTHING);
            }
            plan::order(&spec, self.out);
        }
    }

    fn wrong_count(&mut self, site: Site, name: &str, signature: &str, found: usize) {
        let message = format!("\"{name}\" does not take {found} arguments; it takes {signature}");
        self.out.report(site, Code::WrongArgumentCount, message);
    }
}

/// A number, or the text of an exact one: `"~f0.25"`.
fn is_number(json: &Json) -> bool {
    match json {
        Json::Number(_) => true,
        Json::String(_) => json.to_value(&NUMBERS).value().as_number().is_some(),
        _ => false,
    }
}

/// `["a*", "b*"]` is a list of patterns, unless its first string is the name of a function.
pub(crate) fn is_pattern_list(strings: &[&str]) -> bool {
    strings
        .first()
        .is_none_or(|first| registry::expression(first).is_none())
}

fn unknown_code(name: &str) -> Code {
    if reference::is_known(name) {
        Code::FunctionNotInThisVersion
    } else {
        Code::UnknownFunction
    }
}

fn unknown(name: &str) -> String {
    match unknown_code(name) {
        Code::FunctionNotInThisVersion => format!("\"{name}\" is not in this version"),
        _ => {
            format!("there is no function \"{name}\"; a list of values is written [\"list\", ...]")
        }
    }
}
