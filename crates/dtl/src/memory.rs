//! Where the values of one evaluation live, and what they may cost. Everything is freed at once, when the
//! next entity comes; so values are copied around as plain references.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;

use bumpalo::Bump;
use sluice_entity::{Arena, Entity, Generated, Kind, List, Value};

use crate::options::Budget;

/// The result of an expression: one value, or a list whose elements have not been copied together yet.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Values<'a> {
    /// Null, a scalar, a dict, or a list in its stored form.
    One(Value<'a>),
    /// A list under construction.
    List(&'a [Value<'a>]),
}

impl<'a> Values<'a> {
    pub(crate) const NULL: Values<'static> = Values::One(Value::NULL);

    pub(crate) fn bool(value: bool) -> Values<'static> {
        Values::One(Value::bool(value))
    }

    /// The value, or null.
    pub(crate) fn from_option(value: Option<Value<'a>>) -> Values<'a> {
        Values::One(value.unwrap_or(Value::NULL))
    }

    pub(crate) fn is_null(self) -> bool {
        matches!(self, Values::One(value) if value.is_null())
    }

    pub(crate) fn is_list(self) -> bool {
        match self {
            Values::One(value) => value.kind() == Kind::List,
            Values::List(_) => true,
        }
    }

    /// R14: false, null and the empty list are false.
    pub(crate) fn is_true(self) -> bool {
        match self {
            Values::List(items) => !items.is_empty(),
            Values::One(value) => match value.kind() {
                Kind::Null => false,
                Kind::Bool => value.as_bool() == Some(true),
                Kind::List => value.as_list().is_some_and(|list| !list.is_empty()),
                _ => true,
            },
        }
    }

    /// The elements of a list; a single value as its only element; of null nothing.
    pub(crate) fn iter(self) -> Iter<'a> {
        match self {
            Values::List(items) => Iter::Slice(items.iter()),
            Values::One(value) => match value.as_list() {
                Some(list) => Iter::List { list, at: 0 },
                None => Iter::One((!value.is_null()).then_some(value)),
            },
        }
    }

    /// The number of elements, as `iter` gives them.
    pub(crate) fn len(self) -> usize {
        match self {
            Values::List(items) => items.len(),
            Values::One(value) => match value.as_list() {
                Some(list) => list.len(),
                None => usize::from(!value.is_null()),
            },
        }
    }

    pub(crate) fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at `index`, as `iter` gives them.
    pub(crate) fn get(self, index: usize) -> Option<Value<'a>> {
        match self {
            Values::List(items) => items.get(index).copied(),
            Values::One(value) => match value.as_list() {
                Some(list) => list.get(index),
                None => (index == 0 && !value.is_null()).then_some(value),
            },
        }
    }

    /// Bytes of the values in their stored form; of a list under construction without its tables.
    pub(crate) fn encoded_len(self) -> usize {
        match self {
            Values::One(value) => value.encoded().len(),
            Values::List(items) => items.iter().map(|item| item.encoded().len()).sum(),
        }
    }

    /// R17, R18: the first element; null when there is none.
    pub(crate) fn first(self) -> Value<'a> {
        self.get(0).unwrap_or(Value::NULL)
    }
}

