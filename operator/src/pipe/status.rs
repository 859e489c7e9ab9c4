//! What the hub says of a pipe, as conditions. Pure. A reason is an API; nothing here changes while a pipe merely runs.

use crate::configuration::{Accepted, NOT_YET, accepted};
use crate::configuration::{Key, Unusable};
use crate::crd::conditions::{condition, merge};
use crate::crd::{OperationOutcome, Pipe, PipePlacementStatus, PipeStatus};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use k8s_openapi::jiff::Timestamp;
use sluice_protocol::{ConfigurationSnapshot, Durable, Flow, Placement, Topology, Unplaced};

/// What is known of a pipe.
pub(crate) struct Found<'a> {
    pub(crate) unusable: Option<&'a Unusable>,
    pub(crate) configuration: &'a ConfigurationSnapshot,
    pub(crate) topology: &'a Topology,
    /// Hash of the effective configuration that is in use.
    pub(crate) in_use: Option<&'a str>,
    /// Hashes of what was written last, and of what is used.
    pub(crate) hashes: (Option<String>, Option<String>),
    pub(crate) has_object_store: bool,
    /// What became of operations.
    pub(crate) operations: Vec<OperationOutcome>,
}

/// The status of a pipe.
pub(crate) fn status(object: &Pipe, key: &Key, found: &Found<'_>, now: Timestamp) -> PipeStatus {
    let accepted = accepted(object, key, found.unusable, found.configuration);
    let placement = found.topology.pipes.get(&key.1);
    let placed = placed(placement);
    let flow = found.topology.flows.get(&key.1);
    let flowing = flowing(flow, found.in_use);
    let ready = ready(&accepted, &[&placed, &flowing]);
    let mut conditions = vec![
        accepted.condition(),
        placed,
        flowing,
        durable(found, flow),
        ready,
    ];
    conditions.extend(abnormal(&accepted, placement, &conditions));
    let before = object.status.as_ref();
    let known = before.map_or(&[][..], |status| &status.conditions);
    let generation = object.metadata.generation;
    PipeStatus {
        observed_generation: generation,
        conditions: merge(known, conditions, generation, now),
        config_hash: found.hashes.0.clone(),
        active_config_hash: found.hashes.1.clone(),
        placement: match placement {
            Some(Placement::Owned { worker, epoch, .. }) => Some(PipePlacementStatus {
                worker: worker.0.clone(),
                epoch: epoch.to_string(),
            }),
            _ => None,
        },
        operations: found.operations.clone(),
    }
}

fn placed(placement: Option<&Placement>) -> Condition {
    let (status, reason, message) = match placement {
        None => (
            false,
            "Pending",
            "the hub has no place for it yet".to_owned(),
        ),
        Some(Placement::Owned {
            worker,
            moves_to: Some(to),
            ..
        }) => (
            true,
            "Moving",
            format!("on worker {worker}, moving to {to}"),
        ),
        Some(Placement::Owned {
            worker,
            restoring: Some(_),
            ..
        }) => (
            true,
            "Restoring",
            format!("its state is brought to worker {worker}"),
        ),
        Some(Placement::Owned { worker, .. }) => (true, "Owned", format!("on worker {worker}")),
        Some(Placement::Unplaced(why)) => {
            let (reason, message) = unplaced(*why);
            (false, reason, message.to_owned())
        }
    };
    condition("Placed", Some(status), reason, message)
}

fn unplaced(why: Unplaced) -> (&'static str, &'static str) {
    match why {
        Unplaced::NoWorker => ("NoWorker", "no worker may take it now"),
        Unplaced::OwnerMayWrite => (
            "OwnerMayWrite",
            "its last worker is not heard of and may still write: it waits for the end of that lease",
        ),
        Unplaced::DiskAway => (
            "DiskAway",
            "its only state is on the disk of a worker that is away",
        ),
        Unplaced::StateLost => (
            "StateLost",
            "its state is lost with what was pushed to it: spec.operations may let it start over",
        ),
    }
}

/// Whether it did what it has to do with the configuration in use.
fn flowing(flow: Option<&Flow>, in_use: Option<&str>) -> Condition {
    let (status, reason, message) = match (flow, in_use) {
        (Some(flow), Some(in_use)) if flow.configuration == in_use => match flow.is_failing {
            false => (Some(true), "Working", ""),
            true => (
                Some(false),
                "RunFailed",
                "its last run failed: its execution log says why",
            ),
        },
        _ => (
            None,
            "NotRunYet",
            "no run has ended with this configuration yet",
        ),
    };
    condition("Flowing", status, reason, message)
}

/// Whether its state is anywhere but on a disk. How old it is there changes all the time, and is told by the API.
fn durable(found: &Found<'_>, flow: Option<&Flow>) -> Condition {
    let said = flow.map(|flow| flow.durable).unwrap_or_default();
    let (status, reason, message) = match said {
        _ if !found.has_object_store => (
            Some(false),
            "NoObjectStore",
            "the hub has no object store: what is pushed is on one disk only",
        ),
        Durable::NotSaid => (
            None,
            "NotReported",
            "its worker has not said yet whether it is in the object store",
        ),
        Durable::NoCheckpoint => (
            Some(false),
            "NoCheckpointYet",
            "nothing of it is in the object store yet",
        ),
        Durable::Checkpointed => (Some(true), "Checkpointed", ""),
        Durable::Failing => (
            Some(false),
            "CheckpointFailed",
            "the last checkpoint could not be made: the pipe's runtime says why, and how old the newest one is",
        ),
    };
    condition("Durable", status, reason, message)
}

/// Everything else holds.
fn ready(accepted: &Accepted, others: &[&Condition]) -> Condition {
    match accepted {
        Accepted::No(reason, message) => condition("Ready", Some(false), reason, message),
        Accepted::NotYet => condition("Ready", Some(false), "Pending", NOT_YET),
        Accepted::Yes(_) => match others.iter().find(|one| one.status != "True") {
            Some(missing) => condition("Ready", Some(false), &missing.reason, &missing.message),
            None => condition("Ready", Some(true), "Ready", ""),
        },
    }
}

/// `Stalled` where somebody has to act, `Reconciling` where it only takes time. There only while true.
fn abnormal(
    accepted: &Accepted,
    placement: Option<&Placement>,
    others: &[Condition],
) -> Option<Condition> {
    if let Accepted::No(reason, message) = accepted {
        return Some(condition("Stalled", Some(true), reason, message));
    }
    if let Some(Placement::Unplaced(why @ (Unplaced::StateLost | Unplaced::DiskAway))) = placement {
        let (reason, message) = unplaced(*why);
        return Some(condition("Stalled", Some(true), reason, message));
    }
    let ready = others.iter().find(|one| one.type_ == "Ready")?;
    let passes = ready.status != "True" && ready.reason != "RunFailed";
    passes.then(|| condition("Reconciling", Some(true), &ready.reason, &ready.message))
}

#[cfg(test)]
mod tests;
