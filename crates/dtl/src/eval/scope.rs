//! What variables mean while a rule runs: source, target, the contexts above, the current value, the row.

use std::cell::RefCell;
use std::collections::HashMap;

use sluice_entity::{Builder, Name, Value};

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
        if !memory.has_room(self.encoded_len(parents)) {
            return Value::NULL;
        }
        memory.arena().build(|builder| self.build(builder, parents))
    }

    fn encoded_len(&self, parents: bool) -> usize {
        let above = self.parent.filter(|_| parents);
        self.source.encoded().len()
            + self.target.borrow().encoded_len()
            + above.map_or(0, |parent| parent.encoded_len(parents))
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

/// The name of a property of the target.
#[derive(Clone, Copy)]
pub(crate) enum PropertyName<'a> {
    Plain(&'a str),
    /// From the program, which has it ready to be written.
    Encoded(&'a Name),
}

impl<'a> PropertyName<'a> {
    pub(crate) fn as_str(self) -> &'a str {
        match self {
            PropertyName::Plain(name) => name,
            PropertyName::Encoded(name) => name.as_str(),
        }
    }

    fn write(self, builder: &mut Builder) {
        match self {
            PropertyName::Plain(name) => builder.name(name),
            PropertyName::Encoded(name) => builder.encoded_name(name),
        }
    }
}

impl<'a> From<&'a str> for PropertyName<'a> {
    fn from(name: &'a str) -> Self {
        PropertyName::Plain(name)
    }
}

/// The target entity under construction: properties in the order in which they were added.
pub(crate) struct Target<'a> {
    properties: Entries<'a>,
    /// The marks of all names: most of those that are not there yet need no look.
    marks: u64,
    /// Kept once there are many properties, so that wide entities do not cost their square.
    positions: Option<HashMap<&'a str, usize>>,
}

type Entries<'a> = bumpalo::collections::Vec<'a, (PropertyName<'a>, Values<'a>)>;

/// Up to here a look through all names is faster than hashing.
const FEW: usize = 32;

/// One bit that names share which are alike.
fn mark(name: &str) -> u64 {
    let bytes = name.as_bytes();
    let (first, last) = (bytes.first().copied(), bytes.last().copied());
    let sum =
        bytes.len() * 7 + usize::from(first.unwrap_or(0)) * 5 + usize::from(last.unwrap_or(0));
    1 << (sum % 64)
}

impl<'a> Target<'a> {
    /// An empty target with room for some properties.
    pub(crate) fn new(memory: &Memory<'a>, capacity: usize) -> Target<'a> {
        Target {
            properties: memory.vec_of(capacity),
            marks: 0,
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
        if self.marks & mark(name) == 0 {
            return None;
        }
        match &self.positions {
            Some(positions) => positions.get(name).copied(),
            None => self
                .properties
                .iter()
                .position(|(own, _)| own.as_str() == name),
        }
    }

    pub(crate) fn get(&self, name: &str) -> Option<Values<'a>> {
        self.position(name)
            .and_then(|at| self.properties.get(at))
            .map(|(_, values)| *values)
    }

    /// An existing property keeps its place.
    pub(crate) fn set(&mut self, name: impl Into<PropertyName<'a>>, values: Values<'a>) {
        let name = name.into();
        let known = self.position(name.as_str());
        match known.and_then(|at| self.properties.get_mut(at)) {
            Some(property) => property.1 = values,
            None => self.append(name, values),
        }
    }

    fn append(&mut self, name: PropertyName<'a>, values: Values<'a>) {
        self.marks |= mark(name.as_str());
        if let Some(positions) = &mut self.positions {
            positions.insert(name.as_str(), self.properties.len());
        }
        self.properties.push((name, values));
        if self.positions.is_none() && self.properties.len() > FEW {
            let names = self.properties.iter().enumerate();
            self.positions = Some(names.map(|(at, (name, _))| (name.as_str(), at)).collect());
        }
    }

    pub(crate) fn retain(&mut self, mut keep: impl FnMut(&str) -> bool) {
        self.properties.retain(|(name, _)| keep(name.as_str()));
        self.positions = None;
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&'a str, Values<'a>)> + '_ {
        self.properties
            .iter()
            .map(|(name, values)| (name.as_str(), *values))
    }

    pub(crate) fn build(&self, builder: &mut Builder) {
        builder.begin_dict();
        for (name, values) in &self.properties {
            name.write(builder);
            build_values(builder, *values);
        }
        builder.end();
    }

    /// Null where there is no room for it.
    pub(crate) fn to_value(&self, memory: &Memory<'a>) -> Value<'a> {
        if !memory.has_room(self.encoded_len()) {
            return Value::NULL;
        }
        memory.arena().build(|builder| self.build(builder))
    }

    /// Bytes of all values in their stored form.
    pub(crate) fn encoded_len(&self) -> usize {
        let lengths = self
            .properties
            .iter()
            .map(|(_, values)| values.encoded_len());
        lengths.sum()
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
