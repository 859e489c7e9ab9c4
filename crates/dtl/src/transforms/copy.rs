//! Properties of the source on the target: `copy` and `rename`.

use crate::eval::{Frame, Outcome, Run};
use crate::memory::Values;
use crate::namespaces::{Reference, split_property};
use crate::program::{Argument, Step};
use crate::row::example_of;

use super::selection::Selection;
use super::{Flow, Transform, TransformBody};

pub(super) const ROWS: &[Transform] = &[
    Transform {
        name: "copy",
        signature: "INCLUDE_PROPERTIES(wildcard-string-list{1}) EXCLUDE_PROPERTIES(wildcard-string-list{0|1})",
        doc: "Copies the properties of the source that match a pattern of the first argument and none of the second.",
        examples: &[
            example_of(
                r#"{"a": 1, "ab": 2, "b": 3}"#,
                r#"[["copy", "a*", "ab*"]]"#,
                r#"{"a": 1}"#,
            ),
            example_of(
                r#"{"a": 1, "b": 2, "c": 3}"#,
                r#"[["copy", ["list", "a", "c"]]]"#,
                r#"{"a": 1, "c": 3}"#,
            ),
        ],
        body: TransformBody::Step(copy),
    },
    Transform {
        name: "rename",
        signature: "PROPERTY1(string{1}) PROPERTY2(string{1})",
        doc: "Copies a property of the source under another name. With namespaces every namespace keeps its own, unless the new name has one: that collects all values.",
        examples: &[example_of(
            r#"{"age": 1}"#,
            r#"[["rename", "age", "current_age"]]"#,
            r#"{"current_age": 1}"#,
        )],
        body: TransformBody::Step(rename),
    },
];

fn copy<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    let (include, exclude) = match &*step.arguments {
        [Argument::Patterns(include)] => (include, None),
        [Argument::Patterns(include), Argument::Patterns(exclude)] => {
            (include, Some(Selection::new(run, exclude, frame)?))
        }
        _ => return Ok(Flow::Continue),
    };
    let include = Selection::new(run, include, frame)?;
    let wanted = |name: &str| {
        !exclude
            .as_ref()
            .is_some_and(|exclude| exclude.matches(name))
    };
    let Some(source) = frame.source.as_dict() else {
        return Ok(Flow::Continue);
    };
    let mut target = frame.target.borrow_mut();
    match include {
        // A few names are looked up, instead of all properties being looked at.
        Selection::Names(names) => {
            let found = names.iter().filter_map(|step| step.stored(frame.source));
            found
                .filter(|(name, _)| wanted(name))
                .for_each(|(name, value)| target.set(name, Values::One(value)));
        }
        include => {
            let found = source
                .iter()
                .filter(|(name, _)| include.matches(name) && wanted(name));
            found.for_each(|(name, value)| target.set(name, Values::One(value)));
        }
    }
    Ok(Flow::Continue)
}

fn rename<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    let [Argument::Expression(from), Argument::Expression(to)] = &*step.arguments else {
        return Ok(Flow::Continue);
    };
    let from = run.evaluate(from, frame.scope())?.first().as_str();
    let to = run.evaluate(to, frame.scope())?.first().as_str();
    let (Some(from), Some(to), Some(source)) = (from, to, frame.source.as_dict()) else {
        return Ok(Flow::Continue);
    };
    let namespaces = &run.program.namespaces;
    let reference = namespaces.reference(from);
    let Reference::AnyNamespace(to) = namespaces.reference(to) else {
        let Reference::Exact(to) = namespaces.reference(to) else {
            return Ok(Flow::Continue);
        };
        let mut found = source
            .iter()
            .filter(|(name, _)| reference.matches(name))
            .map(|(_, value)| value);
        let Some(first) = found.next() else {
            return Ok(Flow::Continue);
        };
        let mut all = run.memory.items();
        all.extend(Values::One(first).iter());
        let mut values = Values::One(first);
        for value in found {
            all.extend(Values::One(value).iter());
            values = Values::NULL;
        }
        let values = if values.is_null() && !first.is_null() {
            run.memory.list(all)
        } else {
            values
        };
        frame
            .target
            .borrow_mut()
            .set(run.memory.copy_str(&to), values);
        return Ok(Flow::Continue);
    };
    let mut target = frame.target.borrow_mut();
    for (name, value) in source.iter().filter(|(name, _)| reference.matches(name)) {
        let name = match split_property(name).0 {
            Some(namespace) => format!("{namespace}:{to}"),
            None => to.to_string(),
        };
        target.set(run.memory.copy_str(&name), Values::One(value));
    }
    Ok(Flow::Continue)
}
