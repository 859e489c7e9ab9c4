//! The end of a hub. It waits for nothing that could fail to happen: what has owners goes by them, what has none goes here.

use super::FINALIZER;
use crate::Result;
use crate::context::{Context, set_finalizer};
use crate::crd::{DataHub, DeletionPolicy};
use crate::names;
use crate::objects::{Kind, Namespace};
use kube::runtime::controller::Action;
use kube::{Resource, ResourceExt};

/// Clears away what is to go, says what stays, lets go.
pub(super) async fn run(hub: &DataHub, namespace: &Namespace, context: &Context) -> Result<Action> {
    let name = hub.name_any();
    context.links.forget(namespace.name(), &name);
    for pod in namespace
        .list(Kind::Pod, &names::of_component(&name, "storage-node"))
        .await?
    {
        namespace.delete(Kind::Pod, &pod).await?;
    }
    let claims = namespace
        .list(
            Kind::PersistentVolumeClaim,
            &names::of_component(&name, "storage-node"),
        )
        .await?;
    if hub.spec.deletion_policy == DeletionPolicy::Delete {
        for claim in &claims {
            namespace.delete(Kind::PersistentVolumeClaim, claim).await?;
        }
        for name in names::kept(&name) {
            if let Some(secret) = namespace.find(Kind::Secret, &name).await? {
                namespace.delete(Kind::Secret, &secret).await?;
            }
        }
    } else if !claims.is_empty() {
        let left: Vec<String> = claims.iter().map(ResourceExt::name_any).collect();
        let note = format!(
            "left: the claims {} and the Secrets with keys, labelled {}",
            left.join(", "),
            names::of_hub(&name)
        );
        context
            .tell(&hub.object_ref(&()), false, "DataRetained", note)
            .await;
    }
    set_finalizer(&context.client, hub, FINALIZER, false).await?;
    Ok(Action::await_change())
}
