//! Expressions: from trees to nodes.

use std::sync::Arc;

use sluice_entity::Json;

use crate::eval;
use crate::forms::FormBody;
use crate::functions::FunctionBody;
use crate::hops::plan::{self, PlannedCondition};
use crate::hops::{Access, Condition, Hops, HopsCall, Returns, spec};
use crate::index::IndexExpression;
use crate::namespaces::Reference;
use crate::parse::{Shape, Tree};
use crate::path::{self, Path, Variable};
use crate::program::{Call, IndexRequirement, Node, Program, Start};
use crate::registry::{self, ExpressionBody};
use crate::signature::Kind;

use super::{Compiler, NUMBERS};

/// What the names of variables mean in one place.
#[derive(Clone, Default)]
pub(crate) struct Aliases {
    /// The datasets of the enclosing hops.
    names: Vec<String>,
    /// This alias stands for `_S`: in the expression of an index.
    as_source: Option<u16>,
    /// `_S` stands for this alias: in a subset.
    source_is: Option<u16>,
}

impl Aliases {
    fn is_index(&self) -> bool {
        self.as_source.is_some()
    }
}

impl Compiler<'_> {
    pub(crate) fn expression(&mut self, tree: &Tree<'_>, aliases: &Aliases) -> Node {
        match &tree.shape {
            Shape::Constant => constant(tree.json),
            Shape::Text(text) => match path::split(text, &aliases.names) {
                Some(Ok((variable, elements))) => self.path(variable, elements, aliases),
                Some(Err(())) | None => constant(tree.json),
            },
            Shape::List(nodes) => {
                let nodes = nodes
                    .iter()
                    .map(|node| self.expression(node, aliases))
                    .collect();
                self.folded(Node::List(nodes))
            }
            Shape::Dict(entries) => {
                let entry = |(name, node): &(&str, Tree<'_>)| {
                    ((*name).into(), self.expression(node, aliases))
                };
                let entries = entries.iter().map(entry).collect();
                self.folded(Node::Dict(entries))
            }
            Shape::Call { name, arguments } => self.call(tree, name, arguments, aliases),
        }
    }

    fn call(
        &mut self,
        tree: &Tree<'_>,
        name: &str,
        arguments: &[Tree<'_>],
        aliases: &Aliases,
    ) -> Node {
        let Some(definition) = registry::expression(name) else {
            return constant(&Json::Null);
        };
        let site = tree.site;
        match definition.body {
            ExpressionBody::Form(FormBody::Literal) => arguments
                .first()
                .map_or(constant(&Json::Null), |a| constant(a.json)),
            ExpressionBody::Form(FormBody::Apply) => self.apply(tree, arguments, aliases),
            ExpressionBody::Form(FormBody::Hops) => self.hops(tree, None, arguments),
            ExpressionBody::Form(FormBody::ApplyHops) => {
                let rule = arguments
                    .first()
                    .and_then(|rule| self.rules.get(rule.text()?).copied());
                self.hops(tree, rule, arguments.get(1..).unwrap_or(&[]))
            }
            ExpressionBody::Form(FormBody::Path(body)) => {
                let mut nodes = self.all(arguments, aliases);
                match (constant_names(arguments.first(), aliases), nodes.pop()) {
                    (Some(names), Some(base)) => {
                        let steps = path::steps(names, &self.namespaces);
                        Node::Property {
                            base: Box::new(base),
                            steps,
                        }
                    }
                    (_, last) => {
                        nodes.extend(last);
                        Node::Form(Box::new(Call {
                            body,
                            arguments: nodes.into(),
                            site,
                        }))
                    }
                }
            }
            ExpressionBody::Form(FormBody::Evaluated(body)) => {
                let arguments = self.all(arguments, aliases).into();
                Node::Form(Box::new(Call {
                    body,
                    arguments,
                    site,
                }))
            }
            ExpressionBody::Form(FormBody::Changing(body)) => {
                self.needs.not_deterministic = true;
                let arguments = self.all(arguments, aliases).into();
                Node::Form(Box::new(Call {
                    body,
                    arguments,
                    site,
                }))
            }
            ExpressionBody::Function(FunctionBody::Pure(body)) => {
                let arguments = self.all(arguments, aliases).into();
                self.folded(Node::Pure(Box::new(Call {
                    body,
                    arguments,
                    site,
                })))
            }
            ExpressionBody::Function(FunctionBody::Ambient(body)) => {
                self.needs.not_deterministic = true;
                let arguments = self.all(arguments, aliases).into();
                Node::Ambient(Box::new(Call {
                    body,
                    arguments,
                    site,
                }))
            }
            ExpressionBody::Function(FunctionBody::Stored(body)) => {
                let kinds = definition
                    .signature
                    .assign(arguments.len())
                    .unwrap_or_default();
                for (argument, kind) in arguments.iter().zip(kinds) {
                    if let (Kind::Dataset, Some(dataset)) = (kind, argument.text()) {
                        self.looked_up.insert(dataset.to_owned());
                    }
                }
                let arguments = self.all(arguments, aliases).into();
                Node::Stored(Box::new(Call {
                    body,
                    arguments,
                    site,
                }))
            }
        }
    }

    fn all(&mut self, arguments: &[Tree<'_>], aliases: &Aliases) -> Vec<Node> {
        arguments
            .iter()
            .map(|argument| self.expression(argument, aliases))
            .collect()
    }

    fn apply(&mut self, tree: &Tree<'_>, arguments: &[Tree<'_>], aliases: &Aliases) -> Node {
        let [rule, values] = arguments else {
            return constant(&Json::Null);
        };
        let Some(rule) = rule.text().and_then(|name| self.rules.get(name).copied()) else {
            return constant(&Json::Null);
        };
        Node::Apply {
            rule,
            values: Box::new(self.expression(values, aliases)),
            site: tree.site,
        }
    }

    fn path(&self, variable: &str, elements: Vec<String>, aliases: &Aliases) -> Node {
        let mut rest = elements.iter().map(String::as_str).peekable();
        let variable = match variable {
            "_S" => match aliases.source_is {
                Some(alias) => Variable::Alias(alias),
                None => Variable::Source { up: 0 },
            },
            "_T" => Variable::Target { up: 0 },
            "_B" => Variable::Parameters,
            "_" => Variable::Current,
            "_R" => match rest.next_if(|name| matches!(*name, "_S" | "_T")) {
                Some("_S") => Variable::RootSource,
                Some(_) => Variable::RootTarget,
                None => Variable::Root,
            },
            "_P" => {
                let mut up = 1;
                while rest.next_if_eq(&"_P").is_some() {
                    up += 1;
                }
                match rest.next_if(|name| matches!(*name, "_S" | "_T")) {
                    Some("_S") => Variable::Source { up },
                    Some(_) => Variable::Target { up },
                    None => Variable::Parent { up },
                }
            }
            alias => {
                let number = aliases.names.iter().position(|name| name == alias);
                match number.and_then(|number| u16::try_from(number).ok()) {
                    Some(number) if aliases.as_source == Some(number) => Variable::Source { up: 0 },
                    Some(number) => Variable::Alias(number),
                    None => return constant(&Json::Null),
                }
            }
        };
        let dynamic_ids = self.namespaces.enabled
            && !aliases.is_index()
            && variable == Variable::Source { up: 0 }
            && rest.peek() == Some(&"$ids");
        Node::Path(Path {
            variable,
            steps: path::steps(rest, &self.namespaces),
            dynamic_ids,
        })
    }

    /// A node of constants is evaluated now.
    fn folded(&self, node: Node) -> Node {
        let constant = |node: &Node| matches!(node, Node::Constant(_));
        let foldable = match &node {
            Node::List(nodes) => nodes.iter().all(constant),
            Node::Dict(entries) => entries.iter().all(|(_, node)| constant(node)),
            Node::Pure(call) => call.arguments.iter().all(constant),
            _ => false,
        };
        match foldable.then(|| eval::fold(&node)).flatten() {
            Some(value) => Node::Constant(value),
            None => node,
        }
    }

    fn hops(&mut self, tree: &Tree<'_>, rule: Option<usize>, specs: &[Tree<'_>]) -> Node {
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

    /// The text of an index expression with `_S` for its alias and every name resolved.
    fn canonical(&self, tree: &Tree<'_>, aliases: &Aliases) -> String {
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

fn constant(json: &Json) -> Node {
    Node::Constant(json.to_value(&NUMBERS))
}

/// The names of `["path", "a", ...]` and `["path", ["list", "a", "b"], ...]` when they are constants.
fn constant_names<'j>(tree: Option<&Tree<'j>>, aliases: &Aliases) -> Option<Vec<&'j str>> {
    let tree = tree?;
    let literal = |tree: &Tree<'j>| {
        tree.text()
            .filter(|text| path::split(text, &aliases.names).is_none())
    };
    match &tree.shape {
        Shape::Text(_) => Some(vec![literal(tree)?]),
        Shape::Call {
            name: "list",
            arguments,
        } => arguments.iter().map(literal).collect(),
        _ => None,
    }
}
