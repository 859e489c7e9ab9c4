//! Who decides about changes of components that users make through the API: the node itself, or the operator.

mod operator;
mod own_history;

pub(crate) use operator::Writes;
pub(crate) use own_history::OwnHistory;

/// Where the truth of the configuration is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Truth {
    /// Here: what is kept is what counts.
    #[default]
    OwnHistory,
    /// In custom resources: the operator hands them over, and changes go to it.
    CustomResources,
}
