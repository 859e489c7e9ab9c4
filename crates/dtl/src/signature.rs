//! Argument lists in the reference's notation, such as `FUNCTION(function-expression{0|1}) VALUES(value-expression{1})`:
//! parsed once, then asked which parameter each of n arguments is.

use std::ops::RangeInclusive;

/// What an argument may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Value,
    Boolean,
    Integer,
    Numeric,
    /// Evaluated once for each value, with `_` bound to it.
    Function,
    /// Evaluated for each value that the function cannot convert, with `_` bound to it.
    DefaultValue,
    String,
    /// The name of a property to write: a constant, or an expression.
    Property,
    /// A pattern or a list of patterns.
    Patterns,
    Transforms,
    /// The id of a dataset: a constant.
    Dataset,
    /// The id of a rule: a constant.
    Rule,
    /// A hops specification.
    Hops,
    /// Anything, and never evaluated.
    Raw,
}

impl Kind {
    fn parse(text: &str) -> Option<Kind> {
        Some(match text {
            "value-expression" => Kind::Value,
            "boolean-expression" => Kind::Boolean,
            "integer-expression" | "integer" => Kind::Integer,
            "numeric-expression" => Kind::Numeric,
            "function-expression" => Kind::Function,
            "default-value-expression" => Kind::DefaultValue,
            "string" => Kind::String,
            "property" => Kind::Property,
            "wildcard-string" | "wildcard-string-list" => Kind::Patterns,
            "transforms" => Kind::Transforms,
            "dataset" => Kind::Dataset,
            "rule" => Kind::Rule,
            "dict" => Kind::Hops,
            "value" => Kind::Raw,
            _ => return None,
        })
    }
}

/// A parsed argument list: alternatives, separated by ` or `.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Signature(Vec<Vec<Item>>);

#[derive(Debug, PartialEq, Eq)]
struct Item {
    /// One parameter, or the parameters of a repeated group.
    kinds: Vec<Kind>,
    count: RangeInclusive<usize>,
}

impl Signature {
    /// `None` when the text is not in the notation; a test parses every row.
    pub(crate) fn parse(text: &str) -> Option<Signature> {
        text.split(" or ")
            .map(alternative)
            .collect::<Option<_>>()
            .map(Signature)
    }

    /// The kind of each of `count` arguments; `None` when no alternative takes that many.
    pub(crate) fn assign(&self, count: usize) -> Option<Vec<Kind>> {
        self.0.iter().find_map(|items| {
            let least: usize = items
                .iter()
                .map(|item| item.kinds.len() * item.count.start())
                .sum();
            let mut extra = count.checked_sub(least)?;
            let mut kinds = Vec::with_capacity(count);
            for item in items {
                let more = (item.count.end() - item.count.start()).min(extra / item.kinds.len());
                extra -= more * item.kinds.len();
                for _ in 0..item.count.start() + more {
                    kinds.extend(&item.kinds);
                }
            }
            (extra == 0).then_some(kinds)
        })
    }
}

fn alternative(text: &str) -> Option<Vec<Item>> {
    let mut items = Vec::new();
    let mut rest = text.trim();
    while !rest.is_empty() {
        let item;
        (item, rest) = if rest.starts_with('(') {
            group(rest)?
        } else {
            parameter(rest)?
        };
        items.push(item);
        rest = rest.trim_start();
    }
    Some(items)
}

/// `NAME(kind{count})`
fn parameter(text: &str) -> Option<(Item, &str)> {
    let (_, rest) = text.split_once('(')?;
    let (kind, rest) = rest.split_once('{')?;
    let (count, rest) = rest.split_once("})")?;
    Some((
        Item {
            kinds: vec![Kind::parse(kind)?],
            count: cardinality(count)?,
        },
        rest,
    ))
}

/// `(NAME(kind{1}) NAME(kind{1})){count}`
fn group(text: &str) -> Option<(Item, &str)> {
    let mut rest = text.strip_prefix('(')?;
    let mut kinds = Vec::new();
    while !rest.starts_with(')') {
        let item;
        (item, rest) = parameter(rest.trim_start())?;
        kinds.extend(item.kinds);
    }
    let rest = rest.strip_prefix("){")?;
    let (count, rest) = rest.split_once('}')?;
    Some((
        Item {
            kinds,
            count: cardinality(count)?,
        },
        rest,
    ))
}

fn cardinality(text: &str) -> Option<RangeInclusive<usize>> {
    if text == "0|1" {
        return Some(0..=1);
    }
    if let Some(least) = text.strip_prefix(">=") {
        return Some(least.parse().ok()?..=usize::MAX);
    }
    if let Some(more) = text.strip_prefix('>') {
        return Some(more.parse::<usize>().ok()?.checked_add(1)?..=usize::MAX);
    }
    let exactly = text.parse().ok()?;
    Some(exactly..=exactly)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assign(text: &str, count: usize) -> Option<Vec<Kind>> {
        Signature::parse(text)
            .expect("in the notation")
            .assign(count)
    }

    #[test]
    fn optional_arguments_in_front_are_left_out_first() {
        let text = "FUNCTION(function-expression{0|1}) VALUES(value-expression{1})";
        assert_eq!(assign(text, 0), None);
        assert_eq!(assign(text, 1), Some(vec![Kind::Value]));
        assert_eq!(assign(text, 2), Some(vec![Kind::Function, Kind::Value]));
        assert_eq!(assign(text, 3), None);
    }

    #[test]
    fn groups_repeat_and_leave_an_odd_one_for_the_end() {
        let text = "VALUE(value-expression{1}) (VALUE_N(value-expression{1}) THEN(transforms{1})){>=1} ELSE(transforms{0|1})";
        assert_eq!(assign(text, 2), None);
        assert_eq!(
            assign(text, 3),
            Some(vec![Kind::Value, Kind::Value, Kind::Transforms])
        );
        let with_else = vec![Kind::Value, Kind::Value, Kind::Transforms, Kind::Transforms];
        assert_eq!(assign(text, 4), Some(with_else));
    }

    #[test]
    fn alternatives_are_tried_in_order() {
        let text = "ITEMS(value-expression{1}) or (KEY(string{1}) VALUE(value-expression{1})){>=0}";
        assert_eq!(assign(text, 0), Some(vec![]));
        assert_eq!(assign(text, 1), Some(vec![Kind::Value]));
        assert_eq!(
            assign(text, 4),
            Some(vec![Kind::String, Kind::Value, Kind::String, Kind::Value])
        );
        assert_eq!(assign(text, 3), None);
    }
}
