//! Whole dicts on the target: `merge` overwrites, `merge-union` collects.

use crate::eval::{Frame, Outcome, Run};
use crate::memory::Values;
use crate::program::{Argument, Step};
use crate::row::example;
use crate::sets::Seen;

use super::{Flow, Transform, TransformBody};

pub(super) const ROWS: &[Transform] = &[
    Transform {
        name: "merge",
        signature: "VALUES(value-expression{1})",
        doc: "Copies all properties of each dict, those that begin with _ excepted; later ones win.",
        examples: &[example(
            r#"[["merge", ["list", {"a": 1, "_id": "x"}, {"a": 2, "b": 3}]]]"#,
            r#"{"a": 2, "b": 3}"#,
        )],
        body: TransformBody::Step(merge),
    },
    Transform {
        name: "merge-union",
        signature: "VALUES(value-expression{1})",
        doc: "Copies all properties of each dict, those that begin with _ excepted; where there is one already, its values and the new ones become a list without duplicates.",
        examples: &[example(
            r#"[["merge-union", ["list", {"a": 1, "b": 3}, {"a": 2, "b": 3}]]]"#,
            r#"{"a": [1, 2], "b": 3}"#,
        )],
        body: TransformBody::Step(merge_union),
    },
];

fn merge<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    properties(run, step, frame, |_, new| new)
}

fn merge_union<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    properties(run, step, frame, |old, new| {
        let Some(old) = old else { return new };
        let mut seen = Seen::default();
        let mut union = run.memory.items();
        union.extend(
            old.iter()
                .chain(new.iter())
                .filter(|value| seen.insert(*value)),
        );
        // Nothing new: a single value does not become a list.
        if union.len() == old.len() {
            old
        } else {
            run.memory.list(union)
        }
    })
}

fn properties<'a>(
    run: &Run<'a>,
    step: &'a Step,
    frame: &Frame<'_, 'a>,
    combine: impl Fn(Option<Values<'a>>, Values<'a>) -> Values<'a>,
) -> Outcome<Flow> {
    let [Argument::Expression(node)] = &*step.arguments else {
        return Ok(Flow::Continue);
    };
    let values = run.evaluate(node, frame.scope())?;
    let mut target = frame.target.borrow_mut();
    for dict in values.iter().filter_map(|value| value.as_dict()) {
        for (name, value) in dict.iter().filter(|(name, _)| !name.starts_with('_')) {
            let combined = combine(target.get(name), Values::One(value));
            target.set(name, combined);
        }
    }
    Ok(Flow::Continue)
}
