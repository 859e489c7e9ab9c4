//! Property paths (DT2, DT3, R15): which variable they start from, and how they walk through dicts and lists.

use std::sync::atomic::{AtomicU32, Ordering};

use sluice_entity::{Dict, Kind, Value};

use crate::memory::{Items, Memory, Values};
use crate::namespaces::{Namespaces, Reference, split_property};

/// Where a path begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Variable {
    /// `_S`, or `_P._S` with `up` 1, and so on.
    Source {
        up: u16,
    },
    /// `_T`.
    Target {
        up: u16,
    },
    /// `_P` itself: a dict of source, target and the parent above.
    Parent {
        up: u16,
    },
    RootSource,
    RootTarget,
    /// `_R` itself.
    Root,
    /// `_B`.
    Parameters,
    /// `_`.
    Current,
    /// A dataset alias of the enclosing hops, by position.
    Alias(u16),
}

/// A compiled path.
#[derive(Debug)]
pub(crate) struct Path {
    pub(crate) variable: Variable,
    pub(crate) steps: Box<[PathStep]>,
    /// R43: `_S.$ids` of an entity without `$ids` is the identifier made from its `_id`.
    pub(crate) dynamic_ids: bool,
}

/// One property of a path.
#[derive(Debug)]
pub(crate) struct PathStep {
    pub(crate) reference: Reference,
    /// Where the property was last time; entities of one dataset tend to look alike.
    hint: AtomicU32,
}

impl PathStep {
    /// The property of a dict that this names, with its name; `None` for a name in every namespace, and
    /// for what a dataset generated.
    pub(crate) fn stored<'a, 's>(&'s self, dict: Value<'a>) -> Option<(&'s str, Value<'a>)> {
        match &self.reference {
            Reference::Exact(name) => Some((name, hinted(dict.as_dict()?, name, &self.hint)?)),
            Reference::AnyNamespace(_) => None,
        }
    }

    /// The property, if it is where it was last time.
    #[inline(always)]
    fn expected<'a>(&self, dict: Value<'a>) -> Option<Value<'a>> {
        match &self.reference {
            Reference::Exact(name) => dict
                .as_dict()?
                .get_at(self.hint.load(Ordering::Relaxed), name),
            Reference::AnyNamespace(_) => None,
        }
    }

    pub(crate) fn new(reference: Reference) -> PathStep {
        PathStep {
            reference,
            hint: AtomicU32::new(0),
        }
    }
}

/// The steps of a path from names, as `path` and path strings write them.
pub(crate) fn steps<'n>(
    names: impl IntoIterator<Item = &'n str>,
    namespaces: &Namespaces,
) -> Box<[PathStep]> {
    names
        .into_iter()
        .map(|name| PathStep::new(namespaces.reference(name)))
        .collect()
}

/// Splits `_S.a.'b.c'` into the variable's name and the elements. `None` when it is no path of one of the
/// built-in variables or `aliases`; `Err` when a quote is not closed.
pub(crate) fn split<'t>(
    text: &'t str,
    aliases: &[String],
) -> Option<Result<(&'t str, Vec<String>), ()>> {
    let (variable, rest) = text.split_once('.')?;
    let known = matches!(variable, "_S" | "_T" | "_P" | "_R" | "_B" | "_")
        || aliases.iter().any(|a| a == variable);
    known.then(|| elements(rest).map(|elements| (variable, elements)))
}

fn elements(mut text: &str) -> Result<Vec<String>, ()> {
    let mut elements = Vec::new();
    while !text.is_empty() {
        let Some(quoted) = text.strip_prefix('\'') else {
            let (element, rest) = text.split_once('.').unwrap_or((text, ""));
            // `_S.a.` means `_S.a`: an empty element names nothing.
            if !element.is_empty() {
                elements.push(element.to_owned());
            }
            text = rest;
            continue;
        };
        let mut element = String::new();
        let mut rest = quoted;
        loop {
            let (part, after) = rest.split_once('\'').ok_or(())?;
            element.push_str(part);
            match after.strip_prefix('\'') {
                Some(more) => {
                    element.push('\'');
                    rest = more;
                }
                None => {
                    rest = after;
                    break;
                }
            }
        }
        elements.push(element);
        text = match rest.strip_prefix('.') {
            Some(more) => more,
            None if rest.is_empty() => rest,
            None => return Err(()),
        };
    }
    Ok(elements)
}

/// What is at the end of the steps: one value as it is; over lists a flat list of what is there, one
/// result as a scalar; nothing is null.
pub(crate) fn walk<'a>(memory: &Memory<'a>, start: Values<'a>, steps: &[PathStep]) -> Values<'a> {
    let Values::One(mut value) = start else {
        return if steps.is_empty() {
            start
        } else {
            walk_lists(memory, start, steps)
        };
    };
    for (index, step) in steps.iter().enumerate() {
        match step.expected(value) {
            Some(found) => value = found,
            None => return search(memory, value, steps.get(index..).unwrap_or(&[])),
        }
    }
    Values::One(value)
}

