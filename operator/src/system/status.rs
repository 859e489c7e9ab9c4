//! What the hub says of a system, as conditions. Pure.

use crate::configuration::{Accepted, Key, NOT_YET, Unusable, accepted};
use crate::crd::conditions::{condition, merge};
use crate::crd::{System, SystemStatus};
use crate::microservice::State;
use k8s_openapi::jiff::Timestamp;
use sluice_protocol::ConfigurationSnapshot;

/// What is known of a system.
pub(crate) struct Found<'a> {
    pub(crate) unusable: Option<&'a Unusable>,
    pub(crate) configuration: &'a ConfigurationSnapshot,
    /// Hashes of what was written last, and of what is used.
    pub(crate) hashes: (Option<String>, Option<String>),
    /// What is wrong with the Secrets that it names.
    pub(crate) secret_problems: &'a [String],
    /// How its container is, where it has one.
    pub(crate) microservice: Option<State>,
}

/// The status of a system.
pub(crate) fn status(
    object: &System,
    key: &Key,
    found: &Found<'_>,
    now: Timestamp,
) -> SystemStatus {
    let accepted = accepted(object, key, found.unusable, found.configuration);
    let mut conditions = vec![accepted.condition()];
    let secrets = (!found.secret_problems.is_empty()).then(|| found.secret_problems.join("; "));
    let (ready, abnormal) = match (&accepted, secrets) {
        (Accepted::No(reason, message), _) => (
            condition("Ready", Some(false), reason, message),
            Some(condition("Stalled", Some(true), reason, message)),
        ),
        (Accepted::NotYet, _) => (
            condition("Ready", Some(false), "Pending", NOT_YET),
            Some(condition("Reconciling", Some(true), "Pending", NOT_YET)),
        ),
        (Accepted::Yes(_), Some(problems)) => (
            condition("Ready", Some(false), "SecretMissing", &problems),
            Some(condition(
                "Reconciling",
                Some(true),
                "SecretMissing",
                &problems,
            )),
        ),
        (Accepted::Yes(_), None) => match &found.microservice {
            None => (condition("Ready", Some(true), "Ready", ""), None),
            Some(state) => (
                condition("Ready", Some(state.is_ready), &state.reason, &state.message),
                (!state.is_ready)
                    .then(|| condition("Reconciling", Some(true), &state.reason, &state.message)),
            ),
        },
    };
    conditions.push(ready);
    conditions.extend(abnormal);
    let before = object.status.as_ref();
    let known = before.map_or(&[][..], |status| &status.conditions);
    let generation = object.metadata.generation;
    SystemStatus {
        observed_generation: generation,
        conditions: merge(known, conditions, generation, now),
        config_hash: found.hashes.0.clone(),
        active_config_hash: found.hashes.1.clone(),
    }
}
