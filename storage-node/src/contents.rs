//! Everything the node keeps, as one value. Changing the hub is making another value; nothing here reads or writes a store.

use crate::formats::HubFormat;
use sluice_entity::Json;
use sluice_protocol::{ComponentKind, HandedVariables, Origin, SecretScope};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Kind and `_id`.
pub(crate) type ComponentKey = (ComponentKind, String);

/// A component as it is kept.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// The group that its uploads belong to (CF2).
    pub(crate) group: String,
    /// As posted.
    pub(crate) original: Arc<Json>,
}

impl PartialEq for Kept {
    fn eq(&self, other: &Self) -> bool {
        self.group == other.group
            && (Arc::ptr_eq(&self.original, &other.original) || self.original == other.original)
    }
}

/// What a custom resource offers for a component.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Offer {
    pub(crate) origin: Origin,
    /// What it offers, as long as that has errors and the component that was there before goes on.
    pub(crate) waiting: Option<Kept>,
}

/// A secret that is kept in Kubernetes.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Referenced {
    pub(crate) sealed: Arc<[u8]>,
    /// Name of the Kubernetes Secret.
    pub(crate) kept_in: String,
}

/// What is kept at one revision. Cloning shares the large parts.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Contents {
    pub(crate) components: BTreeMap<ComponentKey, Kept>,
    pub(crate) variables: BTreeMap<String, Json>,
    /// Sealed values by scope and name.
    pub(crate) secrets: BTreeMap<SecretScope, BTreeMap<String, Arc<[u8]>>>,
    /// Of the components that come from custom resources.
    pub(crate) offers: BTreeMap<ComponentKey, Offer>,
    /// Variables that a custom resource sets; they win over `variables`.
    pub(crate) handed_variables: Option<HandedVariables>,
    /// Secrets that are kept in Kubernetes; they win over `secrets`.
    pub(crate) referenced: BTreeMap<SecretScope, BTreeMap<String, Referenced>>,
    pub(crate) counters: Counters,
    /// What the hub is written in. It outlives a reset.
    pub(crate) hub_format: HubFormat,
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
        let has_owner = |scope: &SecretScope| match scope {
            SecretScope::Global => true,
            SecretScope::System(id) => {
                components.contains_key(&(ComponentKind::System, id.clone()))
            }
        };
        self.secrets
            .retain(|scope, secrets| has_owner(scope) && !secrets.is_empty());
        self.referenced
            .retain(|scope, secrets| has_owner(scope) && !secrets.is_empty());
        self.offers.retain(|key, _| components.contains_key(key));
    }

    /// The variables as everybody sees them.
    pub(crate) fn all_variables(&self) -> BTreeMap<String, Json> {
        let mut all = self.variables.clone();
        if let Some(handed) = &self.handed_variables {
            all.extend(handed.values.clone());
        }
        all
    }

    /// Scope, name and sealed value of the secrets as everybody sees them.
    pub(crate) fn all_sealed_secrets(&self) -> BTreeMap<(&SecretScope, &str), &[u8]> {
        let own = self.sealed_secrets();
        let mut all: BTreeMap<_, _> = own
            .map(|(scope, name, sealed)| ((scope, name), sealed))
            .collect();
        for (scope, secrets) in &self.referenced {
            for (name, secret) in secrets {
                all.insert((scope, name.as_str()), &*secret.sealed);
            }
        }
        all
    }

    /// The Kubernetes Secret that a secret of this name is kept in.
    pub(crate) fn kept_in(&self, scope: &SecretScope, name: &str) -> Option<&str> {
        let referenced = self.referenced.get(scope)?.get(name)?;
        Some(&referenced.kept_in)
    }

    /// Scope, name and sealed value of every secret that was set through the API.
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
