//! The controller of `WorkerPool`: as many workers as it says, each made once, each retired in order.

mod build;
mod plan;
mod reserved;
mod status;

use crate::context::Context;
use crate::crd::{Worker, WorkerPool};
use crate::{Error, FIELD_MANAGER, Result, hubs};
use kube::api::{ListParams, Patch, PatchParams};
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};
use plan::Plan;
pub(crate) use plan::{is_lost, number};
pub(crate) use reserved::Reserved;
use std::sync::Arc;
use std::time::Duration;

const LOOK_EVERY: Duration = Duration::from_secs(600);

/// Makes a pool what its resource says.
pub(crate) async fn reconcile(pool: Arc<WorkerPool>, context: Arc<Context>) -> Result<Action> {
    if pool.meta().deletion_timestamp.is_some() {
        context.reserved.forget(&pool.uid().unwrap_or_default());
        // Its workers have it as their owner, and end by themselves.
        return Ok(Action::await_change());
    }
    let namespace = context.namespace(&*pool);
    let Some(hub) = hubs::find(&context.client, &namespace, &pool.spec.hub_ref.name).await? else {
        status::without_hub(&pool, &context).await?;
        return Ok(Action::requeue(Duration::from_secs(30)));
    };
    let workers = list(&pool, &context).await?;
    let uid = pool.uid().unwrap_or_default();
    let plan = plan::plan(&pool, &workers, &context.reserved.of(&uid));
    namespace.apply(&build::disruption_budget(&pool)).await?;
    reserve(&pool, &plan, &context).await?;
    context
        .reserved
        .add(&uid, plan.make.iter().map(|name| plan::number(name)));
    for worker in build::workers(&pool, &hub, &plan) {
        namespace.apply(&worker).await?;
        context.reserved.used(&uid, plan::number(&worker.name));
    }
    let workers = list(&pool, &context).await?;
    status::run(&pool, &workers, &plan, &context).await?;
    Ok(Action::requeue(LOOK_EVERY))
}

/// The workers of a pool, in the order of their numbers.
async fn list(pool: &WorkerPool, context: &Context) -> Result<Vec<Worker>> {
    let name = pool.name_any();
    let workers: Api<Worker> = Api::namespaced(
        context.client.clone(),
        pool.namespace().as_deref().unwrap_or_default(),
    );
    let of_pool = ListParams::default().fields(&format!("spec.poolRef={name}"));
    let listed = workers
        .list(&of_pool)
        .await
        .map_err(Error::api("list", "Worker", &name))?;
    let mut items = listed.items;
    items.sort_by_key(|worker| plan::number(&worker.name_any()));
    Ok(items)
}

/// Writes down the numbers that are about to be used, before they are: whatever happens then, none is used twice.
async fn reserve(pool: &WorkerPool, plan: &Plan, context: &Context) -> Result<()> {
    let known = pool.status.as_ref().map_or(0, |status| status.next_number);
    if plan.next_number == known {
        return Ok(());
    }
    let pools: Api<WorkerPool> = Api::namespaced(
        context.client.clone(),
        pool.namespace().as_deref().unwrap_or_default(),
    );
    let name = pool.name_any();
    // With the version that was read: a pool that another reconcile saw later is not overruled.
    let patch = serde_json::json!({
        "metadata": {"resourceVersion": pool.resource_version()},
        "status": {"nextNumber": plan.next_number},
    });
    let parameters = PatchParams {
        field_manager: Some(FIELD_MANAGER.to_owned()),
        ..PatchParams::default()
    };
    let written = pools
        .patch_status(&name, &parameters, &Patch::Merge(&patch))
        .await;
    written.map_err(Error::api("reserve numbers of", "WorkerPool", &name))?;
    Ok(())
}
