//! More entities than the target: `create` and `create-child`.

use sluice_entity::{Kind, Value};

use crate::eval::{Frame, Outcome, Run};
use crate::failure::FailureKind;
use crate::memory::Values;
use crate::program::{Argument, Step};
use crate::row::example_of;
use crate::sets::Seen;

use super::{Flow, Transform, TransformBody};

pub(super) const ROWS: &[Transform] = &[
    Transform {
        name: "create",
        signature: "VALUES(value-expression{1})",
        doc: "Emits each dict as an entity of its own, whatever becomes of the target; what is no dict is left out.",
        examples: &[],
        body: TransformBody::Step(create),
    },
    Transform {
        name: "create-child",
        signature: "VALUES(value-expression{1})",
        doc: "Adds each dict to $children of the target, unless an equal one is there; what is no dict is left out.",
        examples: &[example_of(
            r#"{"orders": [{"_id": "1"}, 7]}"#,
            r#"[["create-child", "_S.orders"]]"#,
            r#"{"$children": [{"_id": "1"}]}"#,
        )],
        body: TransformBody::Step(create_child),
    },
];

fn create<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    for entity in entities(run, step, frame)? {
        if !run.memory.has_room(entity.encoded().len()) {
            return Err(run.budget(step.site));
        }
        run.create(entity);
    }
    Ok(Flow::Continue)
}

fn create_child<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    let entities = entities(run, step, frame)?;
    if entities.is_empty() {
        return Ok(Flow::Continue);
    }
    let mut target = frame.target.borrow_mut();
    let before = target.get("$children").unwrap_or(Values::NULL);
    let mut seen = Seen::default();
    let mut children = run.memory.items();
    children.extend(
        before
            .iter()
            .chain(entities)
            .filter(|child| seen.insert(*child)),
    );
    target.set("$children", run.memory.list(children));
    Ok(Flow::Continue)
}

/// The dicts among the values. One without a string `_id` is an error where ids are required, and left out elsewhere.
fn entities<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Vec<Value<'a>>> {
    let [Argument::Expression(node)] = &*step.arguments else {
        return Ok(Vec::new());
    };
    let values = run.evaluate(node, frame.scope())?;
    let mut entities = Vec::with_capacity(values.len());
    for value in values.iter().filter(|value| value.kind() == Kind::Dict) {
        let has_id = value.get("_id").is_some_and(|id| id.as_str().is_some());
        if has_id {
            entities.push(value);
        } else if run.program.id_required {
            let message = "a created entity has no string \"_id\"";
            return Err(run.failure(FailureKind::MissingId, message, Some(step.site)));
        }
    }
    Ok(entities)
}
