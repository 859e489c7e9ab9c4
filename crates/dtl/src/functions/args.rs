//! What keeps function bodies short: one value or a list, each string, each number, the first of something.

use sluice_entity::{Number, Value};

use crate::memory::{Memory, Values};

/// Applies `convert` to each value; what it refuses is left out (R19). A list gives a list; a single value its
/// result, or null; null gives null.
pub(crate) fn each<'a>(
    memory: &Memory<'a>,
    values: Values<'a>,
    mut convert: impl FnMut(Value<'a>) -> Option<Value<'a>>,
) -> Values<'a> {
    if !values.is_list() {
        return Values::from_option(values.iter().next().and_then(convert));
    }
    let mut items = memory.items_of(values.len());
    items.extend(
        values
            .iter()
            .filter(|value| !value.is_null())
            .filter_map(&mut convert),
    );
    memory.list(items)
}

/// As [`each`], for functions of strings.
pub(crate) fn each_string<'a>(
    memory: &Memory<'a>,
    values: Values<'a>,
    mut convert: impl FnMut(&'a str) -> Option<Value<'a>>,
) -> Values<'a> {
    each(memory, values, |value| {
        value.as_str().and_then(&mut convert)
    })
}

/// Applies `expand` to each value and puts all it gives into one list. Null, and a single value that gives
/// nothing because it has the wrong type, give null; anything else a list.
pub(crate) fn flat<'a, I: IntoIterator<Item = Value<'a>>>(
    memory: &Memory<'a>,
    values: Values<'a>,
    mut expand: impl FnMut(Value<'a>) -> Option<I>,
) -> Values<'a> {
    let mut items = memory.items();
    let mut fits = values.is_list();
    for expanded in values.iter().filter_map(&mut expand) {
        fits = true;
        items.extend(expanded);
    }
    if fits {
        memory.list(items)
    } else {
        Values::NULL
    }
}

/// The argument at `index`; null when it was left out.
pub(crate) fn argument<'a>(arguments: &[Values<'a>], index: usize) -> Values<'a> {
    arguments.get(index).copied().unwrap_or(Values::NULL)
}

/// The last argument: where most functions have their values.
pub(crate) fn last<'a>(arguments: &[Values<'a>]) -> Values<'a> {
    arguments.last().copied().unwrap_or(Values::NULL)
}

/// The first value, if it is a string.
pub(crate) fn string<'a>(values: Values<'a>) -> Option<&'a str> {
    values.first().as_str()
}

/// The first value, if it is an integer.
pub(crate) fn integer(values: Values<'_>) -> Option<i64> {
    values.first().as_i64()
}

/// The first value, if it is a number.
pub(crate) fn number(values: Values<'_>) -> Option<Number> {
    values.first().as_number()
}
