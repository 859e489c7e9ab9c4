//! Writes the objects of a microservice, and takes those away that nobody wants any more.

use super::build::{Objects, login_name};
use crate::Result;
use crate::objects::{HUB, Kind, Namespace};
use kube::ResourceExt;

/// Applies them. Where there is no Deployment in the end the others go again: by it alone it is seen that they are too many.
pub(super) async fn apply(objects: &Objects, hub: &str, namespace: &Namespace) -> Result<()> {
    let applied = apply_all(objects, hub, namespace).await;
    if applied.is_err() {
        let name = &objects.deployment.name;
        let found = namespace.find(Kind::Deployment, name).await;
        if matches!(found, Ok(None))
            && let Err(error) = prune(name, hub, namespace).await
        {
            tracing::warn!(name, %error, "what was made of a microservice that could not be made is not removed yet");
        }
    }
    applied
}

/// Secrets first: a pod finds what it is given.
async fn apply_all(objects: &Objects, hub: &str, namespace: &Namespace) -> Result<()> {
    namespace.apply(&objects.environment).await?;
    match &objects.login {
        Some(login) => {
            namespace.apply(login).await?;
        }
        None => {
            let login = login_name(&objects.deployment.name);
            remove(Kind::Secret, &login, hub, namespace).await?;
        }
    }
    namespace.apply(&objects.service).await?;
    namespace.apply(&objects.deployment).await?;
    Ok(())
}

/// Takes one away. The Deployment goes last: as long as it is there it is seen that something is too many.
pub(super) async fn prune(name: &str, hub: &str, namespace: &Namespace) -> Result<()> {
    remove(Kind::Service, name, hub, namespace).await?;
    remove(Kind::Secret, &login_name(name), hub, namespace).await?;
    remove(Kind::Secret, name, hub, namespace).await?;
    remove(Kind::Deployment, name, hub, namespace).await
}

/// Removes an object of this name if it is the hub's.
async fn remove(kind: Kind, name: &str, hub: &str, namespace: &Namespace) -> Result<()> {
    let found = namespace.find(kind, name).await?;
    let is_its = |label: Option<&String>| label.map(String::as_str) == Some(hub);
    match found {
        Some(found) if is_its(found.labels().get(HUB)) => namespace.delete(kind, &found).await,
        _ => Ok(()),
    }
}
