//! Objects of the cluster as JSON: found, applied, made once, deleted. What is applied a second time without a change is not sent.

mod namespace;

pub use namespace::{Listed, Namespace};

use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use serde_json::Value;

/// Says what was applied last, so that nothing is sent where nothing changed.
pub const APPLIED: &str = "sluice.dev/applied";
/// The hub that an object belongs to.
pub const HUB: &str = "sluice.dev/hub";
/// The pool that an object belongs to.
pub const POOL: &str = "sluice.dev/pool";
/// Label of a worker that is there only while the pod of another one is exchanged.
pub const SURGE: &str = "sluice.dev/surge";
/// The worker that an object belongs to.
pub const WORKER_ID: &str = "sluice.dev/worker-id";
/// What an object is part of: storage-node, worker, aggregator.
pub const COMPONENT: &str = "app.kubernetes.io/component";

/// The kinds that the operator makes or looks at as JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Keys and certificates.
    Secret,
    /// What everybody may read.
    ConfigMap,
    /// An address that stays.
    Service,
    /// A volume.
    PersistentVolumeClaim,
    /// A process.
    Pod,
    /// Processes that are alike.
    Deployment,
    /// How many may be away at once.
    PodDisruptionBudget,
    /// A worker of ours.
    Worker,
}

impl Kind {
    /// Group and version, and the name.
    fn parts(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Kind::Secret => ("", "v1", "Secret"),
            Kind::ConfigMap => ("", "v1", "ConfigMap"),
            Kind::Service => ("", "v1", "Service"),
            Kind::PersistentVolumeClaim => ("", "v1", "PersistentVolumeClaim"),
            Kind::Pod => ("", "v1", "Pod"),
            Kind::Deployment => ("apps", "v1", "Deployment"),
            Kind::PodDisruptionBudget => ("policy", "v1", "PodDisruptionBudget"),
            Kind::Worker => ("sluice.dev", "v1alpha1", "Worker"),
        }
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        self.parts().2
    }

    /// Its `apiVersion`.
    pub fn api_version(self) -> String {
        match self.parts() {
            ("", version, _) => version.to_owned(),
            (group, version, _) => format!("{group}/{version}"),
        }
    }

    fn resource(self) -> ApiResource {
        let (group, version, kind) = self.parts();
        ApiResource::from_gvk(&GroupVersionKind::gvk(group, version, kind))
    }
}

/// An object that is to be there: its kind, its name, and all of it.
#[derive(Clone, Debug, PartialEq)]
pub struct Wanted {
    /// Of what kind.
    pub kind: Kind,
    /// Its name in the namespace.
    pub name: String,
    /// The object without kind and name.
    pub body: Value,
}

impl Wanted {
    /// Made of metadata and the rest, both objects.
    pub fn new(kind: Kind, name: impl Into<String>, body: Value) -> Self {
        Wanted {
            kind,
            name: name.into(),
            body,
        }
    }

    /// What it is to be, in a few characters.
    pub fn digest(&self) -> String {
        let text = self.body.to_string();
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes());
        digest
            .as_ref()
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect()
    }

    /// As it is sent.
    fn manifest(&self) -> Value {
        let mut manifest = self.body.clone();
        manifest["apiVersion"] = self.kind.api_version().into();
        manifest["kind"] = self.kind.name().into();
        manifest["metadata"]["name"] = self.name.clone().into();
        manifest["metadata"]["annotations"][APPLIED] = self.digest().into();
        manifest
    }

    /// Whether this object was applied as it is wanted.
    pub fn is_applied_to(&self, found: &DynamicObject) -> bool {
        let annotations = found.metadata.annotations.as_ref();
        annotations.and_then(|all| all.get(APPLIED)) == Some(&self.digest())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_is_found_is_applied_only_where_it_was_wanted_like_that() {
        let wanted = |size| {
            Wanted::new(
                Kind::Pod,
                "a",
                json!({"metadata": {}, "spec": {"size": size}}),
            )
        };
        let found: DynamicObject = serde_json::from_value(wanted(1).manifest()).unwrap();
        assert!(wanted(1).is_applied_to(&found));
        assert!(!wanted(2).is_applied_to(&found));
        assert_eq!(wanted(1).manifest()["apiVersion"], "v1");
        assert_eq!(Kind::Worker.api_version(), "sluice.dev/v1alpha1");
    }
}
