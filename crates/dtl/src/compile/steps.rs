//! Transforms: from trees to steps with their arguments.

use sluice_entity::Name;

use crate::check::is_pattern_list;
use crate::namespaces::Reference;
use crate::parse::Tree;
use crate::path;
use crate::program::{Argument, Patterns, Property, Step};
use crate::registry;
use crate::signature::Kind;
use crate::transforms::TransformBody;
use crate::wildcard;

use super::Compiler;
use super::expression::Aliases;

impl Compiler<'_> {
    pub(crate) fn steps(&mut self, tree: &Tree<'_>) -> Box<[Step]> {
        let steps = tree.steps().unwrap_or(&[]);
        steps.iter().filter_map(|step| self.step(step)).collect()
    }

    fn step(&mut self, tree: &Tree<'_>) -> Option<Step> {
        let (name, arguments) = tree.call()?;
        let definition = registry::transform(name)?;
        let body = match definition.body {
            TransformBody::Nothing => return None,
            TransformBody::Step(body) => body,
        };
        let kinds = definition.signature.assign(arguments.len())?;
        let arguments = arguments
            .iter()
            .zip(kinds)
            .map(|(tree, kind)| self.argument(tree, kind))
            .collect();
        Some(Step {
            body,
            arguments,
            site: tree.site,
        })
    }

    fn argument(&mut self, tree: &Tree<'_>, kind: Kind) -> Argument {
        match kind {
            Kind::Transforms => Argument::Steps(self.steps(tree)),
            Kind::Property => Argument::Property(match literal(tree) {
                Some(name) => Property::Constant(Name::new(&self.namespaces.property(name))),
                None => Property::Computed(self.expression(tree, &Aliases::default())),
            }),
            Kind::Patterns => Argument::Patterns(match constant_patterns(tree) {
                Some(texts) => self.patterns(&texts),
                None => Patterns::Computed(self.expression(tree, &Aliases::default())),
            }),
            _ => Argument::Expression(self.expression(tree, &Aliases::default())),
        }
    }

    fn patterns(&self, texts: &[&str]) -> Patterns {
        let exact = |text: &&str| {
            !wildcard::is_pattern(text)
                && matches!(self.namespaces.reference(text), Reference::Exact(_))
        };
        if texts.iter().all(exact) {
            return Patterns::Names(path::steps(texts.iter().copied(), &self.namespaces));
        }
        Patterns::Constant(
            texts
                .iter()
                .map(|text| self.namespaces.pattern(text))
                .collect(),
        )
    }
}

fn literal<'j>(tree: &Tree<'j>) -> Option<&'j str> {
    tree.text().filter(|text| path::split(text, &[]).is_none())
}

/// `"a*"`, `["list", "a*", "b*"]`, or simply `["a*", "b*"]`.
fn constant_patterns<'j>(tree: &Tree<'j>) -> Option<Vec<&'j str>> {
    if let Some(text) = literal(tree) {
        return Some(vec![text]);
    }
    if let Some(("list", arguments)) = tree.call() {
        return arguments.iter().map(literal).collect();
    }
    tree.strings().filter(|strings| is_pattern_list(strings))
}
