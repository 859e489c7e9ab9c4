//! Writing a status: only where it differs from what is there, with times that change only with a condition.

use crate::context::Context;
use crate::crd::conditions::{Conditions, merge};
use crate::{Error, FIELD_MANAGER, Result};
use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use kube::api::{Patch, PatchParams};
use kube::{Api, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;

/// The conditions of a resource that was found like this, told as one word for `Ready`, and the kstatus pair from it.
pub fn summary(ready: bool, is_stalled: bool, reason: &str, message: &str) -> Conditions {
    let mut conditions = vec![crate::crd::condition("Ready", Some(ready), reason, message)];
    if is_stalled {
        conditions.push(crate::crd::condition(
            "Stalled",
            Some(true),
            reason,
            message,
        ));
    } else if !ready {
        conditions.push(crate::crd::condition(
            "Reconciling",
            Some(true),
            reason,
            message,
        ));
    }
    conditions
}

/// Merges what was found with the conditions that were there, for the generation that was looked at.
pub fn conditions<K: Resource>(
    resource: &K,
    before: &[Condition],
    found: Conditions,
) -> Conditions {
    merge(before, found, resource.meta().generation, Timestamp::now())
}

/// Writes a status where it is not there like that yet, and tells of a condition `Ready` that changed. Says whether it wrote.
pub async fn write<K, S>(
    context: &Context,
    resource: &K,
    before: Option<&S>,
    after: &S,
) -> Result<bool>
where
    K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
        + Clone
        + Debug
        + DeserializeOwned,
    S: Serialize + PartialEq,
{
    if before == Some(after) {
        return Ok(false);
    }
    let meta = resource.meta();
    let name = meta.name.clone().unwrap_or_default();
    let kind: &'static str = "status of";
    let api: Api<K> = Api::namespaced(
        context.client.clone(),
        meta.namespace.as_deref().unwrap_or_default(),
    );
    let patch = serde_json::json!({
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "metadata": {"name": name},
        "status": after,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    match api
        .patch_status(&name, &parameters, &Patch::Apply(&patch))
        .await
    {
        Ok(_) => {}
        Err(kube::Error::Api(status)) if status.code == 404 => return Ok(false),
        Err(error) => return Err(Error::api("write", kind, &name)(error)),
    }
    tell_ready(
        context,
        resource,
        &serde_json::json!(before),
        &serde_json::json!(after),
    )
    .await;
    Ok(true)
}

/// An event where `Ready` has another status or reason now.
async fn tell_ready<K: Resource<DynamicType = ()>>(
    context: &Context,
    resource: &K,
    before: &serde_json::Value,
    after: &serde_json::Value,
) {
    let ready = |status: &serde_json::Value| {
        let conditions = status["conditions"].as_array().cloned().unwrap_or_default();
        conditions
            .into_iter()
            .find(|condition| condition["type"] == "Ready")
    };
    let (before, Some(after)) = (ready(before).unwrap_or_default(), ready(after)) else {
        return;
    };
    if before["status"] == after["status"] && before["reason"] == after["reason"] {
        return;
    }
    let is_stalled = after["status"] == "False" && before["status"] == "True";
    let text = |field: &str| after[field].as_str().unwrap_or_default().to_owned();
    context
        .tell(
            &resource.object_ref(&()),
            is_stalled,
            &text("reason"),
            text("message"),
        )
        .await;
}
