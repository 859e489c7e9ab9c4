//! Transforms that choose among transforms: `if`, `case`, `case-eq`; and `comment`, which holds some back.

use crate::eval::{Frame, Outcome, Run};
use crate::functions::comparisons::equal;
use crate::memory::Values;
use crate::program::{Argument, Step};
use crate::row::{example, example_of};

use super::{Flow, Transform, TransformBody};

pub(super) const ROWS: &[Transform] = &[
    Transform {
        name: "case",
        signature: "(VALUE(value-expression{1}) THEN(transforms{1})){>=1} ELSE(transforms{0|1})",
        doc: "Runs the first transforms whose condition is true, else the last argument, if there is one.",
        examples: &[example_of(
            r#"{"age": 15}"#,
            r#"[["case", ["gte", "_S.age", 18], ["add", "group", "adult"], ["add", "group", "child"]]]"#,
            r#"{"group": "child"}"#,
        )],
        body: TransformBody::Step(case),
    },
    Transform {
        name: "case-eq",
        signature: "VALUE(value-expression{1}) (VALUE_N(value-expression{1}) THEN(transforms{1})){>=1} ELSE(transforms{0|1})",
        doc: "Runs the first transforms whose value equals the first argument, else the last argument, if there is one.",
        examples: &[example_of(
            r#"{"country": "NO"}"#,
            r#"[["case-eq", "_S.country", "NO", ["add", "country", "Norway"], ["add", "country", "Other"]]]"#,
            r#"{"country": "Norway"}"#,
        )],
        body: TransformBody::Step(case_eq),
    },
    Transform {
        name: "comment",
        signature: "COMMENTS(value{>=0})",
        doc: "Does nothing, whatever its arguments are.",
        examples: &[example(
            r#"[["comment", "not now:", ["add", "a", 1]]]"#,
            "{}",
        )],
        body: TransformBody::Nothing,
    },
    Transform {
        name: "if",
        signature: "CONDITION(boolean-expression{1}) THEN(transforms{1}) ELSE(transforms{0|1})",
        doc: "Runs the first transforms if the condition is true, else the second, if there are any.",
        examples: &[example_of(
            r#"{"age": 19}"#,
            r#"[["if", ["gt", "_S.age", 18], [["add", "a", 1], ["add", "b", 2]], ["add", "c", 3]]]"#,
            r#"{"a": 1, "b": 2}"#,
        )],
        body: TransformBody::Step(if_else),
    },
];

fn case<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    choose(run, &step.arguments, frame, |value| value.is_true())
}

fn case_eq<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    let Some((Argument::Expression(value), branches)) = step.arguments.split_first() else {
        return Ok(Flow::Continue);
    };
    let value = run.evaluate(value, frame.scope())?;
    choose(run, branches, frame, |other| equal(value, other))
}

fn choose<'a>(
    run: &Run<'a>,
    branches: &'a [Argument],
    frame: &Frame<'_, 'a>,
    fits: impl Fn(Values<'a>) -> bool,
) -> Outcome<Flow> {
    let mut pairs = branches.chunks_exact(2);
    for pair in pairs.by_ref() {
        if let [Argument::Expression(value), then] = pair
            && fits(run.evaluate(value, frame.scope())?)
        {
            return optional(run, Some(then), frame);
        }
    }
    optional(run, pairs.remainder().first(), frame)
}

fn if_else<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    let Some((Argument::Expression(condition), branches)) = step.arguments.split_first() else {
        return Ok(Flow::Continue);
    };
    let branch = if run.evaluate(condition, frame.scope())?.is_true() {
        branches.first()
    } else {
        branches.get(1)
    };
    optional(run, branch, frame)
}

fn optional<'a>(
    run: &Run<'a>,
    branch: Option<&'a Argument>,
    frame: &Frame<'_, 'a>,
) -> Outcome<Flow> {
    match branch {
        Some(Argument::Steps(steps)) => run.steps(steps, frame),
        _ => Ok(Flow::Continue),
    }
}
