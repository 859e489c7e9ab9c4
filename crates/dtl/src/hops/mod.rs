//! Joins (HO1-HO7): reading a specification, planning which index answers which alias, and the compiled form.

pub(crate) mod plan;
pub(crate) mod spec;

use std::sync::Arc;

use crate::diagnostic::Site;
use crate::index::IndexExpression;
use crate::program::Node;

/// A call of `hops` or `apply-hops`.
pub(crate) struct HopsCall {
    /// The output of one is the input of the next (HO4).
    pub(crate) hops: Box<[Hops]>,
    /// The rule that `apply-hops` applies to the results.
    pub(crate) rule: Option<usize>,
    pub(crate) site: Site,
}

/// One compiled specification.
pub(crate) struct Hops {
    /// Conditions on the input alone.
    pub(crate) before: Box<[Condition]>,
    /// The aliases in the order in which they are read.
    pub(crate) accesses: Box<[Access]>,
    pub(crate) returns: Returns,
    pub(crate) recursion: Option<Recursion>,
    /// Keys the statistics of this call (HO13).
    pub(crate) trace: Option<Box<str>>,
}

/// How the entities of one alias are found.
pub(crate) struct Access {
    pub(crate) alias: u16,
    pub(crate) dataset: Box<str>,
    pub(crate) index: Arc<IndexExpression>,
    /// The other side of the join: over the input or over aliases read before.
    pub(crate) keys: Node,
    /// What can be decided once this alias is read.
    pub(crate) conditions: Box<[Condition]>,
}

/// What rows must satisfy.
pub(crate) enum Condition {
    True(Node),
    /// Any value in common, nulls left out (R16, R40).
    Overlap(Node, Node),
}

pub(crate) enum Returns {
    /// The entities of these aliases.
    Aliases(Box<[u16]>),
    /// One value for each row.
    Template(Node),
    /// The values of a path over an alias: none, one or several for each row.
    Flattened(Node),
}

#[derive(Clone, Copy)]
pub(crate) struct Recursion {
    pub(crate) exclude_root: bool,
    /// `None` for no bound.
    pub(crate) max_depth: Option<u32>,
}
