//! The hub that a resource belongs to, as others than its own controller see it.

use crate::crd::DataHub;
use crate::objects::Namespace;
use crate::{Error, Result};
use kube::{Api, Client, Resource};

/// The hub, unless it is not there or about to go.
pub async fn find(client: &Client, namespace: &Namespace, name: &str) -> Result<Option<DataHub>> {
    let hubs: Api<DataHub> = Api::namespaced(client.clone(), namespace.name());
    let found = hubs
        .get_opt(name)
        .await
        .map_err(Error::api("read", "DataHub", name))?;
    Ok(found.filter(|hub| hub.meta().deletion_timestamp.is_none()))
}
