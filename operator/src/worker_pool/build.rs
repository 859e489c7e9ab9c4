//! A planned pool → its Workers, and how many of them may be away at once. Without a client.

use super::plan::Plan;
use crate::context::owner;
use crate::crd::{DataHub, DeletionPolicy, WorkerPool};
use crate::names;
use crate::objects::{Kind, POOL, SURGE, WORKER_ID, Wanted};
use kube::ResourceExt;
use serde_json::{Value, json};

const COMPONENT: &str = "worker";

/// The Workers that are to be there. What a worker may be given is in it only for those that go: otherwise it is whoever's sets it.
pub(super) fn workers(pool: &WorkerPool, hub: &DataHub, plan: &Plan) -> Vec<Wanted> {
    let worker = |name: &String, is_retired: bool| {
        let mut labels = names::labels(&hub.name_any(), COMPONENT);
        labels[POOL] = pool.name_any().into();
        labels[WORKER_ID] = name.clone().into();
        let is_surge = plan.surge.contains(name);
        if is_surge {
            labels[SURGE] = "true".into();
        }
        let mut spec = json!({
            "hubRef": pool.spec.hub_ref,
            "poolRef": pool.name_any(),
            "template": pool.spec.template,
            "deletionPolicy": pool.spec.deletion_policy,
        });
        if is_surge {
            // What was on it is elsewhere when it has leave to go; nobody asked for its volume.
            spec["deletionPolicy"] = json!(DeletionPolicy::Delete);
        }
        if is_retired {
            spec["standing"] = "Retired".into();
        }
        let metadata = json!({"labels": labels, "ownerReferences": owner(pool)});
        Wanted::new(
            Kind::Worker,
            name.clone(),
            json!({"metadata": metadata, "spec": spec}),
        )
    };
    let staying = plan
        .keep
        .iter()
        .chain(&plan.make)
        .map(|name| worker(name, false));
    staying
        .chain(plan.retire.iter().map(|name| worker(name, true)))
        .collect()
}

/// At most one worker of a pool is evicted at a time. Kubernetes counts `maxUnavailable` only where the pods' owners can be scaled,
/// which Workers cannot: with it nothing is ever evicted.
pub(super) fn disruption_budget(pool: &WorkerPool) -> Wanted {
    let mut labels = names::labels(&pool.spec.hub_ref.name, COMPONENT);
    labels[POOL] = pool.name_any().into();
    let body = json!({
        "metadata": {"labels": labels, "ownerReferences": owner(pool)},
        "spec": {
            "minAvailable": (pool.spec.replicas - 1).max(0),
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
            "selector": {"matchLabels": selector(pool)},
        },
    });
    Wanted::new(
        Kind::PodDisruptionBudget,
        format!("{}-workers", pool.name_any()),
        body,
    )
}

/// Selects the pods of a pool.
pub(super) fn selector(pool: &WorkerPool) -> Value {
    let mut selector = names::selector(&pool.spec.hub_ref.name, COMPONENT);
    selector[POOL] = pool.name_any().into();
    selector
}
