//! Nulls: null, the empty list and a list that begins with null count alike here (R17).

use crate::memory::{Memory, Values};
use crate::row::{Chapter, example};

use super::args::last;
use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "nulls",
    rows: ROWS,
};

const ROWS: &[Function] = &[
    Function {
        name: "is-not-null",
        signature: "VALUES(value-expression{1})",
        doc: "False for null, the empty list and a list whose first element is null.",
        examples: &[
            example(r#"["is-not-null", 1]"#, "true"),
            example(r#"["is-not-null", ["list", null, 1]]"#, "false"),
        ],
        body: FunctionBody::Pure(is_not_null),
    },
    Function {
        name: "is-null",
        signature: "VALUES(value-expression{1})",
        doc: "True for null, the empty list and a list whose first element is null.",
        examples: &[
            example(r#"["is-null", ["list"]]"#, "true"),
            example(r#"["is-null", ["list", 1, null]]"#, "false"),
        ],
        body: FunctionBody::Pure(is_null),
    },
];

fn is_not_null<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(!last(arguments).first().is_null())
}

fn is_null<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(last(arguments).first().is_null())
}
