//! Transform functions: they change the target, emit entities, or end the processing of one. A file per
//! kind of change, a table of rows on top of each.

mod add;
mod branch;
mod copy;
mod create;
mod end;
mod make_ni;
mod merge;
mod selection;

use crate::eval::{Frame, Outcome, Run};
use crate::program::Step;
use crate::row::Row;

/// A row of a transform function.
pub(crate) type Transform = Row<TransformBody>;

pub(crate) type TransformFn = for<'f, 'a> fn(&Run<'a>, &'a Step, &Frame<'f, 'a>) -> Outcome<Flow>;

/// What the compiler makes of a transform.
#[derive(Clone, Copy)]
pub(crate) enum TransformBody {
    Step(TransformFn),
    /// `comment`: not even its arguments are looked at.
    Nothing,
}

/// Whether processing of the entity goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flow {
    Continue,
    /// No target, and a dataset sink deletes what it has (R8).
    Filter,
    /// No target, and nothing else happens (R8).
    Discard,
}

/// All transform functions.
pub(crate) const TABLES: &[&[Transform]] = &[
    add::ROWS,
    branch::ROWS,
    copy::ROWS,
    create::ROWS,
    end::ROWS,
    make_ni::ROWS,
    merge::ROWS,
];
