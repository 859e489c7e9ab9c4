//! Sets: what two lists have in common.

use crate::memory::{Memory, Values};
use crate::row::{Chapter, example};
use crate::sets::{self, Members, Seen};

use super::args::argument;
use super::{Function, FunctionBody};

pub(crate) const CHAPTER: Chapter<FunctionBody> = Chapter {
    name: "sets",
    rows: ROWS,
};

const TWO: &str = "VALUES1(value-expression{1}) VALUES2(value-expression{1})";

const ROWS: &[Function] = &[
    Function {
        name: "difference",
        signature: TWO,
        doc: "The values of the first list that are not in the second, with their order and duplicates.",
        examples: &[example(
            r#"["difference", ["list", "D", "A", "D"], ["list", "A"]]"#,
            r#"["D", "D"]"#,
        )],
        body: FunctionBody::Pure(difference),
    },
    Function {
        name: "intersection",
        signature: TWO,
        doc: "The values of the first list that are in the second, with their order and duplicates.",
        examples: &[example(
            r#"["intersection", ["list", "B", "C", "B"], ["list", "B"]]"#,
            r#"["B", "B"]"#,
        )],
        body: FunctionBody::Pure(intersection),
    },
    Function {
        name: "intersects",
        signature: TWO,
        doc: "Whether the two lists have any value in common.",
        examples: &[example(
            r#"["intersects", "B", ["list", "B", "C"]]"#,
            "true",
        )],
        body: FunctionBody::Pure(intersects),
    },
    Function {
        name: "union",
        signature: TWO,
        doc: "The values of both lists; of equal ones the first.",
        examples: &[example(
            r#"["union", ["list", "B", "A", "B"], ["list", "A", "C"]]"#,
            r#"["B", "A", "C"]"#,
        )],
        body: FunctionBody::Pure(union),
    },
];

fn difference<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    members(memory, arguments, false)
}

fn intersection<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    members(memory, arguments, true)
}

fn members<'a>(memory: &Memory<'a>, arguments: &[Values<'a>], wanted: bool) -> Values<'a> {
    let (left, right) = (argument(arguments, 0), argument(arguments, 1));
    let members = Members::new(right, left.len());
    let mut items = memory.items();
    items.extend(
        left.iter()
            .filter(|value| members.contains(*value) == wanted),
    );
    memory.list(items)
}

fn intersects<'a>(_: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    Values::bool(sets::overlap(
        argument(arguments, 0),
        argument(arguments, 1),
    ))
}

fn union<'a>(memory: &Memory<'a>, arguments: &[Values<'a>]) -> Values<'a> {
    let (left, right) = (argument(arguments, 0), argument(arguments, 1));
    let mut seen = Seen::default();
    let mut items = memory.items();
    items.extend(
        left.iter()
            .chain(right.iter())
            .filter(|value| seen.insert(*value)),
    );
    memory.list(items)
}
