//! Dicts: making them, and their keys and values as lists. What takes a function or a rule is in the forms.

use sluice_entity::{Kind, Value};

use crate::memory::{Memory, Values};
use crate::row::{Chapter, example};

use super::args::{argument, flat, last, string};
use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "dictionaries",
    rows: ROWS,
};

const DICTS: &str = "DICTS(value-expression{1})";

const ROWS: &[Function] = &[
    Function {
        name: "dict",
        signature: "ITEMS(value-expression{1}) or (KEY(value-expression{1}) VALUE(value-expression{1})){>=0}",
        doc: "A dict of a list of two-element tuples, or of keys and values in turn. The last of equal keys wins; what is no tuple, and keys that are no strings, are left out.",
        examples: &[
            example(r#"["dict"]"#, "{}"),
            example(
                r#"["dict", ["list", "X", ["list", "A", 1], ["list", "A", 2]]]"#,
                r#"{"A": 2}"#,
            ),
            example(
                r#"["dict", "a", 1, ["concat", "b"], 2]"#,
                r#"{"a": 1, "b": 2}"#,
            ),
        ],
        body: FunctionBody::Dict(dict),
    },
    Function {
        name: "has-key",
        signature: "KEY(value-expression{1}) VALUES(value-expression{1})",
        doc: "Whether the first value, a dict, has the key; null if it is no dict.",
        examples: &[
            example(r#"["has-key", "a", {"a": 1}]"#, "true"),
            example(r#"["has-key", "a", ["list", 123, {"a": 1}]]"#, "null"),
        ],
        body: FunctionBody::Pure(has_key),
    },
    Function {
        name: "is-dict",
        signature: "VALUES(value-expression{1})",
        doc: "Whether the first value is a dict.",
        examples: &[example(r#"["is-dict", ["list", {"a": 1}, 123]]"#, "true")],
        body: FunctionBody::Pure(is_dict),
    },
    Function {
        name: "items",
        signature: DICTS,
        doc: "The keys and values of the dicts as a list of pairs.",
        examples: &[example(
            r#"["items", ["list", {"A": 1}, 7, {"B": 2}]]"#,
            r#"[["A", 1], ["B", 2]]"#,
        )],
        body: FunctionBody::Pure(items),
    },
    Function {
        name: "key-values",
        signature: DICTS,
        doc: "The keys and values of the dicts as a list of dicts with \"key\" and \"value\"; of a single dict with one property that one dict.",
        examples: &[
            example(
                r#"["key-values", {"hello": "world"}]"#,
                r#"{"key": "hello", "value": "world"}"#,
            ),
            example(
                r#"["key-values", ["list", {"A": 1}]]"#,
                r#"[{"key": "A", "value": 1}]"#,
            ),
        ],
        body: FunctionBody::Pure(key_values),
    },
    Function {
        name: "keys",
        signature: DICTS,
        doc: "The keys of the dicts.",
        examples: &[example(
            r#"["keys", ["list", {"A": 1, "B": 2}, {"A": 3}]]"#,
            r#"["A", "B", "A"]"#,
        )],
        body: FunctionBody::Pure(keys),
    },
    Function {
        name: "values",
        signature: DICTS,
        doc: "The values of the dicts.",
        examples: &[example(
            r#"["values", ["list", {"A": 1, "B": 2}, {"A": 3}]]"#,
            "[1, 2, 3]",
        )],
        body: FunctionBody::Pure(values),
    },
];

fn dict<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let pairs = |add: &mut dyn FnMut(&'a str, Value<'a>)| match arguments {
        [tuples] => {
            for tuple in tuples
                .iter()
                .filter_map(Value::as_list)
                .filter(|tuple| tuple.len() == 2)
            {
                if let (Some(key), Some(value)) =
                    (tuple.get(0).and_then(Value::as_str), tuple.get(1))
                {
                    add(key, value);
                }
            }
        }
        _ => {
            for pair in arguments.chunks_exact(2) {
                if let Some(key) = string(argument(pair, 0)) {
                    add(key, memory.value(argument(pair, 1)));
                }
            }
        }
    };
    Values::One(memory.arena().build(|builder| {
        builder.begin_dict();
        pairs(&mut |key, value| {
            if memory.has_room(builder.written() + value.encoded().len()) {
                builder.name(key);
                builder.value(value);
            }
        });
        builder.end();
    }))
}

fn has_key<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let Some(dict) = last(arguments).first().as_dict() else {
        return Values::NULL;
    };
    Values::bool(string(argument(arguments, 0)).is_some_and(|key| dict.get(key).is_some()))
}

fn is_dict<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(last(arguments).first().kind() == Kind::Dict)
}

fn items<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    fields(memory, last(arguments), |key, value| {
        memory.arena().list([memory.string(key), value])
    })
}

fn key_values<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let dicts = last(arguments);
    let pairs = fields(memory, dicts, |key, value| {
        memory
            .arena()
            .dict([("key", memory.string(key)), ("value", value)])
    });
    if dicts.is_list() || pairs.len() != 1 {
        pairs
    } else {
        Values::One(pairs.first())
    }
}

fn keys<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    fields(memory, last(arguments), |key, _| memory.string(key))
}

fn values<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    fields(memory, last(arguments), |_, value| value)
}

/// One value for each property of each dict.
fn fields<'a>(
    memory: &Memory<'a>,
    dicts: Values<'a>,
    mut make: impl FnMut(&'a str, Value<'a>) -> Value<'a>,
) -> Values<'a> {
    flat(memory, dicts, |value| {
        let dict = value.as_dict()?;
        Some(
            dict.iter()
                .map(|(key, value)| make(key, value))
                .collect::<Vec<_>>(),
        )
    })
}