/// The elements of a [`Values`].
#[derive(Clone)]
pub(crate) enum Iter<'a> {
    One(Option<Value<'a>>),
    Slice(std::slice::Iter<'a, Value<'a>>),
    List { list: List<'a>, at: usize },
}

impl<'a> Iterator for Iter<'a> {
    type Item = Value<'a>;

    fn next(&mut self) -> Option<Value<'a>> {
        match self {
            Iter::One(value) => value.take(),
            Iter::Slice(items) => items.next().copied(),
            Iter::List { list, at } => {
                let value = list.get(*at)?;
                *at += 1;
                Some(value)
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = match self {
            Iter::One(value) => usize::from(value.is_some()),
            Iter::Slice(items) => items.len(),
            Iter::List { list, at } => list.len().saturating_sub(*at),
        };
        (left, Some(left))
    }
}

/// A growing list of values in memory.
pub(crate) type Items<'a> = bumpalo::collections::Vec<'a, Value<'a>>;
/// A growing text in memory.
pub(crate) type Text<'a> = bumpalo::collections::String<'a>;

/// The memory of one evaluation.
pub(crate) struct Memory<'a> {
    arena: &'a Arena,
    bump: &'a Bump,
    /// What a dataset knows about an entity, by the address of its body: `_updated`, `_ts` and so on are no
    /// part of the body, but paths find them.
    generated: RefCell<HashMap<usize, &'a Generated>>,
    steps_left: Cell<u64>,
    bytes_at_start: usize,
    bytes: usize,
}

impl<'a> Memory<'a> {
    pub(crate) fn new(arena: &'a Arena, bump: &'a Bump, budget: Budget) -> Memory<'a> {
        Memory {
            arena,
            bump,
            generated: RefCell::default(),
            steps_left: Cell::new(budget.steps),
            bytes_at_start: arena.allocated() + bump.allocated_bytes(),
            bytes: budget.bytes,
        }
    }

    pub(crate) fn arena(&self) -> &'a Arena {
        self.arena
    }

    /// Takes `count` steps from the budget; false when there are not that many left.
    pub(crate) fn spend(&self, count: u64) -> bool {
        let left = self.steps_left.get().checked_sub(count);
        self.steps_left.set(left.unwrap_or(0));
        left.is_some()
    }

    /// Whether the budget allows `more` bytes. A function that multiplies its input asks first, and gives
    /// null if not; the evaluation then ends by itself, because [`Memory::is_exhausted`] stays true.
    pub(crate) fn has_room(&self, more: usize) -> bool {
        let used = (self.arena.allocated() + self.bump.allocated_bytes())
            .saturating_sub(self.bytes_at_start);
        let fits = used
            .checked_add(more)
            .is_some_and(|total| total <= self.bytes);
        if !fits {
            self.steps_left.set(0);
        }
        fits
    }

    /// Ends the evaluation: what comes next would cost more than an entity may.
    pub(crate) fn give_up(&self) {
        self.steps_left.set(0);
    }

    pub(crate) fn is_exhausted(&self) -> bool {
        self.steps_left.get() == 0 || !self.has_room(0)
    }

    pub(crate) fn items(&self) -> Items<'a> {
        Items::new_in(self.bump)
    }

    pub(crate) fn items_of(&self, capacity: usize) -> Items<'a> {
        Items::with_capacity_in(capacity, self.bump)
    }

    pub(crate) fn vec_of<T>(&self, capacity: usize) -> bumpalo::collections::Vec<'a, T> {
        bumpalo::collections::Vec::with_capacity_in(capacity, self.bump)
    }

    pub(crate) fn text(&self) -> Text<'a> {
        Text::new_in(self.bump)
    }

    pub(crate) fn list(&self, items: Items<'a>) -> Values<'a> {
        Values::List(items.into_bump_slice())
    }

    pub(crate) fn copy_str(&self, text: &str) -> &'a str {
        self.bump.alloc_str(text)
    }

    pub(crate) fn string(&self, text: &str) -> Value<'a> {
        self.arena.str(text)
    }

    /// One value in its stored form; null where there is no room for it. A list of references takes little, but what it
    /// refers to may be large, and stand in it many times.
    pub(crate) fn value(&self, values: Values<'a>) -> Value<'a> {
        match values {
            Values::One(value) => value,
            Values::List(_) if !self.has_room(values.encoded_len()) => Value::NULL,
            Values::List(items) => self.arena.list(items.iter().copied()),
        }
    }

    /// Keeps an entity for the rest of the evaluation, with what its dataset knows about it.
    pub(crate) fn keep(&self, entity: &Entity) -> Value<'a> {
        let body = self.arena.copy(entity.body());
        if let Some(generated) = entity.generated() {
            let generated: &'a Generated = self.bump.alloc(*generated);
            self.generated
                .borrow_mut()
                .insert(body.encoded().as_ptr() as usize, generated);
        }
        body
    }

    /// As [`Memory::keep`], for an entity that lives long enough by itself.
    pub(crate) fn borrow(&self, entity: &'a Entity) -> Value<'a> {
        let body = entity.body();
        if let Some(generated) = entity.generated() {
            self.generated
                .borrow_mut()
                .insert(body.encoded().as_ptr() as usize, generated);
        }
        body
    }

    /// Whether this is the body of a deleted entity (R4).
    pub(crate) fn is_deleted(&self, body: Value<'a>) -> bool {
        let deleted = body
            .get("_deleted")
            .or_else(|| self.generated(body, "_deleted"));
        deleted.and_then(Value::as_bool) == Some(true)
    }

    /// A property that a dataset generated for the entity with this body: `_updated`, `_previous`, `_ts`,
    /// `_hash`, `_deleted`.
    pub(crate) fn generated(&self, body: Value<'a>, name: &str) -> Option<Value<'a>> {
        let known = self.generated.borrow();
        if known.is_empty() {
            return None;
        }
        let generated = known.get(&(body.encoded().as_ptr() as usize))?;
        let offset = |offset: u64| {
            i64::try_from(offset)
                .ok()
                .map(|offset| self.arena.int(offset))
        };
        match name {
            "_updated" => offset(generated.updated),
            "_previous" => generated.previous.and_then(offset),
            "_ts" => offset(generated.ts),
            "_hash" => Some(self.string(&generated.hash.to_string())),
            "_deleted" => Some(Value::bool(generated.deleted)),
            _ => None,
        }
    }
}
