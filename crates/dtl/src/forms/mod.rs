//! Special forms: functions whose arguments are not simply evaluated first. They get the arguments as nodes,
//! and the scope. A file per chapter of the reference.

mod boolean_logic;
mod conditionals;
mod conversions;
mod dictionaries;
mod hops;
mod lists;
mod misc;
mod namespaced_identifiers;
mod nulls;

use crate::eval::{Outcome, Run, Scope};
use crate::memory::Values;
use crate::program::Node;
use crate::row::{Chapter, Row};

/// A row of a special form.
pub(crate) type Form = Row<FormBody>;

pub(crate) type FormFn = for<'f, 'a> fn(&Run<'a>, &'a [Node], Scope<'f, 'a>) -> Outcome<Values<'a>>;

/// What the compiler does with a form.
#[derive(Clone, Copy)]
pub(crate) enum FormBody {
    Evaluated(FormFn),
    /// As `Evaluated`, but may give another value next time.
    Changing(FormFn),
    /// `path`, which becomes a part of the program when its names are constants.
    Path(FormFn),
    Literal,
    Apply,
    Hops,
    ApplyHops,
}

/// The chapters of the reference that have special forms.
pub(crate) const CHAPTERS: &[Chapter<FormBody>] = &[
    boolean_logic::CHAPTER,
    conditionals::CHAPTER,
    conversions::NUMBERS,
    conversions::DATE_AND_TIME,
    dictionaries::CHAPTER,
    hops::CHAPTER,
    lists::CHAPTER,
    misc::CHAPTER,
    namespaced_identifiers::CHAPTER,
    nulls::CHAPTER,
];

/// The values of a function expression for each of `values`, with `_` bound to it.
pub(crate) fn each_result<'a>(
    run: &Run<'a>,
    function: &'a Node,
    values: Values<'a>,
    scope: Scope<'_, 'a>,
    mut see: impl FnMut(sluice_entity::Value<'a>, Values<'a>) -> bool,
) -> Outcome<()> {
    for value in values.iter() {
        let result = run.evaluate(function, scope.with_current(Values::One(value)))?;
        if !see(value, result) {
            break;
        }
    }
    Ok(())
}
