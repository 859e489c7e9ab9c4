//! The end of a hub before that of its operator: what the operator sees off has to go while there is one.
//!
//! A hook of the chart runs this before `helm uninstall` deletes anything. Where no operator sees to it in time, the resources
//! are let go without one: what is left then is claims and keys, which is what would be left anyway.

use crate::context::set_finalizer;
use crate::crd::{DataHub, Worker, WorkerPool};
use crate::objects::{Kind, Namespace};
use crate::{Error, Result, datahub, names, worker};
use k8s_openapi::NamespaceResourceScope;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client, Resource, ResourceExt};
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Between two looks at what is still there.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// For the API server to remove what nothing holds up.
const AFTER: Duration = Duration::from_secs(30);

/// A hub that is to go.
#[derive(Clone, Debug)]
pub struct Uninstall {
    /// Where it is.
    pub namespace: String,
    /// Its name.
    pub hub: String,
    /// How long the operator has to see it off.
    pub patience: Duration,
}

/// Removes the hub with its pools and workers, and waits for their end. Says what is left of it: claims and Secrets.
pub async fn uninstall(wanted: &Uninstall) -> Result<Vec<String>> {
    let client = Client::try_default()
        .await
        .map_err(|error| Error::Connect(error.into()))?;
    let leaving = Leaving {
        namespace: Namespace::new(client.clone(), &wanted.namespace),
        client,
        wanted,
    };
    // The hub first: without it no worker waits for leave.
    leaving
        .delete::<DataHub>(|hub| hub.name_any() == wanted.hub)
        .await?;
    leaving
        .delete::<WorkerPool>(|pool| pool.spec.hub_ref.name == wanted.hub)
        .await?;
    leaving
        .delete::<Worker>(|worker| worker.spec.hub_ref.name == wanted.hub)
        .await?;
    if !leaving.are_gone(wanted.patience).await? {
        tracing::warn!("no operator has seen the hub off: its resources are let go without one");
        leaving.let_go().await?;
        if !leaving.are_gone(AFTER).await? {
            return Err(Error::NotGone(wanted.hub.clone()));
        }
    }
    leaving.left().await
}

struct Leaving<'a> {
    client: Client,
    namespace: Namespace,
    wanted: &'a Uninstall,
}

impl Leaving<'_> {
    fn api<K>(&self) -> Api<K>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.wanted.namespace)
    }

    async fn list<K>(&self) -> Result<Vec<K>>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        let listed = self.api::<K>().list(&ListParams::default()).await;
        let failed = Error::api("list", "resources in", &self.wanted.namespace);
        Ok(listed.map_err(failed)?.items)
    }

    async fn delete<K>(&self, is_its: impl Fn(&K) -> bool) -> Result<()>
    where
        K: Resource<DynamicType = (), Scope = NamespaceResourceScope>
            + Clone
            + Debug
            + DeserializeOwned,
    {
        for resource in self.list::<K>().await?.iter().filter(|one| is_its(one)) {
            let name = resource.name_any();
            match self
                .api::<K>()
                .delete(&name, &DeleteParams::background())
                .await
            {
                Ok(_) => tracing::info!(kind = %K::kind(&()), name, "deleted"),
                Err(kube::Error::Api(status)) if status.code == 404 => {}
                Err(error) => return Err(Error::api("delete", "resource", &name)(error)),
            }
        }
        Ok(())
    }

    async fn hubs(&self) -> Result<Vec<DataHub>> {
        let mut hubs = self.list::<DataHub>().await?;
        hubs.retain(|hub| hub.name_any() == self.wanted.hub);
        Ok(hubs)
    }

    async fn workers(&self) -> Result<Vec<Worker>> {
        let mut workers = self.list::<Worker>().await?;
        workers.retain(|worker| worker.spec.hub_ref.name == self.wanted.hub);
        Ok(workers)
    }

    /// Waits until hub, workers and pods have gone.
    async fn are_gone(&self, patience: Duration) -> Result<bool> {
        let end = Instant::now() + patience;
        loop {
            let (hubs, workers) = (self.hubs().await?, self.workers().await?);
            let pods = self
                .namespace
                .list(Kind::Pod, &names::of_hub(&self.wanted.hub))
                .await?;
            if hubs.is_empty() && workers.is_empty() && pods.is_empty() {
                return Ok(true);
            }
            if Instant::now() > end {
                return Ok(false);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    /// Takes the operator's finalizers away.
    async fn let_go(&self) -> Result<()> {
        for hub in self.hubs().await? {
            set_finalizer(&self.client, &hub, datahub::FINALIZER, false).await?;
        }
        for worker in self.workers().await? {
            set_finalizer(&self.client, &worker, worker::FINALIZER, false).await?;
        }
        Ok(())
    }

    async fn left(&self) -> Result<Vec<String>> {
        let hub = &self.wanted.hub;
        let claims = self
            .namespace
            .list(Kind::PersistentVolumeClaim, &names::of_hub(hub))
            .await?;
        let mut left: Vec<String> = claims
            .iter()
            .filter(|claim| claim.metadata.deletion_timestamp.is_none())
            .map(|claim| format!("persistentvolumeclaim/{}", claim.name_any()))
            .collect();
        for name in names::kept(hub) {
            if self.namespace.find(Kind::Secret, &name).await?.is_some() {
                left.push(format!("secret/{name}"));
            }
        }
        Ok(left)
    }
}
