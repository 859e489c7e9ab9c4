//! What variables mean while a rule runs: source, target, the contexts above, the current value, the row.

use std::cell::RefCell;
use std::collections::HashMap;

use sluice_entity::{Builder, Value};

use crate::memory::{Memory, Values};

/// One application of a rule.
pub(crate) struct Frame<'f, 'a> {
    pub(crate) source: Value<'a>,
    pub(crate) target: &'f RefCell<Target<'a>>,
    /// The context whose expression applied the rule.
    pub(crate) parent: Option<&'f Frame<'f, 'a>>,
}

impl<'f, 'a> Frame<'f, 'a> {
    /// `_P` is one up.
    pub(crate) fn up(&'f self, count: u16) -> Option<&'f Frame<'f, 'a>> {
        let mut frame = self;
        for _ in 0..count {
            frame = frame.parent?;
        }
        Some(frame)
    }

    pub(crate) fn root(&'f self) -> &'f Frame<'f, 'a> {
        let mut frame = self;
        while let Some(parent) = frame.parent {
            frame = parent;
        }
        frame
    }

    /// The dict that `_P.` and `_R.` stand for; `_P` inside as long as there is one (`parents`).
    pub(crate) fn to_value(&self, memory: &Memory<'a>, parents: bool) -> Value<'a> {
        memory.arena().build(|builder| self.build(builder, parents))
    }

    fn build(&self, builder: &mut Builder, parents: bool) {
        builder.begin_dict();
        builder.name("_S");
        builder.value(self.source);
        builder.name("_T");
        self.target.borrow().build(builder);
        if let (true, Some(parent)) = (parents, self.parent) {
            builder.name("_P");
            parent.build(builder, parents);
        }
        builder.end();
    }

    pub(crate) fn scope(&'f self) -> Scope<'f, 'a> {
        Scope {
            frame: self,
            current: Values::NULL,
            row: &[],
        }
    }
}

/// What an expression can see.
#[derive(Clone, Copy)]
pub(crate) struct Scope<'f, 'a> {
    pub(crate) frame: &'f Frame<'f, 'a>,
    /// `_`.
    pub(crate) current: Values<'a>,
    /// The entities of the enclosing hops, by alias.
    pub(crate) row: &'f [Value<'a>],
}

impl<'a> Scope<'_, 'a> {
    /// The same place with `_` bound.
    pub(crate) fn with_current(self, current: Values<'a>) -> Self {
        Scope { current, ..self }
    }
}

/// The target entity under construction: properties in the order in which they were added.
pub(crate) struct Target<'a> {
    properties: Entries<'a>,
    /// Kept once there are many properties, so that wide entities do not cost their square.
    positions: Option<HashMap<&'a str, usize>>,
}

type Entries<'a> = bumpalo::collections::Vec<'a, (&'a str, Values<'a>)>;

/// Up to here a look through all names is faster than hashing.
const FEW: usize = 32;

impl<'a> Target<'a> {
    /// An empty target with room for some properties.
    pub(crate) fn new(memory: &Memory<'a>, capacity: usize) -> Target<'a> {
        Target {
            properties: memory.vec_of(capacity),
            positions: None,
        }
    }

    /// The properties of a dict.
    pub(crate) fn from_value(memory: &Memory<'a>, value: Value<'a>) -> Target<'a> {
        let mut target = Target::new(memory, value.as_dict().map_or(0, |dict| dict.len()));
        for (name, value) in value.as_dict().into_iter().flat_map(|dict| dict.iter()) {
            target.set(name, Values::One(value));
        }
        target
    }

    fn position(&self, name: &str) -> Option<usize> {
        match &self.positions {
            Some(positions) => positions.get(name).copied(),
            None => self.properties.iter().position(|(own, _)| *own == name),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Values<'a>> {
        self.position(name)
            .and_then(|at| self.properties.get(at))
            .map(|(_, values)| *values)
    }

    /// An existing property keeps its place.
    pub(crate) fn set(&mut self, name: &'a str, values: Values<'a>) {
        match self
            .position(name)
            .and_then(|at| self.properties.get_mut(at))
        {
            Some(property) => property.1 = values,
            None => {
                if let Some(positions) = &mut self.positions {
                    positions.insert(name, self.properties.len());
                }
                self.properties.push((name, values));
                if self.positions.is_none() && self.properties.len() > FEW {
                    self.positions = Some(
                        self.properties
                            .iter()
                            .enumerate()
                            .map(|(at, (name, _))| (*name, at))
                            .collect(),
                    );
                }
            }
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.properties.retain(|(name, _)| keep(name));
        self.positions = None;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, Values<'a>)> + '_ {
        self.properties.iter().copied()
    }

    pub(crate) fn build(&self, builder: &mut Builder) {
        builder.begin_dict();
        for (name, values) in &self.properties {
            builder.name(name);
            build_values(builder, *values);
        }
        builder.end();
    }

    pub(crate) fn to_value(&self, memory: &Memory<'a>) -> Value<'a> {
        memory.arena().build(|builder| self.build(builder))
    }
}

/// Appends what an expression gave.
pub(super) fn build_values(builder: &mut Builder, values: Values<'_>) {
    match values {
        Values::One(value) => builder.value(value),
        Values::List(items) => {
            builder.begin_list();
            items.iter().for_each(|item| builder.value(*item));
            builder.end();
        }
    }
}
