//! `make-ni`: identifiers made from the strings of a property.

use sluice_entity::Value;

use crate::eval::{Frame, Outcome, Run};
use crate::memory::{Memory, Values};
use crate::namespaces::{Reference, split_property};
use crate::program::{Argument, Step};
use crate::row::example_of;

use super::{Flow, Transform, TransformBody};

pub(super) const ROWS: &[Transform] = &[Transform {
    name: "make-ni",
    signature: "NAMESPACE(string{1}) FROM_PROPERTY(string{1}) TO_PROPERTY(string{0|1})",
    doc: "Sets a property of the target, the old name with -ni by default, to identifiers made from the strings of a property of the source. Each namespace of the property keeps its own.",
    examples: &[
        example_of(
            r#"{"referee": "john.doe"}"#,
            r#"[["make-ni", "soccer", "referee", "ref"]]"#,
            r#"{"ref": "~:soccer:john.doe"}"#,
        ),
        example_of(
            r#"{"players": [1, 2]}"#,
            r#"[["make-ni", "hockey", "players"]]"#,
            "{}",
        ),
    ],
    body: TransformBody::Step(make_ni),
}];

fn make_ni<'a>(run: &Run<'a>, step: &'a Step, frame: &Frame<'_, 'a>) -> Outcome<Flow> {
    let mut texts = [None; 3];
    for (text, argument) in texts.iter_mut().zip(&step.arguments) {
        if let Argument::Expression(node) = argument {
            *text = run.evaluate(node, frame.scope())?.first().as_str();
        }
    }
    let ([Some(namespace), Some(from), to], Some(source)) = (texts, frame.source.as_dict()) else {
        return Ok(Flow::Continue);
    };
    let namespaces = &run.program.namespaces;
    let reference = namespaces.reference(from);
    let mut target = frame.target.borrow_mut();
    for (name, value) in source.iter().filter(|(name, _)| reference.matches(name)) {
        let Some(identifiers) = identifiers(&run.memory, namespace, value) else {
            continue;
        };
        let to = match to.map(|to| namespaces.reference(to)) {
            None => format!("{name}-ni"),
            Some(Reference::Exact(full)) => full.into_string(),
            Some(Reference::AnyNamespace(identifier)) => match split_property(name).0 {
                Some(own) => format!("{own}:{identifier}"),
                None => identifier.into_string(),
            },
        };
        target.set(run.memory.copy_str(&to), identifiers);
    }
    Ok(Flow::Continue)
}

/// `None` when none of the values is a string.
fn identifiers<'a>(memory: &Memory<'a>, namespace: &str, value: Value<'a>) -> Option<Values<'a>> {
    let one = |value: Value<'a>| {
        Some(
            memory
                .arena()
                .ni(&format!("{namespace}:{}", value.as_str()?)),
        )
    };
    let Some(list) = value.as_list() else {
        return one(value).map(Values::One);
    };
    let mut items = memory.items_of(list.len());
    items.extend(list.iter().filter_map(one));
    if items.is_empty() {
        None
    } else {
        Some(memory.list(items))
    }
}
