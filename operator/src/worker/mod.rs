//! The controller of `Worker`: one pod, one claim, what the storage node may give it, and its end.

mod build;
mod dereference;
mod end;
mod exchange;
mod standing;
mod status;

#[cfg(test)]
mod tests;

use crate::context::{Context, set_finalizer};
use crate::crd::{Worker, WorkerStanding};
use crate::objects::Kind;
use crate::{Result, pods};
use exchange::Exchange;
pub(crate) use exchange::{is_exchanging, needs_another};
use k8s_openapi::jiff::Timestamp;
use kube::Resource;
use kube::runtime::controller::Action;
use status::Finding;
use std::sync::Arc;
use std::time::Duration;

/// Keeps a worker until its pipes are elsewhere, or need not be.
pub(crate) const FINALIZER: &str = "sluice.dev/worker";
/// Where something moves.
const SOON: Duration = Duration::from_secs(2);
/// Where nothing happens.
const LOOK_EVERY: Duration = Duration::from_secs(60);

/// Makes a worker what its resource says.
pub(crate) async fn reconcile(worker: Arc<Worker>, context: Arc<Context>) -> Result<Action> {
    let namespace = context.namespace(&*worker);
    let found = dereference::run(&worker, &namespace, &context).await?;
    let is_going = worker.meta().deletion_timestamp.is_some();
    if is_going || worker.spec.standing == WorkerStanding::Retired {
        return end::run(&worker, &found, &namespace, &context).await;
    }
    set_finalizer(&context.client, &*worker, FINALIZER, true).await?;
    let Some(hub) = &found.hub else {
        // Without its hub it has nothing to do. Its disk stays, and it is back when the hub is.
        if let Some(pod) = &found.pod {
            namespace.delete(Kind::Pod, pod).await?;
        }
        status::run(&worker, &found, Finding::NoHub, Exchange::No, &context).await?;
        return Ok(Action::requeue(LOOK_EVERY));
    };
    let objects = build::build(&worker, hub, &context.settings);
    let is_other = found
        .pod
        .as_ref()
        .is_some_and(|pod| !objects.pod.is_applied_to(pod));
    let exchange = exchange::decide(&worker, &found, is_other, Timestamp::now());
    // A pod is needed also while the storage node is away.
    let told = standing::run(&worker, &found, exchange).await;
    if let Err(error) = &told {
        tracing::warn!(worker = worker.metadata.name, %error, "the standing was not told");
    }
    if found.has_lost_disk {
        // A blank disk under its name would be another worker. The pool makes one, under a name of its own.
        if let Some(pod) = &found.pod {
            namespace.delete(Kind::Pod, pod).await?;
        }
        status::run(&worker, &found, Finding::DiskLost, Exchange::No, &context).await?;
        return Ok(Action::requeue(LOOK_EVERY));
    }
    if found.claim.is_none() {
        namespace.create(&objects.claim).await?;
    }
    let pod = pods::settle(
        &namespace,
        &objects.pod,
        found.pod.as_ref(),
        exchange == Exchange::Now,
    )
    .await?;
    let is_steady = status::run(
        &worker,
        &found,
        status::judge(&found, pod.as_ref()),
        exchange,
        &context,
    )
    .await?;
    let is_steady = is_steady && exchange == Exchange::No && told.is_ok();
    Ok(Action::requeue(if is_steady {
        LOOK_EVERY
    } else {
        SOON * 2
    }))
}
