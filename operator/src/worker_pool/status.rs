//! The workers of a pool → its status.

use super::build;
use super::plan::{Plan, is_lost, is_ready};
use crate::Result;
use crate::context::Context;
use crate::crd::conditions::Conditions;
use crate::crd::{Worker, WorkerPool, WorkerPoolStatus, condition};
use crate::status::{conditions, summary, write};
use kube::{Resource, ResourceExt};

/// There is no hub for it.
pub(super) async fn without_hub(pool: &WorkerPool, context: &Context) -> Result<()> {
    let message = format!("there is no hub {}", pool.spec.hub_ref.name);
    let mut found = summary(false, true, "HubNotFound", &message);
    found.push(condition("Accepted", Some(false), "HubNotFound", message));
    let before = pool.status.as_ref();
    let mut after = before.cloned().unwrap_or_default();
    after.conditions = conditions(pool, &after.conditions, found);
    after.observed_generation = pool.meta().generation;
    write(context, pool, before, &after).await?;
    Ok(())
}

/// How its workers are.
pub(super) async fn run(
    pool: &WorkerPool,
    workers: &[Worker],
    plan: &Plan,
    context: &Context,
) -> Result<()> {
    let before = pool.status.as_ref();
    let known = before.cloned().unwrap_or_default();
    let count = |picks: &dyn Fn(&Worker) -> bool| {
        let picked = workers
            .iter()
            .filter(|worker| worker.meta().deletion_timestamp.is_none() && picks(worker));
        i32::try_from(picked.count()).unwrap_or(i32::MAX)
    };
    let labels = build::selector(pool);
    let labels = labels.as_object().into_iter().flatten();
    let selector: Vec<String> = labels
        .map(|(key, value)| format!("{key}={}", value.as_str().unwrap_or_default()))
        .collect();
    let after = WorkerPoolStatus {
        observed_generation: pool.meta().generation,
        conditions: conditions(pool, &known.conditions, judge(pool, workers, plan)),
        replicas: count(&|_| true),
        ready_replicas: count(&is_ready),
        selector: Some(selector.join(",")),
        next_number: plan.next_number,
    };
    // What `reserve` wrote is no difference.
    let known = before.cloned().map(|known| WorkerPoolStatus {
        next_number: plan.next_number,
        ..known
    });
    write(context, pool, known.as_ref(), &after).await?;
    Ok(())
}

/// Ready when as many serve as there are to be, and no other is left. Else the worst worker says why.
fn judge(pool: &WorkerPool, workers: &[Worker], plan: &Plan) -> Conditions {
    let wanted = usize::try_from(pool.spec.replicas).unwrap_or_default();
    let ready = workers
        .iter()
        .filter(|worker| is_ready(worker) && !plan.retire.contains(&worker.name_any()))
        .count();
    let reasons = workers
        .iter()
        .filter(|worker| !is_ready(worker))
        .filter_map(|worker| {
            let ready = worker
                .status
                .as_ref()?
                .conditions
                .iter()
                .find(|condition| condition.type_ == "Ready")?;
            Some((
                worker.name_any(),
                ready.reason.clone(),
                ready.message.clone(),
            ))
        });
    let mut reasons: Vec<(String, String, String)> = reasons.collect();
    reasons.sort_by_key(|(_, reason, _)| if reason == "Unschedulable" { 0 } else { 1 });
    let mut found = match reasons.first() {
        // Lost ones are replaced: the pool is whole without them.
        _ if ready >= wanted && plan.retire.is_empty() && plan.make.is_empty() => {
            summary(true, false, "Ready", "")
        }
        Some((name, reason, message)) if reason == "Unschedulable" => {
            let message = format!(
                "{ready} of {wanted} workers serve; no node or volume for {name}: {message}"
            );
            summary(false, false, "NoVolume", &message)
        }
        Some((name, _, message)) => {
            let message = format!("{ready} of {wanted} workers serve; {name}: {message}");
            summary(false, false, "WorkersStarting", &message)
        }
        None if !plan.retire.is_empty() => summary(
            false,
            false,
            "WorkersRetiring",
            "workers go when their pipes are elsewhere",
        ),
        None => summary(
            false,
            false,
            "WorkersStarting",
            &format!("{ready} of {wanted} workers serve"),
        ),
    };
    let lost = workers.iter().filter(|worker| is_lost(worker)).count();
    if lost > 0 {
        found.push(condition(
            "Degraded",
            Some(true),
            "NodeLost",
            format!("{lost} workers are on lost nodes; their volumes are kept"),
        ));
    }
    found.push(condition("Accepted", Some(true), "Accepted", ""));
    found
}
