//! What a change does to the records, as a value: it is written to the store and, where there is one, to the object store alike.

use crate::offer_records::{HANDED, OFFER, REFERENCED};
use crate::records::{COMPONENT, HISTORY, META, SECRET, VARIABLE, key};
use sluice_store::{Error, Transaction};

/// The kinds of records that a change can touch. What is not here is this disk's own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Counters,
    Component,
    History,
    Variable,
    Secret,
    Offer,
    Referenced,
    Handed,
    /// Up to where numbers of datasets may be given.
    DatasetNumbers,
    /// What the hub is written in.
    HubFormat,
}

impl Kind {
    /// All of them; the place is the number in objects and never changes.
    pub(crate) const ALL: [Kind; 10] = [
        Kind::Counters,
        Kind::Component,
        Kind::History,
        Kind::Variable,
        Kind::Secret,
        Kind::Offer,
        Kind::Referenced,
        Kind::Handed,
        Kind::DatasetNumbers,
        Kind::HubFormat,
    ];

    /// Whose the records are in the store.
    pub(crate) fn owner(self) -> &'static str {
        match self {
            Kind::Counters | Kind::DatasetNumbers | Kind::HubFormat => META,
            Kind::Component => COMPONENT,
            Kind::History => HISTORY,
            Kind::Variable => VARIABLE,
            Kind::Secret => SECRET,
            Kind::Offer => OFFER,
            Kind::Referenced => REFERENCED,
            Kind::Handed => HANDED,
        }
    }

    /// The name, where there is one record only: its owner has others that are not shared.
    pub(crate) fn single(self) -> Option<&'static str> {
        match self {
            Kind::Counters => Some("counters"),
            Kind::DatasetNumbers => Some("dataset-numbers"),
            Kind::HubFormat => Some("hub-format"),
            _ => None,
        }
    }
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Put(Kind, Vec<u8>, Vec<u8>),
    Remove(Kind, Vec<u8>),
    /// All of a kind go.
    Clear(Kind),
}

impl Step {
    /// What it has in an object.
    pub(crate) fn bytes(&self) -> usize {
        match self {
            Step::Put(_, name, value) => 14 + name.len() + value.len(),
            Step::Remove(_, name) => 6 + name.len(),
            Step::Clear(_) => 6,
        }
    }
}

/// Steps in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Difference {
    pub(crate) steps: Vec<Step>,
}

impl Difference {
    pub(crate) fn put(&mut self, kind: Kind, name: impl AsRef<[u8]>, value: impl Into<Vec<u8>>) {
        let name = name.as_ref().to_vec();
        self.steps.push(Step::Put(kind, name, value.into()));
    }

    /// Sets the one record of its kind.
    pub(crate) fn put_single(&mut self, kind: Kind, value: impl Into<Vec<u8>>) {
        self.put(kind, kind.single().unwrap_or_default(), value);
    }

    pub(crate) fn remove(&mut self, kind: Kind, name: impl AsRef<[u8]>) {
        self.steps.push(Step::Remove(kind, name.as_ref().to_vec()));
    }

    pub(crate) fn clear(&mut self, kind: Kind) {
        self.steps.push(Step::Clear(kind));
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// What its steps have in an object.
    pub(crate) fn bytes(&self) -> usize {
        self.steps.iter().map(Step::bytes).sum()
    }

    pub(crate) fn extend(&mut self, other: Difference) {
        self.steps.extend(other.steps);
    }

    /// Does it in a transaction.
    pub(crate) fn apply(&self, transaction: &mut Transaction) -> Result<(), Error> {
        for step in &self.steps {
            match step {
                Step::Put(kind, name, value) => {
                    transaction.put_state(&key(kind.owner(), name)?, value);
                }
                Step::Remove(kind, name) => {
                    transaction.delete_state(&key(kind.owner(), name)?);
                }
                Step::Clear(kind) => match kind.single() {
                    Some(name) => transaction.delete_state(&key(kind.owner(), name)?),
                    None => transaction.delete_state_range(&key(kind.owner(), b"")?),
                },
            }
        }
        Ok(())
    }
}