/// The walk where a property is not what and where it was last time.
#[inline(never)]
fn search<'a>(memory: &Memory<'a>, mut value: Value<'a>, steps: &[PathStep]) -> Values<'a> {
    for (index, step) in steps.iter().enumerate() {
        let rest = steps.get(index..).unwrap_or(&[]);
        let Some(dict) = value.as_dict() else {
            return match value.kind() {
                Kind::List => walk_lists(memory, Values::One(value), rest),
                _ => Values::NULL,
            };
        };
        match &step.reference {
            Reference::Exact(name) => {
                match hinted(dict, name, &step.hint).or_else(|| generated(memory, value, name)) {
                    Some(found) => value = found,
                    None => return Values::NULL,
                }
            }
            Reference::AnyNamespace(_) => {
                let mut found = same_identifiers(dict, step);
                match (found.next(), found.next()) {
                    (None, _) => return Values::NULL,
                    (Some(only), None) => value = only,
                    _ => return walk_lists(memory, Values::One(value), rest),
                }
            }
        }
    }
    Values::One(value)
}

/// The walk once several values are on the way.
fn walk_lists<'a>(memory: &Memory<'a>, start: Values<'a>, steps: &[PathStep]) -> Values<'a> {
    let mut found = memory.items();
    for value in start.iter() {
        collect(memory, value, steps, &mut found);
    }
    match found.as_slice() {
        [] => Values::NULL,
        [only] => Values::One(*only),
        _ => memory.list(found),
    }
}

fn collect<'a>(memory: &Memory<'a>, value: Value<'a>, steps: &[PathStep], found: &mut Items<'a>) {
    let Some((step, rest)) = steps.split_first() else {
        match value.as_list() {
            Some(list) => found.extend(list.iter()),
            None => found.push(value),
        }
        return;
    };
    if let Some(dict) = value.as_dict() {
        match &step.reference {
            Reference::Exact(name) => {
                let next =
                    hinted(dict, name, &step.hint).or_else(|| generated(memory, value, name));
                next.into_iter()
                    .for_each(|next| collect(memory, next, rest, found));
            }
            Reference::AnyNamespace(_) => {
                same_identifiers(dict, step).for_each(|next| collect(memory, next, rest, found));
            }
        }
    } else if let Some(list) = value.as_list() {
        list.iter()
            .for_each(|element| collect(memory, element, steps, found));
    }
}

/// What a dataset generated for the entity with this body.
fn generated<'a>(memory: &Memory<'a>, body: Value<'a>, name: &str) -> Option<Value<'a>> {
    if name.starts_with('_') {
        memory.generated(body, name)
    } else {
        None
    }
}

#[inline]
fn hinted<'a>(dict: Dict<'a>, name: &str, hint: &AtomicU32) -> Option<Value<'a>> {
    let before = hint.load(Ordering::Relaxed);
    let mut after = before;
    let found = dict.get_hinted(name, &mut after);
    if after != before {
        hint.store(after, Ordering::Relaxed);
    }
    found
}

/// The properties with the step's identifier part, in the dict's own order (R67).
fn same_identifiers<'a, 's>(
    dict: Dict<'a>,
    step: &'s PathStep,
) -> impl Iterator<Item = Value<'a>> + use<'a, 's> {
    let identifier: &'s str = match &step.reference {
        Reference::AnyNamespace(identifier) | Reference::Exact(identifier) => identifier,
    };
    let entries = dict.iter();
    entries
        .filter(move |(name, _)| split_property(name).1 == identifier)
        .map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_split_at_periods_outside_of_quotes() {
        let split = |text: &str| {
            split(text, &["o".to_owned()]).map(|path| path.map(|(v, e)| (v.to_owned(), e)))
        };
        let path = |variable: &str, elements: &[&str]| {
            Some(Ok((
                variable.to_owned(),
                elements.iter().map(|e| (*e).to_owned()).collect::<Vec<_>>(),
            )))
        };
        assert_eq!(split("_S."), path("_S", &[]));
        assert_eq!(split("_."), path("_", &[]));
        assert_eq!(split("_S.a.b"), path("_S", &["a", "b"]));
        assert_eq!(
            split("_S.foo.'john.doe''s'.bar"),
            path("_S", &["foo", "john.doe's", "bar"])
        );
        assert_eq!(split("o.x"), path("o", &["x"]));
        assert_eq!(split("p.x"), None);
        assert_eq!(split("_S"), None);
        assert_eq!(split("hello"), None);
        assert_eq!(split("_S.'a"), Some(Err(())));
        assert_eq!(split("_S.'a'b"), Some(Err(())));
    }
}
