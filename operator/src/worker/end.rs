//! The end of a worker: its pipes move away, the storage node gives leave, pod and resource go, the claim only by policy.
//!
//! A worker that was deleted, not retired, waits a minute for that and no longer: deleting everything ends in whatever order. Its
//! claim then stays, whatever the policy says, for only leave from the storage node means that nothing on it is needed.

use super::dereference::Found;
use super::exchange::Exchange;
use super::status::{self, Finding};
use super::{FINALIZER, SOON, standing};
use crate::context::{Context, set_finalizer};
use crate::crd::{DeletionPolicy, Worker};
use crate::objects::{Kind, Namespace};
use crate::{Error, Result};
use k8s_openapi::jiff::{SignedDuration, Timestamp};
use kube::api::DeleteParams;
use kube::runtime::controller::Action;
use kube::{Api, Resource, ResourceExt};
use sluice_protocol::{Act, Code, PermitRequest, PlacementControl as _, Standing, WorkerId};

/// How long a worker that was deleted waits for leave.
const PATIENCE: SignedDuration = SignedDuration::from_secs(60);

/// Whether nothing on the disk is needed any more.
#[derive(Debug, PartialEq)]
pub(super) enum Leave {
    /// The storage node, or the end of the hub, says so.
    Given,
    /// It has nothing of the hub's: no session ever.
    NeverUsed,
    /// Nobody says so, and nobody waits any longer.
    NotGiven,
    /// Wait; why.
    Wait(Finding),
}

/// One step towards the end.
pub(super) async fn run(
    worker: &Worker,
    found: &Found,
    namespace: &Namespace,
    context: &Context,
) -> Result<Action> {
    let mut leave = ask(worker, found, context).await?;
    if let (Leave::NeverUsed, Some(pod)) = (&leave, &found.pod) {
        // It may be about to open its first session: its pod goes first, then the storage node is asked again.
        namespace.delete(Kind::Pod, pod).await?;
        leave = Leave::Wait(Finding::Draining);
    }
    let deleted = worker.meta().deletion_timestamp.as_ref().map(|time| time.0);
    let is_over =
        deleted.is_some_and(|deleted| Timestamp::now().duration_since(deleted) > PATIENCE);
    let leave = match leave {
        Leave::Wait(_) if is_over => Leave::NotGiven,
        Leave::Wait(finding) => {
            status::run(worker, found, finding, Exchange::No, context).await?;
            return Ok(Action::requeue(SOON));
        }
        leave => leave,
    };
    if let Some(pod) = &found.pod {
        namespace.delete(Kind::Pod, pod).await?;
    }
    let deletes = worker.spec.deletion_policy == DeletionPolicy::Delete;
    match &found.claim {
        Some(claim) if deletes && leave != Leave::NotGiven => {
            namespace.delete(Kind::PersistentVolumeClaim, claim).await?
        }
        Some(claim) => {
            let note = format!("left: the claim {}", claim.name_any());
            let is_warning = leave == Leave::NotGiven;
            context
                .tell(&worker.object_ref(&()), is_warning, "DataRetained", note)
                .await;
        }
        None => {}
    }
    if deleted.is_none() {
        let workers: Api<Worker> = Api::namespaced(context.client.clone(), namespace.name());
        match workers
            .delete(&worker.name_any(), &DeleteParams::background())
            .await
        {
            Ok(_) => {}
            Err(kube::Error::Api(status)) if status.code == 404 => {
                return Ok(Action::await_change());
            }
            Err(error) => return Err(Error::api("delete", "Worker", &worker.name_any())(error)),
        }
        return Ok(Action::await_change());
    }
    set_finalizer(&context.client, worker, FINALIZER, false).await?;
    Ok(Action::await_change())
}

/// Asks for leave, once no pipe is there.
async fn ask(worker: &Worker, found: &Found, context: &Context) -> Result<Leave> {
    if found.hub.is_none() {
        return Ok(Leave::Given);
    }
    let Some(link) = &found.link else {
        return Ok(Leave::Wait(Finding::StorageNodeAway));
    };
    let Some(facts) = &found.facts else {
        return Ok(Leave::NeverUsed);
    };
    if facts.standing == Standing::Retired {
        return Ok(Leave::Given);
    }
    standing::drain(worker, found).await?;
    if found.pipes > 0 {
        return Ok(Leave::Wait(Finding::Draining));
    }
    let request = PermitRequest {
        operator_epoch: context.epoch,
        act: Act::RetireWorker(WorkerId(worker.name_any())),
    };
    match link.control.permit(request).await {
        Ok(_) => Ok(Leave::Given),
        Err(error) if error.code == Code::NotFound => Ok(Leave::NeverUsed),
        Err(error) if error.code == Code::Conflict => {
            Ok(Leave::Wait(Finding::NoLeave(error.message.clone())))
        }
        Err(error) => Err(link.failed("ask for leave")(error)),
    }
}
