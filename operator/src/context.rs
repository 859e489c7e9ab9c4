//! What every reconcile has at hand.

use crate::link::Links;
use crate::metrics::Metrics;
use crate::objects::Namespace;
use crate::worker_pool::Reserved;
use crate::{Error, Result, Settings};
use k8s_openapi::api::core::v1::ObjectReference;
use kube::runtime::events::{Event, EventType, Recorder, Reporter};
use kube::{Client, Resource};
use std::fmt;

/// What every reconcile has at hand.
pub struct Context {
    /// The API server.
    pub client: Client,
    /// What the operator was started with.
    pub settings: Settings,
    /// What is counted.
    pub metrics: Metrics,
    /// Of our leadership: goes with every request for leave to destroy.
    pub epoch: u64,
    /// The storage nodes.
    pub links: Links,
    /// Numbers of workers to come.
    pub(crate) reserved: Reserved,
    recorder: Recorder,
}

impl Context {
    /// For an operator that leads under this epoch.
    pub fn new(client: Client, settings: Settings, metrics: Metrics, epoch: u64) -> Self {
        let reporter = Reporter {
            controller: "sluice.dev/operator".to_owned(),
            instance: Some(settings.lease.holder.clone()),
        };
        Context {
            recorder: Recorder::new(client.clone(), reporter),
            links: Links::new(settings.storage_nodes.clone()),
            reserved: Reserved::default(),
            client,
            settings,
            metrics,
            epoch,
        }
    }

    /// The namespace of a resource.
    pub fn namespace(&self, resource: &impl Resource) -> Namespace {
        let name = resource.meta().namespace.clone().unwrap_or_default();
        Namespace::new(self.client.clone(), name)
    }

    /// Tells whoever looks at a resource what happened to it. That it cannot be told is logged and stops nothing.
    pub async fn tell(
        &self,
        about: &ObjectReference,
        is_warning: bool,
        reason: &str,
        note: impl fmt::Display,
    ) {
        let event = Event {
            type_: if is_warning {
                EventType::Warning
            } else {
                EventType::Normal
            },
            reason: reason.to_owned(),
            note: Some(note.to_string()),
            action: reason.to_owned(),
            secondary: None,
        };
        if let Err(error) = self.recorder.publish(&event, about).await {
            tracing::warn!(%error, reason, "an event was not written");
        }
    }
}

/// A resource as events and owners name it.
pub fn owner<K: Resource<DynamicType = ()>>(resource: &K) -> serde_json::Value {
    serde_json::json!([{
        "apiVersion": K::api_version(&()),
        "kind": K::kind(&()),
        "name": resource.meta().name,
        "uid": resource.meta().uid,
        "controller": true,
        "blockOwnerDeletion": true,
    }])
}

/// Whether a resource has this finalizer.
pub fn has_finalizer(resource: &impl Resource, finalizer: &str) -> bool {
    resource
        .meta()
        .finalizers
        .iter()
        .flatten()
        .any(|known| known == finalizer)
}

/// Puts a finalizer on a resource, or takes it away, where that is not so yet.
pub async fn set_finalizer<K>(
    client: &Client,
    resource: &K,
    finalizer: &str,
    wanted: bool,
) -> Result<()>
where
    K: Resource<DynamicType = (), Scope = k8s_openapi::NamespaceResourceScope>
        + Clone
        + fmt::Debug
        + serde::de::DeserializeOwned,
{
    if has_finalizer(resource, finalizer) == wanted {
        return Ok(());
    }
    let meta = resource.meta();
    let name = meta.name.clone().unwrap_or_default();
    let mut finalizers: Vec<String> = meta.finalizers.clone().unwrap_or_default();
    finalizers.retain(|known| known != finalizer);
    if wanted {
        finalizers.push(finalizer.to_owned());
    }
    // With the version that was read: finalizers of others that came since are not lost.
    let patch = serde_json::json!({"metadata": {
        "finalizers": finalizers,
        "resourceVersion": meta.resource_version,
    }});
    let api: kube::Api<K> = kube::Api::namespaced(
        client.clone(),
        meta.namespace.as_deref().unwrap_or_default(),
    );
    match api
        .patch(
            &name,
            &kube::api::PatchParams::default(),
            &kube::api::Patch::Merge(&patch),
        )
        .await
    {
        Ok(_) => Ok(()),
        Err(kube::Error::Api(status)) if status.code == 404 => Ok(()),
        Err(error) => Err(Error::api("mark", "finalizer of", &name)(error)),
    }
}
