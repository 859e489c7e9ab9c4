//! Ordinary functions: they get the values of their arguments and give a value. A file per chapter of the
//! reference, a table of rows on top of each.

pub(crate) mod args;
pub(crate) mod comparisons;
pub(crate) mod date_and_time;
mod dictionaries;
mod hops;
mod lists;
mod math;
mod misc;
mod namespaced_identifiers;
mod nulls;
pub(crate) mod numbers;
mod sets;
mod strings;

use crate::memory::{Memory, Values};
use crate::outside::{Environment, Lookup, LookupError};
use crate::row::{Chapter, Row};

/// A row of an ordinary function.
pub(crate) type Function = Row<FunctionBody>;

/// Values in, value out.
pub(crate) type PureFn = for<'a> fn(&Memory<'a>, &[Values<'a>]) -> Values<'a>;
/// With clock, chance and secrets.
pub(crate) type AmbientFn = for<'a> fn(&Memory<'a>, &dyn Environment, &[Values<'a>]) -> Values<'a>;
/// With datasets.
pub(crate) type StoredFn =
    for<'a> fn(&Memory<'a>, &dyn Lookup, &[Values<'a>]) -> Result<Values<'a>, LookupError>;

/// What a function needs; so whether it can be folded or cached is a fact of its type.
#[derive(Clone, Copy)]
pub(crate) enum FunctionBody {
    Pure(PureFn),
    /// `dict`, which becomes a part of the program when its keys are constants.
    Dict(PureFn),
    Ambient(AmbientFn),
    Stored(StoredFn),
}

/// The chapters of the reference that have ordinary functions.
pub(crate) const CHAPTERS: &[Chapter<FunctionBody>] = &[
    comparisons::CHAPTER,
    date_and_time::CHAPTER,
    dictionaries::CHAPTER,
    hops::CHAPTER,
    lists::CHAPTER,
    math::CHAPTER,
    misc::CHAPTER,
    namespaced_identifiers::CHAPTER,
    nulls::CHAPTER,
    sets::CHAPTER,
    strings::CHAPTER,
];
