//! Everything the node keeps, as one value. Changing the hub is making another value; nothing here reads or writes a store.

use sluice_entity::Json;
use sluice_protocol::{ComponentKind, SecretScope};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Kind and `_id`.
pub(crate) type ComponentKey = (ComponentKind, String);

/// A component as it is kept.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Kept {
    /// The group that its uploads belong to (CF2).
    pub(crate) group: String,
    /// As posted.
    pub(crate) original: Arc<Json>,
}

/// What is kept at one revision. Cloning shares the large parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contents {
    pub(crate) components: BTreeMap<ComponentKey, Kept>,
    pub(crate) variables: BTreeMap<String, Json>,
    /// Sealed values by scope and name.
    pub(crate) secrets: BTreeMap<SecretScope, BTreeMap<String, Arc<[u8]>>>,
    pub(crate) counters: Counters,
}

/// Numbers that only grow, also over a reset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counters {
    /// Of components, variables and secrets together.
    pub(crate) revision: u64,
    /// Offset of the next entry of the history.
    pub(crate) next_history: u64,
    /// Number of the next dataset.
    pub(crate) next_dataset: u64,
}

impl Contents {
    /// Drops what must not outlive something else: secrets of systems that are gone (R70), scopes without secrets.
    pub(crate) fn settle(&mut self) {
        let components = &self.components;
        self.secrets.retain(|scope, secrets| {
            let has_owner = match scope {
                SecretScope::Global => true,
                SecretScope::System(id) => {
                    components.contains_key(&(ComponentKind::System, id.clone()))
                }
            };
            has_owner && !secrets.is_empty()
        });
    }

    /// How many secrets there are.
    pub(crate) fn secret_count(&self) -> usize {
        self.secrets.values().map(BTreeMap::len).sum()
    }

    /// Scope, name and sealed value of every secret.
    pub(crate) fn sealed_secrets(&self) -> impl Iterator<Item = (&SecretScope, &str, &[u8])> {
        self.secrets.iter().flat_map(|(scope, secrets)| {
            secrets
                .iter()
                .map(move |(name, sealed)| (scope, name.as_str(), &**sealed))
        })
    }
}

/// The word for a kind in records and messages.
pub(crate) fn kind_name(kind: ComponentKind) -> &'static str {
    match kind {
        ComponentKind::Pipe => "pipe",
        ComponentKind::System => "system",
        ComponentKind::Metadata => "metadata",
    }
}

/// The kind of a word.
pub(crate) fn kind_of(name: &str) -> Option<ComponentKind> {
    [
        ComponentKind::Pipe,
        ComponentKind::System,
        ComponentKind::Metadata,
    ]
    .into_iter()
    .find(|kind| kind_name(*kind) == name)
}
