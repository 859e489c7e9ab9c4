//! Why the evaluation of one entity stopped. Wrong types never end up here: they are left out (R19).

use std::fmt;

use crate::diagnostic::PathElement;

/// A failed evaluation, with the place in the rules where it happened.
#[derive(Clone, Debug)]
pub struct Failure {
    pub kind: FailureKind,
    pub message: String,
    /// From the root of the compiled JSON.
    pub elements: Vec<PathElement>,
}

/// What kind of end it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// The rules asked for it with `fail!`.
    Fail,
    /// The rules asked for it with `trip!`: the circuit breaker of the sink trips as well.
    Trip,
    /// A target or created entity without a string `_id` (DT7).
    MissingId,
    /// More steps, bytes or depth than the budget of one entity.
    Budget,
    /// A dataset could not be read.
    Lookup,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        for (index, element) in self.elements.iter().enumerate() {
            f.write_str(if index == 0 { " at " } else { "." })?;
            write!(f, "{element}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}
