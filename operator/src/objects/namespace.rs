//! One namespace of the cluster, and the only requests that reconciles send about objects of other kinds than ours.

use super::{APPLIED, Kind, Wanted};
use crate::{Error, FIELD_MANAGER, Result};
use k8s_openapi::api::core::v1::Secret;
use kube::api::{
    DeleteParams, DynamicObject, ListParams, Patch, PatchParams, PostParams, Preconditions,
};
use kube::{Api, Client, ResourceExt};
use serde_json::Value;
use std::collections::BTreeMap;

/// The manager of first values that are left to others.
const FIRST_MANAGER: &str = "sluice-operator-first";

/// Objects that were listed.
pub type Listed = Vec<DynamicObject>;

/// A namespace.
#[derive(Clone)]
pub struct Namespace {
    client: Client,
    name: String,
}

impl Namespace {
    /// The namespace of this name.
    pub fn new(client: Client, name: impl Into<String>) -> Self {
        Namespace {
            client,
            name: name.into(),
        }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    fn api(&self, kind: Kind) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &self.name, &kind.resource())
    }

    /// The object, if it is there.
    pub async fn find(&self, kind: Kind, name: &str) -> Result<Option<DynamicObject>> {
        self.api(kind)
            .get_opt(name)
            .await
            .map_err(Error::api("read", kind.name(), name))
    }

    /// What a Secret holds, if it is there. Values that are no text are left out.
    pub async fn secret(&self, name: &str) -> Result<Option<BTreeMap<String, String>>> {
        let secrets: Api<Secret> = Api::namespaced(self.client.clone(), &self.name);
        let found = secrets
            .get_opt(name)
            .await
            .map_err(Error::api("read", "Secret", name))?;
        let texts = |secret: Secret| {
            let data = secret.data.unwrap_or_default().into_iter();
            data.filter_map(|(key, value)| Some((key, String::from_utf8(value.0).ok()?)))
                .collect()
        };
        Ok(found.map(texts))
    }

    /// The objects with these labels: `a=b,c=d`.
    pub async fn list(&self, kind: Kind, labels: &str) -> Result<Listed> {
        let listed = self
            .api(kind)
            .list(&ListParams::default().labels(labels))
            .await;
        Ok(listed
            .map_err(Error::api("list", kind.name(), labels))?
            .items)
    }

    /// Makes it as it is wanted, or leaves it alone where that was done already. Answers the object.
    pub async fn apply(&self, wanted: &Wanted) -> Result<DynamicObject> {
        let found = self.find(wanted.kind, &wanted.name).await?;
        if let Some(found) = found.filter(|found| wanted.is_applied_to(found)) {
            return Ok(found);
        }
        let parameters = PatchParams::apply(FIELD_MANAGER).force();
        let applied = self
            .api(wanted.kind)
            .patch(&wanted.name, &parameters, &Patch::Apply(wanted.manifest()))
            .await;
        let applied = applied.map_err(Error::api("apply", wanted.kind.name(), &wanted.name))?;
        tracing::info!(
            namespace = self.name,
            kind = wanted.kind.name(),
            name = wanted.name,
            "applied"
        );
        Ok(applied)
    }

    /// Makes it unless one of its name is there; says whether it was made.
    pub async fn create(&self, wanted: &Wanted) -> Result<bool> {
        self.make(wanted, wanted.manifest(), FIELD_MANAGER).await
    }

    /// Makes it with values that are nobody's afterwards, and that a later `apply` without them leaves alone.
    pub async fn create_for_others(&self, wanted: &Wanted) -> Result<bool> {
        let mut manifest = wanted.manifest();
        if let Some(annotations) = manifest["metadata"]["annotations"].as_object_mut() {
            annotations.remove(APPLIED);
        }
        self.make(wanted, manifest, FIRST_MANAGER).await
    }

    async fn make(&self, wanted: &Wanted, manifest: Value, manager: &str) -> Result<bool> {
        let failed = |error| Error::api("make", wanted.kind.name(), &wanted.name)(error);
        let object = serde_json::from_value(manifest)
            .map_err(|error| failed(kube::Error::SerdeError(error)))?;
        let parameters = PostParams {
            field_manager: Some(manager.to_owned()),
            ..PostParams::default()
        };
        match self.api(wanted.kind).create(&parameters, &object).await {
            Ok(_) => {
                tracing::info!(
                    namespace = self.name,
                    kind = wanted.kind.name(),
                    name = wanted.name,
                    "made"
                );
                Ok(true)
            }
            Err(kube::Error::Api(status)) if status.code == 409 => Ok(false),
            Err(error) => Err(failed(error)),
        }
    }

    /// Asks for the end of this very object, not of another one that has its name by then.
    pub async fn delete(&self, kind: Kind, object: &DynamicObject) -> Result<()> {
        if object.metadata.deletion_timestamp.is_some() {
            return Ok(());
        }
        let name = object.name_any();
        let parameters = DeleteParams {
            preconditions: Some(Preconditions {
                uid: object.uid(),
                resource_version: None,
            }),
            ..DeleteParams::background()
        };
        match self.api(kind).delete(&name, &parameters).await {
            Ok(_) => {
                tracing::info!(namespace = self.name, kind = kind.name(), name, "deleted");
                Ok(())
            }
            Err(kube::Error::Api(status)) if status.code == 404 || status.code == 409 => Ok(()),
            Err(error) => Err(Error::api("delete", kind.name(), &name)(error)),
        }
    }
}
