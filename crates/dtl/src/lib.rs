//! The Data Transformation Language: rules in JSON that make entities from entities.
//!
//! `parse` turns JSON into a tree with a place for each node, `check` reports everything that is wrong with it,
//! `compile` resolves it to a [`Program`], `eval` runs that over one source entity at a time ([`Evaluator`]).
//! The language itself is rows in tables: `functions` get values, `forms` get unevaluated arguments and the
//! scope, `transforms` get the target. A new function is a row, a body and a case file.
//!
//! No I/O, no clock, no randomness of its own: time, chance and secrets come through [`Environment`], datasets
//! through [`Lookup`].

#![cfg_attr(test, allow(clippy::unwrap_used))]

mod check;
mod compile;
mod diagnostic;
mod eval;
mod failure;
mod forms;
mod functions;
mod hops;
mod index;
mod memory;
mod namespaces;
mod options;
mod outside;
mod parse;
mod path;
mod program;
mod reference;
mod registry;
mod row;
mod sets;
mod signature;
mod transforms;
mod vectors;
mod wildcard;

#[cfg(test)]
mod tests;

pub use compile::{Compiled, compile, compile_expression};
pub use diagnostic::{Code, Diagnostic, Level, PathElement};
pub use eval::{Evaluator, HopsStatistics};
pub use failure::{Failure, FailureKind};
pub use index::IndexExpression;
pub use options::{Budget, Options};
pub use outside::{Environment, Lookup, LookupError, MemoryLookup};
pub use program::{IndexRequirement, Program};
pub use reference::{has_function, has_transform, print_reference};
pub use vectors::eval_vectors;
