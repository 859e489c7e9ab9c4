//! Expressions: from trees to nodes.

use sluice_entity::{Json, Names};

use crate::diagnostic::Site;
use crate::eval;
use crate::forms::FormBody;
use crate::functions::FunctionBody;
use crate::parse::{Shape, Tree};
use crate::path::{self, Path, Variable};
use crate::program::{Call, NewDict, Node};
use crate::registry::{self, ExpressionBody};
use crate::signature::Kind;

use super::{Compiler, NUMBERS};

/// What the names of variables mean in one place.
#[derive(Clone, Default)]
pub(crate) struct Aliases {
    /// The datasets of the enclosing hops.
    pub(super) names: Vec<String>,
    /// This alias stands for `_S`: in the expression of an index.
    pub(super) as_source: Option<u16>,
    /// `_S` stands for this alias: in a subset.
    pub(super) source_is: Option<u16>,
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
                let values = entries.iter();
                let values = values
                    .map(|(_, node)| self.expression(node, aliases))
                    .collect();
                // JSON has been read, so no name is given twice.
                let names = Names::new(entries.iter().map(|(name, _)| *name));
                names.map_or(constant(&Json::Null), |names| {
                    self.new_dict(names, values, tree.site)
                })
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
            ExpressionBody::Function(FunctionBody::Dict(body)) => {
                let arguments = self.all(arguments, aliases);
                match constant_keys(&arguments) {
                    Some(names) => {
                        let values = arguments.into_iter().skip(1).step_by(2).collect();
                        self.new_dict(names, values, site)
                    }
                    None => self.folded(Node::Pure(Box::new(Call {
                        body,
                        arguments: arguments.into(),
                        site,
                    }))),
                }
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

    fn new_dict(&self, names: Names, values: Box<[Node]>, site: Site) -> Node {
        self.folded(Node::Dict(Box::new(NewDict {
            names,
            values,
            site,
        })))
    }

    /// A node of constants is evaluated now.
    fn folded(&self, node: Node) -> Node {
        let constant = |node: &Node| matches!(node, Node::Constant(_));
        let foldable = match &node {
            Node::List(nodes) => nodes.iter().all(constant),
            Node::Dict(dict) => dict.values.iter().all(constant),
            Node::Pure(call) => call.arguments.iter().all(constant),
            _ => false,
        };
        match foldable.then(|| eval::fold(&node)).flatten() {
            Some(value) => Node::Constant(value),
            None => node,
        }
    }
}

fn constant(json: &Json) -> Node {
    Node::Constant(json.to_value(&NUMBERS))
}

/// The names of `["dict", "a", ..., "b", ...]` when the keys are constants; `None` also when one is given twice.
fn constant_keys(arguments: &[Node]) -> Option<Names> {
    let (pairs, []) = arguments.as_chunks::<2>() else {
        return None;
    };
    let keys = pairs.iter().map(|[key, _]| match key {
        Node::Constant(key) => key.value().as_str(),
        _ => None,
    });
    Names::new(keys.collect::<Option<Vec<_>>>()?)
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
