//! Hops: from specifications to plans with their indexes.

use std::sync::Arc;

use crate::hops::plan::{self, PlannedCondition};
use crate::hops::{Access, Condition, Hops, HopsCall, Returns, spec};
use crate::index::IndexExpression;
use crate::parse::Tree;
use crate::program::{IndexRequirement, Node, Program, Start};

use super::Compiler;
use super::expression::Aliases;

impl Compiler<'_> {
    pub(super) fn hops(
        &mut self,
        tree: &Tree<'_>,
        rule: Option<usize>,
        specs: &[Tree<'_>],
    ) -> Node {
        let last = specs.len().saturating_sub(1);
        let hops = specs
            .iter()
            .enumerate()
            .filter_map(|(index, spec)| self.specification(spec, index == last))
            .collect();
        Node::Hops(Box::new(HopsCall {
            hops,
            rule,
            site: tree.site,
        }))
    }

    fn specification(&mut self, tree: &Tree<'_>, last: bool) -> Option<Hops> {
        // What is wrong was reported by the checks.
        let mut known = Default::default();
        let spec = spec::read(tree, last, &mut known)?;
        let order = plan::order(&spec, &mut known)?;
        let names: Vec<String> = spec
            .datasets
            .iter()
            .map(|dataset| dataset.alias.clone())
            .collect();
        let aliases = Aliases {
            names,
            ..Aliases::default()
        };
        let mut conditions: Vec<(usize, Condition)> = Vec::new();
        for (alias, subset) in &spec.subsets {
            let Some((_, [left, right])) = subset.call() else {
                continue;
            };
            let inside = Aliases {
                names: Vec::new(),
                as_source: None,
                source_is: Some(*alias),
            };
            let overlap = Condition::Overlap(
                self.expression(left, &inside),
                self.expression(right, &inside),
            );
            let waits = order
                .accesses
                .iter()
                .position(|access| access.alias == *alias)
                .map_or(0, |at| at + 1);
            conditions.push((waits, overlap));
        }
        for (waits, planned) in &order.conditions {
            let condition = match planned {
                PlannedCondition::True(tree) => Condition::True(self.expression(tree, &aliases)),
                PlannedCondition::Overlap(left, right) => Condition::Overlap(
                    self.expression(left, &aliases),
                    self.expression(right, &aliases),
                ),
            };
            conditions.push((*waits, condition));
        }
        let mut accesses = Vec::with_capacity(order.accesses.len());
        for planned in &order.accesses {
            let dataset = spec.datasets.get(usize::from(planned.alias))?.id.clone();
            let over = Aliases {
                as_source: Some(planned.alias),
                ..aliases.clone()
            };
            let index = self.index(&dataset, planned.indexed, &over);
            self.hop_datasets.insert(dataset.clone());
            if spec.track_dependencies {
                self.tracked.insert(dataset.clone());
            }
            accesses.push(Access {
                alias: planned.alias,
                dataset: dataset.into(),
                index,
                keys: self.expression(planned.keys, &aliases),
                conditions: Box::default(),
            });
        }
        let mut before = Vec::new();
        let mut after: Vec<Vec<Condition>> = accesses.iter().map(|_| Vec::new()).collect();
        for (waits, condition) in conditions {
            match waits.checked_sub(1).and_then(|at| after.get_mut(at)) {
                Some(own) => own.push(condition),
                None => before.push(condition),
            }
        }
        for (access, conditions) in accesses.iter_mut().zip(after) {
            access.conditions = conditions.into();
        }
        let returns = match &spec.returns {
            spec::Returns::Aliases(numbers) => Returns::Aliases(numbers.as_slice().into()),
            spec::Returns::Template(tree) => {
                let node = self.expression(tree, &aliases);
                if tree.text().is_some() {
                    Returns::Flattened(node)
                } else {
                    Returns::Template(node)
                }
            }
        };
        let trace = spec.trace.map(Into::into);
        Some(Hops {
            before: before.into(),
            accesses: accesses.into(),
            returns,
            recursion: spec.recursion,
            trace,
        })
    }

    /// The index of a dataset on one side of a join; each is made once.
    fn index(&mut self, dataset: &str, tree: &Tree<'_>, aliases: &Aliases) -> Arc<IndexExpression> {
        let index = self.index_expression(tree, Some(aliases));
        let key = (dataset.to_owned(), index.name().to_owned());
        if let Some(known) = self.indexes.get(&key) {
            return Arc::clone(known);
        }
        let index = Arc::new(index);
        self.indexes.insert(key, Arc::clone(&index));
        self.needs.indexes.push(IndexRequirement {
            dataset: dataset.to_owned(),
            index: Arc::clone(&index),
        });
        index
    }

    pub(crate) fn index_expression(
        &mut self,
        tree: &Tree<'_>,
        aliases: Option<&Aliases>,
    ) -> IndexExpression {
        // Without aliases `_S` is the indexed entity already; the number only says "this is an index".
        let own = Aliases {
            as_source: Some(u16::MAX),
            ..Aliases::default()
        };
        let aliases = aliases.unwrap_or(&own);
        let node = self.expression(tree, aliases);
        let name = self.canonical(tree, aliases);
        let program = Compiler::new(self.options, &[]).program(Vec::new(), Start::Expression(node));
        IndexExpression::new(
            name,
            Program {
                budget: self.options.budget,
                ..program
            },
        )
    }
}
