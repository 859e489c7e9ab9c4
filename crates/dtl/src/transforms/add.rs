//! Single properties: `add`, `add-if`, `default`, `remove`.

use std::borrow::Cow;

use crate::eval::{Frame, Outcome, PropertyName, Run};
use crate::memory::Values;
use crate::program::{Argument, Property, Step};
use crate::row::{example, example_of};

use super::selection::Selection;
use super::{Flow, Transform, TransformBody};

pub(super) const ROWS: &[Transform] = &[
    Transform {
        name: "add",
        signature: "PROPERTY(property{1}) VALUES(value-expression{1})",
        doc: "Sets a property of the target; a name without a namespace gets the current one.",
        examples: &[
            example(r#"[["add", "age", 26]]"#, r#"{"age": 26}"#),
            example_of(
                r#"{"key": "a"}"#,
                r#"[["add", ["concat", "x-", "_S.key"], 1]]"#,
                r#"{"x-a": 1}"#,
            ),
        ],
        body: TransformBody::Step(add),
    },
    Transform {
        name: "add-if",
        signature: "PROPERTY(property{1}) CONDITION(function-expression{0|1}) VALUES(value-expression{1})",
        doc: "Sets a property of the target if the condition, with _ bound to the value, is true; without a condition unless the value is null.",
        examples: &[
            example(
                r#"[["add-if", "a", null], ["add-if", "b", ["list"]]]"#,
                r#"{"b": []}"#,
            ),
            example(r#"[["add-if", "a", ["gte", "_.", 18], 12]]"#, "{}"),
        ],
        body: TransformBody::Step(add_if),
    },
    Transform {
        name: "default",
        signature: "PROPERTY(property{1}) VALUES(value-expression{1})",
        doc: "Sets a property of the target unless it is there already.",
        examples: &[example(
            r#"[["default", "a", 1], ["default", "a", 2]]"#,
            r#"{"a": 1}"#,
        )],
        body: TransformBody::Step(default),
    },
    Transform {
        name: "remove",
        signature: "PROPERTY(wildcard-string-list{1})",
        doc: "Removes the properties of the target that match the pattern, or one of several.",
        examples: &[example(
            r#"[["add", "temp_a", 1], ["add", "b", 2], ["remove", "temp_*"]]"#,
            r#"{"b": 2}"#,
        )],
        body: TransformBody::Step(remove),
    },
];

fn add<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    let [Argument::Property(name), Argument::Expression(node)] = &*step.arguments else {
        return Ok(Flow::Continue);
    };
    let values = run.evaluate(node, frame.scope())?;
    if let Some(name) = property_name(run, name, frame)? {
        set(run, frame, name, values);
    }
    Ok(Flow::Continue)
}

fn add_if<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    let (name, condition, node) = match &*step.arguments {
        [Argument::Property(name), Argument::Expression(node)] => (name, None, node),
        [
            Argument::Property(name),
            Argument::Expression(condition),
            Argument::Expression(node),
        ] => (name, Some(condition), node),
        _ => return Ok(Flow::Continue),
    };
    let values = run.evaluate(node, frame.scope())?;
    let wanted = match condition {
        Some(condition) => run
            .evaluate(condition, frame.scope().with_current(values))?
            .is_true(),
        None => !values.is_null(),
    };
    if wanted && let Some(name) = property_name(run, name, frame)? {
        set(run, frame, name, values);
    }
    Ok(Flow::Continue)
}

fn default<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    let [Argument::Property(name), Argument::Expression(node)] = &*step.arguments else {
        return Ok(Flow::Continue);
    };
    let Some(name) = property_name(run, name, frame)? else {
        return Ok(Flow::Continue);
    };
    if frame.target.borrow().get(name.as_str()).is_none() {
        let values = run.evaluate(node, frame.scope())?;
        set(run, frame, name, values);
    }
    Ok(Flow::Continue)
}

fn remove<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    if let [Argument::Patterns(patterns)] = &*step.arguments {
        let selection = Selection::new(run, patterns, frame)?;
        frame
            .target
            .borrow_mut()
            .retain(|name| !selection.matches(name));
    }
    Ok(Flow::Continue)
}

/// The full name of the property to write; `None` when it is computed and no string.
fn property_name<'a>(
    run: &Run<'a>,
    name: &'a Property,
    frame: &Frame<'_, 'a>,
) -> Outcome<Option<PropertyName<'a>>> {
    match name {
        Property::Constant(name) => Ok(Some(PropertyName::Encoded(name))),
        Property::Computed(node) => {
            let name = run.evaluate(node, frame.scope())?.first();
            let full = name
                .as_str()
                .map(|name| match run.program.namespaces.property(name) {
                    Cow::Borrowed(name) => name,
                    Cow::Owned(name) => run.memory.copy_str(&name),
                });
            Ok(full.map(PropertyName::Plain))
        }
    }
}

/// Sets the property; strings that become an `_id` get the identity namespace.
fn set<'a>(run: &Run<'a>, frame: &Frame<'_, 'a>, name: PropertyName<'a>, values: Values<'a>) {
    let namespaces = &run.program.namespaces;
    let values = match values {
        Values::One(value) if namespaces.enabled && name.as_str() == "_id" => {
            match value.as_str() {
                Some(id) => Values::One(run.memory.string(&namespaces.identity(id))),
                None => values,
            }
        }
        _ => values,
    };
    frame.target.borrow_mut().set(name, values);
}
