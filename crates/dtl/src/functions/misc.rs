//! `tuples`: composite keys for joins.

use sluice_entity::Value;

use crate::memory::{Items, Memory, Values};
use crate::row::{Chapter, example};

use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "misc",
    rows: ROWS,
};

const ROWS: &[Function] = &[Function {
    name: "tuples",
    signature: "VALUES(value-expression{>=0})",
    doc: "The product of the arguments as a list of tuples; nulls are left out. Joins on composite keys use it.",
    examples: &[
        example(r#"["tuples", ["list", 1, 2], 3]"#, "[[1, 3], [2, 3]]"),
        example(r#"["tuples", ["list", 1, null], "a"]"#, r#"[[1, "a"]]"#),
    ],
    body: FunctionBody::Pure(tuples),
}];

fn tuples<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let mut tuples = memory.items();
    if !arguments.is_empty() {
        let mut tuple = Vec::with_capacity(arguments.len());
        product(memory, arguments, &mut tuple, &mut tuples);
    }
    memory.list(tuples)
}

/// Appends every tuple that begins with `tuple`; stops early when the budget is used up.
fn product<'a>(
    memory: &Memory<'a>,
    rest: &[Values<'a>],
    tuple: &mut Vec<Value<'a>>,
    tuples: &mut Items<'a>,
) {
    let Some((values, rest)) = rest.split_first() else {
        if memory.spend(1) && memory.has_room(0) {
            tuples.push(memory.arena().list(tuple.iter().copied()));
        }
        return;
    };
    for value in values.iter().filter(|value| !value.is_null()) {
        if memory.is_exhausted() {
            return;
        }
        tuple.push(value);
        product(memory, rest, tuple, tuples);
        tuple.pop();
    }
}
