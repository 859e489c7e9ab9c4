//! The controller of `DataHub`: keys, storage node, aggregators.

mod apply;
mod build;
mod delete;
mod dereference;
mod keys;
mod life;
mod status;
mod validate;

#[cfg(test)]
mod tests;

pub(crate) use keys::open;
use validate::{ValidatedHub, validate};

use crate::Result;
use crate::context::{Context, set_finalizer};
use crate::crd::DataHub;
use crate::crd::conditions::is_true;
use kube::Resource;
use kube::runtime::controller::Action;
use std::sync::Arc;
use std::time::Duration;

/// Keeps a hub until what has no owner is cleared away.
pub(crate) const FINALIZER: &str = "sluice.dev/hub";
/// Certificates are looked at this often where nothing else happens.
const LOOK_EVERY: Duration = Duration::from_secs(3600);

/// How long a node is lost shows by the time alone.
const SOON: Duration = Duration::from_secs(20);

/// Makes a hub what its resource says.
pub(crate) async fn reconcile(hub: Arc<DataHub>, context: Arc<Context>) -> Result<Action> {
    let namespace = context.namespace(&*hub);
    if hub.meta().deletion_timestamp.is_some() {
        return delete::run(&hub, &namespace, &context).await;
    }
    set_finalizer(&context.client, &*hub, FINALIZER, true).await?;
    let found = dereference::run(&hub, &namespace, &context.client).await?;
    let valid = match validate(&hub, &found, &context.settings) {
        Ok(valid) => valid,
        Err(problem) => {
            status::refused(&hub, &problem, &context).await?;
            return Ok(Action::requeue(LOOK_EVERY));
        }
    };
    let made = keys::run(&valid, &found, &namespace).await?;
    let life = life::run(&hub, &found, &context).await?;
    let objects = build::build(&valid, &made, &life);
    let applied = apply::run(&objects, &valid, &found, &namespace).await?;
    let conditions = status::judge(&applied, found.node);
    let is_ready = is_true(&conditions, "Ready");
    status::run(&hub, &valid, &life, conditions, &context).await?;
    // What only the storage node can say is to be seen soon too.
    let is_heard = context.links.known(&valid.namespace, &valid.name).is_some();
    let is_whole = is_ready && is_heard;
    Ok(Action::requeue(if is_whole { LOOK_EVERY } else { SOON }))
}
