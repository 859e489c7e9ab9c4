//! Whether the hub has what a resource says: the condition `Accepted` of pipes and systems.

use super::component::Unusable;
use super::diagnostics::{have_errors, in_words};
use super::wanted::{Key, origin};
use crate::crd::condition;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use kube::Resource;
use sluice_protocol::ConfigurationSnapshot;

/// Whether a resource is accepted.
pub(crate) enum Accepted {
    /// It is in use, perhaps with warnings.
    Yes(String),
    /// It is not: a reason in one word, and for people.
    No(&'static str, String),
    /// The hub has not seen this generation yet.
    NotYet,
}

/// What has become of a resource.
pub(crate) fn accepted<K: Resource<DynamicType = ()>>(
    object: &K,
    key: &Key,
    unusable: Option<&Unusable>,
    has: &ConfigurationSnapshot,
) -> Accepted {
    if let Some(Unusable { reason, message }) = unusable {
        return Accepted::No(reason, message.clone());
    }
    let offered = has.offered.get(key);
    let Some(offered) = offered.filter(|offered| offered.origin == origin(object)) else {
        return Accepted::NotYet;
    };
    if let Some(problems) = &offered.refused {
        let problems = in_words(problems);
        let message = format!("{problems}. The configuration before it goes on");
        return Accepted::No("InvalidConfiguration", message);
    }
    match has.components.get(key) {
        Some(component) if have_errors(&component.diagnostics) => {
            Accepted::No("InvalidConfiguration", in_words(&component.diagnostics))
        }
        Some(component) => Accepted::Yes(in_words(&component.diagnostics)),
        None => Accepted::NotYet,
    }
}

impl Accepted {
    pub(crate) fn condition(&self) -> Condition {
        match self {
            Accepted::Yes(warnings) => condition("Accepted", Some(true), "Valid", warnings),
            Accepted::No(reason, message) => condition("Accepted", Some(false), reason, message),
            Accepted::NotYet => condition("Accepted", None, "Pending", NOT_YET),
        }
    }
}

/// What is said until the hub has seen a generation.
pub(crate) const NOT_YET: &str = "the hub has not taken this generation yet";
