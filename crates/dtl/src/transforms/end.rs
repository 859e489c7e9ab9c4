//! The end of processing: `filter` and `discard` of this entity, `fail!` and `trip!` of the run.

use crate::eval::{Frame, Outcome, Run};
use crate::failure::FailureKind;
use crate::program::{Argument, Step};
use crate::row::example_of;

use super::{Flow, Transform, TransformBody};

const UNLESS: &str = "UNLESS_CONDITION(boolean-expression{0|1})";

pub(super) const ROWS: &[Transform] = &[
    Transform {
        name: "discard",
        signature: UNLESS,
        doc: "Drops the target and ends processing, unless the condition is true; what a sink has already stays.",
        examples: &[example_of(
            r#"{"age": 43}"#,
            r#"[["add", "a", 1], ["discard", ["gt", "_S.age", 42]]]"#,
            r#"{"a": 1}"#,
        )],
        body: TransformBody::Step(discard),
    },
    Transform {
        name: "fail!",
        signature: "MESSAGE(string{1})",
        doc: "Fails the run with the message.",
        examples: &[],
        body: TransformBody::Step(fail),
    },
    Transform {
        name: "filter",
        signature: UNLESS,
        doc: "Ends processing, unless the condition is true; a dataset sink deletes the entity with the target's _id.",
        examples: &[example_of(
            r#"{"age": 42}"#,
            r#"[["filter", ["gt", "_S.age", 42]], ["add", "a", 1]]"#,
            "null",
        )],
        body: TransformBody::Step(filter),
    },
    Transform {
        name: "trip!",
        signature: "MESSAGE(string{1})",
        doc: "Fails the run with the message and trips the circuit breaker of the sink.",
        examples: &[],
        body: TransformBody::Step(trip),
    },
];

fn discard<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    unless(run, step, frame, Flow::Discard)
}

fn filter<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    unless(run, step, frame, Flow::Filter)
}

fn unless<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>, end: Flow) -> Outcome<Flow> {
    match step.arguments.first() {
        Some(Argument::Expression(condition))
            if run.evaluate(condition, frame.scope())?.is_true() =>
        {
            Ok(Flow::Continue)
        }
        _ => Ok(end),
    }
}

fn fail<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    end(run, step, frame, FailureKind::Fail)
}

fn trip<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    end(run, step, frame, FailureKind::Trip)
}

fn end<'a>(
    run: &Run<'a>,
    step: &'a Step,
    frame: &Frame<'_, 'a>,
    kind: FailureKind,
) -> Outcome<Flow> {
    let message = match step.arguments.first() {
        Some(Argument::Expression(message)) => run.evaluate(message, frame.scope())?.first(),
        _ => sluice_entity::Value::NULL,
    };
    Err(run.failure(kind, message.as_str().unwrap_or_default(), Some(step.site)))
}
