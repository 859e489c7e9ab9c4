//! A hub's resource and what it refers to → a hub that can be built. Without a client.

use super::dereference::Found;
use crate::context::owner;
use crate::crd::{DataHub, DataHubSpec};
use crate::{Settings, names};
use kube::ResourceExt;
use serde_json::Value;

/// A hub that can be built.
#[derive(Clone, Debug)]
pub(super) struct ValidatedHub {
    /// Its name, part of every identity.
    pub name: String,
    /// Where it is.
    pub namespace: String,
    /// The image of all roles.
    pub image: String,
    /// The rest of it.
    pub spec: DataHubSpec,
    /// How its objects name it as their owner.
    pub owner: Value,
    /// What the certificate of its API stands for.
    pub api_names: Vec<String>,
}

/// Why a hub cannot be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Problem {
    /// In one word.
    pub reason: &'static str,
    /// For people.
    pub message: String,
}

/// Judges it.
pub(super) fn validate(
    hub: &DataHub,
    found: &Found,
    settings: &Settings,
) -> Result<ValidatedHub, Problem> {
    let name = hub.name_any();
    let problem = |reason, message: String| Err(Problem { reason, message });
    let image = hub
        .spec
        .image
        .clone()
        .unwrap_or_else(|| settings.image.clone());
    if image.is_empty() {
        return problem(
            "NoImage",
            "neither the hub nor the operator names an image".to_owned(),
        );
    }
    let has_started = hub
        .status
        .as_ref()
        .is_some_and(|status| status.storage_node.is_some());
    let once = [
        names::root(&name),
        names::keys(&name),
        names::token_key(&name),
    ];
    if let Some(lost) = once
        .iter()
        .find(|secret| has_started && !found.secrets.contains_key(*secret))
    {
        // A new one would make everything that was sealed, hashed or signed with it worthless without a word.
        let message = format!(
            "the Secret {lost} was made for this hub and is gone: bring it back, or delete the hub and its volumes"
        );
        return problem("KeysLost", message);
    }
    let namespace = hub.namespace().unwrap_or_default();
    let service = names::aggregator(&name);
    let mut api_names = vec![
        service.clone(),
        format!("{service}.{namespace}"),
        names::host(&service, &namespace),
        format!("{}.cluster.local", names::host(&service, &namespace)),
        "localhost".to_owned(),
        "127.0.0.1".to_owned(),
    ];
    api_names.extend(hub.spec.aggregator.tls_names.iter().cloned());
    Ok(ValidatedHub {
        owner: owner(hub),
        name,
        namespace,
        image,
        spec: hub.spec.clone(),
        api_names,
    })
}
