//! Which properties the patterns of `copy` and `remove` select.

use sluice_entity::Value;

use crate::eval::{Frame, Outcome, Run};
use crate::namespaces::Pattern;
use crate::path::PathStep;
use crate::program::Patterns;

/// The patterns of one argument, computed ones evaluated.
pub(super) enum Selection<'a> {
    Names(&'a [PathStep]),
    Constant(&'a [Pattern]),
    Computed(Vec<Pattern>),
}

impl<'a> Selection<'a> {
    pub(super) fn new(
        run: &Run<'a>,
        patterns: &'a Patterns,
        frame: &Frame<'_, 'a>,
    ) -> Outcome<Selection<'a>> {
        Ok(match patterns {
            Patterns::Names(names) => Selection::Names(names),
            Patterns::Constant(patterns) => Selection::Constant(patterns),
            Patterns::Computed(node) => {
                let texts = run.evaluate(node, frame.scope())?;
                let texts = texts.iter().filter_map(Value::as_str);
                Selection::Computed(
                    texts
                        .map(|text| run.program.namespaces.pattern(text))
                        .collect(),
                )
            }
        })
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        match self {
            Selection::Names(names) => names.iter().any(|step| step.reference.matches(name)),
            Selection::Constant(patterns) => patterns.iter().any(|pattern| pattern.matches(name)),
            Selection::Computed(patterns) => patterns.iter().any(|pattern| pattern.matches(name)),
        }
    }
}
