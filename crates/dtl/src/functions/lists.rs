//! Lists: making them, taking elements, counting, membership. What takes a function is in the forms.

use sluice_entity::{Number, Value};

use crate::memory::{Memory, Values};
use crate::row::{Chapter, example, example_of};
use crate::sets::Members;

use super::args::{argument, integer, last};
use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "lists",
    rows: ROWS,
};

const VALUES: &str = "VALUES(value-expression{1})";

const ROWS: &[Function] = &[
    Function {
        name: "combine",
        signature: "VALUES(value-expression{>=1})",
        doc: "All values in one list; lists among them are opened one level.",
        examples: &[example(
            r#"["combine", 1, ["list", 2, ["list", 3]], null]"#,
            "[1, 2, [3]]",
        )],
        body: FunctionBody::Pure(combine),
    },
    Function {
        name: "count",
        signature: VALUES,
        doc: "The number of values: 0 for null, 1 for a single value.",
        examples: &[
            example(r#"["count", ["list", 2, 4, 6]]"#, "3"),
            example(r#"["count", null]"#, "0"),
        ],
        body: FunctionBody::Pure(count),
    },
    Function {
        name: "first",
        signature: VALUES,
        doc: "The first value of a list, or null; what is no list is returned as it is.",
        examples: &[
            example(r#"["first", ["list", "a", "b"]]"#, r#""a""#),
            example(r#"["first", 123]"#, "123"),
        ],
        body: FunctionBody::Pure(first),
    },
    Function {
        name: "flatten",
        signature: VALUES,
        doc: "A new list in which lists are opened one level.",
        examples: &[example(
            r#"["flatten", ["list", 1, ["list", 2, ["list", 3]]]]"#,
            "[1, 2, [3]]",
        )],
        body: FunctionBody::Pure(flatten),
    },
    Function {
        name: "in",
        signature: "VALUES(value-expression{1}) ITEMS(value-expression{1})",
        doc: "Whether all values are among the items; false for null and the empty list.",
        examples: &[
            example(
                r#"["in", ["list", "a", "c"], ["list", "a", "b", "c"]]"#,
                "true",
            ),
            example(r#"["in", ["list", null], ["list", 1, null]]"#, "true"),
        ],
        body: FunctionBody::Pure(is_in),
    },
    Function {
        name: "is-empty",
        signature: VALUES,
        doc: "Whether there are no values: null or the empty list.",
        examples: &[
            example(r#"["is-empty", ["list"]]"#, "true"),
            example(r#"["is-empty", ["list", null]]"#, "false"),
        ],
        body: FunctionBody::Pure(is_empty),
    },
    Function {
        name: "is-list",
        signature: VALUES,
        doc: "Whether the value is a list.",
        examples: &[
            example(r#"["is-list", ["list", 1]]"#, "true"),
            example(r#"["is-list", "a"]"#, "false"),
        ],
        body: FunctionBody::Pure(is_list),
    },
    Function {
        name: "is-not-empty",
        signature: VALUES,
        doc: "Whether there is at least one value.",
        examples: &[example_of(
            r#"{"hobbies": ["chess"]}"#,
            r#"["is-not-empty", "_S.hobbies"]"#,
            "true",
        )],
        body: FunctionBody::Pure(is_not_empty),
    },
    Function {
        name: "last",
        signature: VALUES,
        doc: "The last value of a list, or null; what is no list is returned as it is.",
        examples: &[example(r#"["last", ["list", "a", "b"]]"#, r#""b""#)],
        body: FunctionBody::Pure(last_value),
    },
    Function {
        name: "list",
        signature: "VALUES(value-expression{>=0})",
        doc: "A list of the values.",
        examples: &[example(
            r#"["list", "a", ["list", "b"]]"#,
            r#"["a", ["b"]]"#,
        )],
        body: FunctionBody::Pure(list),
    },
    Function {
        name: "nth",
        signature: "INDEX(integer-expression{1}) VALUES(value-expression{1})",
        doc: "The value at an index that begins with 0; null out of bounds. A single value is at 0.",
        examples: &[example(r#"["nth", 1, ["list", "a", "b", "c"]]"#, r#""b""#)],
        body: FunctionBody::Pure(nth),
    },
    Function {
        name: "reversed",
        signature: VALUES,
        doc: "The values in reversed order.",
        examples: &[example(r#"["reversed", ["list", 1, 3, 2]]"#, "[2, 3, 1]")],
        body: FunctionBody::Pure(reversed),
    },
    Function {
        name: "sum",
        signature: VALUES,
        doc: "The sum of the numbers among the values; 0 when there are none.",
        examples: &[example(r#"["sum", ["list", 2, "x", 4.5]]"#, "6.5")],
        body: FunctionBody::Pure(sum),
    },
];

fn combine<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let mut items = memory.items();
    arguments
        .iter()
        .for_each(|values| items.extend(values.iter()));
    memory.list(items)
}

fn count<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let count = i64::try_from(last(arguments).len()).unwrap_or(i64::MAX);
    Values::One(memory.arena().int(count))
}

fn first<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::One(last(arguments).first())
}

fn flatten<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let values = last(arguments);
    if values.is_null() {
        return Values::NULL;
    }
    let mut items = memory.items_of(values.len());
    for value in values.iter() {
        match value.as_list() {
            Some(list) => items.extend(list.iter()),
            None => items.push(value),
        }
    }
    memory.list(items)
}

fn is_in<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let (values, items) = (argument(arguments, 0), argument(arguments, 1));
    let members = Members::new(items, values.len());
    Values::bool(!values.is_empty() && values.iter().all(|value| members.contains(value)))
}

fn is_empty<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(last(arguments).is_empty())
}

fn is_list<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(last(arguments).is_list())
}

fn is_not_empty<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(!last(arguments).is_empty())
}

fn last_value<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let values = last(arguments);
    Values::from_option(
        values
            .len()
            .checked_sub(1)
            .and_then(|index| values.get(index)),
    )
}

fn list<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let mut items = memory.items_of(arguments.len());
    items.extend(arguments.iter().map(|values| memory.value(*values)));
    memory.list(items)
}

fn nth<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let index = integer(argument(arguments, 0)).and_then(|index| usize::try_from(index).ok());
    Values::from_option(index.and_then(|index| last(arguments).get(index)))
}

fn reversed<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let values = last(arguments);
    if !values.is_list() {
        return values;
    }
    let mut items = memory.items_of(values.len());
    items.extend(values.iter());
    items.reverse();
    memory.list(items)
}

fn sum<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let numbers = last(arguments).iter().filter_map(Value::as_number);
    let total = numbers.fold(Number::Int(0), |total, number| total.add(&number));
    Values::One(memory.arena().number(&total))
}
