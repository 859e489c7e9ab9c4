//! The value of a node.

use std::cell::RefCell;

use bumpalo::Bump;
use sluice_entity::{Arena, Builder, Kind, Value, ValueBuf};

use crate::diagnostic::Site;
use crate::failure::FailureKind;
use crate::functions::{AmbientFn, PureFn, StoredFn};
use crate::memory::{Memory, Values};
use crate::namespaces::{Reference, split_property};
use crate::options::Budget;
use crate::path::{self, Path, PathStep, Variable};
use crate::program::{Call, NewDict, Node};
use crate::transforms::Flow;

use super::run::BUDGET;
use super::scope::build_values;
use super::{Frame, Outcome, Run, Scope, Target};

impl Node {
    /// The place of a call; constants and paths cannot fail.
    pub(crate) fn site(&self) -> Option<Site> {
        match self {
            Node::Pure(call) => Some(call.site),
            Node::Ambient(call) => Some(call.site),
            Node::Stored(call) => Some(call.site),
            Node::Form(call) => Some(call.site),
            Node::Apply { site, .. } => Some(*site),
            Node::Hops(call) => Some(call.site),
            Node::Dict(dict) => Some(dict.site),
            Node::Constant(_) | Node::Path(_) | Node::Property { .. } | Node::List(_) => None,
        }
    }
}

impl<'a> Run<'a> {
    #[inline]
    pub(crate) fn evaluate(&self, node: &'a Node, scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
        match node {
            Node::Constant(value) => Ok(Values::One(value.value())),
            Node::Path(path) => Ok(self.path(path, scope)),
            _ => self.compound(node, scope),
        }
    }

    fn compound(&self, node: &'a Node, scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
        self.enter(node)?;
        let values = match node {
            Node::Constant(value) => Ok(Values::One(value.value())),
            Node::Path(path) => Ok(self.path(path, scope)),
            Node::Pure(call) => self.pure(call, scope),
            Node::Form(call) => (call.body)(self, &call.arguments, scope),
            Node::Property { base, steps } => {
                let values = self.evaluate(base, scope);
                values.map(|values| path::walk(&self.memory, values, steps))
            }
            Node::List(nodes) => self.list(nodes, scope),
            Node::Dict(dict) => self.dict(dict, scope),
            Node::Ambient(call) => self.ambient(call, scope),
            Node::Stored(call) => self.stored(call, scope),
            Node::Apply { rule, values, site } => {
                let values = self.evaluate(values, scope);
                values.and_then(|values| self.apply_all(*rule, values, scope, *site))
            }
            Node::Hops(call) => self.hops(call, scope),
        };
        self.leave();
        values
    }

