//! `eq` and its kin: exact for equality (R16, R17), first values for order (R18).

use std::cmp::Ordering;

use crate::memory::{Memory, Values};
use crate::row::{Chapter, example, example_of};

use super::args::argument;
use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "comparisons",
    rows: ROWS,
};

const TWO: &str = "LEFT(value-expression{1}) RIGHT(value-expression{1})";

const ROWS: &[Function] = &[
    Function {
        name: "eq",
        signature: TWO,
        doc: "Whether both sides, taken as lists, are equal element by element. In hops and merge joins: whether they overlap.",
        examples: &[
            example_of(r#"{"age": [42]}"#, r#"["eq", "_S.age", 42]"#, "true"),
            example(r#"["eq", null, ["list"]]"#, "false"),
        ],
        body: FunctionBody::Pure(eq),
    },
    Function {
        name: "neq",
        signature: TWO,
        doc: "The opposite of eq.",
        examples: &[example(r#"["neq", ["list", null], null]"#, "true")],
        body: FunctionBody::Pure(neq),
    },
    Function {
        name: "gt",
        signature: TWO,
        doc: "Whether the first value on the left is greater than the first on the right.",
        examples: &[
            example(r#"["gt", ["list", 3, 1], 2]"#, "true"),
            example(r#"["gt", "a", 2]"#, "true"),
        ],
        body: FunctionBody::Pure(gt),
    },
    Function {
        name: "gte",
        signature: TWO,
        doc: "Whether the first value on the left is greater than or equal to the first on the right.",
        examples: &[example(r#"["gte", 2, 2.0]"#, "true")],
        body: FunctionBody::Pure(gte),
    },
    Function {
        name: "lt",
        signature: TWO,
        doc: "Whether the first value on the left is less than the first on the right.",
        examples: &[
            example(r#"["lt", 1, 2]"#, "true"),
            example(r#"["lt", null, 2]"#, "false"),
        ],
        body: FunctionBody::Pure(lt),
    },
    Function {
        name: "lte",
        signature: TWO,
        doc: "Whether the first value on the left is less than or equal to the first on the right.",
        examples: &[example(r#"["lte", 3, 2]"#, "false")],
        body: FunctionBody::Pure(lte),
    },
];

/// Exact equality: null only equals null (R17), a single value equals the list of it.
pub(crate) fn equal(left: Values<'_>, right: Values<'_>) -> bool {
    if left.is_null() || right.is_null() {
        return left.is_null() && right.is_null();
    }
    left.len() == right.len()
        && left
            .iter()
            .zip(right.iter())
            .all(|(left, right)| left.equals(right))
}

fn eq<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(equal(argument(arguments, 0), argument(arguments, 1)))
}

fn neq<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(!equal(argument(arguments, 0), argument(arguments, 1)))
}

fn gt<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    ordered(arguments, Ordering::is_gt)
}

fn gte<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    ordered(arguments, Ordering::is_ge)
}

fn lt<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    ordered(arguments, Ordering::is_lt)
}

fn lte<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    ordered(arguments, Ordering::is_le)
}

/// By the order of mixed types (EM13); a null on either side compares false (R18).
fn ordered<'a>(arguments: &[Values<'a>], fits: fn(Ordering) -> bool) -> Values<'a> {
    let (left, right) = (
        argument(arguments, 0).first(),
        argument(arguments, 1).first(),
    );
    Values::bool(!left.is_null() && !right.is_null() && fits(left.order(right)))
}