    /// Evaluates the arguments and hands them to `call`; a few fit on the stack.
    fn with_arguments<T>(
        &self,
        nodes: &'a [Node],
        scope: Scope<'_, 'a>,
        call: impl FnOnce(&[Values<'a>]) -> T,
    ) -> Outcome<T> {
        let mut few = [Values::NULL; 4];
        if let Some(places) = few.get_mut(..nodes.len()) {
            for (place, node) in places.iter_mut().zip(nodes) {
                *place = self.evaluate(node, scope)?;
            }
            return Ok(call(places));
        }
        let mut many = Vec::with_capacity(nodes.len());
        for node in nodes {
            many.push(self.evaluate(node, scope)?);
        }
        Ok(call(&many))
    }

    fn pure(&self, call: &'a Call<PureFn>, scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
        let values = self.with_arguments(&call.arguments, scope, |arguments| {
            (call.body)(&self.memory, arguments)
        })?;
        if self.memory.is_exhausted() {
            Err(self.budget(call.site))
        } else {
            Ok(values)
        }
    }

    fn ambient(&self, call: &'a Call<AmbientFn>, scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
        let body =
            |arguments: &[Values<'a>]| (call.body)(&self.memory, self.environment, arguments);
        self.with_arguments(&call.arguments, scope, body)
    }

    fn stored(&self, call: &'a Call<StoredFn>, scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
        let body = |arguments: &[Values<'a>]| (call.body)(&self.memory, self.lookup, arguments);
        let values = self.with_arguments(&call.arguments, scope, body)?;
        values.map_err(|error| self.failure(FailureKind::Lookup, chain(&error), Some(call.site)))
    }

    fn list(&self, nodes: &'a [Node], scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
        let mut items = self.memory.items_of(nodes.len());
        for node in nodes {
            items.push(self.memory.value(self.evaluate(node, scope)?));
        }
        Ok(self.memory.list(items))
    }

    fn dict(&self, dict: &'a NewDict, scope: Scope<'_, 'a>) -> Outcome<Values<'a>> {
        let arena = self.memory.arena();
        arena
            .try_build(|out| self.write_dict(dict, scope, out))
            .map(Values::One)
    }

    /// Appends the value of a node to what is being built: a dict is written where it will lie.
    pub(crate) fn write(
        &self,
        node: &'a Node,
        scope: Scope<'_, 'a>,
        out: &mut Builder,
    ) -> Outcome<()> {
        let Node::Dict(dict) = node else {
            let values = self.evaluate(node, scope)?;
            self.check_room(out, values.encoded_len(), node.site())?;
            build_values(out, values);
            return Ok(());
        };
        self.enter(node)?;
        let written = self.write_dict(dict, scope, out);
        self.leave();
        written
    }

    fn write_dict(
        &self,
        dict: &'a NewDict,
        scope: Scope<'_, 'a>,
        out: &mut Builder,
    ) -> Outcome<()> {
        out.dict_of(&dict.names, |out, index| match dict.values.get(index) {
            Some(node) => self.write(node, scope, out),
            None => Ok(()),
        })?;
        self.check_room(out, 0, Some(dict.site))
    }

    /// What is being built, and `more` bytes, count against the budget before they are a value.
    fn check_room(&self, out: &Builder, more: usize, site: Option<Site>) -> Outcome<()> {
        if self.memory.has_room(out.written() + more) {
            Ok(())
        } else {
            Err(self.failure(FailureKind::Budget, BUDGET, site))
        }
    }

    fn path(&self, path: &'a Path, scope: Scope<'_, 'a>) -> Values<'a> {
        let frame = scope.frame;
        let start = match path.variable {
            Variable::Source { up: 0 } if path.dynamic_ids => {
                return self.dynamic_ids(frame.source, &path.steps);
            }
            Variable::Source { up: 0 } => Some(Values::One(frame.source)),
            Variable::Source { up } => frame.up(up).map(|frame| Values::One(frame.source)),
            Variable::Target { up } => {
                return frame
                    .up(up)
                    .map_or(Values::NULL, |frame| self.target(frame, &path.steps));
            }
            Variable::RootSource => Some(Values::One(frame.root().source)),
            Variable::RootTarget => return self.target(frame.root(), &path.steps),
            Variable::Parent { up } => frame
                .up(up)
                .map(|frame| Values::One(frame.to_value(&self.memory, true))),
            Variable::Root => Some(Values::One(frame.root().to_value(&self.memory, false))),
            Variable::Parameters => Some(Values::One(self.parameters)),
            Variable::Current => Some(scope.current),
            Variable::Alias(number) => scope
                .row
                .get(usize::from(number))
                .map(|value| Values::One(*value)),
        };
        start.map_or(Values::NULL, |start| {
            path::walk(&self.memory, start, &path.steps)
        })
    }

    /// A path into the target, which is not a value yet.
    fn target(&self, frame: &Frame<'_, 'a>, steps: &'a [PathStep]) -> Values<'a> {
        let target = frame.target.borrow();
        let Some((first, rest)) = steps.split_first() else {
            return Values::One(target.to_value(&self.memory));
        };
        match &first.reference {
            Reference::Exact(name) => target.get(name).map_or(Values::NULL, |values| {
                path::walk(&self.memory, values, rest)
            }),
            Reference::AnyNamespace(identifier) => {
                let same = |(name, _): &(&str, Values<'a>)| split_property(name).1 == &**identifier;
                let mut found = target
                    .iter()
                    .filter(same)
                    .map(|(_, values)| path::walk(&self.memory, values, rest));
                let Some(only) = found.next() else {
                    return Values::NULL;
                };
                let Some(second) = found.next() else {
                    return only;
                };
                let mut items = self.memory.items();
                [only, second]
                    .into_iter()
                    .chain(found)
                    .for_each(|values| items.extend(values.iter()));
                self.memory.list(items)
            }
        }
    }

    /// R43: an entity without `$ids` has one made from its `_id`.
    fn dynamic_ids(&self, source: Value<'a>, steps: &'a [PathStep]) -> Values<'a> {
        let own = source.get("$ids");
        let id = source.get("_id").and_then(Value::as_str);
        match (own, id) {
            (None, Some(id)) if steps.len() == 1 => {
                let mut items = self.memory.items_of(1);
                items.push(
                    self.memory
                        .arena()
                        .ni(&self.program.namespaces.identity(id)),
                );
                self.memory.list(items)
            }
            _ => path::walk(&self.memory, Values::One(source), steps),
        }
    }

    /// Each value as the source of a rule: a list gives the list of targets, a single value its target.
    pub(super) fn apply_all(
        &self,
        rule: usize,
        values: Values<'a>,
        scope: Scope<'_, 'a>,
        site: Site,
    ) -> Outcome<Values<'a>> {
        if !values.is_list() {
            return Ok(Values::from_option(self.apply(
                rule,
                values.first(),
                scope,
            )?));
        }
        let mut targets = self.memory.items_of(values.len());
        for value in values.iter() {
            targets.extend(self.apply(rule, value, scope)?);
            if self.memory.is_exhausted() {
                return Err(self.budget(site));
            }
        }
        Ok(self.memory.list(targets))
    }

    /// `None` when the value is no dict, or the rule filters or discards its target.
    fn apply(
        &self,
        rule: usize,
        value: Value<'a>,
        scope: Scope<'_, 'a>,
    ) -> Outcome<Option<Value<'a>>> {
        let Some(rule) = self.program.rules.get(rule) else {
            return Ok(None);
        };
        if value.kind() != Kind::Dict {
            return Ok(None);
        }
        let target = RefCell::new(Target::new(&self.memory, rule.steps.len()));
        let frame = Frame {
            source: value,
            target: &target,
            parent: Some(scope.frame),
        };
        let flow = self.steps(&rule.steps, &frame)?;
        Ok((flow == Flow::Continue).then(|| target.borrow().to_value(&self.memory)))
    }
}

/// An error with its causes, for one line.
pub(super) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text = format!("{text}: {error}");
        cause = error.source();
    }
    text
}

/// The value of a node of constants; `None` when it would be too large to keep in a program.
pub(crate) fn fold(node: &Node) -> Option<ValueBuf> {
    let (arena, bump) = (Arena::new(), Bump::new());
    let memory = Memory::new(
        &arena,
        &bump,
        Budget {
            steps: 100_000,
            bytes: 1 << 20,
        },
    );
    let values = fold_in(&memory, node)?;
    let value = memory.value(values);
    (!memory.is_exhausted()).then(|| value.to_owned())
}

fn fold_in<'a>(memory: &Memory<'a>, node: &'a Node) -> Option<Values<'a>> {
    match node {
        Node::Constant(value) => Some(Values::One(value.value())),
        Node::List(nodes) => {
            let mut items = memory.items_of(nodes.len());
            for node in nodes {
                items.push(memory.value(fold_in(memory, node)?));
            }
            Some(memory.list(items))
        }
        Node::Dict(dict) => {
            let value = |index| fold_in(memory, dict.values.get(index)?);
            let built = memory.arena().try_build(|out| {
                out.dict_of(&dict.names, |out, index| {
                    value(index)
                        .map(|values| build_values(out, values))
                        .ok_or(())
                })
            });
            built.ok().map(Values::One)
        }
        Node::Pure(call) => {
            let arguments: Option<Vec<Values<'a>>> = call
                .arguments
                .iter()
                .map(|node| fold_in(memory, node))
                .collect();
            Some((call.body)(memory, &arguments?))
        }
        _ => None,
    }
}
